"""What left by the evidence, held against the declaration: the registers' column `observed`.

INVARIANT: what left without standing in the declaration is told, with how it differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.ledgers.reading import entries_of, folder_reader, ledgers_under, signed_state
from cityward.evidence.records import Alerted, Release, decode
from cityward.place.model import Place
from cityward.time import iso

OBSERVED, NEVER, BLIND, UNDECLARED = "observed", "never observed", "cannot be observed here", "undeclared"
_KINDS = (b'"kind":"release"', b'"kind":"alert"')


@dataclass(slots=True)
class Seen:
    """How often something left, how many rows, and when (city us) and in which form the last time."""

    receipts: int = 0
    rows: int = 0
    last: int = 0
    form: str = ""

    def take(self, at: int, rows: int, form: str) -> None:
        """One more receipt, or alert."""
        self.receipts += 1
        self.rows += rows
        if at >= self.last:
            self.last, self.form = at, form


Key = tuple[str, str, str, str]
"""(flow, recipient, dataset, purpose) as a receipt says; of an alert the recipient is its channel, without dataset."""


def seen_under(root: Path) -> Mapping[Key, Seen]:
    """Everything that left, of every ledger."""
    out: dict[Key, Seen] = defaultdict(Seen)
    for folder in ledgers_under(root):
        for record in _left(folder):
            if isinstance(record, Alerted):
                out[record.flow, record.channel, "", ""].take(record.at, 1, "alert")
                continue
            form = ", ".join(f"{name} {how}" for name, how in sorted(record.form.items()))
            for dataset in record.datasets:
                out[record.flow, record.recipient, dataset, record.purpose].take(record.at, record.rows, form)
    return {key: out[key] for key in sorted(out)}


def _left(folder: Path) -> Iterator[Release | Alerted]:
    for _, entry in entries_of(folder_reader(folder), 0, signed_state(folder).size):
        if any(kind in entry for kind in _KINDS):
            record = decode(entry)
            if isinstance(record, Release) or (isinstance(record, Alerted) and record.outcome == "sent"):
                yield record


def undeclared(place: Place, seen: Mapping[Key, Seen]) -> Mapping[Key, str]:
    """What left, and how it differs from the declaration of today."""
    found: dict[Key, str] = {}
    for key in seen:
        flow_id, who, dataset, purpose = key
        flow, recipient = place.flows.get(flow_id), place.recipients.get(who)
        if flow is None:
            found[key] = "no such flow is declared"
        elif not dataset:
            if who not in place.alerts:
                found[key] = "no such alert channel is declared"
        elif recipient is None:
            found[key] = "no such recipient is declared"
        elif flow_id not in recipient.flows:
            found[key] = "the recipient is not declared for this flow"
        elif dataset not in flow.datasets:
            found[key] = "the flow is not declared for this dataset"
        elif purpose != flow.purpose:
            found[key] = f"the flow is declared for `{flow.purpose}`"
    return found


def said(key: Key, seen: Seen, why: str) -> str:
    """What left undeclared, in a sentence."""
    flow, who, dataset, purpose = key
    what = f"`{dataset}` for `{purpose}`" if dataset else "alerts"
    return f"{what} left by `{flow}` to `{who}`, {seen.receipts} times, last {iso(seen.last)}: {why}"


def sum_of(place: Place, flows: Sequence[str], seen: Mapping[Key, Seen], dataset: str, who: str) -> tuple[Seen, str]:
    """What was seen on these flows, and in a word how that stands to the declaration. Empty: of any dataset, recipient."""
    total = Seen()
    for (flow, recipient, what, _), one in seen.items():
        if flow in flows and (not dataset or what == dataset) and (not who or recipient == who):
            total.receipts += one.receipts
            total.rows += one.rows
            if one.last >= total.last:
                total.last, total.form = one.last, one.form
    if total.receipts:
        return total, OBSERVED
    here = {place.platform, *(place.systems if place.platform is None else ())}
    ours = any(place.flows[flow].from_ in here for flow in flows)
    return total, NEVER if ours else BLIND
