"""R-06: what runs is what was declared, and who asked for a change is not the one who agreed to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry
from cityward.evidence.records import Admission, Lifecycle, OverrideBegun, Release, SegmentKept
from cityward.time import HOUR

GATES = ((Admission, "gates.admit"), (Release, "gates.release"), (SegmentKept, "gates.pictures"))


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each gate that names the declaration it judged by, and each hold that two persons had to agree on."""
    for kind, subject in GATES:
        entries = dossier.trail.of(kind)
        if entries:
            yield _by_which(dossier, subject, entries[-1])
    for override, steps in _steps(dossier).items():
        asked, approved = steps.get("asked"), steps.get("approved")
        if asked is not None and approved is not None and asked.record.person == approved.record.person:
            said = f"`{approved.record.person}` asked for the hold of `{asked.record.target}`, and agreed to it, too"
            ground = on_record(EvidenceClass.OBSERVED, approved, said)
            mend = "let another person agree; see how this one could"
            yield Judged(f"overrides.{override}", Result.FAILED, said, (ground,), mend=mend)


def _by_which(dossier: Dossier, subject: str, entry: Entry[Admission | Release | SegmentKept]) -> Judged:
    digest = entry.record.declaration
    if digest == dossier.loaded.digest:
        said = f"the last entry was judged by the declaration that stands, {digest[:12]}"
        return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, entry, said),), (subject,))
    newer = max((one.record.at for one in dossier.receipts), default=0)
    newer = max(newer, *(one.record.at for one in dossier.trail.of(Admission)[-1:]), 0)
    said = f"the last entry was judged by declaration {digest[:12]}; what stands is {dossier.loaded.digest[:12]}"
    if newer <= entry.record.at and not _stopped_since(dossier, entry.record.at):
        ground = on_record(EvidenceClass.OBSERVED, entry, said)
        mend = "start the city by the declaration that was agreed, or find out which one runs"
        return Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=mend)
    return Judged(
        subject, Result.UNKNOWN, said, path=(subject,), missing="an entry of this gate since the declaration changed"
    )


def _stopped_since(dossier: Dossier, at: int) -> bool:
    """Whether the city stopped after a moment, and did not start again."""
    turns = [one.record for one in dossier.trail.of(Lifecycle) if one.record.event in {"started", "stopped"}]
    return bool(turns) and turns[-1].event == "stopped" and turns[-1].at >= at


def _steps(dossier: Dossier) -> Mapping[str, dict[str, Entry[OverrideBegun]]]:
    found: dict[str, dict[str, Entry[OverrideBegun]]] = {}
    for entry in dossier.trail.of(OverrideBegun):
        found.setdefault(entry.record.override, {})[entry.record.step] = entry
    return found


CONTROL = Control(
    id="R-06",
    title="What runs is what was declared, and changes have two pairs of eyes",
    severity=Severity.HIGH,
    supports={"NCSC": ("N13", "N3"), "OT-record": ("1",)},
    check=check,
    false_positives="Right after the declaration changed, a gate that nothing came by yet is told by its last entry.",
    avoid=Example(
        TOWN,
        (("worker-0:1", structs.replace(admission("counts-in", 5, at=NOW_US - HOUR), declaration="1" * 64)),),
        NOW_US,
    ),
    prefer=Example(TOWN, (("worker-0:1", admission("counts-in", 5)),), NOW_US),
    says="gates that name the declaration they judge by",
)
