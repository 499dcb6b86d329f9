"""M-06: who writes the evidence cannot fall silent, or lose count, without a trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission, beat
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Admission, Heartbeat
from cityward.time import MINUTE


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each gate that beats (a beat that is not there shows), and one for the balance of what came in."""
    gates: dict[str, list[Entry[Heartbeat]]] = {}
    for entry in dossier.trail.of(Heartbeat):
        gates.setdefault(entry.record.gate, []).append(entry)
    for gate, beats in gates.items():
        yield _of_gate(gate, beats)
    batches = dossier.trail.of(Admission)
    if batches:
        yield _balance(batches)


def _of_gate(gate: str, beats: Sequence[Entry[Heartbeat]]) -> Judged:
    subject = f"gates.{gate}"
    for before, after in pairwise(beats):
        if after.record.state != "begun" and after.record.beat > before.record.beat + 1:
            lost = after.record.beat - before.record.beat - 1
            said = f"{lost} beats of `{gate}` are missing before number {after.record.beat}"
            ground = on_record(EvidenceClass.OBSERVED, after, said)
            mend = "see what its disk and its log said then, and what came in meanwhile"
            return Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=mend)
    said = f"no beat of `{gate}` is missing from number {beats[0].record.beat} to {beats[-1].record.beat}"
    if len(beats) == 1:
        return unknown(subject, f"`{gate}` beat once: a gap could not show yet", "some minutes more")
    grounds = tuple(on_record(EvidenceClass.OBSERVED, one, f"beat {one.record.beat}") for one in beats[-2:])
    return Judged(subject, Result.PROVEN, said, grounds, (subject,))


def _balance(batches: Sequence[Entry[Admission]]) -> Judged:
    subject = "ways.in"
    for entry in batches:
        record = entry.record
        if record.received != record.admitted + record.shed + sum(record.refused.values()):
            told = record.admitted + record.shed + sum(record.refused.values())
            said = f"{record.received} came in, and {told} are accounted for"
            ground = on_record(EvidenceClass.OBSERVED, entry, said)
            return Judged(
                subject, Result.FAILED, said, (ground,), (subject,), mend="cityward verify; keep the state as it is"
            )
    said = f"received = admitted + refused + shed in {len(batches)} batches"
    return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, batches[-1], said),), (subject,))


CONTROL = Control(
    id="M-06",
    title="Evidence that is not written shows, and nothing is lost in silence",
    severity=Severity.HIGH,
    supports={"NCSC": ("N10",), "IEC62443-3-3": ("SR 2.10",)},
    check=check,
    false_positives="A disk that was filled on purpose was not tried here: this shows that no gap is on record.",
    avoid=Example(TOWN, (("worker-0:1", beat(3, NOW_US - 5 * MINUTE)), ("worker-0:2", beat(7))), NOW_US),
    prefer=Example(
        TOWN,
        (
            ("worker-0:0", structs.replace(beat(2), at=NOW_US - 5 * MINUTE)),
            ("worker-0:1", beat(3)),
            ("worker-0:2", admission("counts-in", 5, 2, "too-old")),
        ),
        NOW_US,
    ),
    says="gates, and the balance of what came in",
)
