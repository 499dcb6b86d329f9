"""Containing what turned against the city: one action, shown before, timed, on record, and taken back as easily.

Evidence comes first, then the bars (`compose.bars`), which take force at every door within a second; then the book. A step that a
crash cut short is done again by asking again: bars that are there already change nothing. One step at a time is taken, in all
processes: whoever takes one holds the ledger from its first look to the book.

INVARIANTS
- What needs two persons begins only when a second one approved it.
- Lifting one containment lets back in only what no other containment in force still holds.
- Nothing is contained for longer than the declaration allows, and what waits for its second person expires after `WAITS_US`.
- What a second person approves is what would be cut off at that moment, and the same as when it was asked.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.bars import ISOLATED, bar_units, lift_units
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Contained
from cityward.place.roles import Right
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.containment import Containment, containment_of, target_named
from cityward.runtime.containing import ContainmentRow, Stand, may
from cityward.runtime.people import Stance, held_now
from cityward.runtime.ports import BarRow
from cityward.time import HOUR, SECOND

ROLE = "containment"
"""The ledger of containments; its own, so that it can be written while the city runs."""
LONGEST_TEXT = 500
SHORTEST_S = 60
WAITS_US = HOUR  # of real time, for the second person: whoever approves is to judge what is going on now


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: a target as `kind:id` or a name, why, who, and for how long."""

    target: str
    reason: str
    person: str
    seconds: int


@dataclass(frozen=True, slots=True)
class _Hand:
    """Who takes a step: nobody else does meanwhile."""

    setting: Setting
    ledger: FileLedger


@contextmanager
def _alone(setting: Setting) -> Generator[_Hand]:
    with setting.ledger_when_free(ROLE) as ledger:
        yield _Hand(setting, ledger)


def preview(setting: Setting, words: str) -> Containment:
    """What containing it would take, and what it costs.

    Raises:
        PlaceError: nothing bears the name, or it cannot be contained.
    """
    place = setting.loaded.place
    return containment_of(place, compile_cascade(place), target_named(place, words))


def contain(setting: Setting, wanted: Wanted) -> ContainmentRow:
    """Contain a target now; where two persons are needed, ask for it.

    Raises:
        PlaceError: it cannot be contained, there is nothing to cut off, or it is asked for longer than declared.
        LinkError: a store does not answer.
    """
    found = preview(setting, wanted.target)
    if found.subject.kind.value in setting.loaded.place.containing.two_person:
        return _ask(setting, wanted, found)
    row = _drafted(setting, wanted, found)
    with _alone(setting) as hand:
        return _begin(hand, row, wanted.person, _cost(found))


def ask(setting: Setting, wanted: Wanted) -> ContainmentRow:
    """Ask for it, whatever the target: whoever asks needs a second person for it.

    Raises:
        PlaceError, LinkError: as `contain`.
    """
    return _ask(setting, wanted, preview(setting, wanted.target))


def _ask(setting: Setting, wanted: Wanted, found: Containment) -> ContainmentRow:
    row = _drafted(setting, wanted, found)
    with _alone(setting) as hand:
        _record(hand, row, "asked", wanted.person, _cost(found))
        setting.state.put_containment(row)
        return row


def _drafted(setting: Setting, wanted: Wanted, found: Containment) -> ContainmentRow:
    _check(setting, wanted, found)
    now, target = _now(), f"{found.subject.kind.value}:{found.subject.id}"
    return ContainmentRow(
        id=sha256(f"{target}\n{wanted.person}\n{now}".encode()).hexdigest()[:12],
        target=target,
        reason=wanted.reason,
        asked_by=wanted.person,
        asked_at=now,
        seconds=wanted.seconds,
        units=found.units,
    )


def acting(setting: Setting, name: str, rights: frozenset[Right]) -> str:
    """The account of that name, which holds one of these rights now: for who acts on the command line as somebody of the book.

    Raises:
        PlaceError: there is none, or it may not.
    """
    standing = setting.state.standing(name)
    if standing is None or standing.person.state is not Stance.ACTIVE:
        raise PlaceError(f"there is no active account `{name[:64]}`", mend="name one: cityward person list")
    if rights.isdisjoint(held_now(setting.loaded.place, standing, _now(), None).rights):
        raise PlaceError(
            f"`{name}` holds no right `{'`, `'.join(sorted(rights))}` now",
            mend="name somebody who does: cityward person list",
        )
    return name


