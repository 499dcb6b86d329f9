"""X-05: each device has a name of its own that nobody else can use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cityward.assurance.control import Control, Dossier, Example, Tries, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission, found
from cityward.assurance.refusing import rows_refused
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry
from cityward.assurance.trying import tried
from cityward.evidence.records import Found
from cityward.place.data import Observability

TRIES: Tries = {"S-16": ("two-places", "not-as-others", "shut-out"), "S-17": ("two-places", "stranger-refused")}
"""A stolen device or SIM card used elsewhere; radio keys that were copied."""
TWO_AT_ONCE = frozenset({"second-presence", "impossible-travel", "hardware", "frame-counter"})
ANOTHERS_NAME = frozenset({"wrong-device", "unknown-device"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device or group that sends something here."""
    place, doubted = dossier.place, _doubted(dossier)
    sends: dict[str, list[str]] = {}
    for name, flow in place.flows.items():
        if flow.from_ in place.devices and flow.observability is Observability.ENFORCED:
            sends.setdefault(flow.from_, []).append(name)
    for device, flows in sends.items():
        subject = f"devices.{device}"
        two = [unit for unit in dossier.units.get(device, ()) if unit in doubted]
        by_trial = tried(dossier, subject, TRIES)
        grounds = tuple(ground for flow in flows for ground in rows_refused(dossier, flow, ANOTHERS_NAME))
        if two:
            record = doubted[two[0]].record
            said = f"the name of `{two[0]}` may be used by two: {record.detector} found it, and it goes on"
            ground = on_record(EvidenceClass.OBSERVED, doubted[two[0]], said)
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=f"cityward device rotate {two[0]}")
        elif by_trial.result is Result.UNKNOWN and grounds:
            said = f"who spoke in the name of `{device}` without being it was refused"
            yield Judged(subject, Result.PROVEN, said, grounds, (subject,))
        else:
            yield by_trial


def _doubted(dossier: Dossier) -> Mapping[str, Entry[Found]]:
    """Unit -> a finding that its name is used twice, while that goes on."""
    newest = dossier.trail.newest(Found, lambda record: (record.subject, record.detector))
    return {
        subject: entry
        for (subject, detector), entry in newest.items()
        if detector in TWO_AT_ONCE and entry.record.phase != "ended"
    }


CONTROL = Control(
    id="X-05",
    title="Each device has an identity of its own, bound to its hardware and place",
    severity=Severity.HIGH,
    supports={"NCSC": ("N7",), "CAF": ("B2.b",), "IEC62443-3-3": ("SR 1.2",)},
    check=check,
    false_positives="A device that moved to another network cell may look like two for some minutes.",
    avoid=Example(TOWN, (("watch:1", found("second-presence", "counter-1")),), NOW_US),
    prefer=Example(TOWN, (("worker-0:1", admission("counts-in", 5, 2, "wrong-device")),), NOW_US),
    says="devices that send something here",
    tries=TRIES,
)
