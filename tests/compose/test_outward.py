"""A role's door outward: what it refused is told to the watch, what it opened stands in the metrics, providers go by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.compose.outward import MOST_FETCHED, counted, fetch_from, link_counts, outward_of
from cityward.compose.progress import outward_counts
from cityward.errors import LinkError, Refused
from cityward.runtime.ports import EventSink
from cityward.watch import find_detectors
from cityward.watch.events import Event, EventKind
from declarations import TOWN, loaded
from outward import Door, Names, at
from peers import certificates_for, receiver


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


def test_a_provider_is_asked_at_its_addresses_only_and_over_tls(tmp_path: Path):
    certificates = certificates_for(tmp_path, "id.example")
    with receiver(200, certificates.server) as (port, got):
        names = Names(id_example=["127.0.0.1"], keys_example=["127.0.0.1"])
        door = Door(names, certificates.trust)
        fetch = fetch_from(door, "provider", ("id.example", "127.0.0.0/8"))
        assert fetch("POST", f"https://id.example:{port}/token?a=1", {"code": "x y"}) == (200, b"")
        with pytest.raises(Refused, match="not among its declared"):
            fetch("GET", f"https://keys.example:{port}/jwks", None)
        with pytest.raises(LinkError, match="without TLS"):
            fetch("GET", "http://id.example/", None)
        with pytest.raises(LinkError, match="cannot be asked"):
            fetch("GET", "https://a:b@id.example/", None)
    [(path, headers, body)] = got.requests
    assert (path, body, headers["Content-Type"]) == ("/token?a=1", b"code=x+y", "application/x-www-form-urlencoded")
    assert door.counts()["provider"].opened == 1
    assert MOST_FETCHED < 2**20
