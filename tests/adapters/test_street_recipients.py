"""A played recipient that asks: by its key, page by page, from where the last answer ended, and now and then in vain."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from cityward.adapters.street.door_http import HttpDoor
from cityward.adapters.street.recipients import OVERLAP_US, Asker, PlayedRecipient
from cityward.time import DAY, HOUR, CityClock, iso

NOON = 20_000 * DAY + 12 * HOUR
LANE, WRONG = ("counts", "planning"), ("counts", "research")


class Door(http.server.ThreadingHTTPServer):
    """Answers in turn with what `pages` says: (status, rows, next)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[tuple[str, str, str, str, str]] = []
        self.pages: list[tuple[int, int, int | None]] = []


class Asked(http.server.BaseHTTPRequestHandler):
    server: Door

    def do_GET(self) -> None:
        told = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        key = self.headers["Authorization"]
        self.server.asked.append((key, told["dataset"], told["purpose"], told["since"], told["until"]))
        status, rows, further = self.server.pages.pop(0)
        self.send_response(status)
        self.send_header("Cityward-Rows", str(rows))
        if further is not None:
            self.send_header("Cityward-Next", str(further))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asker(door: Door, wrong: tuple[str, str] | None = None) -> Asker:
    played = PlayedRecipient("acme-desk", "query", (LANE,), wrong, lambda: "cwr_key")
    return Asker(played, HttpDoor(f"http://127.0.0.1:{door.server_address[1]}"), CityClock(0, 0, 60.0), lambda: NOON)


def test_it_follows_the_pages_and_goes_on_where_it_ended(door: Door):
    one, between = asker(door), NOON - HOUR
    door.pages = [(200, 5000, between), (200, 7, None), (200, 0, None)]
    assert asyncio.run(one.turn()) and asyncio.run(one.turn())
    since = [since for *_, since, _ in door.asked]
    assert since == [iso(NOON - 2 * HOUR), iso(between), iso(NOON - OVERLAP_US)]
    assert {key for key, *_ in door.asked} == {"Bearer cwr_key"}
    assert one.received == 5007


def test_a_no_is_an_answer_and_no_answer_is_none(door: Door):
    one = asker(door)
    door.pages = [(403, 0, None)]
    assert asyncio.run(one.turn())
    one.door = HttpDoor("http://127.0.0.1:1")  # nobody listens there
    assert not asyncio.run(one.turn())


def test_now_and_then_it_asks_for_what_it_may_not_have(door: Door):
    one = asker(door, WRONG)
    door.pages = [(200, 1, None), (403, 0, None)] + [(200, 1, None)] * 15
    for _ in range(16):
        asyncio.run(one.turn())
    assert [purpose for _, _, purpose, _, _ in door.asked] == ["planning", "research"] + ["planning"] * 15
