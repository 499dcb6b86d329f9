"""Letting a device in from the console: whose right it is, what is refused, and that a secret is told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as replace_fields

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.entering.devices import Asked as AskedLife
from cityward.compose.entering.devices import Life, RegisterDesk, take_out
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import DeviceLife
from cityward.place.roles import Right, Role
from cityward.watch.events import EventKind
from towns import stopped_city, write_town
from web.house import House, MemoryPeople, house, opened
from web.staff import Told, staffed_place
from web.test_people import why

FROM_US = {"sec-fetch-site": "same-origin"}
LOOKS = (Right.LOOK, Right.DEVICES)
ROLES = {
    "engineer": Role(party="council", rights=LOOKS),
    "two": Role(party="council", rights=LOOKS, two_person=(Right.DEVICES,)),
    "looker": Role(party="council", rights=(Right.LOOK,)),
    "makers": Role(party="northlight", rights=LOOKS, services=("lighting",), datasets=("lamps",)),
}


@dataclass
class Giving:
    """`Registering`, in memory."""

    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def give(self, device: str, person: str, again: bool) -> dict[str, str]:
        if device == "old-counter":
            raise PlaceError("`old-counter` is lost", mend="find it")
        self.asked.append((device, person, again))
        return {"secret": f"secret-of-{device}"}


@pytest.fixture
def giving() -> Giving:
    return Giving()


@pytest.fixture
def door(giving: Giving) -> Iterator[House]:
    people = MemoryPeople()
    for name, role in ROLES.items():
        people.hold(name, name, party=role.party)
    place = replace_fields(staffed_place(), roles=ROLES)
    built = house(place, people=people)
    built.doors = replace(built.doors, registering=giving)
    with opened(built) as one:
        yield one


def ask(client: httpx.Client, device: str, body: Any = None, **more: Any) -> httpx.Response:
    return client.post(f"/api/devices/{device}/credential", json=body or {}, headers=FROM_US, **more)


def test_an_engineer_is_told_a_secret_and_no_answer_tells_it_again(door: House, giving: Giving) -> None:
    with door.client("engineer") as eva:
        told = ask(eva, "counter-1", {"again": True})
        assert told.status_code == 201 and told.headers["cache-control"] == "no-store"
        assert told.json() == {
            "device": "counter-1",
            "secret": "secret-of-counter-1",
            "command_key": None,
            "topic": "in/counter-1",
            "mqtt": "",
        }
        listed = eva.get("/api/credentials")
        assert "secret-of" not in listed.text and listed.json()["alone"] is True
        states = {one["device"]: one["state"] for one in listed.json()["credentials"]}
        assert states["counter-1"] == "active" and states["counter-2"] == "none"
    assert giving.asked == [("counter-1", "engineer", True)]


def test_who_may_not_is_told_why_and_nothing_is_given(door: House, giving: Giving) -> None:
    with door.client("looker") as looker, door.client("two") as two, door.client("makers") as makers:
        assert why(ask(looker, "counter-1")) == (403, "no-right") == why(looker.get("/api/credentials"))
        assert why(ask(two, "counter-1")) == (403, "two-person")
        assert two.get("/api/credentials").json()["alone"] is False
        assert ask(makers, "counter-1").status_code == 404, "a device that is not theirs is none to them"
        assert {one["device"] for one in makers.get("/api/credentials").json()["credentials"]} == {"lamp-01", "lamp-02"}
        elsewhere = makers.post("/api/devices/lamp-01/credential", json={}, headers={"sec-fetch-site": "cross-site"})
        assert why(elsewhere) == (403, "cross-site")
    with door.client("engineer") as eva:
        assert ask(eva, "no-such").status_code == 404
        assert ask(eva, "counter-1", {"again": "yes"}).status_code == 400
        assert why(ask(eva, "old-counter")) == (409, "refused")
    assert giving.asked == []


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 2)))
    one = open_setting(home)
    yield one
    one.state.dispose()


def test_the_desk_gives_once_replaces_when_asked_to_and_writes_who_did(setting: Setting) -> None:
    told = Told()
    desk = RegisterDesk(setting, told)
    given = desk.give("meter-01", "eva", False)
    first = given["secret"]
    assert given["mqtt"] == setting.city.mqtt and given["mqtt"].startswith("mqtt")
    with pytest.raises(PlaceError, match="has a secret already"):
        desk.give("meter-01", "eva", False)
    with pytest.raises(PlaceError, match="has no secret to replace"):
        desk.give("meter-02", "eva", True)
    with pytest.raises(PlaceError, match="is not declared"):
        desk.give("meter-99", "eva", False)
    assert desk.give("meter-01", "bo", True)["secret"] != first
    take_out(AskedLife(setting.home.root, "meter-01", "bo"), Life.STOLEN)
    for again in (False, True):
        with pytest.raises(PlaceError, match="is stolen"):
            desk.give("meter-01", "eva", again)
    records = [one for _, one in tail_of(setting.home.ledger("devices"), 9) if isinstance(one, DeviceLife)]
    assert [(one.to, one.person) for one in records] == [("added", "eva"), ("rotated", "bo"), ("stolen", "bo")]
    assert [one.kind for one in told.events] == [EventKind.LIFE, EventKind.PRIVILEGE] * 2
    assert {one.by for one in told.events} == {"web"} and first not in repr((records, told.events))


def test_a_device_with_a_certificate_is_let_in_on_the_citys_machine_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 1, credential="certificate")))
    setting = open_setting(home)
    with pytest.raises(PlaceError, match="certificate"):
        RegisterDesk(setting).give("meter-01", "eva", False)
    assert not list(setting.state.all())
    setting.state.dispose()
