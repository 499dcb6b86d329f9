"""How many may be in at one time, of a device and of a budget. `tests/city/test_told.py` has the real broker."""

from __future__ import annotations

from pathlib import Path

from cityward.adapters.bus.room import EXPECTED_US, Room, Shared, room_of
from cityward.compose.places import load_place
from cityward.place.registry import number
from towns import write_town

NOW = 1_000_000_000


def a_room(*marks: int) -> Room:
    """Of two lamps that share one budget, and of a pump that is critical."""
    shared = Shared("party:acme", marks)
    devices = ("lamp-1", "lamp-2", "lamp-3", "pump")
    return Room(dict.fromkeys(devices, (shared,)), {"lamp-1": 2}, {"pump": 0, "lamp-1": 2, "lamp-2": 2, "lamp-3": 2})


def test_who_is_let_in_takes_room_before_it_is_seen() -> None:
    room = a_room(2, 2, 2)
    room.expect(1, "lamp-1", "lamp-1", NOW)
    assert room.full("lamp-2", NOW) == ""
    room.expect(2, "lamp-2", "lamp-2", NOW)
    assert room.full("lamp-3", NOW) == "party:acme"
    assert room.inside() == {"party:acme": 2}


def test_a_connection_that_is_seen_is_counted_once_and_leaves_its_room_when_it_ends() -> None:
    room = a_room(2, 2, 2)
    room.expect(1, "lamp-1", "lamp-1", NOW)
    room.came(1, "lamp-1")
    room.came(2, "lamp-2")  # in before the door was
    assert room.inside() == {"party:acme": 2}
    room.gone("lamp-1")
    assert room.inside() == {"party:acme": 1}
    room.gone("lamp-2")
    assert room.inside() == {}


def test_who_was_let_in_and_never_came_gives_its_room_back() -> None:
    room = a_room(1, 1, 1)
    room.expect(1, "lamp-1", "lamp-1", NOW)
    assert room.full("lamp-2", NOW + EXPECTED_US - 1) == "party:acme"
    assert room.clients_expected("lamp-1") == {"lamp-1"}
    assert room.full("lamp-2", NOW + EXPECTED_US) == ""
    assert room.clients_expected("lamp-1") == set()


def test_routine_devices_leave_critical_ones_their_room() -> None:
    room = a_room(3, 2, 2)
    room.came(1, "lamp-1")
    room.came(2, "lamp-2")
    assert room.full("lamp-3", NOW) == "party:acme"
    assert room.full("pump", NOW) == ""
    room.came(3, "pump")
    assert room.full("pump", NOW) == "party:acme"


def test_a_device_has_four_places_or_as_many_as_declared() -> None:
    room = a_room(9, 9, 9)
    assert (room.most_of("lamp-1"), room.most_of("pump")) == (2, 4)


def test_the_room_of_a_place_is_that_of_its_budgets_the_narrow_ones_first(tmp_path: Path) -> None:
    folder = write_town(tmp_path / "town", 3)
    with (folder / "place.yaml").open("a") as file:
        file.write(
            "budgets:\n  all: {of: council, connections: 30}\n  few: {of: meter, connections: 2}\n"
            "  light: {of: meter-light, messages_per_minute: 5}\n  one: {of: meter-02, connections: 1}\n"
        )
    room = room_of(number(load_place(folder).place))
    assert [one.id for one in room.shared["meter-01"]] == ["group:meter", "party:council"]
    assert room.shared["meter-01"][0].marks == (2, 2, 2)  # nobody needs the meters: there is no class above them
    assert (room.most_of("meter-01"), room.most_of("meter-02")) == (4, 1)
