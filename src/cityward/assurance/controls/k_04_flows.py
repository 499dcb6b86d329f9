"""K-04: nothing moves but what is declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN, admission
from cityward.assurance.results import EvidenceClass, Ground, Judged, Result, Severity
from cityward.assurance.trail import Trail
from cityward.evidence.records import Alerted, FeedJudged, Release
from cityward.guard.admit import UNDECLARED
from cityward.place.data import Observability
from cityward.time import DAY

FRESH_US = 7 * DAY


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each declared flow, and one for what came by none."""
    carried, now = {one.flow: one for one in _carried(dossier.trail)}, dossier.loaded.digest
    for name, flow in dossier.place.flows.items():
        subject, path, last = f"flows.{name}", (flow.from_, f"flows.{name}", flow.to), carried.get(name)
        if flow.observability is not Observability.ENFORCED:
            said = f"`{name}` does not pass here ({flow.observability.value}): what goes that way is not seen"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing="a way through the platform, or its log")
        elif last is None or dossier.now_us - last.ground.at > FRESH_US:
            said = f"nothing of `{name}` passed a gate within seven days"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing="traffic")
        elif last.declaration not in ("", now):
            said = f"what `{name}` carried was held to another declaration; nothing came by it since"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing="traffic")
        else:
            yield Judged(
                subject, Result.PROVEN, f"what `{name}` carried was held to its declaration", (last.ground,), path
            )
    yield from _undeclared(dossier.trail)


@dataclass(frozen=True, slots=True)
class _Carried:
    """The last time that a gate let something of a flow pass. declaration: by which, "" where the entry does not say."""

    flow: str
    ground: Ground
    declaration: str = ""


def _carried(trail: Trail) -> Iterable[_Carried]:
    enforced = EvidenceClass.ENFORCED
    for name, seen in trail.flows.items():
        if seen.entry:
            said = f"{seen.admitted} rows admitted as declared"
            yield _Carried(name, on_record(enforced, seen.entry, said, seen.at), seen.declaration)
    for name, released in trail.newest(Release, lambda record: record.flow).items():
        said = f"{released.record.rows} rows released, with this receipt"
        yield _Carried(name, on_record(enforced, released, said), released.record.declaration)
    sent = {entry.record.flow: entry for entry in trail.of(Alerted) if entry.record.outcome == "sent"}
    for name, alerted in sent.items():
        yield _Carried(name, on_record(enforced, alerted, "an alert: sent"))
    for name, judged in trail.newest(FeedJudged, lambda record: record.flow).items():
        said = f"a document: {judged.record.standing}"
        yield _Carried(name, on_record(enforced, judged, said), judged.record.declaration)


def _undeclared(trail: Trail) -> Iterable[Judged]:
    strange = trail.flows.get(UNDECLARED)
    if strange is not None and strange.admitted:
        said = f"{strange.admitted} rows were admitted that no declared flow carries"
        ground = on_record(EvidenceClass.OBSERVED, strange.entry, said, strange.at)
        yield Judged(
            "flows.undeclared", Result.FAILED, said, (ground,), mend="declare the flow, or shut its sender out"
        )
    elif strange is not None and strange.refused_entry:
        said = f"{strange.refused} rows that no declared flow carries were refused"
        ground = on_record(EvidenceClass.ENFORCED, strange.refused_entry, said, strange.refused_at)
        yield Judged("flows.undeclared", Result.PROVEN, said, (ground,))


CONTROL = Control(
    id="K-04",
    title="Every flow that is observed is declared",
    severity=Severity.HIGH,
    supports={"NCSC": ("N1", "N4"), "OT-record": ("4",)},
    check=check,
    false_positives="A flow that carries something once a month is unknown for three weeks of it.",
    avoid=Example(TOWN, (("worker-0:1", admission(UNDECLARED, 3)),), NOW_US),
    prefer=Example(TOWN, (("worker-0:1", admission("counts-in", 5)),), NOW_US),
    says="flows",
)
