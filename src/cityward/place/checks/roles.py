"""Roles: that nobody holds everything, and that what is bounded can be kept."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.addresses import read_address
from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.hints import listed, shown
from cityward.place.roles import Right, Role

APART = (Right.OPERATE, Right.CONTAIN, Right.DATA)
"""What whoever gives roles does not do: they could give themselves the rest."""


def roles_are_bounded(whole: Whole) -> Iterator[Problem]:
    """No role has every right; whoever gives roles does not act; a second person can be found."""
    for name, role in whole.place.roles.items():
        path = f"roles.{name}"
        both = [right.value for right in APART if right in role.rights]
        if set(role.rights) == set(Right):
            yield Problem(f"{path}.rights", "holds every right there is", "divide it: no one role may do everything")
        elif Right.PEOPLE in role.rights and both:
            what = f"gives roles (`people`) and has {listed(both)} itself: it could give itself anything"
            yield Problem(f"{path}.rights", what, "make two roles of it")
        for k, right in enumerate(role.two_person):
            if right not in role.rights:
                what = f"`{right}` needs a second person, and the role has no right `{right}`"
                yield Problem(f"{path}.two_person[{k}]", what, "leave it out, or add it to `rights`")
        if role.two_person and not any(Right.APPROVE in other.rights for other in whole.place.roles.values()):
            what = "a second person must agree, and nobody could: no role has the right `approve`"
            yield Problem(f"{path}.two_person", what, "give a role the right `approve`")
        yield from _addresses(path, role)


def _addresses(path: str, role: Role) -> Iterator[Problem]:
    for k, text in enumerate(role.from_addresses):
        try:
            address = read_address(text)
        except ValueError as error:
            what, _, mend = str(error).partition("; ")
            yield Problem(f"{path}.from_addresses[{k}]", f"found {shown(text)}: {what}", mend or "write it shorter")
            continue
        if isinstance(address, str):
            what = f"`{text}` is a name; from where somebody comes is told by their address alone"
            yield Problem(f"{path}.from_addresses[{k}]", what, "write the block, such as `192.0.2.0/28`")


def roles_have_an_access(whole: Whole) -> Iterator[Problem]:
    """A role of another party whose way in is declared nowhere: who can reach what would not count it."""
    place = whole.place
    for name, role in place.roles.items():
        actuators = {place_id for s in role.services if s in place.services for place_id in place.services[s].actuators}
        reached = {place.platform, *role.datasets, *actuators}
        if role.party == place.responsible or any(
            access.party == role.party and access.target in reached for access in place.accesses.values()
        ):
            continue
        what = f"people of `{role.party}` may hold role `{name}`; no access of theirs to {listed(_known(reached))} is declared"
        yield Problem(
            f"roles.{name}.party", what, "declare it under `accesses`, with where it is used from", Word.NO_ACCESS
        )


def incidents_stay_at_home(whole: Whole) -> Iterator[Problem]:
    """Whoever holds `watch` sees all incidents, also those about others: incidents are not cut to datasets or services."""
    place = whole.place
    for name, role in place.roles.items():
        if Right.WATCH in role.rights and role.party != place.responsible:
            what = (
                f"people of `{role.party}` with role `{name}` see every incident of the city, also those about others"
            )
            mend = "leave `watch` out, unless they are to watch the whole city"
            yield Problem(f"roles.{name}.rights", what, mend, Word.WATCHED_BY_OTHERS)


def _known(reached: set[str | None]) -> list[str]:
    return sorted(name for name in reached if name is not None)
