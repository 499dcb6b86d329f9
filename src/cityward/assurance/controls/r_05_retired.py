"""R-05: what was retired, lost or stolen is silent."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.evidence.records import CommandIssued, CommandOutcome, DeviceLife
from cityward.time import DAY, HOUR, iso

OUT = frozenset({"revoked", "lost", "stolen", "retired"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device whose life here ended: whether it answered, or was told something, since."""
    lives = dossier.trail.newest(DeviceLife, lambda record: record.device)
    answered = dossier.trail.newest(CommandOutcome, lambda record: record.device)
    told = dossier.trail.newest(CommandIssued, lambda record: record.device)
    for name, entry in lives.items():
        if entry.record.to not in OUT:
            continue
        subject, after = f"devices.{name}", entry.record.at
        later = [one for one in (answered.get(name), told.get(name)) if one is not None and one.record.at > after]
        acknowledged = [one for one in later if getattr(one.record, "outcome", "acknowledged") == "acknowledged"]
        if acknowledged:
            said = f"`{name}` was {entry.record.to}, and is on record after it"
            ground = on_record(EvidenceClass.OBSERVED, acknowledged[0], said)
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=f"cityward contain begin {name}")
        elif not all(dossier.trail.whole_since(kind, after) for kind in (CommandOutcome, CommandIssued)):
            said = f"`{name}` was {entry.record.to} on {iso(after)[:10]}: more commands followed than are kept here"
            yield unknown(subject, said, "an exercise of S-16")
        else:
            said = f"`{name}` was {entry.record.to}, and neither answered nor was told anything since"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, entry, said),), (subject,))
    if not any(entry.record.to in OUT for entry in lives.values()) and dossier.place.devices:
        said = "no device was ever revoked, lost, stolen or retired here"
        yield Judged("place", Result.UNKNOWN, said, missing="a revocation, or an exercise of S-16")


_STOLEN = DeviceLife(at=NOW_US - HOUR, by="people", device="lamp-1", to="stolen", person="ada", detail={})
_ANSWER = CommandOutcome(
    at=NOW_US, by="service", command_id="c1", device="lamp-1", outcome="acknowledged", level=40
)  # fmt: skip

CONTROL = Control(
    id="R-05",
    title="What was retired, lost or stolen is silent",
    severity=Severity.HIGH,
    supports={"NCSC": ("N13",)},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="A device that came back by `device found` is alive again: its newest life counts. "
    "One that only sends is refused at the door and counted for no device: of that nothing is seen here.",
    avoid=Example(TOWN, (("people:1", _STOLEN), ("service:1", _ANSWER)), NOW_US),
    prefer=Example(TOWN, (("people:1", _STOLEN),), NOW_US),
    says="devices whose life ended",
)
