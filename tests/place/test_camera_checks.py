"""What a declaration of cameras may not say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cityward.errors import PlaceErrors
from cityward.place.checks.whole import Word
from cityward.place.loader import load
from viewings import CAMERA_TOWN


def told(text: str) -> list[str]:
    """What is wrong with a town."""
    give: Callable[[str], bytes] = lambda _: text.encode()  # noqa: E731
    try:
        load("place.yaml", give, {"Europe/London", "UTC"})
    except PlaceErrors as errors:
        return [error.what for error in errors.errors]
    return []


def test_the_town_of_the_tests_is_fine() -> None:
    assert told(CAMERA_TOWN) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("device: cam-02", "device: cam-01", "is camera `quay` already"),
        ("view: The gate", "view: The gate, keep_hours: 400", "recordings are kept for 400 h"),
        ("flow: pictures, dataset: video, purpose: safety, lawful_basis: public-task, view: The yard",
         "flow: numbers, dataset: video, purpose: safety, lawful_basis: public-task, view: The yard",
         "carries `counts`, not `video`"),
        ("dataset: video, purpose: safety, lawful_basis: public-task, view: A way",
         "dataset: counts, purpose: safety, lawful_basis: public-task, view: A way", "carries `video`, not `counts`"),
        ("{begin: [0, 0.5], end: [1, 0.5]}", "{begin: [0, 0.5], end: [0, 0.5]}", "begins where it ends"),
        ("view: The yard", "view: The yard, masks: [[[0, 0], [0.5, 0.5], [1, 1]]]", "covers nothing"),
        ("view: The yard", "view: The yard, masks: [[[0, 0], [1, 0], [1, 1], [0, 1]]]", "nearly the whole picture"),
        ("rights: [look, approve, audit]", "rights: [look, audit]", "nobody could be"),
        ("rights: [look, view], datasets: [video], from_addresses: [127.0.0.1], standing: false, longest_hours: 1",
         "rights: [look, view], datasets: [video], from_addresses: [127.0.0.1]", "look through cameras at any time"),
        ('stream: "file:yard.mp4"', 'stream: "rtsp://198.51.100.9/live"', "none of the addresses of `cam-03`"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(before: str, after: str, words: str) -> None:
    text = CAMERA_TOWN.replace("owner: council,\n", "owner: council, addresses: [192.0.2.0/28],\n", 1)
    assert before in text

    found = told(text.replace(before, after, 1))
    assert any(words in what for what in found), found


def test_where_no_role_may_view_nobody_could_look() -> None:
    found = told(CAMERA_TOWN.replace(", view]", "]"))
    assert any("no role has the right `view`" in what for what in found)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ("rtsp://[::1/live", "is no address"),
        ("rtsp://192.0.2.7:99999/live", "is no address"),
        ("rtsp://192.0.2.7:port/live", "is no address"),
        ("rtsp://admin:secret@192.0.2.7/live", "a login stands in the address"),
    ],
)
def test_an_address_that_is_none_or_holds_a_login_is_told(stream: str, words: str) -> None:
    assert any(words in one for one in told(CAMERA_TOWN.replace("file:yard.mp4", stream)))


def test_plates_are_searched_for_unless_a_reason_says_that_no_vehicle_comes() -> None:
    give: Callable[[str], bytes] = lambda _: text.encode()  # noqa: E731
    text = CAMERA_TOWN
    assert [w for w in load("place.yaml", give, {"Europe/London", "UTC"}).warnings if w.word is Word.UNSEARCHED] == []

    text = CAMERA_TOWN.replace("view: The yard", "view: The yard, no_vehicles: A walled yard", 1)
    told_of = [w for w in load("place.yaml", give, {"Europe/London", "UTC"}).warnings if w.word is Word.UNSEARCHED]
    assert [w.path for w in told_of] == ["cameras.yard.no_vehicles"]
    assert "A walled yard" in told_of[0].what


def test_no_vehicles_without_a_reason_is_refused() -> None:
    found = told(CAMERA_TOWN.replace("view: The yard", 'view: The yard, no_vehicles: "yes"', 1))
    assert any("no_vehicles" in what or "10" in what for what in found), found
