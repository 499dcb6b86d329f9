"""Holding actuators at a value: shown before, for a reason, timed, undone, on record; and agreeing to what waits for two persons.

Evidence comes first, then the book. The role `service` reads the book at each of its turns, so a word takes force within one;
the gate has the last one: what is asked for here is proposed there, unit by unit. One step at a time is taken, in all processes:
whoever takes one holds the ledger from its first look to the book. Times are city time.

INVARIANTS
- Only who operates the service asks for an override, ends it, or sees what it would do.
- Where the command needs two persons, or the right `operate` does for whoever asks, it waits for another one: who operates the
  service too, or has the right `approve`. Ending it needs nobody else: the service takes over.
- Nothing holds for longer than the service's `override_hours`; what waits for longer than `WAITS_US` waits no more.
- Of one unit, one override is under way at most.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.bars import barred_now
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.evidence.records import HoldRefused, OverrideBegun, OverrideEnded
from cityward.guard.permit import rules_for
from cityward.place.hints import did_you_mean, listed
from cityward.place.independence import traits_of
from cityward.place.roles import Right
from cityward.place.services import Service
from cityward.place.things import CommandLimits
from cityward.runtime.doubt import doubt_of
from cityward.runtime.overriding import (
    LONGEST_REASON,
    MOST_HOLDING,
    MOST_UNITS,
    UNDER_WAY,
    ConsentRow,
    Operator,
    OverrideRow,
    OverrideState,
    consent_record,
    may,
    units_digest,
)
from cityward.runtime.people import held_now
from cityward.runtime.ports import CommandRow, EventSink
from cityward.runtime.serving.acting.preview import LATER, OverridePreview, UnitPreview, Wanted, judged, sentence
from cityward.text import harmless
from cityward.time import HOUR, SECOND
from cityward.watch.events import Event, EventKind, cut

ROLE = "override"
"""The ledger of overrides; its own, so that it can be written while the city runs."""
WAITS_US = HOUR
SHORTEST_S = 60
PAST_COMMANDS = 20_000


def operator(setting: Setting, person: str) -> Operator:
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
    held = held_now(setting.loaded.place, standing, time.time_ns() // 1000, None)
    return Operator(person, held.operates, Right.OPERATE in held.alone, Right.APPROVE in held.rights)


@dataclass(slots=True)
class OverrideDesk:
    """`web.ports.Overriding`, and what `cityward service` uses."""

    setting: Setting
    events: EventSink | None = None

    def overrides(self, most: int = 100, service: str | None = None) -> Sequence[OverrideRow]:
        """Those under way before those that ended; of each, the newest first."""
        return self.setting.state.overrides(most, service)

    def consents(self, most: int = 100, service: str | None = None) -> Sequence[ConsentRow]:
        """Those that wait or are approved before the others; of each, the newest first."""
        return self.setting.state.consents(most, service)

    def preview(
        self, wanted: Wanted, who: Operator, told: Callable[[CommandRow], CommandRow] = lambda row: row
    ) -> OverridePreview:
        """What holding it would do, unit by unit; `told`: a command as they may be told it. Changes nothing.

        Raises:
            PlaceError: there is no such service, unit or command, or one does not operate it.
        """
        service = self._operated(wanted.service, who)
        devices = self._units(wanted, service)
        command, limits = self._command(wanted, devices)
        now = self.setting.now_us()
        row = _row(replace(wanted, command=command), devices, "preview", who.person, now, HOUR // SECOND)
        units = _judged(self.setting, service, row, now, told)
        counts = Counter(unit.verdict for unit in units)
        return OverridePreview(
            service=wanted.service,
            target=wanted.target,
            command=command,
            value=wanted.value,
            unit=limits.sets,
            low=limits.low,
            high=limits.high,
            fail_safe=limits.fail_safe,
            two_person=self._needs_two(limits, wanted.value, who),
            longest_hours=service.override_hours,
            counts=dict(counts),
            units=units,
            sentence=sentence(wanted, limits, counts, len(units)),
        )

    def begin(self, wanted: Wanted, reason: str, seconds: int, who: Operator) -> OverrideRow:
        """Hold it from now on; where two persons are needed, ask for it.

        Raises:
            PlaceError: one may not, it is asked for longer than declared, a unit is held already, or the gate would let it
                reach no unit at all. That it was asked for, and why not, is on record then.
        """
        try:
            return self._asked(wanted, reason, seconds, who)
        except PlaceError as error:
            with self._alone() as ledger:
                ledger.append([_refused(wanted, who, error.what, self.setting.now_us())])
            raise

    def _asked(self, wanted: Wanted, reason: str, seconds: int, who: Operator) -> OverrideRow:
        found = self.preview(wanted, who)
        service = self.setting.loaded.place.services[wanted.service]
        _check_reason(reason)
        _check_time(wanted.service, service, seconds)
        _check_some(found)
        devices = tuple(unit.device for unit in found.units)
        with self._alone() as ledger:
            now = self.setting.now_us()
            self._check_free(devices, now)
            row = _row(replace(wanted, command=found.command), devices, reason, who.person, now, seconds)
            told = {verdict: str(count) for verdict, count in sorted(found.counts.items())}
            if found.two_person:
                return self._step(ledger, row, "asked", who.person, told)
            return self._begin(ledger, row, who.person, told)

    def undo(self, id_: str, who: Operator) -> OverrideRow:
        """End it: the service takes over.

        Raises:
            PlaceError: it does not hold, or one does not operate its service.
        """
        with self._alone() as ledger:
            row = self._under_way(id_, OverrideState.UNDONE)
            self._operated(row.service, who)
            return self._end(ledger, row, OverrideState.UNDONE, who.person)

    def approve(self, id_: str, who: Operator) -> OverrideRow | ConsentRow:
        """Agree, as a second person, to an override or to a service's command that waits.

        Raises:
            PlaceError: nothing of that id waits, the same person asked for it, or one may not be the second person for it.
        """
        with self._alone() as ledger:
            consent = self._consent(id_)
            if consent is not None:
                return self._settle(ledger, consent, "approved", who)
            row = self._under_way(id_, OverrideState.HOLDING)
            _check_second(row, who)
            self._record(ledger, row, "approved", who.person)
            return self._begin(ledger, replace(row, approved_by=who.person), who.person, {})

    def refuse(self, id_: str, who: Operator) -> OverrideRow | ConsentRow:
        """What waits is not to be. Whoever asked may also take it back so.

        Raises:
            PlaceError: nothing of that id waits, or one has no say in it.
        """
        with self._alone() as ledger:
            consent = self._consent(id_)
            if consent is not None:
                return self._settle(ledger, consent, "refused", who)
            row = self._under_way(id_, OverrideState.REFUSED)
            if who.person != row.asked_by:
                _check_second(row, who)
            return self._end(ledger, row, OverrideState.REFUSED, who.person)

    # -- what is asked about ------------------------------------------------------------------------------------------------

    def _operated(self, name: str, who: Operator) -> Service:
        services = self.setting.loaded.place.services
        if name not in services:
            what = f"there is no service `{name[:64]}`{did_you_mean(name, services)}"
            raise PlaceError(what, mend=f"name one of {listed(services) or 'none'}")
        if name not in who.operates:
            raise PlaceError(
                f"`{who.person}` does not operate `{name}`",
                mend="let somebody do it who holds a role with `operate` and this service",
            )
        return services[name]

    def _units(self, wanted: Wanted, service: Service) -> tuple[str, ...]:
        """The service's actuators that a name stands for."""
        mine, named = frozenset(service.actuators), wanted.target
        units = [u for u in self.setting.registry.units if named in (u.id, u.group)]
        units = [u for u in units if not mine.isdisjoint((u.id, u.group))]
        if not units:
            what = f"`{named[:96]}` is no actuator of `{wanted.service}`{did_you_mean(named, mine)}"
            raise PlaceError(what, mend=f"name a device or group of {listed(mine) or 'none: it has no actuators'}")
        if len(units) > MOST_UNITS:
            raise PlaceError(f"{len(units)} units are more than {MOST_UNITS}", mend="hold a part of them")
        return tuple(unit.id for unit in units)

    def _command(self, wanted: Wanted, devices: Sequence[str]) -> tuple[str, CommandLimits]:
        registry = self.setting.registry
        models = {registry.units[registry.unit_index[device]].model for device in devices}
        shared = set.intersection(*(set(registry.models[model].commands) for model in models))
        command = wanted.command or (min(shared) if len(shared) == 1 else "")
        if command not in shared:
            what = (
                f"`{command[:64]}` is no command of these" if command else "these take more than one command, or none"
            )
            raise PlaceError(what, mend=f"name one of {listed(sorted(shared)) or 'none'}")
        made = [registry.models[model].commands[command] for model in sorted(models)]
        return command, made[0]

    def _needs_two(self, limits: CommandLimits, value: float, who: Operator) -> bool:
        return (limits.two_person and value != limits.fail_safe) or not who.alone

    # -- what is under way ----------------------------------------------------------------------------------------------------

    def _under_way(self, id_: str, to: OverrideState) -> OverrideRow:
        row = next((row for row in self.setting.state.overrides_under_way() if row.id == id_), None)
        if row is None or not may(row.state, to) or row.until <= self.setting.now_us():
            raise PlaceError(f"nothing that may be {to.value} goes by `{id_[:64]}`", mend="see `cityward service show`")
        return row

    def _consent(self, id_: str) -> ConsentRow | None:
        now = self.setting.now_us()
        waiting = (row for row in self.setting.state.consents_under_way() if row.state == "asked" and now < row.until)
        return next((row for row in waiting if row.id == id_), None)

    def _check_free(self, devices: Sequence[str], now: int) -> None:
        wanted, rows = frozenset(devices), self.setting.state.overrides_under_way()
        rows = [row for row in rows if row.state in UNDER_WAY and now < row.until]
        held = next((row for row in rows if not wanted.isdisjoint(row.devices)), None)
        if held is not None:
            what = f"`{held.target}` is {held.state.value} already, by {held.asked_by}: {held.id}"
            raise PlaceError(what, mend=f"end that first: cityward service undo {held.id}")
        if len(rows) >= MOST_HOLDING:
            raise PlaceError(f"{len(rows)} overrides are under way", mend="end some first")

    # -- steps --------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Generator[FileLedger]:
        with self.setting.ledger_when_free(ROLE) as ledger:
            yield ledger

    def _begin(self, ledger: FileLedger, row: OverrideRow, person: str, told: dict[str, str]) -> OverrideRow:
        now = self.setting.now_us()
        begun = replace(row, state=OverrideState.HOLDING, begun_at=now, until=now + row.seconds * SECOND)
        held = self._step(ledger, begun, "begun", person, told)
        self._tell(held)
        return held

    def _tell(self, row: OverrideRow) -> None:
        """The watch: who holds how many actuators, and how far from what is declared safe."""
        if self.events is None:
            return
        _, limits = self._command(Wanted(row.service, row.target, row.value, row.command), row.devices)
        span = limits.high - limits.low
        percent = min(100, round(100 * abs(row.value - limits.fail_safe) / span)) if span > 0 else 0
        detail = {"service": row.service, "target": cut(row.target), "value": f"{row.value:g}"}
        detail |= {"units": str(len(row.devices)), "percent": str(percent)}
        who = cut(f"person:{row.asked_by}")
        self.events.tell(Event(at=self.setting.now_us(), kind=EventKind.HOLD, by=ROLE, subject=who, detail=detail))

    def _step(self, ledger: FileLedger, row: OverrideRow, step: str, person: str, told: dict[str, str]) -> OverrideRow:
        self._record(ledger, row, step, person, told)
        self.setting.state.put_override(row)
        return row

    def _end(self, ledger: FileLedger, row: OverrideRow, to: OverrideState, person: str) -> OverrideRow:
        now = self.setting.now_us()
        ledger.append([OverrideEnded(at=now, by=ROLE, override=row.id, outcome=to.value, person=person)])
        ended = replace(row, state=to, ended_at=now, ended_by=person)
        self.setting.state.put_override(ended)
        return ended

    def _record(
        self, ledger: FileLedger, row: OverrideRow, step: str, person: str, told: dict[str, str] | None = None
    ) -> None:
        record = OverrideBegun(
            at=self.setting.now_us(),
            by=ROLE,
            override=row.id,
            step=step,
            service=row.service,
            target=row.target,
            devices=len(row.devices),
            digest=units_digest(row.devices),
            command=row.command,
            value=row.value,
            person=person,
            reason=row.reason,
            until=row.until,
            preview=told or {},
        )
        ledger.append([record])

    def _settle(self, ledger: FileLedger, row: ConsentRow, step: str, who: Operator) -> ConsentRow:
        if row.service not in who.operates and not who.approves:
            raise PlaceError(
                f"`{who.person}` may not agree to commands of `{row.service}`",
                mend="let somebody do it who operates it, or has the right `approve`",
            )
        ledger.append([consent_record(row, step, who.person, ROLE, self.setting.now_us())])
        if not self.setting.state.settle_consent(row.id, step, who.person):
            raise PlaceError(f"`{row.id}` is settled already", mend="see `cityward service show`")
        return replace(row, state=step, by=who.person)


