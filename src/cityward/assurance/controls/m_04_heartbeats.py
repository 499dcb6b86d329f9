"""M-04: every gate writes, and a silent one shows."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.evidence.records import Heartbeat
from cityward.time import HOUR, MINUTE

LATE = 3
"""Beats that may be missing before a gate counts as silent: one is a restart."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each gate that ever beat."""
    for gate, entry in dossier.trail.newest(Heartbeat, lambda record: record.gate).items():
        record, subject = entry.record, f"gates.{gate}"
        silent_us = dossier.now_us - record.at
        if record.state == "stopped":
            said = f"`{gate}` said that it stops: nothing is due until it begins again"
            yield Judged(subject, Result.UNKNOWN, said, path=(subject,), missing="a city that runs")
        elif record.within and silent_us > LATE * record.within:
            said = f"`{gate}` is silent since {silent_us // MINUTE} minutes; a beat was due every {record.within // MINUTE}"
            ground = on_record(EvidenceClass.OBSERVED, entry, said)
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend="see why it does not write")
        else:
            said = f"`{gate}` beats; its last beat is number {record.beat}"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, entry, said),), (subject,))


def _beat(at: int) -> Heartbeat:
    return Heartbeat(at=at, by="worker-0", gate="admit-0", beat=7, decided={"admitted": 5}, within=5 * MINUTE)


CONTROL = Control(
    id="M-04",
    title="Every gate is heard of, and its silence is seen",
    severity=Severity.HIGH,
    supports={"NCSC": ("N10",), "CAF": ("C1.a",), "IEC62443-3-3": ("SR 2.11",)},
    check=check,
    false_positives="A city that was switched off without leave looks as if its gates had fallen silent. They have.",
    avoid=Example(TOWN, (("worker-0:1", _beat(NOW_US - HOUR)),), NOW_US),
    prefer=Example(TOWN, (("worker-0:1", _beat(NOW_US - MINUTE)),), NOW_US),
    says="gates",
)
