"""The public pages at the door: without a script, in three languages, made of the declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import httpx
import msgspec
import numpy as np
import pytest

from cityward.compose.places import load_place
from cityward.place.registry import number
from cityward.runtime.ports import Latest
from cityward.time import HOUR
from cityward.web.public.words import LANGUAGES, TEXTS, chosen
from web.house import NOON, house, opened

LOADED = load_place(Path("examples/doggerford"))


@pytest.fixture(scope="module")
def citizen() -> Iterator[httpx.Client]:
    """Somebody without an account."""
    made = house()
    made.state.rows = [
        Latest("noise-meters-01", "sound-level", 60.0, NOON, NOON, 1),
        Latest("noise-meters-02", "sound-level", 71.0, NOON, NOON, 2),
        Latest("noise-meters-03", "sound-level", 99.0, NOON - 2 * HOUR, NOON, 4),
        Latest("tide-gauges-01", "water-level", 1.0, NOON - 2 * HOUR, NOON, 5),
        Latest("harbour-cameras-02", "pedestrian-count", 4711.0, NOON, NOON, 3),
    ]
    made.doors = replace(
        made.doors, place=LOADED.place, registry=number(LOADED.place), digest=LOADED.digest, machine_us=lambda: NOON
    )
    with opened(made) as door, httpx.Client(base_url=door.url) as client:
        yield client


class Page(HTMLParser):
    """Headings by level, and what would load something or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.loaded: list[str] = []
        self.unnamed_cells = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"h1", "h2", "h3"}:
            self.levels.append(int(tag[1]))
        if tag in {"script", "iframe", "object", "img", "style"} or any(name.startswith("on") for name in given):
            self.loaded.append(tag)
        if tag == "link":
            self.loaded.append(given["href"] or "")
        self.unnamed_cells += tag == "th" and "scope" not in given


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language_stands_without_a_script_and_in_order(citizen: httpx.Client, language: str):
    groups = [one["id"] for one in citizen.get("/api/public/notices").json()["notices"]]
    assert len(groups) > 30
    for path in ("/public/", *(f"/public/{group}" for group in groups)):
        answer = citizen.get(path, params={"lang": language})
        page = Page(answer.text)
        assert answer.status_code == 200 and answer.headers["content-language"] == language, path
        assert page.loaded == ["/favicon.svg", "/public.css"], path
        assert page.levels[0] == 1 and page.levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in zip(page.levels, page.levels[1:], strict=False)), path
        assert page.unnamed_cells == 0 and f'<html lang="{language}">' in answer.text
        assert LOADED.digest in answer.text


def test_the_languages_say_the_same_things():
    assert TEXTS["en"].keys() == TEXTS["nb"].keys() == TEXTS["cy"].keys()
    gaps = {
        language: {
            key: sorted(text.split("{")[1:]) and sorted(part.split("}")[0] for part in text.split("{")[1:])
            for key, text in texts.items()
        }
        for language, texts in TEXTS.items()
    }
    assert gaps["en"] == gaps["nb"] == gaps["cy"]


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "en"),
        ("nb", "en", "nb"),
        ("", "nn-NO,en;q=0.8", "nb"),
        ("", "de,cy;q=0.5", "cy"),
        ("xx", "fr", "en"),
        ("../", "", "en"),
    ],
)
def test_the_language_is_what_was_asked_for_or_what_the_browser_reads(asked: str, accepted: str, language: str):
    assert chosen(asked, accepted) == language


def test_what_is_open_is_shown_as_one_figure_and_what_is_about_people_is_not(citizen: httpx.Client):
    noise = citizen.get("/public/noise-meters").text
    assert "65.5" in noise and "mean of 2" in noise and "71" not in noise.replace(LOADED.digest, "")
    cameras = citizen.get("/public/harbour-cameras").text
    assert "4711" not in cameras and TEXTS["en"]["sample_closed"] in cameras
    assert TEXTS["en"]["camera_no_plates"] in cameras
    assert TEXTS["en"]["camera_no_plates"] not in citizen.get("/public/ring-road-cameras").text


