"""The first person of a city, who lets the others in."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import Setting
from cityward.place.roles import Right
from cityward.runtime.people import Stance, Wish, roles_of

FIRST = "operator"


def begin_people(setting: Setting, demo: bool) -> str:
    """Who the first sign-in link is for, with an account and roles where there were none; "" where people sign in without it.

    In the demonstration one click shows everything but what goes with giving roles. Anywhere else the first person gives roles.
    """
    desk, state = PeopleDesk(setting), setting.state
    if not state.people():
        desk.add(FIRST, "First person", setting.loaded.place.responsible, "machine")
    first = state.standing(FIRST)
    if first is None or first.person.state is not Stance.ACTIVE:
        return ""
    if not first.grants:
        for name in _first_roles(setting, demo):
            desk.give(Wish(FIRST, name, "the first person, at the first start"), "machine")
    enrolled = any(state.passkeys(p.id) or p.subject for p in state.people() if p.state is Stance.ACTIVE)
    return FIRST if demo or not enrolled else ""


def _first_roles(setting: Setting, demo: bool) -> Sequence[str]:
    place = setting.loaded.place
    mine = {
        n: r for n, r in roles_of(place).items() if r.party == place.responsible and r.standing and not r.break_glass
    }
    gives = [name for name, role in mine.items() if Right.PEOPLE in role.rights]
    if place.roles and not demo:
        return gives
    return [name for name in mine if name not in gives]
