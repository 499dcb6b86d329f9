"""Who must be told of an incident, and by when: the reporting duties of the jurisdictions it lies in, as declared.

A duty counts where its jurisdiction is a home of the city, where an affected thing stands in it, or where it holds one of those
(a bloc, a state above). Whether it applies may not be known: then its clock runs all the same, and says so.

INVARIANTS
- An unknown never stops a clock: only what is known to be free of personal data, or to touch nothing essential, does not apply.
- A duty is done by a message on record that names it, and by nothing else.
- A month ends no later than by the calendar of any place on earth: a clock may be early by a day, and is never
  a day late.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cityward.assurance.incidents.affected import Affected, Known
from cityward.assurance.incidents.file import FileStep, IncidentFile
from cityward.assurance.trail import Entry
from cityward.evidence.records import FileNoted
from cityward.place.model import Place
from cityward.place.parties import ReportingDuty
from cityward.time import HOUR, from_us, to_us

_EASTS_US = tuple(hours * HOUR for hours in range(-12, 15))
"""How far clocks are ahead of UTC, somewhere on earth."""


class ClockState(StrEnum):
    """How a clock stands."""

    RUNNING = "running"
    OVERDUE = "overdue"
    TOLD = "told"
    TOLD_LATE = "told-late"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Clock:
    """One duty. id: `jurisdiction.duty`. term: as people write it. due_us: city time.

    entry, told_us: the message that did it, or "" and 0.
    """

    id: str
    title: str
    to: str
    hours: int  # 0: it counts in months
    term: str
    due_us: int
    applies: Known
    why: str
    state: ClockState
    entry: str = ""
    told_us: int = 0
    citation: str = ""
    source: str = ""


def clocks_of(place: Place, file: IncidentFile, affected: Affected, now_us: int) -> tuple[Clock, ...]:
    """The clocks of a file, the first due first."""
    clocks = (
        _clock(f"{land}.{name}", duty, file, affected, now_us)
        for land in lands_of(place, affected.lands)
        for name, duty in place.jurisdictions[land].reporting.items()
    )
    return tuple(sorted(clocks, key=lambda clock: (clock.due_us, clock.id)))


def lands_of(place: Place, touched: Iterable[str]) -> Sequence[str]:
    """The jurisdictions whose duties count, in the declaration's order."""
    held = {*touched, *(name for name, land in place.jurisdictions.items() if land.home)}
    while True:
        above = {place.jurisdictions[name].parent for name in held if name in place.jurisdictions}
        above |= {name for name, land in place.jurisdictions.items() if held.intersection(land.members)}
        more = {name for name in above if name is not None} - held
        if not more:
            return [name for name in place.jurisdictions if name in held]
        held |= more


def _clock(id_: str, duty: ReportingDuty, file: IncidentFile, affected: Affected, now_us: int) -> Clock:
    applies, why = _applies(duty, affected)
    due = due_of(duty, file.aware_at)
    told = next((step for step in file.steps if _does(step, id_)), None)
    return Clock(
        id=id_,
        title=duty.title,
        to=duty.to,
        hours=duty.hours,
        term=duty.term,
        due_us=due,
        applies=applies,
        why=why,
        state=_state(applies, told, due, now_us),
        entry=told.id if told is not None else "",
        told_us=told.record.at if told is not None else 0,
        citation=duty.citation,
        source=duty.source,
    )


def due_of(duty: ReportingDuty, aware_us: int) -> int:
    """When a duty is due (city us). aware_us: when the city could know.

    A month is over on the day of the same number, or with the month where that has none (31 January: 28 February). Which day it
    was depends on where one asks: the earliest end of all is taken.
    """
    if not duty.months:
        return aware_us + duty.hours * HOUR
    return min(_months_after(aware_us + east, duty.months) - east for east in _EASTS_US)


def _months_after(at_us: int, months: int) -> int:
    then = from_us(at_us)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return to_us(then.replace(year=year, month=month + 1, day=min(then.day, last)))


def _does(step: Entry[FileNoted], duty: str) -> bool:
    return step.record.step == FileStep.TOLD and duty in step.record.facts.get("duty", "").split()


def _applies(duty: ReportingDuty, affected: Affected) -> tuple[Known, str]:
    if duty.applies == "any":
        return Known.YES, "it is of every incident"
    if duty.applies == "personal-data":
        words = {
            Known.YES: f"personal data may be touched: {', '.join(affected.people.datasets)}",
            Known.NO: "no affected data is declared personal",
            Known.UNKNOWN: "whether personal data is touched is not known",
        }
        return affected.personal, words[affected.personal]
    words = {
        Known.YES: f"essential functions may be touched: {', '.join(affected.functions)}",
        Known.NO: "no affected service carries an essential function",
        Known.UNKNOWN: "whether something essential is touched is not known",
    }
    return affected.essential, words[affected.essential]


def _state(applies: Known, told: Entry[FileNoted] | None, due: int, now_us: int) -> ClockState:
    if told is not None:
        return ClockState.TOLD if told.record.at <= due else ClockState.TOLD_LATE
    if applies is Known.NO:
        return ClockState.NOT_APPLICABLE
    return ClockState.RUNNING if now_us <= due else ClockState.OVERDUE
