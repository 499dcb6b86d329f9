"""How far an exercise is: its steps, its musts so far, and what its twin saw. For whoever looks on, not for judging.

INVARIANT: all that is told here is of the twin; nothing of it is ever told as the city's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cityward.evidence.records import (
    Admission,
    Alerted,
    AnyRecord,
    CommandIssued,
    CommandRefused,
    Contained,
    Found,
    HoldRefused,
    Lifecycle,
    Marked,
    PlanRefused,
    Postured,
    Record,
    ReleaseRefused,
    Standing,
)
from cityward.exercises.judging import Judgement
from cityward.exercises.planning import over
from cityward.exercises.scenario import Plan, Scenario
from cityward.exercises.seen import Seen
from cityward.text import harmless
from cityward.time import SECOND, iso

MOST_SAW = 40  # the newest
LONGEST = 240
_WORDS: Mapping[str, tuple[type[Record], ...]] = {
    "told": (Alerted, Lifecycle),
    "distrusted": (Marked,),
    "contained": (Contained, Postured),
    "refused": (CommandRefused, PlanRefused, ReleaseRefused, HoldRefused),
}
"""What else an onlooker is told of."""


class MustTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to happen. state: open | met | missed. took_s: city seconds from its step, of the met."""

    id: str
    kind: str
    said: str
    within_s: float
    state: str
    took_s: float | None
    why: str


class Saw(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the twin in a line, at its time. kind: found, refused, distrusted, contained, commanded, told."""

    entry: str
    at: str
    kind: str
    words: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """At one moment. spent_s, of_s: city seconds; it may be over sooner. steps: (key, whether it was begun). port: the twin's."""

    scenario: str
    title: str
    spent_s: float
    of_s: float
    steps: tuple[tuple[str, bool], ...]
    musts: tuple[MustTold, ...]
    saw: tuple[Saw, ...]
    saw_in_all: int
    port: int


def progress_of(scenario: Scenario, plan: Plan, judged: Mapping[str, Judgement], seen: Seen, port: int) -> Progress:
    """From what was seen so far. What was seen is told newest first, at most `MOST_SAW` of it."""
    lines = _lines(seen.entries)
    return Progress(
        scenario=scenario.id,
        title=scenario.title,
        spent_s=round((seen.now - seen.began) / SECOND, 1),
        of_s=over(plan),
        steps=tuple((step.key, step.key in seen.done) for step in plan.steps),
        musts=tuple(_must(must.id, judged.get(must.id), plan) for must in plan.musts),
        saw=tuple(_saw(*line) for line in lines[-MOST_SAW:][::-1]),
        saw_in_all=len(lines),
        port=port,
    )


def _lines(entries: Sequence[tuple[str, AnyRecord]]) -> list[tuple[str, AnyRecord, tuple[str, str]]]:
    """What is told of them, oldest first; of the same said again and again (a street's lamps, one by one) the first."""
    lines: list[tuple[str, AnyRecord, tuple[str, str]]] = []
    for id_, record in entries:
        said = _said(record)
        if said is not None and (not lines or lines[-1][2] != said):
            lines.append((id_, record, said))
    return lines


def _must(id_: str, judgement: Judgement | None, plan: Plan) -> MustTold:
    must = next(one for one in plan.musts if one.id == id_)
    state = "open" if judgement is None else "met" if judgement.met else "missed"
    took = None if judgement is None else judgement.took_s
    why = "" if judgement is None else judgement.why
    return MustTold(
        id=id_,
        kind=must.kind.value,
        said=must.said,
        within_s=must.within_s,
        state=state,
        took_s=took,
        why=harmless(why),
    )


def _saw(entry: str, record: AnyRecord, said: tuple[str, str]) -> Saw:
    return Saw(entry=entry, at=iso(record.at), kind=said[0], words=harmless(said[1][:LONGEST]))


def _said(record: AnyRecord) -> tuple[str, str] | None:
    """What an onlooker is told of a record: (kind, words); None of what is everyday."""
    if isinstance(record, Found):
        words = f"{record.detector}: {record.what} at {record.subject}, {record.severity}"
        return ("found", words) if record.phase == "began" else None
    if isinstance(record, Standing):
        return "distrusted", f"{record.device} is {record.state} from now on"
    if isinstance(record, Admission):
        return ("refused", f"messages: {_counts(record.refused)}") if sum(record.refused.values()) else None
    if isinstance(record, CommandIssued):
        return "commanded", f"{record.service} commands {record.command} {record.value:g}"
    if isinstance(record, Lifecycle) and record.event in ("started", "stopped"):
        return None
    kind = next((word for word, kinds in _WORDS.items() if isinstance(record, kinds)), None)
    return None if kind is None else (kind, f"{record.__struct_config__.tag}: {_facts(record)}")


def _facts(record: AnyRecord) -> str:
    told = msgspec.to_builtins(record)
    return ", ".join(f"{key} {value}" for key, value in told.items() if key not in ("kind", "at", "by") and value)


def _counts(by: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(by.items()) if count)