def approve(setting: Setting, id_: str, person: str) -> ContainmentRow:
    """A second person agrees: it begins.

    Raises:
        PlaceError: there is none of that id, it is not waiting (any more), the same person asked for it, or it would cut off
            other units by now.
    """
    _check_text("person", person)
    with _alone(setting) as hand:
        row = _known(setting, id_, Stand.BEGUN)
        if _same(person, row.asked_by):
            raise PlaceError(
                f"`{person}` asked for this containment and cannot approve it", mend="let a second person approve it"
            )
        if row.asked_at + WAITS_US <= _now():
            _end(hand, row, Stand.EXPIRED, "")
            raise PlaceError(f"containment {id_} was asked for too long ago and has expired", mend="ask for it again")
        found = preview(setting, row.target)
        if set(found.units) != set(row.units):
            raise PlaceError(
                f"containment {id_} has changed since it was asked: {_difference(row.units, found.units)}",
                mend="refuse it, and ask for it again",
            )
        _record(hand, row, "approved", person, _cost(found))
        return _begin(hand, replace(row, approved_by=person), person, {})


def _difference(before: Sequence[str], now: Sequence[str]) -> str:
    came, went = len(set(now) - set(before)), len(set(before) - set(now))
    return f"{came} devices came to it, {went} went from it"


def refuse(setting: Setting, id_: str, person: str) -> ContainmentRow:
    """It is not to begin. Whoever asked may also take it back so.

    Raises:
        PlaceError: there is none of that id, or it is not waiting.
    """
    with _alone(setting) as hand:
        return _end(hand, _known(setting, id_, Stand.REFUSED), Stand.REFUSED, person)


def lift(setting: Setting, id_: str, person: str) -> ContainmentRow:
    """Let back in what it holds, but for what another containment holds too.

    Raises:
        PlaceError: there is none of that id, or it is not in force.
    """
    with _alone(setting) as hand:
        row = _known(setting, id_, Stand.LIFTED)
        ended = _recorded_end(hand, row, Stand.LIFTED, person)
        _let_in(setting, row)  # before the book says so: cut short here, lifting can be asked for again
        setting.state.put_containment(ended)
        return ended


def expire(setting: Setting) -> Sequence[ContainmentRow]:
    """Put on record which containments ran out, or were not approved in time. Bars ended by themselves."""
    if not _run_out(setting):
        return []
    with _alone(setting) as hand:
        return [_end(hand, row, Stand.EXPIRED, "") for row in _run_out(setting)]


def open_city(state: Path) -> Setting:
    """The setting of a city, running or not.

    Raises:
        LinkError: none was started there.
    """
    return open_setting(Home(state))


def _check(setting: Setting, wanted: Wanted, found: Containment) -> None:
    longest = setting.loaded.place.containing.longest_hours * 3600
    if not found.units:
        raise PlaceError(
            f"nothing of `{wanted.target}` speaks to this city", mend="see `cityward reach` for what it reaches"
        )
    if not SHORTEST_S <= wanted.seconds <= longest:
        raise PlaceError(
            f"{wanted.seconds} s is not between {SHORTEST_S} s and {longest / 3600:g} h",
            mend="ask for less, or raise containing.longest_hours in the declaration",
        )
    _check_text("reason", wanted.reason)
    _check_text("person", wanted.person)


def _check_text(name: str, text: str) -> None:
    if not 0 < len(text.strip()) <= LONGEST_TEXT or not text.isprintable():
        raise PlaceError(f"the {name} is no text of 1 to {LONGEST_TEXT} printable characters", mend=f"say the {name}")


