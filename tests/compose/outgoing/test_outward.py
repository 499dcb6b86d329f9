"""A role's door outward: what it refused is told to the watch, what it opened stands in the metrics."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Exercise, Home
from cityward.compose.outward import counted, link_counts, outward_of
from cityward.compose.people.oidc import PeopleOidc, provider_of, set_provider
from cityward.compose.progress import outward_counts
from cityward.compose.setting import Setting
from cityward.errors import Refused
from cityward.place.exits import Exit, exit_by_hand
from cityward.place.registry import number
from cityward.runtime.ports import EventSink
from cityward.watch import find_detectors
from cityward.watch.events import Event, EventKind
from declarations import TOWN, loaded
from outward import Door, Names, at
from towns import stopped_city


class Told(EventSink):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def setting_of(folder: Path, exercise: Exercise | None = None) -> Setting:
    """A city of the town, or a twin of it."""
    city = replace(stopped_city(folder), exercise=exercise)
    town = loaded(TOWN)
    return Setting(Home(folder), city, town, number(town.place), SqlState(f"sqlite:///{folder}/state.db"))


def test_a_twin_calls_nobody_but_the_exercises_own_servers(tmp_path: Path):
    told = Told()
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as theirs,
        closing(socket.create_server(("127.0.0.1", 0))) as ours,
    ):
        free, shut = (one.getsockname()[1] for one in (ours, theirs))
        twin = Exercise(id="a1", secret="s", stand_ins=(f"127.0.0.1:{free}",))
        door = outward_of(setting_of(tmp_path, twin), "watch", told, Names())
        with pytest.raises(Refused, match="exercise a1: it is closed"), door.open(_here(shut)):
            pass
        with pytest.raises(Refused, match="it is closed"):
            door.send_datagram(_here(shut), b"1")
        with door.open(_here(free)) as link:
            assert link.sock.getpeername()[1] == free
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.accept()
    assert [one.detail["declared"] for one in told.events] == ["no", "no"]


def _here(port: int) -> Exit:
    return exit_by_hand("test", f"http://127.0.0.1:{port}")


def test_the_watch_hears_of_a_destination_that_was_refused_as_of_one_of_the_platforms(tmp_path: Path):
    told = Told()
    door = outward_of(setting_of(tmp_path), "watch", told, Names(hooks_example=["169.254.169.254"]))
    with pytest.raises(Refused), door.open(at("https://hooks.example/")):
        pass
    [event] = told.events
    assert (event.kind, event.by) == (EventKind.DESTINATION, "watch")
    assert event.subject == f"system:{loaded(TOWN).place.platform}"
    assert (event.detail["to"], event.detail["port"], event.detail["declared"]) == ("hooks.example", "443", "no")
    assert "169.254.169.254" in event.detail["refused"]
    assert "new-destination" in find_detectors(), "and somebody judges it"


def test_the_watch_hears_where_the_provider_of_the_people_leads_elsewhere(tmp_path: Path):
    home, told = Home(tmp_path), Told()
    home.prepare()
    set_provider(home, PeopleOidc(issuer="https://id.example", client="c", addresses=("id.example", "198.51.100.0/28")))
    door = outward_of(setting_of(tmp_path), "web", told, Names(id_example=["169.254.169.254"]))
    provider = provider_of(home, door)
    assert provider is not None
    with pytest.raises(Refused):
        provider.fetch("GET", "https://id.example/.well-known/openid-configuration", None)
    assert [(one.by, one.detail["where"], one.detail["declared"]) for one in told.events] == [
        ("web", "people:oidc", "no")
    ]
    assert door.counts()["people:oidc"].refused == 1


def test_what_was_opened_stands_where_the_metrics_find_it(tmp_path: Path):
    door = Door(Names(hooks_example=["10.0.0.1"]))

    async def calls() -> None:
        async with counted(tmp_path, "alerts", door):
            with pytest.raises(Refused), door.open(at("https://hooks.example/")):
                pass

    asyncio.run(calls())
    assert (link_counts(tmp_path)["test"].refused, link_counts(tmp_path)["test"].opened) == (1, 0)
    (tmp_path / "torn.outward.json").write_text('{"exits": {"x')
    assert list(link_counts(tmp_path)) == ["test"]


def test_the_metrics_have_them_by_exit_and_outcome(tmp_path: Path):
    (tmp_path / "alerts.outward.json").write_text(
        '{"exits": {"alert:desk": {"flows": ["f"], "opened": 3, "closed": 2, "failed": 1, "last_refusal": "x"}}}'
    )
    assert outward_counts(tmp_path) == {
        ("alert:desk", "opened"): 3,
        ("alert:desk", "closed"): 2,
        ("alert:desk", "failed"): 1,
        ("alert:desk", "refused"): 0,
        ("alert:desk", "cut"): 0,
    }
