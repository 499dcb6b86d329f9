"""How people prove who they are by a passkey (WebAuthn), when they sign in and when they do what is dangerous.

SPEC: WebAuthn Level 3, 7.1 (registration) and 7.2 (assertion); `fido2` reads and verifies. User verification is required, keys
are discoverable, attestation is not asked for: which maker's key somebody holds is none of the city's business.

INVARIANTS
- A challenge is bound to the session (or, before there is one, to a cookie) it was made for, and used once.
- A passkey answers for the host it was made for, by exactly the origin this door is reached at.
- A sign count that does not grow refuses the proof, and the watch is told: there may be a copy of the key.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, cast

from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from starlette.requests import Request

from cityward.runtime.people import Passkey, Stance
from cityward.text import harmless
from cityward.watch.events import EventKind
from cityward.web.accounts.challenges import Challenges
from cityward.web.identity import Caller
from cityward.web.ports import Doors, PeopleDesk
from cityward.web.problems import Problem
from cityward.web.told import tell

SIGN_IN, ENROL, PROVE = "sign-in", "enrol", "prove"

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_NUMBERS = re.compile(r"[0-9.]+\Z")


class Proofs:
    """One per door. What it keeps is what it has asked and nobody answered yet."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._asked: Challenges[Any] = Challenges()

    def ask(self, request: Request, purpose: str, asker: bytes) -> Mapping[str, Any]:
        """Options for the browser's `navigator.credentials.get`."""
        options, state = self._server(request).authenticate_begin(
            user_verification=UserVerificationRequirement.REQUIRED
        )
        self._asked.put(purpose, asker, state)
        return _public(options)

    async def answer(self, request: Request, purpose: str, asker: bytes, answer: Mapping[str, Any]) -> str:
        """Who has proved who they are.

        Raises:
            Problem: 403, the proof does not hold.
        """
        state = self._asked.take(purpose, asker)
        if state is None:
            raise _refused("nothing was asked, or too long ago; try again")
        return await asyncio.to_thread(self._verify, request, state, answer)

    def ask_to_enrol(self, request: Request, caller: Caller, name: str) -> Mapping[str, Any]:
        """Options for the browser's `navigator.credentials.create`. In a thread."""
        user = PublicKeyCredentialUserEntity(id=caller.id.encode(), name=caller.id, display_name=name)
        known = [_known(key) for key in self._people().passkeys(caller.id)]
        options, state = self._server(request).register_begin(
            user,
            known,
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        self._asked.put(ENROL, caller.session, state)
        return _public(options)

    def enrol(self, request: Request, caller: Caller, name: str, answer: Mapping[str, Any]) -> Passkey:
        """Keep a new passkey of the person. In a thread.

        Raises:
            Problem: 403, what the browser sent does not hold.
        """
        state = self._asked.take(ENROL, caller.session)
        if state is None:
            raise _refused("nothing was asked, or too long ago; try again")
        try:
            made = self._server(request).register_complete(state, answer)
        except Exception as error:  # fido2 names no family of its own for what a stranger's bytes do to it
            raise _refused("the new passkey could not be verified") from error
        found = made.credential_data
        if found is None or len(found.credential_id) > 1023:  # SPEC: 7.1 step 25
            raise _refused("the new passkey names no credential")
        passkey = Passkey(
            credential=bytes(found.credential_id),
            person=caller.id,
            public_key=cbor.encode(dict(found.public_key)),
            sign_count=made.counter,
            host=_host(request),
            name=harmless(name)[:64],
            added_at=self._doors.machine_us(),
        )
        self._people().add_passkey(passkey)
        return passkey

    def _verify(self, request: Request, state: Any, answer: Mapping[str, Any]) -> str:
        """In a thread."""
        people = self._people()
        try:
            given = AuthenticationResponse.from_dict(answer)
            passkey = people.passkey(bytes(given.raw_id))
        except Exception as error:  # as above
            raise _refused("this is no proof") from error
        if passkey is None or passkey.host != _host(request):
            self._tell(request, "", "unknown-passkey")
            raise _refused("this passkey is not known here")
        try:
            self._server(request).authenticate_complete(state, [_known(passkey)], given)
        except Exception as error:  # as above
            self._tell(request, passkey.person, "passkey")
            raise _refused("the proof does not hold") from error
        count = given.response.authenticator_data.counter
        if not people.use_passkey(passkey.credential, count, self._doors.machine_us()):
            self._tell(request, passkey.person, "sign-count")
            raise _refused("this passkey has been used elsewhere since: there may be a copy of it")
        standing = people.standing(passkey.person)
        if standing is None or standing.person.state is not Stance.ACTIVE:
            self._tell(request, passkey.person, "not-active")
            raise _refused("this account is not active")
        return passkey.person

    def _server(self, request: Request) -> Fido2Server:
        host = _host(request)
        origin = f"{'https' if self._doors.secure else 'http'}://{request.headers.get('host', '')}"
        relying = PublicKeyCredentialRpEntity(name=self._doors.place.name, id=host)
        return Fido2Server(relying, verify_origin=lambda said: said == origin)

    def _people(self) -> PeopleDesk:
        if self._doors.people is None:
            raise Problem(404, "not-found", "this door knows nobody")
        return self._doors.people

    def _tell(self, request: Request, who: str, why: str) -> None:
        tell(self._doors, EventKind.SIGN_IN_FAILED, request, who, {"why": why})


def _public(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """As the browser's `parse...OptionsFromJSON` reads them."""
    return cast("Mapping[str, Any]", dict(options)["publicKey"])


def _known(passkey: Passkey) -> AttestedCredentialData:
    key = CoseKey.parse(cast("Mapping[int, Any]", cbor.decode(passkey.public_key)))
    return AttestedCredentialData.create(Aaguid.NONE, passkey.credential, key)


def _host(request: Request) -> str:
    """The name this door is reached at, without its port.

    Raises:
        Problem: 400, it is an address: WebAuthn wants a name.
    """
    host = request.headers.get("host", "").lower().rpartition(":")
    name = host[0] if host[1] and host[2].isdigit() else "".join(host)
    if not _HOST.match(name) or _NUMBERS.match(name):
        raise Problem(400, "no-name", "passkeys need a name: open this page at `localhost`, or at the city's own name")
    return name


def _refused(detail: str) -> Problem:
    return Problem(403, "not-proved", detail)
