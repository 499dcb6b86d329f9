"""What gates refused, by reason, as grounds: a rule that turned something away was seen at work."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Dossier, on_record
from cityward.assurance.results import EvidenceClass, Ground
from cityward.evidence.records import Record, ReleaseRefused, ViewRefused
from cityward.guard.admit import UNDECLARED


def rows_refused(dossier: Dossier, flow: str, reasons: frozenset[str]) -> tuple[Ground, ...]:
    """Rows of a flow that the admit gate refused for one of these reasons; none: empty.

    What another declaration had refused shows nothing of a flow as it is declared now; what no flow carries is in none.
    """
    seen = dossier.trail.flows.get(flow)
    if seen is None:
        return ()
    given = [seen.last_by_reason[reason] for reason in reasons if reason in seen.last_by_reason]
    last = [one for one in given if flow == UNDECLARED or one[2] == dossier.loaded.digest]
    if not last:
        return ()
    entry, at, _ = max(last, key=lambda one: one[1])
    count = sum(seen.by_reason[reason] for reason in reasons)
    return (on_record(EvidenceClass.ENFORCED, entry, f"{count} rows of `{flow}` were refused", at),)


def asks_refused(dossier: Dossier, reasons: frozenset[str]) -> tuple[Ground, ...]:
    """The newest refusals of data, or of pictures, for one of these reasons."""
    return tuple(_newest(dossier, ReleaseRefused, reasons)) + tuple(_newest(dossier, ViewRefused, reasons))


def _newest(dossier: Dossier, kind: type[Record], reasons: frozenset[str]) -> Iterable[Ground]:
    for entry in reversed(dossier.trail.of(kind)):
        given = reasons.intersection(getattr(entry.record, "reasons", ()))
        if given:
            yield on_record(EvidenceClass.ENFORCED, entry, f"refused: {', '.join(sorted(given))}")
            return
