"""J-03: nothing leaves to where it may not be."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, SHARING, refused_ask, released
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Release, ReleaseRefused
from cityward.reach.exposure.declared import Declared

THERE = frozenset({"not-allowed-there", "jurisdiction-unknown"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each dataset that names the jurisdictions it may be in: what left, and what was kept back."""
    place, inside = dossier.place, Declared(dossier.place).inside
    refused = {
        entry.record.dataset: entry
        for entry in dossier.trail.of(ReleaseRefused)
        if THERE.intersection(entry.record.reasons)
    }
    left: dict[str, list[Entry[Release]]] = {}
    for entry in dossier.receipts:
        for name in entry.record.datasets:
            left.setdefault(name, []).append(entry)
    for name, dataset in place.datasets.items():
        if not dataset.allowed_jurisdictions:
            continue
        subject = f"datasets.{name}"
        allowed = {one for land in dataset.allowed_jurisdictions for one in (land, *inside.get(land, ()))}
        astray = [
            entry
            for entry in left.get(name, ())
            if (recipient := place.recipients.get(entry.record.recipient)) is not None
            and recipient.jurisdiction not in allowed
        ]
        if astray:
            record = astray[-1].record
            said = f"`{name}` left to `{record.recipient}`, where it may not be"
            ground = on_record(EvidenceClass.OBSERVED, astray[-1], said)
            path = (subject, f"flows.{record.flow}", f"recipients.{record.recipient}")
            yield Judged(subject, Result.FAILED, said, (ground,), path, mend=f"stop the flow `{record.flow}`")
        elif name in refused:
            said = f"`{name}` was asked for from where it may not be, and did not leave"
            yield Judged(
                subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, refused[name], said),), (subject,)
            )
        else:
            said = f"nobody asked for `{name}` from where it may not be"
            yield unknown(subject, said, "a recipient there that asks, as a trial")


_ABROAD = (
    SHARING.replace("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}")
    .replace("retention_days: 30,", "retention_days: 30, allowed_jurisdictions: [xa],")
    .replace("192.0.2.0/28], jurisdiction: xa", "192.0.2.0/28], jurisdiction: xb")
)

CONTROL = Control(
    id="J-03",
    title="Nothing leaves to a place where it may not be",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N4", "N8", "N5"), "EDPB": ("01/2020",)},
    check=check,
    false_positives="A place that is declared wrongly for a recipient is believed.",
    avoid=Example(_ABROAD, (("release:1", released("planner")),), NOW_US),
    prefer=Example(_ABROAD, (("release:1", refused_ask("not-allowed-there")),), NOW_US),
    says="datasets that name allowed jurisdictions",
)