# --- what the gate would say


def _refused(wanted: Wanted, who: Operator, why: str, now: int) -> HoldRefused:
    return HoldRefused(
        at=now,
        by=ROLE,
        service=harmless(wanted.service)[:64],
        target=harmless(wanted.target)[:96],
        command=harmless(wanted.command)[:64],
        value=wanted.value,
        person=who.person,
        why=harmless(why)[:LONGEST_REASON],
    )


def _row(wanted: Wanted, devices: tuple[str, ...], reason: str, person: str, now: int, seconds: int) -> OverrideRow:
    text = "\n".join((wanted.service, wanted.target, wanted.command, f"{wanted.value}", person, f"{now}"))
    id_ = hashlib.sha256(text.encode()).hexdigest()[:12]
    return OverrideRow(
        id_, wanted.service, wanted.target, devices, wanted.command, wanted.value, reason, person, now, seconds,
        now + WAITS_US,
    )  # fmt: skip


def _judged(
    setting: Setting, service: Service, row: OverrideRow, now: int, told: Callable[[CommandRow], CommandRow]
) -> tuple[UnitPreview, ...]:
    """The gate's word on each unit, as the city stands now."""
    state = setting.state
    rules = rules_for(row.service, service, setting.registry, traits_of(setting.loaded.place, setting.registry))
    doubt = doubt_of(
        tuple(state.watch.standings().values()), state.marks(), barred_now(state), state.watch.one_source()
    )
    latest = {(one.device, one.property): one for one in state.latest_of(sorted(rules.looked_at))}
    return judged(row, rules, state.commands(PAST_COMMANDS), latest, doubt, now, told)


