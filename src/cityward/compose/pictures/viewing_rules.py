"""The rules of viewing that hold now: the declaration, the postures in force, the lands of the parties, what is barred.

A place that declares no roles shows nobody a picture: the two built-in roles have no right `view`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from threading import Lock
from zoneinfo import ZoneInfo

from cityward.compose.bars import barred_now
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.guard.viewing import HeldRole
from cityward.guard.viewing_rules import ViewingRules, rules_of
from cityward.place.roles import Right
from cityward.policy.case import Facts
from cityward.policy.contract import Standing
from cityward.reach.effective import Lands, lands_of
from cityward.reach.exposure.compile import place_on
from cityward.runtime.people import held_now
from cityward.runtime.pictures.viewing_ports import Viewer
from cityward.time import from_us
from cityward.watch.findings import Trust

LOOK_S = 0.3

_Inputs = tuple[date, frozenset[str], frozenset[str]]


@dataclass(slots=True, init=False)
class ViewingKeeper:
    """Made again when a posture, a bar or the day changes. Of any number of threads."""

    _setting: Setting
    _lock: Lock
    _looked_at: float
    _made: tuple[_Inputs, ViewingRules] | None
    _lands: tuple[date, Lands] | None

    def __init__(self, setting: Setting) -> None:
        self._setting, self._lock = setting, Lock()
        self._looked_at, self._made, self._lands = float("-inf"), None, None

    def __call__(self) -> ViewingRules:
        """The rules, looked at again where the last look is `LOOK_S` ago.

        Raises:
            LinkError: the store does not answer: then nobody looks.
        """
        with self._lock:
            if self._made is None or time.monotonic() >= self._looked_at + LOOK_S:
                inputs = self._inputs()
                if self._made is None or self._made[0] != inputs:
                    self._made = (inputs, self._compiled(inputs))
                self._looked_at = time.monotonic()
            return self._made[1]

    def viewer(self, person: str, source: str | None = None, session: bytes = b"") -> Viewer:
        """Who a person of the city's book is, from an address; None: from anywhere (the machine's own command line).

        Raises:
            PlaceError: nobody of that name is on file.
        """
        standing = self._setting.state.standing(person)
        if standing is None:
            raise PlaceError(
                f"there is nobody `{person[:64]}`",
                mend="name an account, on the command line by --by: cityward person list",
            )
        held = held_now(self._setting.loaded.place, standing, time.time_ns() // 1000, source)
        roles = tuple(HeldRole(one.role, one.until) for one in held.roles)
        approves = Right.APPROVE in held.rights
        return Viewer(person, standing.person.party, roles, held.elsewhere, approves, session, source or "")

    def _inputs(self) -> _Inputs:
        state, place = self._setting.state, self._setting.loaded.place
        quarantined = {one.device for one in state.watch.standings().values() if one.state is Trust.QUARANTINED}
        out = frozenset(quarantined | barred_now(state)) & self._units()
        gone = {row.device for row in state.all() if row.state != "active"} & self._units()
        today = from_us(self._setting.now_us()).astimezone(ZoneInfo(place.timezone)).date()
        return today, frozenset(state.postures_in_force(time.time_ns() // 1000)), out | gone

    def _units(self) -> frozenset[str]:
        return frozenset(one.device for one in self._setting.loaded.place.cameras.values())

    def _compiled(self, inputs: _Inputs) -> ViewingRules:
        today, postures, out = inputs
        setting, place = self._setting, self._setting.loaded.place
        if self._lands is None or self._lands[0] != today:
            self._lands = (today, lands_of(place_on(place, today)))
        standing = Standing(frozenset(), frozenset(), postures, self._lands[1])
        return rules_of(Facts(place, standing, today), setting.registry, out, setting.loaded.digest)
