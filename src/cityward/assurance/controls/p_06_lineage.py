"""P-06: every command and plan names what it came from."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, commanded
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import CommandIssued, PlanIssued


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service: whether a command or plan of it stands on record without a cause."""
    given: dict[str, list[Entry[CommandIssued | PlanIssued]]] = {}
    for kind in (CommandIssued, PlanIssued):
        for entry in dossier.trail.of(kind):
            given.setdefault(entry.record.service, []).append(entry)
    for name, service in dossier.place.services.items():
        subject, entries = f"services.{name}", given.get(name, [])
        orphans = [entry for entry in entries if not entry.record.cause]
        if orphans:
            said = f"{len(orphans)} of {len(entries)} outputs of `{name}` name no cause, the last {_what(orphans[-1])}"
            ground = on_record(EvidenceClass.OBSERVED, orphans[-1], said)
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend="see who wrote it: cityward trace")
        elif entries:
            newest = max(entries, key=lambda entry: entry.record.at)
            said = f"each of {len(entries)} outputs of `{name}` names its causes, the last {_what(newest)}"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, newest, said),), (subject,))
        elif service.actuators or service.plans:
            yield unknown(subject, f"`{name}` gave out nothing yet", "a command or a plan")


def _what(entry: Entry[CommandIssued | PlanIssued]) -> str:
    record = entry.record
    return f"command {record.command_id}" if isinstance(record, CommandIssued) else f"plan {record.plan_id}"


CONTROL = Control(
    id="P-06",
    title="Every command and plan can be traced to what it came from",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N14")},
    check=check,
    false_positives="A cause is named, and not computed again here: `cityward trace` follows it to its readings.",
    avoid=Example(TOWN, (("service:1", commanded("c1", ())),), NOW_US),
    prefer=Example(
        TOWN,
        (("service:1", structs.replace(commanded("c1", ("counter-1",)), cause={"because": "it is dark"})),),
        NOW_US,
    ),
    says="services that give something out",
)
