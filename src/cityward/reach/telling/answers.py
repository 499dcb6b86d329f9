"""The answer to a question of reach in one sentence with counts, certain and possible apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from cityward.place.model import Place
from cityward.reach.exposure.answers import Verdict
from cityward.reach.telling.phrases import counted

PEOPLE = ("party", "parties")
LANDS = ("country", "countries")


class Answered(Protocol):
    """A row of a report."""

    @property
    def who(self) -> str: ...
    @property
    def axis(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def item(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def allowed(self) -> bool | None: ...


def in_one(place: Place, question: str, name: str, rows: Sequence[Answered]) -> str:
    """The answer.

    Args:
        place: the declaration.
        question: as `Report.question`.
        name: of its subject.
        rows: all answers.
    """
    if question == "who reaches this dataset":
        return _on_data(name, [row for row in rows if row.mode == "read"])
    if question.startswith("what this"):
        return _of(place, name, rows)
    if question == "who can read what is about people":
        return _about_people(rows)
    by = "command, mislead or stop" if question == "who reaches this service" else "reach"
    parties, lands = _two(rows, lambda row: not row.axis), _two(rows, lambda row: bool(row.axis))
    return f"{_can(by, name, *parties)}; {_law(*lands)}."


def _on_data(name: str, rows: Sequence[Answered]) -> str:
    parties, lands = _two(rows, lambda row: not row.axis), _two(rows, lambda row: bool(row.axis))
    outside = {r.who for r in rows if r.allowed is False and r.verdict in (Verdict.REACHABLE, Verdict.UNKNOWN)}
    told = (
        f" {counted(len(outside), *LANDS)} of these {_is(outside)} not among those its owner allows." if outside else ""
    )
    return f"{_can('read', name, *parties)}; {_law(*lands)}.{told}"


def _about_people(rows: Sequence[Answered]) -> str:
    certain, possible = _two(rows, lambda row: bool(row.axis))
    told = _law(certain, possible)
    return f"Of data about people: {told}."


def _of(place: Place, name: str, rows: Sequence[Answered]) -> str:
    """What somebody reaches: kinds of data read, those about people; services; things."""
    certain, possible = _two(rows, lambda row: row.kind == "dataset" and row.mode == "read", lambda row: row.item)
    personal = {one for one in certain if one in place.datasets and place.datasets[one].personal}
    data = f"{name} can read {counted(len(certain), 'kind')} of data for certain"
    data += f" ({len(personal)} about people)" if personal else ""
    more = f", and possibly {len(possible)} more" if possible else ""
    things = _two(rows, lambda row: row.kind == "thing", lambda row: row.item)
    services = _two(rows, lambda row: row.kind in ("service", "function"), lambda row: row.item)
    return (
        f"{data}{more}; {counted(len(things[0]), 'system or device', 'systems and devices')} and "
        f"{counted(len(services[0]), 'service or function', 'services and functions')} are within its reach for certain, "
        f"{len(things[1]) + len(services[1])} more possibly."
    )


def _two(
    rows: Iterable[Answered], asked: Callable[[Answered], bool], key: Callable[[Answered], str] = lambda row: row.who
) -> tuple[set[str], set[str]]:
    """(for certain, only possibly)."""
    mine = [row for row in rows if asked(row)]
    certain = {key(row) for row in mine if row.verdict is Verdict.REACHABLE}
    return certain, {key(row) for row in mine if row.verdict is Verdict.UNKNOWN} - certain


def _can(what: str, name: str, certain: set[str], possible: set[str]) -> str:
    who = counted(len(certain), *PEOPLE) if certain else "No party"
    more = f", and possibly {len(possible)} more" if possible else ""
    return f"{who} can {what} {name} for certain{more}"


def _law(certain: set[str], possible: set[str]) -> str:
    more = f", and possibly of {len(possible)} more" if possible else ""
    whose = f"the law of {counted(len(certain), *LANDS)}" if certain else "the law of no country"
    return f"{whose} reaches it for certain{more}"


def _is(some: set[str]) -> str:
    return "is" if len(some) == 1 else "are"
