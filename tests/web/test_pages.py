"""The console's files, and the map's tiles by ranges."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import LinkError
from cityward.web.api.pages import parse_range
from cityward.web.problems import Problem
from web.house import House, MemoryTiles, house, opened


@pytest.fixture
def console(tmp_path: Path) -> Path:
    """A console as Vite builds one."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Console</title>")
    (tmp_path / "assets" / "index-B3fKq9Zx.js").write_text("/* code */" * 500)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / ".secret").write_text("no")
    (tmp_path / "notes.py").write_text("no")
    return tmp_path


def test_the_shell_wants_a_session(console: Path) -> None:
    with opened(house(), console) as door, door.stranger() as stranger, door.client() as person:
        answer = stranger.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        shell = person.get("/")
        assert shell.text.startswith("<!doctype html>")
        assert shell.headers["cache-control"] == "no-cache"


def test_a_device_key_opens_no_shell(console: Path) -> None:
    with opened(house(), console) as door, door.device("counter-1") as device:
        assert device.get("/").status_code == 303


def test_built_files_are_cached_for_ever_and_zipped(console: Path) -> None:
    with opened(house(), console) as door, door.stranger() as stranger:
        answer = stranger.get("/assets/index-B3fKq9Zx.js")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(answer.text)
        plain = stranger.get("/assets/index-B3fKq9Zx.js", headers={"accept-encoding": "identity"})
        assert plain.text == answer.text
        again = stranger.get("/assets/index-B3fKq9Zx.js", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert stranger.get("/favicon.svg").headers["cache-control"] == "no-cache"


def test_only_files_of_known_kinds_are_served(console: Path) -> None:
    with opened(house(), console) as door, door.client() as person:
        for path in ("/.secret", "/notes.py", "/assets", "/assets/", "/index.html", "/assets/../notes.py"):
            assert person.get(path).status_code == 404


def test_an_installation_without_console_says_so(tmp_path: Path) -> None:
    with opened(house(), tmp_path / "nothing") as door, door.client() as person:
        assert person.get("/").status_code == 503
        assert person.get("/sign-in.css").status_code == 200


def test_tiles_are_read_by_ranges(shared: House) -> None:
    data = MemoryTiles().data
    with shared.client() as person:
        whole = person.get("/tiles/city.pmtiles")
        assert (whole.status_code, whole.content) == (200, data)
        assert whole.headers["accept-ranges"] == "bytes"
        for header, start, stop in (
            ("0-126", 0, 127),
            ("300000-900000", 300_000, 900_001),
            ("-5", len(data) - 5, len(data)),
        ):
            answer = person.get("/tiles/city.pmtiles", headers={"range": f"bytes={header}"})
            assert (answer.status_code, answer.content) == (206, data[start:stop])
            assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(data)}"
            assert answer.headers["etag"] == whole.headers["etag"]
        outside = person.get("/tiles/city.pmtiles", headers={"range": f"bytes={len(data)}-"})
        assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{len(data)}")
        stale = person.get("/tiles/city.pmtiles", headers={"range": "bytes=0-1", "if-range": '"other"'})
        assert stale.status_code == 200
        fresh = person.get("/tiles/city.pmtiles", headers={"if-none-match": whole.headers["etag"]})
        assert fresh.status_code == 304
        head = person.head("/tiles/city.pmtiles")
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(data)))


def test_a_city_without_tiles_says_404() -> None:
    with opened(house(tiles=None)) as door, door.client() as person:
        assert person.get("/tiles/city.pmtiles").status_code == 404


def test_a_disk_that_does_not_answer_is_503() -> None:
    class Broken(MemoryTiles):
        def read(self, start: int, length: int) -> bytes:
            raise LinkError("the disk does not answer")

    with opened(house(tiles=Broken())) as door, door.client() as person:
        assert person.get("/tiles/city.pmtiles").status_code == 503


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=1-2,4-5", "bytes=5-4", "items=0-1", "bytes=a-b", "bytes=--1"]
)
def test_a_range_that_is_none_is_left_out(header: str | None) -> None:
    assert parse_range(header, 100) is None


@given(st.text(alphabet="bytes=-0123456789, ", max_size=24), st.integers(0, 1000))
def test_any_range_lies_inside_the_file(header: str, size: int) -> None:
    try:
        span = parse_range(header, size)
    except Problem as problem:
        assert problem.status == 416
        return
    if span is not None:
        assert 0 <= span[0] < span[1] <= size