# --- what may be asked


def _check_some(found: OverridePreview) -> None:
    if not any(verdict in LATER for verdict in found.counts):
        first = next(unit for unit in found.units if unit.verdict not in LATER)
        raise PlaceError(f"the gate would refuse every unit: {first.verdict}", mend=first.mend)


def _check_second(row: OverrideRow, who: Operator) -> None:
    if who.person == row.asked_by:
        raise PlaceError(f"`{who.person}` asked for this and cannot approve it", mend="let a second person approve it")
    if row.service not in who.operates and not who.approves:
        raise PlaceError(
            f"`{who.person}` may not be the second person for `{row.service}`",
            mend="let somebody approve it who operates it, or has the right `approve`",
        )


def _check_time(name: str, service: Service, seconds: int) -> None:
    longest = service.override_hours * 3600
    if not SHORTEST_S <= seconds <= longest:
        raise PlaceError(
            f"{seconds} s is not between {SHORTEST_S} s and {longest / 3600:g} h",
            mend=f"ask for less, or raise services.{name}.override_hours in the declaration",
        )


def _check_reason(text: str) -> None:
    if not 0 < len(text.strip()) <= LONGEST_REASON or not text.isprintable():
        raise PlaceError(f"the reason is no text of 1 to {LONGEST_REASON} printable characters", mend="say the reason")