def counters(*values: float) -> str:
    """What the page of the four counters of walkers shows, when these are the newest of the first ones."""
    made = house()
    made.state.rows = [
        Latest(f"harbour-counters-0{n}", "pedestrian-count", value, NOON, NOON, n) for n, value in enumerate(values, 1)
    ]
    made.doors = replace(made.doors, place=LOADED.place, registry=number(LOADED.place), machine_us=lambda: NOON)
    with opened(made) as door:
        return httpx.get(f"{door.url}/public/harbour-counters").text


def test_nobody_is_seen_passing_in_a_figure():
    """Few walkers, or few counters that count them: the figure would tell of one of them."""
    assert "mean of 3" in counters(40.0, 50.0, 60.0)
    for few in ((1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (40.0, 50.0), (40.0,)):
        page = counters(*few)
        assert "mean of" not in page and TEXTS["en"]["sample_none"] in page


def test_what_was_said_hours_ago_is_not_what_it_says_now(citizen: httpx.Client):
    page = citizen.get("/public/tide-gauges").text
    assert TEXTS["en"]["sample_none"] in page and "mean of" not in page


def test_a_sign_leads_to_its_page(citizen: httpx.Client):
    drawing = citizen.get("/public/harbour-cameras/sign.svg").text
    assert drawing.startswith("<svg") and "<script" not in drawing
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(_pixels(drawing))
    assert found == f"{citizen.base_url}/public/harbour-cameras".replace("//public", "/public")


def _pixels(drawing: str) -> np.ndarray:
    """The drawing of a QR code as a picture: its path has horizontal strokes only, `M x y` (moves) and `h n`."""
    width = int(drawing.split('width="')[1].partition('"')[0]) // 8
    picture = np.full((width, width), 255, dtype=np.uint8)
    path = drawing.split(' d="')[1].partition('"')[0]
    x, y = 0.0, 0.0
    for command, numbers in _commands(path):
        if command == "M":
            x, y = numbers
        elif command == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            picture[int(y), int(x) : int(x + numbers[0])] = 0
            x += numbers[0]
    return np.kron(picture, np.ones((8, 8), dtype=np.uint8))


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    for part in path.replace("M", "|M").replace("m", "|m").replace("h", "|h").split("|")[1:]:
        yield part[0], [float(one) for one in part[1:].replace("-", " -").split()]


def test_what_is_not_sensed_here_is_not_found(citizen: httpx.Client):
    gone = citizen.get("/public/nothing?lang=en")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing of this name is sensed here now" in gone.text
    assert "<script" not in gone.text.lower()
    assert citizen.get("/public/nothing/sign.svg").status_code == 404
    assert citizen.get("/public/", params={"lang": "en", "more": "x"}).status_code == 400


def test_the_same_is_there_in_the_categories_of_dtpr(citizen: httpx.Client):
    told = citizen.get("/api/public/dtpr").json()
    assert told["declaration"] == f"sha256:{LOADED.digest}"
    cameras = next(one for one in told["datachains"] if one["id"] == "harbour-cameras")["elements"]
    assert cameras.keys() == {
        "accountable",
        "purpose",
        "technology",
        "data-type",
        "process",
        "access",
        "storage",
        "retention",
    }
    assert cameras["technology"] == ["camera"] and "XA (law)" in cameras["storage"]


def test_what_a_declaration_calls_things_is_shown_as_text():
    device = msgspec.structs.replace(LOADED.place.devices["noise-meters"], name="<script>alert(1)</script>{{ 7 * 7 }}")
    place = msgspec.structs.replace(LOADED.place, devices={**LOADED.place.devices, "noise-meters": device})
    made = house()
    made.doors = replace(made.doors, place=place, registry=number(place), machine_us=lambda: NOON)
    with opened(made) as door:
        text = httpx.get(f"{door.url}/public/noise-meters").text
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text and "{{ 7 * 7 }}" in text
