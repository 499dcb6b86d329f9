"""A role's door outward: what it refused is told to the watch, what it opened stands in the metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.compose.home import Home
from cityward.compose.outward import counted, link_counts, outward_of
from cityward.compose.people.oidc import PeopleOidc, provider_of, set_provider
from cityward.compose.progress import outward_counts
from cityward.errors import Refused
from cityward.runtime.ports import EventSink
from cityward.watch import find_detectors
from cityward.watch.events import Event, EventKind
from declarations import TOWN, loaded
from outward import Door, Names, at


class Told(EventSink):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def test_the_watch_hears_of_a_destination_that_was_refused_as_of_one_of_the_platforms():
    told = Told()
    door = outward_of(loaded(TOWN).place, "watch", told, lambda: 7, Names(hooks_example=["169.254.169.254"]))
    with pytest.raises(Refused), door.open(at("https://hooks.example/")):
        pass
    [event] = told.events
    assert (event.kind, event.by, event.at) == (EventKind.DESTINATION, "watch", 7)
    assert event.subject == f"system:{loaded(TOWN).place.platform}"
    assert (event.detail["to"], event.detail["port"], event.detail["declared"]) == ("hooks.example", "443", "no")
    assert "169.254.169.254" in event.detail["refused"]
    assert "new-destination" in find_detectors(), "and somebody judges it"


def test_the_watch_hears_where_the_provider_of_the_people_leads_elsewhere(tmp_path: Path):
    home, told = Home(tmp_path), Told()
    home.prepare()
    set_provider(home, PeopleOidc(issuer="https://id.example", client="c", addresses=("id.example", "198.51.100.0/28")))
    door = outward_of(loaded(TOWN).place, "web", told, lambda: 7, Names(id_example=["169.254.169.254"]))
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
