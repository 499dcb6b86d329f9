"""I-02: what is not believed is kept, and moves nothing."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, commanded
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import CommandIssued, CommandRefused, Standing
from cityward.time import DAY, HOUR, iso

NEVER_TRIED = "a device that is quarantined, in the city or in an exercise of S-10"


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device that is quarantined now: whether a command rests on it since."""
    standings = dossier.trail.newest(Standing, lambda record: record.device)
    quarantined = {name: entry for name, entry in standings.items() if entry.record.state == "quarantined"}
    moved: dict[str, list[Entry[CommandIssued]]] = {}
    for command in dossier.trail.of(CommandIssued):
        for source in command.record.sources:
            if source in quarantined and command.record.at > quarantined[source].record.at:
                moved.setdefault(source, []).append(command)
    for name, entry in quarantined.items():
        subject = f"devices.{name}"
        since = moved.get(name, [])
        if since:
            record = since[-1].record
            said = f"{len(since)} commands rest on `{name}` since it is quarantined, the last to `{record.device}`"
            ground = on_record(EvidenceClass.OBSERVED, since[-1], said)
            path = (subject, f"services.{record.service}", f"devices.{record.device}")
            yield Judged(
                subject, Result.FAILED, said, (ground,), path, mend=f"hold `{record.service}` at its safe values"
            )
        elif not dossier.trail.whole_since(CommandIssued, entry.record.at):
            said = (
                f"`{name}` is quarantined since {iso(entry.record.at)[:10]}: more commands followed than are kept here"
            )
            yield unknown(subject, said, "a quarantine that is settled sooner: `cityward taint`")
        else:
            said = f"`{name}` is quarantined, and no command rests on it since"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, entry, said),), (subject,))
    for refusal in dossier.trail.newest(CommandRefused, lambda record: (record.service, record.reason)).values():
        if refusal.record.reason == "quarantined":
            said = f"a proposal of `{refusal.record.service}` that rested on a quarantined device was refused"
            ground = on_record(EvidenceClass.ENFORCED, refusal, said)
            yield Judged(f"services.{refusal.record.service}", Result.PROVEN, said, (ground,))
    if not quarantined and dossier.place.devices:
        said = "no device is quarantined: whether one could move something was not seen"
        yield Judged("place", Result.UNKNOWN, said, missing=NEVER_TRIED)


_QUARANTINED = Standing(
    at=NOW_US - HOUR, by="watch", device="counter-1", trust=0.2, state="quarantined", because=("f1",)
)

CONTROL = Control(
    id="I-02",
    title="What is suspect is kept, marked, and moves no actuator",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N8", "N9")},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="A command of the same moment as the quarantine, already on its way, counts as one that came after.",
    avoid=Example(TOWN, (("watch:1", _QUARANTINED), ("service:1", commanded("c1", ("counter-1",)))), NOW_US),
    prefer=Example(TOWN, (("watch:1", _QUARANTINED), ("service:1", commanded("c1", ()))), NOW_US),
    says="devices that are quarantined",
)
