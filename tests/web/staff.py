"""The tiny town with roles, and a real book of people behind its door."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from msgspec.structs import replace as replace_fields

from cityward.compose.home import Home, write_city_file
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import Setting, open_setting
from cityward.place.model import Place
from cityward.place.parties import Party, PartyKind
from cityward.place.roles import Right, Role
from cityward.place.services import Service
from cityward.runtime.people import Wish
from cityward.watch.events import Event
from cityward.web.ports import machine_now_us
from places import tiny_place
from towns import stopped_city, write_town
from web.house import House, house, opened

HERE = ("127.0.0.1", "::1")
ELSEWHERE = ("198.51.100.0/24",)


def staffed_place() -> Place:
    """Council people with parts of the rights, and engineers of the lamps' maker, who come for a task."""
    watching = (Right.LOOK, Right.DATA, Right.WATCH, Right.CONTAIN)
    lamps: dict[str, Any] = {
        "party": "northlight",
        "rights": (Right.LOOK, Right.DATA, Right.OPERATE),
        "services": ("lighting",),
        "datasets": ("lamps",),
        "standing": False,
        "longest_hours": 4,
    }
    return replace_fields(
        tiny_place(),
        parties={
            **tiny_place().parties,
            "northlight": Party(kind=PartyKind.COMPANY, incorporated_in="xa"),
        },
        services={"lighting": Service(kind="lighting", operator="council", actuators=("lamp",))},
        roles={
            "desk": Role(party="council", rights=watching, datasets=("traffic",), two_person=(Right.CONTAIN,)),
            "registrar": Role(party="council", rights=(Right.LOOK, Right.PEOPLE), two_person=(Right.PEOPLE,)),
            "giver": Role(party="council", rights=(Right.LOOK, Right.PEOPLE)),
            "second": Role(party="council", rights=(Right.LOOK, Right.APPROVE, Right.AUDIT)),
            "engineer": Role(**lamps, from_addresses=HERE),
            "far-engineer": Role(**lamps, from_addresses=ELSEWHERE),
            "glass": Role(
                party="council",
                rights=(Right.LOOK, Right.WATCH, Right.CONTAIN),
                standing=False,
                break_glass=True,
                from_addresses=HERE,
            ),
        },
    )


@dataclass
class Told:
    """`EventSink` in memory."""

    events: list[Event] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class Staff:
    """A door with people behind it."""

    door: House
    desk: PeopleDesk
    setting: Setting
    told: Told

    def somebody(self, who: str, *roles: str, party: str = "council", seconds: int = 0) -> None:
        """A new account with these roles."""
        self.desk.add(who, who.title(), party, "test")
        for role in roles:
            self.desk.give(Wish(who, role, "for the test", seconds), "test")


def open_staff(folder: Path) -> tuple[Setting, PeopleDesk, Told]:
    """A stopped city of the staffed place, and the desk of its people."""
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(folder / "town", 1)))
    setting = open_setting(home)
    setting = replace(setting, loaded=replace(setting.loaded, place=staffed_place()))
    told = Told()
    return setting, PeopleDesk(setting, told), told


@contextmanager
def staffed(folder: Path, **more: Any) -> Iterator[Staff]:
    """The door of the staffed place, open."""
    setting, desk, told = open_staff(folder)
    built = house(place=staffed_place(), people=desk, events=told, machine_us=machine_now_us, **more)
    try:
        with opened(built) as door:
            yield Staff(door, desk, setting, told)
    finally:
        setting.state.dispose()


class SoftKey:
    """An authenticator in software, for what a browser would never send."""

    def __init__(self, origin: str, host: str = "localhost") -> None:
        self.origin, self.host, self.count, self.verifies = origin, host, 0, True
        self.id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`."""
        public = cbor.encode(dict(ES256.from_cryptography_key(self._key.public_key())))
        data = self._data(0x40) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        client = self._client("webauthn.create", asked["challenge"])
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": _text(client), "attestationObject": _text(made)})

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`."""
        self.count += 1
        data, client = self._data(0), self._client("webauthn.get", asked["challenge"])
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {"clientDataJSON": _text(client), "authenticatorData": _text(data), "signature": _text(signature)}
        )

    def _data(self, more: int) -> bytes:
        flags = 0x01 | (0x04 if self.verifies else 0) | more
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": _text(self.id),
            "rawId": _text(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
