"""K-01: who talks here is declared."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission
from cityward.assurance.refusing import rows_refused
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.evidence.records import CommandOutcome
from cityward.guard.admit import UNDECLARED

NAMELESS = frozenset({"unknown-device", "wrong-device", "inactive-device"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for all that is not declared, and one for each undeclared thing that answered a command."""
    if not dossier.place.devices:
        return
    known = dossier.registry.unit_index
    for name, entry in dossier.trail.newest(CommandOutcome, lambda record: record.device).items():
        if entry.record.outcome == "acknowledged" and name not in known:
            said = f"`{name}` answered a command, and is not declared"
            ground = on_record(EvidenceClass.OBSERVED, entry, said)
            yield Judged(f"devices.{name}", Result.FAILED, said, (ground,), mend="declare it, or take its key away")
    if grounds := rows_refused(dossier, UNDECLARED, NAMELESS):
        yield Judged("devices.undeclared", Result.PROVEN, "what is not declared talked, and was not heard", grounds)
    else:
        yield unknown(
            "devices.undeclared", "nothing undeclared ever talked here", "a message in a name that is not declared"
        )


_ANSWER = CommandOutcome(at=NOW_US, by="service", command_id="c1", device="lamp-9", outcome="acknowledged", level=40)

CONTROL = Control(
    id="K-01",
    title="Everything that talks is declared",
    severity=Severity.HIGH,
    supports={"NCSC": ("N1",), "IEC62443-3-3": ("SR 7.8",), "CAF": ("A3.a",)},
    check=check,
    false_positives="A device that was taken out of the declaration after it answered counts as undeclared.",
    avoid=Example(TOWN, (("service:1", _ANSWER),), NOW_US),
    prefer=Example(TOWN, (("worker-0:1", admission(UNDECLARED, 0, 7, "unknown-device")),), NOW_US),
    says="what talks without being declared",
)
