"""Switching a posture: agreed on before, shown before, by its roles only, timed, on record.

Evidence comes first, then the book. The role that releases asks the book what is in force several times a second, so a switch
takes force within one. One step at a time is taken, in all processes: whoever takes one holds the ledger from its first look to
the book.

INVARIANTS
- Only who holds a role that the posture names (`by`) asks for it, or for its end.
- Where the posture needs two persons, both its beginning and its end wait for a second one, who holds a role of `by` or has
  the right `approve`. Until its end is approved it holds.
- Nothing is in force for longer than its `longest_hours`; what waits for longer than a day waits no more.
- A turn whose posture is not declared any more can be ended, never begun.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.outgoing.releasing import RulesKeeper
from cityward.compose.setting import Setting
from cityward.compose.watching.telling import tell_watch
from cityward.errors import PlaceError
from cityward.evidence.records import Postured
from cityward.place.hints import did_you_mean, listed
from cityward.place.release import Posture
from cityward.place.roles import Right
from cityward.policy.compile import compile_table
from cityward.policy.preview import Preview, Taken, preview_of
from cityward.policy.table import Table
from cityward.runtime.people import held_now
from cityward.runtime.ports import EventSink
from cityward.runtime.posturing import IN_FORCE, Declared, PostureRow, Switcher, Turned, may
from cityward.time import DAY, SECOND, from_us
from cityward.watch.events import Event, EventKind

ROLE = "posture"
"""The ledger of postures; its own, so that it can be written while the city runs."""
LONGEST_TEXT = 500
SHORTEST_S = 60
WAITS_S = 24 * 3600


def switcher(setting: Setting, person: str) -> Switcher:
    """Who a person of the city's book is, wherever they are.

    Raises:
        PlaceError: nobody of that name is on file.
    """
    standing = setting.state.standing(person)
    if standing is None:
        raise PlaceError(
            f"there is nobody `{person[:64]}`",
            mend="name an account, on the command line by --by: cityward person list",
        )
    held = held_now(setting.loaded.place, standing, _now(), None)
    return Switcher(person, frozenset(role.role for role in held.roles), Right.APPROVE in held.rights)


@dataclass(slots=True)
class PostureDesk:
    """`web.ports.Posturing`, and what `cityward posture` uses.

    events: where the watch hears of it; None: over the bus, where the city runs.
    """

    setting: Setting
    events: EventSink | None = None

    def all(self) -> Sequence[Declared]:
        """Every declared posture, with its turn under way."""
        now, turns = _now(), {row.posture: row for row in self.setting.state.postures_under_way()}
        return [Declared(name, one, turns.get(name), now) for name, one in self.setting.loaded.place.postures.items()]

    def turns(self, most: int = 100) -> Sequence[PostureRow]:
        """Those under way before those that ended; of each, the newest first."""
        return self.setting.state.postures(most)

    def preview(self, name: str) -> Preview:
        """What switching it on would take and leave; of one that is in force: what switching it off would give back.

        Raises:
            PlaceError: there is no such posture.
        """
        self._declared(name)
        on = frozenset(self.setting.state.postures_in_force(_now()))
        before, after = _tables(self.setting, on, on - {name} if name in on else on | {name})
        found = preview_of(before, after, self.setting.now_us(), _taken(self.setting))
        areas = self.setting.loaded.place.postures[name].areas
        return replace(found, sentence=f"{found.sentence} {_whole(areas)}") if areas else found

    def on(self, name: str, reason: str, who: Switcher, seconds: int) -> PostureRow:
        """Switch it on now; where two persons are needed, ask for it.

        Raises:
            PlaceError: there is no such posture, one's roles are not named by it, it is under way already, or it is asked for
                longer than declared.
        """
        posture, now = self._declared(name), _now()
        _check_role(name, posture, who)
        _check_text("reason", reason)
        _check_time(name, posture, seconds)
        cost = _cost(self.preview(name))
        with self._alone() as ledger:
            self._check_free(name)
            id_ = hashlib.sha256(f"{name}\n{who.person}\n{now}".encode()).hexdigest()[:12]
            row = PostureRow(id_, name, reason, who.person, now, seconds, now + WAITS_S * SECOND)
            if not posture.two_person:
                return self._begin(ledger, row, who.person, cost)
            return self._step(ledger, row, "asked", who.person, cost)

    def off(self, name: str, who: Switcher) -> PostureRow:
        """End it; where two persons are needed, ask for that: it holds until then.

        Raises:
            PlaceError: it is not on, or one's roles are not named by it.
        """
        posture = self.setting.loaded.place.postures.get(name)
        if posture is not None:
            _check_role(name, posture, who)
        with self._alone() as ledger:
            row = self._under_way(name, Turned.OFF)
            if posture is None or not posture.two_person:
                return self._end(ledger, row, Turned.OFF, who.person)
            if row.state is Turned.ENDING:
                raise PlaceError(f"the end of `{name}` waits already", mend="let a second person approve it")
            return self._step(ledger, replace(row, state=Turned.ENDING, end_asked_by=who.person), "asked", who.person)

    def approve(self, name: str, who: Switcher) -> PostureRow:
        """A second person agrees to what waits: its beginning, or its end.

        Raises:
            PlaceError: nothing waits, the same person asked for it, or one may not be the second person for it.
        """
        with self._alone() as ledger:
            row = self._waiting(name)
            _check_second(name, self.setting.loaded.place.postures.get(name), row, who)
            if row.state is Turned.ENDING:
                self._record(ledger, row, "approved", who.person)
                return self._end(ledger, row, Turned.OFF, who.person)
            posture = self._declared(name)
            _check_time(name, posture, row.seconds)  # the declaration may have changed while it waited
            self._record(ledger, row, "approved", who.person)
            return self._begin(ledger, replace(row, approved_by=who.person), who.person, _cost(self.preview(name)))

    def refuse(self, name: str, who: Switcher) -> PostureRow:
        """What waits is not to be. Whoever asked may also take it back so.

        Raises:
            PlaceError: nothing waits, or one has no say in it.
        """
        with self._alone() as ledger:
            row = self._waiting(name)
            if who.person not in (row.asked_by, row.end_asked_by):
                _check_second(name, self.setting.loaded.place.postures.get(name), row, who)
            if row.state is Turned.ENDING:
                return self._step(ledger, replace(row, state=Turned.ON, end_asked_by=""), "refused", who.person)
            return self._end(ledger, row, Turned.REFUSED, who.person)

    # -- how ------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Generator[FileLedger]:
        with self.setting.ledger_when_free(ROLE) as ledger:
            self.end_run_out(ledger)
            yield ledger

    def end_run_out(self, ledger: FileLedger) -> Sequence[PostureRow]:
        """End what ran out, on record; what ended so is under way for no later step."""
        return [self._end(ledger, row, Turned.EXPIRED, "") for row in _run_out(self.setting)]

    def _declared(self, name: str) -> Posture:
        known = self.setting.loaded.place.postures
        if name not in known:
            what = f"there is no posture `{name[:64]}`{did_you_mean(name, known)}"
            raise PlaceError(what, mend=f"declare it, or name one of {listed(known) or 'none'}")
        return known[name]

    def _turn(self, name: str) -> PostureRow | None:
        return next((row for row in self.setting.state.postures_under_way() if row.posture == name), None)

    def _check_free(self, name: str) -> None:
        row = self._turn(name)
        if row is not None:
            raise PlaceError(
                f"posture `{name}` is {row.state.value} already", mend=f"see `cityward posture list`: {row.id}"
            )

    def _under_way(self, name: str, to: Turned) -> PostureRow:
        row = self._turn(name)
        if row is None or not may(row.state, to):
            raise PlaceError(f"posture `{name[:64]}` is not on", mend="see `cityward posture list`")
        return row

    def _waiting(self, name: str) -> PostureRow:
        row = self._turn(name)
        if row is None or row.state is Turned.ON:
            raise PlaceError(f"nothing of posture `{name[:64]}` waits", mend="see `cityward posture list`")
        return row

    def _begin(self, ledger: FileLedger, row: PostureRow, person: str, cost: dict[str, str]) -> PostureRow:
        now = _now()
        begun = replace(row, state=Turned.ON, begun_at=now, until=now + row.seconds * SECOND)
        return self._step(ledger, begun, "on", person, cost)

    def _end(self, ledger: FileLedger, row: PostureRow, to: Turned, person: str) -> PostureRow:
        return self._step(ledger, replace(row, state=to, ended_at=_now(), ended_by=person), to.value, person)

    def _step(
        self, ledger: FileLedger, row: PostureRow, step: str, person: str, cost: dict[str, str] | None = None
    ) -> PostureRow:
        before = self._turn(row.posture)
        entry = self._record(ledger, row, step, person, cost)
        self.setting.state.put_posture(row)
        self._tell(row, "off" if before is None else before.state.value, entry)
        return row

    def _tell(self, row: PostureRow, before: str, entry: str) -> None:
        """What leaves the city changed, or somebody wants it to."""
        event = Event(
            at=self.setting.now_us(),
            kind=EventKind.CONFIGURATION,
            by=ROLE,
            subject=f"posture:{row.posture}",
            detail={"what": f"posture {row.posture}", "before": before, "after": row.state.value},
            record=entry,
        )
        if self.events is None:
            tell_watch(self.setting, [event], ROLE)
        else:
            self.events.tell(event)

    def _record(
        self, ledger: FileLedger, row: PostureRow, step: str, person: str, cost: dict[str, str] | None = None
    ) -> str:
        record = Postured(
            at=self.setting.now_us(),
            by=ROLE,
            posture=row.posture,
            step=step,
            person=person,
            reason=row.reason,
            until=self.setting.city.city_clock.to_city_us(row.until),
            cost=cost or {},
        )
        return ledger.append([record])[0]


def expire(setting: Setting) -> Sequence[PostureRow]:
    """Put on record which turns ran out: they ended, or waited in vain, by themselves."""
    if not _run_out(setting):
        return []
    with setting.ledger_when_free(ROLE) as ledger:
        return PostureDesk(setting).end_run_out(ledger)


def _run_out(setting: Setting) -> list[PostureRow]:
    now = _now()
    return [row for row in setting.state.postures_under_way() if row.until <= now]


# --- what may be asked


def _check_role(name: str, posture: Posture, who: Switcher) -> None:
    if who.roles.isdisjoint(posture.by):
        raise PlaceError(
            f"`{who.person}` holds none of the roles that switch `{name}`: {listed(posture.by)}",
            mend="let somebody who holds one do it, or ask for the role",
        )


def _check_second(name: str, posture: Posture | None, row: PostureRow, who: Switcher) -> None:
    asked_by = row.end_asked_by if row.state in IN_FORCE else row.asked_by
    if who.person == asked_by:
        raise PlaceError(f"`{who.person}` asked for this and cannot approve it", mend="let a second person approve it")
    if not who.approves and (posture is None or who.roles.isdisjoint(posture.by)):
        raise PlaceError(
            f"`{who.person}` may not be the second person for `{name}`",
            mend="let somebody approve it who holds one of its roles, or the right `approve`",
        )


def _check_time(name: str, posture: Posture, seconds: int) -> None:
    longest = posture.longest_hours * 3600
    if not SHORTEST_S <= seconds <= longest:
        raise PlaceError(
            f"{seconds} s is not between {SHORTEST_S} s and {longest / 3600:g} h",
            mend=f"ask for less, or raise postures.{name}.longest_hours in the declaration",
        )


def _check_text(name: str, text: str) -> None:
    if not 0 < len(text.strip()) <= LONGEST_TEXT or not text.isprintable():
        raise PlaceError(f"the {name} is no text of 1 to {LONGEST_TEXT} printable characters", mend=f"say the {name}")


# --- what it takes


def _whole(areas: Sequence[str]) -> str:
    """What is easily taken for something else: an area does not cut a dataset in two."""
    return f"Of a dataset that is measured in {listed(areas)}, and elsewhere too, all of it counts: nothing of it is told apart."


def _tables(setting: Setting, *in_force: frozenset[str]) -> Sequence[Table]:
    """The table of each of some sets of postures, everything else as it stands now."""
    place, standing = setting.loaded.place, RulesKeeper(setting).standing()
    zone = ZoneInfo(place.timezone)
    today = from_us(setting.now_us()).astimezone(zone).date()
    return [compile_table(place, replace(standing, postures=names), today, zone) for names in in_force]


def _taken(setting: Setting) -> Taken:
    """Rows of yesterday, or of today where more have left already: of the book of releases."""
    today = setting.now_us() // DAY
    days: dict[tuple[str, str], Counter[int]] = {}
    for row in setting.state.releases.given(None, today - 1, today):
        days.setdefault((row.recipient, row.dataset), Counter())[row.day] += row.rows
    return lambda recipient, dataset: max(days.get((recipient, dataset), {0: 0}).values())


def _cost(found: Preview) -> dict[str, str]:
    """What is kept of the preview: enough to see what whoever decided was told."""
    rows = {} if found.rows_a_day is None else {"rows_a_day": str(found.rows_a_day)}
    return rows | {
        "told": found.sentence,
        "recipients": ", ".join(sorted({way.recipient for way in found.stopped})[:50]),
        "datasets": ", ".join(sorted({way.dataset for way in found.stopped})[:50]),
    }


def _now() -> int:
    return time.time_ns() // 1000
