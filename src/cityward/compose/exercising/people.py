"""The people of a twin: accounts that a plan asks for, signed in by a link as people are, and the keys of recipients.

INVARIANT: nothing here goes around the desk of people: every account and role is on the twin's record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from threading import Lock
from urllib.parse import urlencode

from cityward.adapters.exercising.visitor import Visitor
from cityward.compose.exercising.twin import Twin
from cityward.compose.outgoing.recipients import Asked, begin_played
from cityward.compose.people.giving import PeopleDesk
from cityward.errors import CitywardError
from cityward.exercises.steps import Persona
from cityward.runtime.people import Stance, Step, Wish

BY = "exercise"
RECIPIENT = "recipient:"
HERE = "127.0.0.1"
FORM = "application/x-www-form-urlencoded"
SECRET_HEADER, FROM_HEADER = "Cityward-Exercise-Secret", "Cityward-Exercise-From"


@dataclass(slots=True)
class People:
    """Of one twin. headers of whoever asks; what they prove themselves with is made once."""

    twin: Twin
    _personas: dict[str, Persona] = field(default_factory=dict[str, Persona])
    _cookies: dict[str, str] = field(default_factory=dict[str, str])
    _keys: dict[str, str] = field(default_factory=dict[str, str])
    _making: Lock = field(default_factory=Lock)

    def enter(self, personas: Iterable[Persona]) -> None:
        """Give them accounts, the roles that they begin with, and sessions. Blocks.

        Raises:
            CitywardError: a role or party is not declared, or the twin does not answer.
        """
        desk = PeopleDesk(self.twin.setting)
        for one in personas:
            self._personas[one.name] = one
            if self.twin.setting.state.person(one.name) is None:
                desk.add(one.name, one.name.title(), one.party, BY)
            else:
                desk.stand(one.name, Stance.ACTIVE, BY)
            for role in one.roles:
                desk.give(Wish(one.name, role, "an exercise"), BY)
            self._cookies[one.name] = self._signed_in(desk, one)

    def leave(self) -> None:
        """Those of an exercise that is over hold nothing any more. Blocks."""
        desk = PeopleDesk(self.twin.setting)
        for name in self._personas:
            for grant in desk.grants(name):
                if grant.state is Step.GIVEN:
                    with contextlib.suppress(CitywardError):
                        desk.take(grant.id, BY)
            with contextlib.suppress(CitywardError):
                desk.stand(name, Stance.LOCKED, BY)
        self._personas.clear()
        self._cookies.clear()

    def headers(self, who: str, address: str) -> Mapping[str, str]:
        """What a request of theirs carries. Blocks for the first one of a recipient.

        Raises:
            CitywardError: there is no such recipient.
        """
        headers = self._seeming(address or self._address(who))
        if who.startswith(RECIPIENT):
            return {**headers, "Authorization": f"Bearer {self._key(who.removeprefix(RECIPIENT))}"}
        if who:
            return {**headers, "Cookie": self._cookies.get(who, ""), "Sec-Fetch-Site": "same-origin"}
        return headers

    def _address(self, who: str) -> str:
        if who.startswith(RECIPIENT):
            one = self.twin.setting.loaded.place.recipients.get(who.removeprefix(RECIPIENT))
            return next((found for text in (one.addresses if one else ()) if (found := _first(text))), HERE)
        persona = self._personas.get(who)
        return persona.address if persona and persona.address else HERE

    def _seeming(self, address: str) -> dict[str, str]:
        return {SECRET_HEADER: self.twin.exercise.secret, FROM_HEADER: address}

    def _key(self, recipient: str) -> str:
        with self._making:  # two steps at a time would make two keys, of which one is good
            if recipient not in self._keys:
                self._keys[recipient] = begin_played(Asked(self.twin.state, recipient, BY))
            return self._keys[recipient]

    def _signed_in(self, desk: PeopleDesk, one: Persona) -> str:
        """The session's cookie; "" where the door did not let them in: what they ask is then refused, and seen to be."""
        body = urlencode({"token": desk.link(one.name, BY)}).encode()
        visitor = Visitor(self.twin.web_port)
        try:
            headers = {**self._seeming(one.address or HERE), "Content-Type": FORM, "Sec-Fetch-Site": "same-origin"}
            told = visitor.ask("POST", "/sign-in", body, headers)
        finally:
            visitor.close()
        return told.headers.get("set-cookie", "").partition(";")[0]


def _first(text: str) -> str:
    """The first address of a declared block; "" of a name."""
    try:
        block = ip_network(text, strict=False)
    except ValueError:
        return ""
    return str(block[1] if block.num_addresses > 2 else block[0])
