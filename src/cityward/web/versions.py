"""Which of the answers that open consoles keep at hand have changed: told by the live feed, so that they ask only then.

`people`: what `GET /api/me` tells of somebody. `watch`: what `GET /api/watch` tells. A token stays the same while the answer
does; what is not in it (a passkey's last use, the time) is asked for by a console every five minutes.

Theory of operation: once a tick, the books say how often they changed. Only where one did, or a time limit passed, tokens are
made anew: from what the books hold, read once for all callers.

SECURITY: tokens are keyed digests, of nothing but what this caller is told: whoever may not see a change does not see a token
move. Those who may not watch have no `watch`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from cityward.place.roles import Right
from cityward.runtime.people import Held, Step
from cityward.web.identity import Caller
from cityward.web.ports import Doors, PeopleDesk

NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of the book of people, what callers are told of others. until: when some of it begins or ends by itself, machine us."""

    version: int
    until: int
    glass: tuple[str, ...]  # broken now
    asked: tuple[tuple[str, str], ...]  # (grant, person)
    unreviewed: tuple[tuple[str, str], ...]
    seconds: tuple[tuple[str, str], ...]  # (id, who asked)


class Versions:
    """One for each door. Its methods are for one thread at a time."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._key = secrets.token_bytes(16)
        self._waiting: Waiting | None = None
        self._of: dict[tuple[str, Held], str] = {}

    def of(self, callers: Iterable[Caller]) -> dict[bytes, Mapping[str, str]]:
        """The tokens of each session.

        Raises:
            LinkError: a book does not answer.
        """
        watch = "" if self._doors.watch is None else self._token("watch", self._doors.watch.version())
        waiting = None if self._doors.people is None else self._waiting_now(self._doors.people)
        made, found = dict[tuple[str, Held], str](), dict[bytes, Mapping[str, str]]()
        for caller in callers:
            told = found[caller.session] = dict[str, str]()
            if waiting is not None:
                key = (caller.id, caller.held)
                told["people"] = made[key] = made.get(key) or self._of.get(key) or self._people(caller, waiting)
            if watch and Right.WATCH in caller.held.rights:
                told["watch"] = watch
        self._of = made  # of those who listen, and nobody else
        return found

    def _waiting_now(self, people: PeopleDesk) -> Waiting:
        version, now = people.version(), self._doors.machine_us()
        held = self._waiting
        if held is None or held.version != version or now >= held.until:
            held = self._waiting = _waiting(people, version, now)
            self._of = {}
        return held

    def _people(self, caller: Caller, waiting: Waiting) -> str:
        held, me = caller.held, caller.id
        mine = others = ()
        if held.shown is None:  # a role asks for nothing, and nothing waits for it
            waits = ((Right.PEOPLE, waiting.asked), (Right.AUDIT, waiting.unreviewed), (Right.APPROVE, waiting.seconds))
            mine = tuple(id_ for id_, person in waiting.asked if person == me)
            others = tuple(
                (right, id_) for right, those in waits if right in held.rights for id_, person in those if person != me
            )
        return self._token("people", hash((me, held, waiting.glass, mine, others)))

    def _token(self, name: str, number: int) -> str:
        return blake2b(f"{name} {number}".encode(), key=self._key, digest_size=8).hexdigest()


def _waiting(people: PeopleDesk, version: int, now: int) -> Waiting:
    grants, seconds = people.grants(), people.seconds()
    open_seconds = [one for one in seconds if one.state == "asked" and one.until > now]
    ends = [moment for grant in grants if grant.glass for moment in (grant.since, grant.until) if moment > now]
    return Waiting(
        version=version,
        until=min([*ends, *(one.until for one in open_seconds)], default=NEVER),
        glass=tuple(grant.id for grant in grants if grant.glass and grant.holds(now)),
        asked=tuple((grant.id, grant.person) for grant in grants if grant.state is Step.ASKED),
        unreviewed=tuple((grant.id, grant.person) for grant in grants if grant.glass and not grant.reviewed_by),
        seconds=tuple((one.id, one.asked_by) for one in open_seconds),
    )