def _same(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are spaced and in whatever case."""
    return one.casefold().split() == other.casefold().split()


def _run_out(setting: Setting) -> list[ContainmentRow]:
    now, state = _now(), setting.state
    begun = [row for row in state.containments_in(Stand.BEGUN) if row.until is not None and row.until <= now]
    return begun + [row for row in state.containments_in(Stand.ASKED) if row.asked_at + WAITS_US <= now]


def _begin(hand: _Hand, row: ContainmentRow, person: str, cost: dict[str, str]) -> ContainmentRow:
    now, state = _now(), hand.setting.state
    begun = replace(row, state=Stand.BEGUN, begun_at=now, until=now + row.seconds * SECOND)
    _record(hand, begun, "begun", person, cost)
    bar_units(state, begun.units, ISOLATED, now, begun.until, person)
    state.put_containment(begun)
    return begun


def _end(hand: _Hand, row: ContainmentRow, to: Stand, person: str) -> ContainmentRow:
    ended = _recorded_end(hand, row, to, person)
    hand.setting.state.put_containment(ended)
    return ended


def _recorded_end(hand: _Hand, row: ContainmentRow, to: Stand, person: str) -> ContainmentRow:
    ended = replace(row, state=to, ended_at=_now(), ended_by=person)
    _record(hand, ended, to.value, person, {})
    return ended


def _let_in(setting: Setting, row: ContainmentRow) -> None:
    """Lift its bars, and in the same moment set again those that another containment still needs."""
    now, mine = _now(), frozenset(row.units)
    lift_units(setting.state, row.units, ISOLATED, now, [
        BarRow(unit, ISOLATED, now, other.until, other.approved_by or other.asked_by)
        for other in setting.state.containments_in(Stand.BEGUN)
        if other.id != row.id and (other.until is None or other.until > now)
        for unit in other.units
        if unit in mine
    ])  # fmt: skip


def _known(setting: Setting, id_: str, to: Stand) -> ContainmentRow:
    row = setting.state.containment(id_)
    if row is None:
        raise PlaceError(f"there is no containment `{id_[:64]}`", mend="list them: cityward contain list")
    if not may(row.state, to):
        raise PlaceError(f"containment {id_} is {row.state.value}, so it cannot be {to.value}")
    return row


def _cost(found: Containment) -> dict[str, str]:
    """What is kept of the preview: enough to see what whoever decided was told."""
    effects = {effect.function: effect.essential for blast in found.cost for effect in blast.outcome.effects}
    return {
        "functions": ", ".join(list(effects)[:50]),
        "essential": str(sum(effects.values())),
        "people": str(max((blast.outcome.citizens.affected for blast in found.cost), default=0)),
        "services": ", ".join(hit.service for hit in found.services[:50]),
    }


def _record(hand: _Hand, row: ContainmentRow, step: str, person: str, cost: dict[str, str]) -> None:
    record = Contained(
        at=hand.setting.now_us(),
        by=ROLE,
        containment=row.id,
        step=step,
        target=row.target,
        person=person,
        reason=row.reason,
        until=0 if row.until is None else hand.setting.city.city_clock.to_city_us(row.until),
        units=len(row.units),
        digest=sha256("\n".join(sorted(row.units)).encode()).hexdigest(),
        cost=cost,
    )
    hand.ledger.append([record])


def _now() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class ContainmentDesk:
    """`web.ports.Containing`: the same, for the console."""

    setting: Setting

    def preview(self, target: str) -> Containment:
        """What containing it would take, and what it costs."""
        return preview(self.setting, target)

    def begin(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow:
        """Contain it now, or ask for it."""
        return contain(self.setting, Wanted(target, reason, person, seconds))

    def ask(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow:
        """Let it wait for a second person."""
        return ask(self.setting, Wanted(target, reason, person, seconds))

    def approve(self, id_: str, person: str) -> ContainmentRow:
        """A second person agrees."""
        return approve(self.setting, id_, person)

    def refuse(self, id_: str, person: str) -> ContainmentRow:
        """It is not to begin."""
        return refuse(self.setting, id_, person)

    def lift(self, id_: str, person: str) -> ContainmentRow:
        """Let back in what it holds."""
        return lift(self.setting, id_, person)

    def all(self) -> Sequence[ContainmentRow]:
        """Those that wait or are in force before those that ended; of each, the newest first."""
        return self.setting.state.containments()
