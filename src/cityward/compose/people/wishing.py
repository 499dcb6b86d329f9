"""What may be given to whom: a wish held to every rule before anything is written.

INVARIANTS
- Nobody gives a role to themselves.
- A role goes to people of its own party; nobody who gives roles (`people`) also holds `operate`, `contain` or `data`.
- What is not standing ends by itself, after the role's `longest_hours` at most.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.place.roles import Right, Role
from cityward.runtime.people import NEVER_WITH_PEOPLE, Grant, Person, Stance, Step, Wish, longest_s, roles_of
from cityward.time import SECOND as SECOND_US

LONGEST_TEXT = 500


def draft(setting: Setting, wish: Wish, by: str, *, glass: bool = False) -> Grant:
    """The grant that a wish would be, held to every rule. Nothing is written.

    Raises:
        PlaceError: it may not be given to them, or not for so long.
    """
    check_text("reason", wish.reason)
    person, role = active(setting, wish.person), _role(setting, wish.role)
    if by == wish.person:
        raise PlaceError("nobody gives a role to themselves", mend="let another one give it")
    if role.party != person.party:
        raise PlaceError(
            f"`{wish.role}` is for people of `{role.party}`, and `{person.id}` is of `{person.party}`",
            mend="choose a role of that party",
        )
    if glass and not role.break_glass:
        raise PlaceError(f"`{wish.role}` cannot be taken without leave", mend="ask for it")
    _check_apart(setting, person, role)
    seconds = _seconds(wish, role, glass)
    now = now_us()
    until = now + seconds * SECOND_US if seconds else 0
    id_ = new_id(wish.person, wish.role, by, str(now))
    return Grant(id_, wish.person, wish.role, Step.GIVEN, wish.reason, now, by, now, until, seconds)


def _check_apart(setting: Setting, person: Person, role: Role) -> None:
    roles, now = roles_of(setting.loaded.place), now_us()
    held = {g.role for g in setting.state.grants(person.id) if g.holds(now) and g.role in roles}
    rights = {right for name in held for right in roles[name].rights} | set(role.rights)
    if Right.PEOPLE in rights and (other := rights & NEVER_WITH_PEOPLE):
        raise PlaceError(
            f"with this `{person.id}` would give roles and {', '.join(sorted(r.value for r in other))}",
            mend="let one person give roles and another one work with them",
        )


def _role(setting: Setting, name: str) -> Role:
    role = roles_of(setting.loaded.place).get(name)
    if role is None:
        raise PlaceError(f"there is no role `{name[:64]}`", mend="declare it, or name one that is declared")
    return role


def known_person(setting: Setting, id_: str) -> Person:
    """One person.

    Raises:
        PlaceError: there is none of that name.
    """
    found = setting.state.person(id_)
    if found is None:
        raise PlaceError(f"there is nobody `{id_[:64]}`", mend="see `cityward person list`")
    return found


def active(setting: Setting, id_: str) -> Person:
    """One person who is neither locked nor removed.

    Raises:
        PlaceError: there is none of that name, or they are not active.
    """
    row = known_person(setting, id_)
    if row.state is not Stance.ACTIVE:
        raise PlaceError(f"`{id_}` is {row.state.value}", mend="unlock the account first")
    return row


def _seconds(wish: Wish, role: Role, glass: bool) -> int:
    longest = round(longest_s(role, glass))
    if wish.seconds < 0 or (longest and wish.seconds > longest):
        raise PlaceError(f"{wish.seconds} s is longer than {longest} s", mend="ask for less")
    return wish.seconds or longest


def check_text(name: str, text: str) -> None:
    """A text that people give, of the name.

    Raises:
        PlaceError: it is empty, too long, or not printable.
    """
    if not 0 < len(text.strip()) <= LONGEST_TEXT or not text.isprintable():
        raise PlaceError(f"the {name} is no text of 1 to {LONGEST_TEXT} printable characters", mend=f"say the {name}")


def new_id(*parts: str) -> str:
    """A short name that nothing else has."""
    return hashlib.sha256("\n".join((*parts, secrets.token_hex(8))).encode()).hexdigest()[:12]


def now_us() -> int:
    """The machine's time: grants end by it, whatever the city's clock says."""
    return time.time_ns() // 1000
