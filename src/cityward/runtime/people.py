"""People: accounts, the roles they hold for a time, what that lets them do now; and the port to the book of them.

Theory of operation. A *grant* is one person holding one role. It is given (by somebody with `people`, or asked for by the person
and opened), holds from `since` to `until`, and ends by itself: nothing has to run for that, because what a person may do is
computed for each request from the grants, the place's roles, the moment, and where the request comes from (`held_now`). A role
that was broken like glass (`glass`) is a grant that nobody gave; it waits for a review.

Does not live here: who calls (`web.identity`), evidence and the rules of giving (`compose.people.giving`).

INVARIANTS
- `held_now` is a union over grants in force: another grant never takes a right away, and nothing else gives one.
- A role that declares addresses counts for nothing from elsewhere. An address that cannot be read is elsewhere.
- Nobody but an active person holds anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

from cityward.place.model import Place
from cityward.place.roles import Right, Role
from cityward.time import HOUR

BUILT_IN_OPERATOR, BUILT_IN_REGISTRAR = "operator", "registrar"
NEVER_WITH_PEOPLE = frozenset({Right.OPERATE, Right.CONTAIN, Right.DATA})
"""Whoever gives roles does none of these."""


class Stance(StrEnum):
    """Where a person stands."""

    ACTIVE = "active"
    LOCKED = "locked"
    REMOVED = "removed"


class Step(StrEnum):
    """Where a grant stands. That it ran out is seen from its `until`."""

    ASKED = "asked"
    GIVEN = "given"
    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Person:
    """An account. issuer, subject: how an OpenID provider knows them; "" where none does. Times machine us."""

    id: str
    name: str
    party: str
    state: Stance
    added_at: int
    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential. public_key: COSE, CBOR. host: the relying party it was made for."""

    credential: bytes
    person: str
    public_key: bytes
    sign_count: int
    host: str
    name: str
    added_at: int
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A person holds, held, or asks for a role. Machine us; `until` 0: until it is taken. seconds: how long it was asked for."""

    id: str
    person: str
    role: str
    state: Step
    reason: str
    asked_at: int
    given_by: str = ""
    since: int = 0
    until: int = 0
    seconds: int = 0
    glass: bool = False
    reviewed_by: str = ""
    ended_by: str = ""

    def holds(self, now: int) -> bool:
        """Whether it is in force."""
        return self.state is Step.GIVEN and self.since <= now and (self.until == 0 or now < self.until)


@dataclass(frozen=True, slots=True)
class Wish:
    """A role wanted for a person: why, and for how long (s; 0: as long as the role allows)."""

    person: str
    role: str
    reason: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Second:
    """Something that waits for a second person. `act`: what is to be done (`grant`), `detail`: with what, as JSON. Machine us."""

    id: str
    act: str
    about: str
    detail: str
    asked_by: str
    asked_at: int
    until: int
    state: str = "asked"  # asked | approved | refused
    by: str = ""


@dataclass(frozen=True, slots=True)
class HeldRole:
    """One role in force."""

    role: str
    party: str
    until: int
    grant: str
    glass: bool
    standing: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a person may do now, from here.

    datasets: of roles with `data`. services: of all roles. alone: rights that need no second person. of_the_city: a role of the
    place's own party lets them see the whole overview; else they see only what is theirs. until: the first moment at which this
    may be less; 0: none. elsewhere: roles that would hold, but not from this address. shown: they look as a role sees.
    """

    rights: frozenset[Right] = frozenset()
    datasets: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    operates: frozenset[str] = frozenset()
    alone: frozenset[Right] = frozenset()
    of_the_city: bool = False
    until: int = 0
    roles: tuple[HeldRole, ...] = ()
    elsewhere: tuple[str, ...] = ()
    shown: Shown | None = None

    @property
    def just_in_time(self) -> bool:
        """Whether some of it was opened for a task: then every request is on record."""
        return any(not role.standing for role in self.roles)


@dataclass(frozen=True, slots=True)
class Shown:
    """Somebody looks at the city as a role sees it. theirs: what they hold themselves; whole: what the role holds."""

    role: str
    until: int
    theirs: Held
    whole: Held


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is on file of one person. `ways`: by what they can prove themselves again (`passkey`, `oidc`)."""

    person: Person
    grants: tuple[Grant, ...] = ()
    ways: frozenset[str] = field(default_factory=frozenset)


def roles_of(place: Place) -> Mapping[str, Role]:
    """The declared roles; for a place that declares none, two that hold everything but each other's part."""
    if place.roles:
        return place.roles
    look, everything = (Right.LOOK, Right.APPROVE), tuple(place.datasets)
    operating = (Right.DATA, Right.OPERATE, Right.WATCH, Right.CONTAIN, Right.POSTURE, Right.AUDIT)
    giving = (Right.DEVICES, Right.RECIPIENTS, Right.PEOPLE)
    return {
        BUILT_IN_OPERATOR: Role(
            party=place.responsible, rights=look + operating, services=tuple(place.services), datasets=everything
        ),
        BUILT_IN_REGISTRAR: Role(party=place.responsible, rights=look + giving),
    }


