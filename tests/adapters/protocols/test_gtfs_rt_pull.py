"""Fetching feeds: what is new, what is not, and what a sender may not do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cityward.adapters.outward.connect import Outward
from cityward.adapters.protocols.gtfs_rt.pull import PATIENCE_S, Nothing, Pull, path_of
from cityward.place.data import FeedSource
from cityward.place.exits import exit_by_hand


class Sender:
    """Answers as it is told; remembers the tags it was asked with."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"one", dict[str, str]()
        self.asked = list[str | None]()
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.asked.append(self.headers.get("If-None-Match"))
                self.send_response(mine.status)
                for name, value in {"Content-Length": str(len(mine.body)), **mine.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(mine.body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def pull(self, most: int = 1000) -> Pull:
        address = f"http://127.0.0.1:{self.server.server_port}/feed.pb"
        feed = FeedSource(url=address, max_bytes=most)
        return Pull(feed, Path(), Path(), Outward(), exit_by_hand("feed:x", address))


@pytest.fixture
def sender() -> Iterator[Sender]:
    with serving() as one:
        yield one


@contextmanager
def serving() -> Iterator[Sender]:
    one = Sender()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
        thread.join()


def test_a_new_body_is_given_once(sender: Sender) -> None:
    pull = sender.pull()
    assert [pull.fetch(), pull.fetch()] == [b"one", Nothing.UNCHANGED]
    sender.body = b"two"
    assert pull.fetch() == b"two"


def test_a_sender_that_knows_tags_is_asked_with_its_last_one(sender: Sender) -> None:
    sender.headers = {"ETag": '"a"'}
    pull = sender.pull()
    pull.fetch()
    sender.status, sender.body = 304, b""
    assert pull.fetch() is Nothing.UNCHANGED
    assert sender.asked == [None, '"a"']


def test_a_redirect_is_not_followed(sender: Sender) -> None:
    sender.status, sender.headers = 302, {"Location": "http://127.0.0.1:9/elsewhere"}
    pull = sender.pull()
    assert pull.fetch() is Nothing.REFUSED_EXIT
    assert len(sender.asked) == 1


def test_a_body_larger_than_declared_is_not_taken(sender: Sender) -> None:
    sender.body = b"x" * 1001
    assert sender.pull().fetch() is Nothing.TOO_LARGE
    sender.body = b"x" * 1000
    assert sender.pull().fetch() == b"x" * 1000


def test_an_answer_that_is_no_feed_is_counted_and_the_pause_grows(sender: Sender) -> None:
    sender.status = 503
    pull = sender.pull()
    pauses = []
    for _ in range(12):
        assert pull.fetch() is Nothing.BAD_STATUS
        pauses.append(pull.pause_s(1.0))
    assert pauses[:4] == [60.0, 120.0, 240.0, 480.0]
    assert pauses[-1] == 600.0
    sender.status = 200
    pull.fetch()
    assert pull.pause_s(1.0) == 30.0


def test_a_sender_that_is_not_there_is_no_error() -> None:
    with serving() as one:
        pull = one.pull()
    assert pull.fetch() is Nothing.NO_ANSWER
    assert pull.why


@pytest.fixture
def missing(tmp_path: Path) -> tuple[Pull, list[float]]:
    """A file that is not there, and the real seconds that have passed."""
    passed = [1000.0]
    feed = FeedSource(file="state:feeds/timetable.zip", every_s=3600)
    return Pull(feed, Path(), tmp_path, clock=lambda: passed[0]), passed


def test_a_file_that_is_not_there_yet_is_looked_for_again_soon(missing: tuple[Pull, list[float]]) -> None:
    pull, _ = missing
    pauses = list[float]()
    for _ in range(4):
        assert pull.fetch() is Nothing.NO_ANSWER
        pauses.append(pull.pause_s(1.0))
    assert pauses == [2.0, 4.0, 8.0, 16.0]


def test_a_file_that_is_only_not_there_yet_is_no_trouble(missing: tuple[Pull, list[float]]) -> None:
    pull, passed = missing
    for _ in range(50):  # however often it is looked for
        assert pull.fetch() is Nothing.NO_ANSWER
        assert not pull.is_told
    passed[0] += PATIENCE_S - 1
    pull.fetch()
    assert not pull.is_told
    (pull.state / "feeds").mkdir()
    (pull.state / "feeds" / "timetable.zip").write_bytes(b"now")
    passed[0] += 2
    assert pull.fetch() == b"now"
    assert not pull.is_told
    assert pull.pause_s(1.0) == 3600.0


def test_a_file_that_stays_missing_is_told_once_and_again_when_it_has_come_and_gone(
    missing: tuple[Pull, list[float]],
) -> None:
    pull, passed = missing
    file = pull.state / "feeds" / "timetable.zip"
    file.parent.mkdir()
    told = list[bool]()
    for after_s in (0, PATIENCE_S, 1, PATIENCE_S):
        passed[0] += after_s
        pull.fetch()
        told.append(pull.is_told)
    assert told == [False, True, False, False]
    assert pull.why == "`state:feeds/timetable.zip` is not there"
    file.write_bytes(b"now")
    pull.fetch()
    file.unlink()
    pull.fetch()
    assert not pull.is_told
    passed[0] += PATIENCE_S
    pull.fetch()
    assert pull.is_told


def test_a_file_that_is_there_and_cannot_be_taken_is_told_at_once_with_why(tmp_path: Path) -> None:
    (tmp_path / "rt.pb").write_bytes(b"x" * 17)
    pull = Pull(FeedSource(file="rt.pb", max_bytes=16), tmp_path, tmp_path)
    pull.fetch()
    assert (pull.is_told, pull.why) == (True, "`rt.pb` is larger than 16 bytes")
    (tmp_path / "folder.pb").mkdir()
    pull = Pull(FeedSource(file="folder.pb"), tmp_path, tmp_path)
    assert pull.fetch() is Nothing.NO_ANSWER
    assert (pull.is_told, pull.why) == (True, "`folder.pb` cannot be read: Is a directory")


def test_a_missing_file_is_looked_for_no_more_seldom_than_declared(tmp_path: Path) -> None:
    pull = Pull(FeedSource(file="state:rt.pb", every_s=30), Path(), tmp_path)
    for _ in range(20):
        pull.fetch()
    assert pull.pause_s(1.0) == 30.0


def test_a_fast_clock_asks_no_more_often_than_each_second(sender: Sender) -> None:
    assert sender.pull().pause_s(600.0) == 1.0


def test_a_file_is_read_from_the_place_or_from_the_state(tmp_path: Path) -> None:
    place, state = tmp_path / "place", tmp_path / "state"
    for folder, text in ((place, b"of the place"), (state, b"of the city")):
        folder.mkdir()
        (folder / "feed.pb").write_bytes(text)
    assert Pull(FeedSource(file="feed.pb"), place, state).fetch() == b"of the place"
    assert Pull(FeedSource(file="state:feed.pb"), place, state).fetch() == b"of the city"
    assert Pull(FeedSource(file="none.pb"), place, state).fetch() is Nothing.NO_ANSWER
    assert Pull(FeedSource(file="feed.pb", max_bytes=16), place, state).fetch() == b"of the place"
    (place / "feed.pb").write_bytes(b"x" * 17)
    assert Pull(FeedSource(file="feed.pb", max_bytes=16), place, state).fetch() is Nothing.TOO_LARGE


def test_an_address_keeps_its_query() -> None:
    assert path_of("https://agency.example/rt?kind=vehicles") == "/rt?kind=vehicles"
    assert path_of("https://agency.example") == "/"
