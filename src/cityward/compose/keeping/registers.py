"""The registers a controller keeps, generated from the declaration and held against what was observed.

Processing: one row for each personal dataset and purpose (# SPEC: GDPR art. 30(1)). Transfers: one row for each flow by which
data comes to a place outside home, or to a party over which a jurisdiction outside home has power, for certain or possibly.

Does not live here: how a register looks (`compose.keeping.register_files`).

INVARIANTS
- The same declaration and evidence give the same rows in the same order.
- What left without standing in the declaration is never left out: it is a row of its own, `undeclared`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.adapters.ledgers.reading import entries_of, folder_reader, ledgers_under, signed_state
from cityward.compose.home import Home, read_city_file
from cityward.compose.places import load_place
from cityward.evidence.records import Alerted, Release, decode
from cityward.place.data import Flow, Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.effective import Lands, lands_of
from cityward.time import iso

OBSERVED, NEVER, BLIND, UNDECLARED = "observed", "never observed", "cannot be observed here", "undeclared"
_KINDS = (b'"kind":"release"', b'"kind":"alert"')


class Processing(msgspec.Struct, frozen=True, kw_only=True):
    """One activity: a personal dataset for a purpose. Names as declared."""

    dataset: str
    purpose: str
    controller: str
    processors: tuple[str, ...]
    basis: str
    special: str
    categories: tuple[str, ...]
    subjects: tuple[str, ...]
    recipients: tuple[str, ...]
    transfers: tuple[str, ...]  # jurisdictions outside home
    retention: str
    kept_in: tuple[str, ...]
    security: tuple[str, ...]
    flows: tuple[str, ...]
    observed: str
    receipts: int
    rows: int
    last: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One way by which data comes under a law that is not home's. certain, possible: jurisdictions with power over the party."""

    flow: str
    recipient: str
    party: str
    datasets: tuple[str, ...]
    personal: bool
    purpose: str
    agreement: str
    place: str
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    forms: tuple[str, ...]
    observability: str
    observed: str
    receipts: int
    rows: int
    last: str


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A register. `findings`: what left without being declared so, in words; `seen`: how many receipts it was held against."""

    kind: str
    place: str
    controller: str
    declaration: str
    seen: int
    rows: tuple[Processing | Transfer, ...]
    findings: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    receipts: int = 0
    rows: int = 0
    last: int = 0
    form: str = ""

    def take(self, at: int, rows: int, form: str) -> None:
        self.receipts += 1
        self.rows += rows
        if at >= self.last:
            self.last, self.form = at, form


_Key = tuple[str, str, str, str]
"""(flow, recipient, dataset, purpose) as a receipt says; of an alert the recipient is its channel, without dataset."""


def register(state: Path, kind: str) -> Register:
    """The register of a kind, `processing` or `transfers`, of a city that ran.

    Raises:
        CitywardError: no city ran there, its declaration is wrong, or a ledger is damaged.
    """
    home = Home(state)
    loaded = load_place(Path(read_city_file(home).place))
    seen = _seen(home.root)
    return register_of(loaded.place, loaded.digest, kind, seen)


def register_of(place: Place, digest: str, kind: str, seen: Mapping[_Key, _Seen]) -> Register:
    """The same, of a declaration and what was observed."""
    lands, findings = lands_of(place), _undeclared(place, seen)
    made = _processing(place, lands, seen) if kind == "processing" else _transfers(place, lands, seen)
    return Register(
        kind=kind,
        place=place.name,
        controller=_party(place, place.responsible),
        declaration=digest,
        seen=sum(one.receipts for one in seen.values()),
        rows=tuple(made),
        findings=tuple(_said(key, seen[key], why) for key, why in findings.items()),
    )


# --- what was observed -----------------------------------------------------------------------------------------------


def _seen(root: Path) -> Mapping[_Key, _Seen]:
    """Everything that left, of every ledger."""
    out: dict[_Key, _Seen] = defaultdict(_Seen)
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


def _undeclared(place: Place, seen: Mapping[_Key, _Seen]) -> Mapping[_Key, str]:
    """What left, and how it differs from the declaration of today."""
    found: dict[_Key, str] = {}
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


def _said(key: _Key, seen: _Seen, why: str) -> str:
    flow, who, dataset, purpose = key
    what = f"`{dataset}` for `{purpose}`" if dataset else "alerts"
    return f"{what} left by `{flow}` to `{who}`, {seen.receipts} times, last {iso(seen.last)}: {why}"


def _sum(place: Place, flows: Sequence[str], seen: Mapping[_Key, _Seen], dataset: str, who: str) -> tuple[_Seen, str]:
    """What was seen on these flows, and in a word how that stands to the declaration. Empty: of any dataset, recipient."""
    total = _Seen()
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


# --- processing ------------------------------------------------------------------------------------------------------


def _processing(place: Place, lands: Lands, seen: Mapping[_Key, _Seen]) -> Iterator[Processing]:
    for name, dataset in place.datasets.items():
        if not dataset.personal:
            continue
        moving = {flow_id: flow for flow_id, flow in place.flows.items() if name in flow.datasets}
        purposes = dict.fromkeys(flow.purpose for flow in moving.values()) or {"": None}
        for purpose in purposes:
            flows = {flow_id: flow for flow_id, flow in moving.items() if flow.purpose == purpose}
            total, word = _sum(place, list(flows), seen, name, "")
            parties = _receivers(place, flows.values())
            yield Processing(
                dataset=dataset.name or name,
                purpose=_title(place, purpose),
                controller=_party(place, place.responsible),
                processors=_processors(place, name, purpose),
                basis=dataset.basis or "none declared",
                special=dataset.special_basis or "none declared" if dataset.special else "",
                categories=dataset.categories,
                subjects=dataset.subjects,
                recipients=tuple(_party(place, one) for one in parties),
                transfers=_abroad_of(place, lands, flows.values()),
                retention=_days(dataset.retention_days),
                kept_in=tuple(system for system, one in place.systems.items() if name in one.stores),
                security=_security(place, name, flows),
                flows=tuple(flows),
                observed=word,
                receipts=total.receipts,
                rows=total.rows,
                last=iso(total.last) if total.receipts else "",
            )


def _processors(place: Place, dataset: str, purpose: str) -> tuple[str, ...]:
    """Parties of agreements on processing or hosting that cover it."""
    found: dict[str, None] = {}
    for one in place.agreements.values():
        covers = dataset in one.datasets and (not one.purposes or purpose in one.purposes)
        if one.kind in ("processing", "hosting", "support") and covers:
            found |= {_party(place, party): None for party in one.parties if party != place.responsible}
    return tuple(found)


def _security(place: Place, dataset: str, flows: Mapping[str, Flow]) -> tuple[str, ...]:
    ways = sorted({f"on its way: {flow.protection.value}" for flow in flows.values()})
    keys = {
        f"key {key.kind}, held by {_party(place, key.holder)}" for key in place.keys.values() if dataset in key.protects
    }
    forms = {
        f"form `{form}`" for form in (place.datasets[dataset].release_form, *(f.form for f in flows.values())) if form
    }
    return (*ways, *sorted(keys), *sorted(forms))


# --- transfers -------------------------------------------------------------------------------------------------------


def _transfers(place: Place, lands: Lands, seen: Mapping[_Key, _Seen]) -> Iterator[Transfer]:
    for flow_id, flow in place.flows.items():
        receivers = [(name, one) for name, one in place.recipients.items() if flow_id in one.flows]
        for who, recipient in receivers:
            yield from _transfer(place, lands, seen, flow_id, who, recipient.party, recipient.jurisdiction)
        party = _receiver(place, flow)
        if not receivers and party is not None and party != place.responsible:
            yield from _transfer(place, lands, seen, flow_id, "", party, _where(place, flow))
    for (flow_id, who, dataset, purpose), why in _undeclared(place, seen).items():
        one = seen[flow_id, who, dataset, purpose]
        yield Transfer(
            flow=flow_id, recipient=who, party="", datasets=(dataset,) if dataset else (), personal=_personal(place, [dataset]),
            purpose=purpose, agreement="", place=why, certain=(), possible=(), forms=(one.form,), observability="",
            observed=UNDECLARED, receipts=one.receipts, rows=one.rows, last=iso(one.last),
        )  # fmt: skip


def _transfer(
    place: Place, lands: Lands, seen: Mapping[_Key, _Seen], flow_id: str, who: str, party: str, where: str
) -> Iterator[Transfer]:
    """A row, where it leaves home."""
    flow = place.flows[flow_id]
    certain, possible = _outside(place, lands, party)
    if not certain and not possible and not _is_abroad(place, where):
        return
    total, word = _sum(place, [flow_id], seen, "", who)
    forms = {flow.form, *(place.datasets[name].release_form for name in flow.datasets if name in place.datasets)}
    if who:
        forms.add(place.recipients[who].form)
    if flow.observability is Observability.NOT_OBSERVABLE and word == NEVER:
        word = BLIND
    yield Transfer(
        flow=flow_id,
        recipient=who,
        party=_party(place, party),
        datasets=flow.datasets,
        personal=_personal(place, flow.datasets),
        purpose=_title(place, flow.purpose),
        agreement=_agreement(place, flow.agreement),
        place=_land(place, where),
        certain=certain,
        possible=possible,
        forms=(*sorted(form for form in forms if form), *((total.form,) if total.form else ())),
        observability=flow.observability.value,
        observed=word,
        receipts=total.receipts,
        rows=total.rows,
        last=iso(total.last) if total.receipts else "",
    )


def _outside(place: Place, lands: Lands, party: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Jurisdictions outside home with power over a party, for certain and possibly; of one that is not known: any."""
    if party not in lands:
        return (), (UNKNOWN,)
    certain, possible = lands[party]
    foreign = [land for land, one in place.jurisdictions.items() if not one.home]
    return (
        tuple(_land(place, land) for land in foreign if land in certain),
        tuple(_land(place, land) for land in foreign if land in possible),
    )