def held_now(place: Place, standing: Standing, now: int, source: str | None) -> Held:
    """What a person may do at a moment (machine us), from an address; None: from anywhere, for telling, not for letting in."""
    if standing.person.state is not Stance.ACTIVE:
        return Held()
    declared, roles, elsewhere = roles_of(place), list[tuple[HeldRole, Role]](), set[str]()
    for grant in standing.grants:
        role = declared.get(grant.role)
        if role is None or role.party != standing.person.party or not grant.holds(now):
            continue
        if source is not None and not comes_from(role.from_addresses, source):
            elsewhere.add(grant.role)
            continue
        held = HeldRole(grant.role, role.party, grant.until, grant.id, grant.glass, role.standing)
        roles.append((held, role))
    return replace(_union(place, roles), elsewhere=tuple(sorted(elsewhere)))


def _union(place: Place, roles: Sequence[tuple[HeldRole, Role]]) -> Held:
    declared = [role for _, role in roles]
    return Held(
        rights=frozenset(right for role in declared for right in role.rights),
        datasets=frozenset(d for role in declared if Right.DATA in role.rights for d in role.datasets),
        services=frozenset(s for role in declared for s in role.services),
        operates=frozenset(s for role in declared if Right.OPERATE in role.rights for s in role.services),
        alone=frozenset(right for role in declared for right in role.rights if right not in role.two_person),
        of_the_city=any(role.party == place.responsible and Right.LOOK in role.rights for role in declared),
        until=min((held.until for held, _ in roles if held.until), default=0),
        roles=tuple(held for held, _ in roles),
    )


def shown_as(place: Place, theirs: Held, name: str, until: int) -> Held:
    """What somebody holds while they look as a role sees, until a moment (machine us): the intersection, so never more.

    The addresses that a role declares do not count: nobody comes in by it. A role that is not declared holds nothing.
    """
    role = roles_of(place).get(name)
    held = () if role is None else ((HeldRole(name, role.party, until, "", False, True), role),)
    whole = _union(place, held)
    return replace(
        whole,
        rights=whole.rights & theirs.rights,
        datasets=whole.datasets & theirs.datasets,
        services=whole.services & theirs.services,
        operates=whole.operates & theirs.operates,
        alone=whole.alone & theirs.alone,
        of_the_city=whole.of_the_city and theirs.of_the_city,
        until=min(until, theirs.until or until),
        shown=Shown(name, until, theirs, whole),
    )


def comes_from(declared: Iterable[str], source: str) -> bool:
    """Whether an address lies in one of the declared blocks; with none declared, any does. Names match nothing."""
    blocks = tuple(declared)
    return not blocks or _within(blocks, source)


@lru_cache(maxsize=4096)
def _within(blocks: tuple[str, ...], source: str) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(block is not None and (mapped or address) in block for block in map(_block, blocks))


def _block(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def longest_s(role: Role, glass: bool) -> float:
    """For how long a grant of it may be given, in s; 0: for good."""
    hours = role.break_glass_hours if glass else 0.0 if role.standing else role.longest_hours
    return hours * HOUR / 1_000_000


class People(Protocol):
    """The book of people. Each method raises `LinkError` when the store does not answer. `people_version` grows with changes."""

    def people_version(self) -> int: ...
    def people(self) -> Sequence[Person]: ...
    def person(self, id_: str) -> Person | None: ...
    def person_of_subject(self, issuer: str, subject: str) -> Person | None: ...
    def put_person(self, person: Person) -> None: ...
    def standing(self, id_: str) -> Standing | None: ...
    def passkeys(self, person: str) -> Sequence[Passkey]: ...
    def passkey(self, credential: bytes) -> Passkey | None: ...
    def put_passkey(self, passkey: Passkey) -> None: ...
    def drop_passkey(self, person: str, credential: bytes) -> bool: ...
    def use_passkey(self, credential: bytes, sign_count: int, at: int) -> bool:
        """Note a use; False when the count has gone back or stands still (but for authenticators that do not count: 0)."""
        ...

    def grants(self, person: str | None = None, most: int = 1000) -> Sequence[Grant]: ...
    def grant(self, id_: str) -> Grant | None: ...
    def put_grant(self, grant: Grant) -> None: ...
    def seconds(self, most: int = 200) -> Sequence[Second]:
        """Those that wait before those that are settled; of each, the newest first."""
        ...

    def second(self, id_: str) -> Second | None: ...
    def put_second(self, second: Second) -> None: ...
    def settle_second(self, id_: str, state: str, by: str) -> bool:
        """False when it waits no more: of two at a time one settles it."""
        ...


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An open session. way: link | passkey | oidc. proved_at: when the person last proved who they are. Machine us."""

    session_sha256: bytes
    who: str
    expires_at: int
    opened_at: int = 0
    proved_at: int = 0
    source: str = ""
    way: str = "link"

    @property
    def id(self) -> str:
        """A name of it that opens nothing."""
        return self.session_sha256.hex()[:16]
