"""K-02: what is declared is heard, or it is said why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission, changed, found
from cityward.assurance.results import EvidenceClass, Ground, Judged, Result, Severity
from cityward.assurance.saying import stated, unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import Found
from cityward.place.data import Observability
from cityward.place.things import DeviceStatus
from cityward.time import DAY

FRESH_US = DAY


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device or group that sends something here, or that is declared out of use."""
    silent, last = _silent(dossier), _last(dossier)
    senders = {flow.from_ for flow in dossier.place.flows.values()}
    for name, device in dossier.place.devices.items():
        subject = f"devices.{name}"
        if device.status is not DeviceStatus.ACTIVE:
            yield stated(dossier, subject, f"`{name}` is {device.status.value}: nothing is expected of it")
        elif missing := [unit for unit in dossier.units.get(name, ()) if unit in silent]:
            said = (
                f"{len(missing)} of {len(dossier.units[name])} units of `{name}` are silent: {', '.join(missing[:3])}"
            )
            ground = on_record(EvidenceClass.OBSERVED, silent[missing[0]], said)
            mend = "see to it on the street, or set its status"
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend=mend)
        elif (heard := last.get(name)) is not None and dossier.now_us - heard.at <= FRESH_US:
            said = f"`{name}` was heard within a day, and the watch misses none of it"
            yield Judged(subject, Result.PROVEN, said, (heard,), (subject,))
        elif name in last:
            yield unknown(subject, f"`{name}` was not heard within a day", "traffic, or its status")
        elif name in senders:
            yield unknown(subject, f"`{name}` speaks past this platform", "a way through the platform, or its log")


def _last(dossier: Dossier) -> Mapping[str, Ground | None]:
    """Device -> the newest admission of a flow from it; None of one that has a flow through here and was never heard."""
    found: dict[str, Ground | None] = {}
    for name, flow in dossier.place.flows.items():
        if flow.from_ not in dossier.place.devices or flow.observability is not Observability.ENFORCED:
            continue
        seen, before = dossier.trail.flows.get(name), found.setdefault(flow.from_, None)
        if seen is not None and seen.entry and (before is None or seen.at > before.at):
            said = f"admitted by `{name}`"
            found[flow.from_] = on_record(EvidenceClass.OBSERVED, seen.entry, said, seen.at)
    return found


def _silent(dossier: Dossier) -> Mapping[str, Entry[Found]]:
    """Unit -> the finding that it is silent, while that goes on."""
    newest = dossier.trail.newest(Found, lambda record: (record.subject, record.detector))
    return {
        subject: entry
        for (subject, detector), entry in newest.items()
        if detector == "silence" and entry.record.phase != "ended"
    }


CONTROL = Control(
    id="K-02",
    title="Everything that is declared is heard, or it is said why not",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N1", "N13")},
    check=check,
    false_positives="Of a group one member that speaks is enough, unless the watch misses another.",
    avoid=Example(
        TOWN, (("worker-0:1", admission("counts-in", 5)), ("watch:1", found("silence", "counter-1"))), NOW_US
    ),
    prefer=Example(
        changed(("lamp-1: {model: lamp,", "lamp-1: {model: lamp, status: active,")),
        (("worker-0:1", admission("counts-in", 5)),),
        NOW_US,
    ),
    says="devices that send something here, or are out of use",
)
