"""I-04: nothing on the street moves without leave."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN
from cityward.assurance.results import EvidenceClass, Ground, Judged, Result, Severity
from cityward.assurance.trail import Entry, Trail
from cityward.evidence.records import CommandIssued, CommandOutcome, CommandRefused


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service that may command something."""
    issued = dossier.trail.newest(CommandIssued, lambda record: record.service)
    refused = dossier.trail.newest(CommandRefused, lambda record: record.service)
    for entry in _orphans(dossier.trail):
        said = f"`{entry.record.device}` answered a command that nobody is on record for"
        ground = on_record(EvidenceClass.OBSERVED, entry, said)
        yield Judged(f"devices.{entry.record.device}", Result.FAILED, said, (ground,), mend="contain the device")
    for name, service in dossier.place.services.items():
        if not service.actuators:
            continue
        grounds = tuple(_grounds(issued.get(name), refused.get(name)))
        path = (f"services.{name}", *(f"devices.{device}" for device in service.actuators))
        if grounds:
            said = f"what `{name}` told its actuators went through the permit gate"
            yield Judged(f"services.{name}", Result.PROVEN, said, grounds, path)
        else:
            said = f"`{name}` may command, and no command of it is on record"
            missing = "a command, or an exercise that tries one"
            yield Judged(f"services.{name}", Result.UNKNOWN, said, path=path, missing=missing)


def _grounds(issued: Entry[CommandIssued] | None, refused: Entry[CommandRefused] | None) -> Iterable[Ground]:
    for entry, word in ((issued, "permitted"), (refused, "refused")):
        if entry is not None:
            record = entry.record
            said = f"{word}: {record.command} {record.value:g} to {record.device}"
            yield on_record(EvidenceClass.ENFORCED, entry, said)


def _orphans(trail: Trail) -> Iterable[Entry[CommandOutcome]]:
    """Answers to commands that were never given; the last of each device. What the trail no longer keeps accuses nobody."""
    issued = trail.of(CommandIssued)
    known = {entry.record.command_id for entry in issued}
    since = issued[0].record.at if issued and trail.counts["CommandIssued"] > len(issued) else 0
    found = {
        entry.record.device: entry
        for entry in trail.of(CommandOutcome)
        if entry.record.outcome == "acknowledged" and entry.record.command_id not in known and entry.record.at >= since
    }
    return found.values()


_COMMAND = CommandIssued(
    at=NOW_US, by="service", command_id="c1", service="street-light", device="lamp-1", command="dim", value=40, cause={}
)
_ANSWER = CommandOutcome(at=NOW_US, by="service", command_id="c1", device="lamp-1", outcome="acknowledged", level=40)

CONTROL = Control(
    id="I-04",
    title="Every command is bounded, permitted and on record before it is sent",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N9", "N11"), "IEC62443-3-3": ("SR 2.1",)},
    check=check,
    false_positives="An answer to a command of an earlier log, after a restore, looks like one that nobody gave.",
    avoid=Example(TOWN, (("service:2", _ANSWER),), NOW_US),
    prefer=Example(TOWN, (("service:1", _COMMAND),), NOW_US),
    says="services that command",
)