def _is_abroad(place: Place, land: str) -> bool:
    return land == UNKNOWN or (land in place.jurisdictions and not place.jurisdictions[land].home)


def _abroad_of(place: Place, lands: Lands, flows: Iterable[Flow]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for flow in flows:
        where = _where(place, flow)
        if _is_abroad(place, where):
            found[_land(place, where)] = None
        party = _receiver(place, flow)
        if party is not None and party != place.responsible:
            certain, possible = _outside(place, lands, party)
            found |= dict.fromkeys(certain) | {f"{land} (possibly)": None for land in possible}
    return tuple(found)


# --- the declaration's words -----------------------------------------------------------------------------------------


def _receivers(place: Place, flows: Iterable[Flow]) -> tuple[str, ...]:
    found = (_receiver(place, flow) for flow in flows)
    return tuple(dict.fromkeys(one for one in found if one is not None and one != place.responsible))


def _receiver(place: Place, flow: Flow) -> str | None:
    """The party at a flow's end; None for a device of the street."""
    if flow.to in place.systems:
        return place.systems[flow.to].operator
    return flow.to if flow.to in place.parties else None


def _where(place: Place, flow: Flow) -> str:
    """The jurisdiction of the system at a flow's end; of a party's own: where it is incorporated."""
    if flow.to in place.systems:
        site = place.systems[flow.to].site
        return place.sites[site].jurisdiction if site in place.sites else UNKNOWN
    return place.parties[flow.to].incorporated_in if flow.to in place.parties else ""


def _personal(place: Place, datasets: Sequence[str]) -> bool:
    return any(place.datasets[name].personal for name in datasets if name in place.datasets)


def _agreement(place: Place, name: str | None) -> str:
    if name is None or name not in place.agreements:
        return "none declared"
    one = place.agreements[name]
    ends = f" to {one.ends.isoformat()}" if one.ends is not None else ", without an end"
    return f"{one.name or name} ({one.kind}{ends})"


def _land(place: Place, name: str) -> str:
    return place.jurisdictions[name].code if name in place.jurisdictions else name


def _party(place: Place, name: str) -> str:
    return place.parties[name].name or name if name in place.parties else name


def _title(place: Place, purpose: str) -> str:
    return place.purposes[purpose].name or purpose if purpose in place.purposes else purpose


def _days(days: int | str) -> str:
    return "unknown" if isinstance(days, str) else f"{days} days"
