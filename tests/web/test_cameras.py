"""Cameras by the real door: states and counts for who looks at the city, pictures for granted views alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cityward.runtime.ports import Latest
from cityward.web import identity
from cityward.web.ports import machine_now_us
from viewings import JPEG, REASON, MemoryPictures, Watchers, watchers
from web.house import House, house, opened

ASKED = {"purpose": "safety", "reason": REASON, "minutes": 1}


@dataclass
class Wall:
    """The town of cameras with its door open."""

    door: House
    town: Watchers
    pictures: MemoryPictures

    def ask(self, client: httpx.Client, camera: str = "quay", **more: Any) -> dict[str, Any]:
        """A view that is open, or waits."""
        answer = client.post(f"/api/cameras/{camera}/views", json=ASKED | more)
        assert answer.status_code == 201, answer.text
        return answer.json()


@contextmanager
def wall(folder: Path, pictures: Any = None, **more: Any) -> Iterator[Wall]:
    """The town's door, open. more: what else is behind it, and which console."""
    pictures, console = pictures or MemoryPictures(), more.pop("console", None)
    with watchers(folder) as town:
        setting = town.setting
        told = {
            "quay": {"heard_s_ago": 1.0, "troubles": {"frozen": 12.0}, "passed": {"gate-line": {"person forward": 3}}}
        }
        built = house(
            place=setting.loaded.place, people=town.people, events=town.told, machine_us=machine_now_us,
            viewing=town.desk, pictures=pictures, segments=setting.state.segments, camera_told=lambda: told, **more,
        )  # fmt: skip
        built.doors = replace(built.doors, sessions=setting.state, registry=setting.registry)
        built.sessions = setting.state  # type: ignore[assignment]
        built.state.rows = [Latest("cam-01", "picture-rate", 5.0, 1, 1, 1)]
        with opened(built, console) as door:
            yield Wall(door, town, pictures)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Wall]:
    with wall(tmp_path) as one:
        yield one


def picture(client: httpx.Client, view: str, token: str, at: int = 0) -> httpx.Response:
    return client.get(f"/api/views/{view}/picture", params={"at": at} if at else {}, headers={"x-view-token": token})


def test_the_wall_tells_states_and_counts_and_no_picture(made: Wall) -> None:
    with made.door.client("ada") as ada:
        told = ada.get("/api/cameras").json()

    by_id = {one["id"]: one for one in told["cameras"]}
    assert list(by_id) == ["quay", "gate", "yard", "count-only"]
    quay = by_id["quay"]
    assert (quay["troubles"], quay["readings"], quay["viewing"]) == ({"frozen": 12.0}, {"picture-rate": 5.0}, 0)
    assert quay["lines"] == [{"line": "gate-line", "ways": {"person forward": 3}}]
    assert (quay["may_ask"], quay["purposes"], quay["heard"]) == (True, ["safety"], True)
    assert (by_id["count-only"]["may_ask"], by_id["gate"]["heard"]) == (False, False)
    assert made.pictures.asked == []


def test_readings_are_for_whoever_may_see_that_data(made: Wall) -> None:
    with made.door.client("cy") as clerk:
        [quay, *_] = clerk.get("/api/cameras").json()["cameras"]

    assert (quay["readings"], quay["may_ask"]) == ({}, False)


def test_pictures_of_a_granted_view_come_one_for_one_token_with_the_viewers_mark(made: Wall) -> None:
    with made.door.client("ada") as ada:
        found = made.ask(ada)
        first = picture(ada, found["view"]["id"], found["token"])
        second = picture(ada, found["view"]["id"], first.headers["x-view-token"])

    assert (first.status_code, first.headers["content-type"], second.status_code) == (200, "image/jpeg", 200)
    assert first.content.startswith(JPEG)
    assert first.headers["cache-control"] == "no-store"
    assert [what[:2] for what in made.pictures.asked] == [("covered", "quay")] * 2
    assert made.pictures.asked[0][2].startswith("ada 20")


def test_a_used_token_a_stolen_one_and_none_at_all_get_no_picture_and_are_on_record(made: Wall) -> None:
    with made.door.client("ada") as ada, made.door.client("eve") as eve, made.door.client("ada") as elsewhere:
        found = made.ask(ada)
        view, token = found["view"]["id"], found["token"]
        picture(ada, view, token)
        answers = [picture(ada, view, token), picture(eve, view, token), picture(elsewhere, view, token)]
        answers += [ada.get(f"/api/views/{view}/picture"), picture(ada, "no-such-view", token)]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert len(made.pictures.asked) == 1
    reasons = [row.reasons for row in made.town.desk.refusals(10)]
    assert sorted(reasons) == sorted(
        [("wrong-token",), ("other-session",), ("other-session",), ("wrong-token",), ("not-open",)]
    )


@pytest.mark.parametrize(
    ("who", "camera", "more", "word"),
    [
        ("ada", "quay", {"purpose": ""}, "wrong-purpose"),
        ("ada", "quay", {"purpose": "planning"}, "wrong-purpose"),
        ("ada", "quay", {"reason": "because"}, "no-reason"),
        ("ada", "gate", {"minutes": 30}, "too-long"),
        ("ada", "nowhere", {}, "undeclared"),
        ("cy", "quay", {}, "no-right"),
        ("mel", "quay", {}, "no-session"),
        ("fay", "quay", {}, "no-session"),
    ],
)
def test_a_refused_question_says_why_and_what_to_do(
    made: Wall, who: str, camera: str, more: dict[str, Any], word: str
) -> None:
    with made.door.client(who) as client:
        answer = client.post(f"/api/cameras/{camera}/views", json=ASKED | more)

    assert answer.status_code == 403
    assert word in answer.json()["detail"]
    assert made.town.kinds() == ["view-refused"]


def test_beyond_the_declared_fan_out_nothing_opens(made: Wall) -> None:
    with made.door.client("ada") as ada:
        made.ask(ada, "quay")
        made.ask(ada, "gate")
        answer = ada.post("/api/cameras/yard/views", json=ASKED)

    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (403, "fan-out")


def test_a_clear_view_takes_two_persons_and_shows_the_uncovered_picture_to_the_first(made: Wall) -> None:
    with made.door.client("ada") as ada, made.door.client("bo") as bo:
        waiting = made.ask(ada, cover="clear")
        view = waiting["view"]["id"]
        assert (waiting["view"]["state"], waiting["token"]) == ("asked", "")
        assert ada.post(f"/api/views/{view}/open").status_code == 409
        assert ada.post(f"/api/views/{view}/approve").status_code == 403
        assert [one["id"] for one in bo.get("/api/cameras").json()["waiting"]] == [view]
        assert bo.post(f"/api/views/{view}/approve").json()["state"] == "agreed"
        assert bo.post(f"/api/views/{view}/open").status_code == 409
        found = ada.post(f"/api/views/{view}/open").json()
        assert picture(ada, view, found["token"]).status_code == 200

    [asked] = made.pictures.asked
    assert (asked[0], asked[1], asked[3]) == ("clear", "quay", view)


def test_ending_a_view_ends_its_pictures(made: Wall) -> None:
    with made.door.client("ada") as ada:
        found = made.ask(ada)
        view = found["view"]["id"]
        assert ada.post(f"/api/views/{view}/end").json()["outcome"] == "ended"
        assert picture(ada, view, found["token"]).status_code == 403
    assert made.town.kinds() == ["view-granted", "view-ended", "view-refused"]


def test_where_no_picture_comes_the_next_token_comes_all_the_same(made: Wall) -> None:
    made.pictures.away = True
    with made.door.client("ada") as ada:
        found = made.ask(ada)
        answer = picture(ada, found["view"]["id"], found["token"])
        made.pictures.away = False
        assert answer.status_code == 503
        assert picture(ada, found["view"]["id"], answer.headers["x-view-token"]).status_code == 200


def test_pictures_of_one_view_come_no_faster_than_the_door_allows(made: Wall) -> None:
    with made.door.client("ada") as ada:
        found = made.ask(ada)
        token, codes = found["token"], set[int]()
        for _ in range(100):
            answer = picture(ada, found["view"]["id"], token)
            codes.add(answer.status_code)
            token = answer.headers.get("x-view-token", token)
            if answer.status_code == 429:
                break

    assert codes == {200, 429}


def test_who_viewed_what_is_for_whoever_audits(made: Wall) -> None:
    with made.door.client("ada") as ada, made.door.client("bo") as bo:
        found = made.ask(ada)
        picture(ada, found["view"]["id"], found["token"])
        ada.post(f"/api/views/{found['view']['id']}/end")
        ada.post("/api/cameras/quay/views", json=ASKED | {"purpose": "curiosity"})
        assert ada.get("/api/viewed").status_code == 403
        told = bo.get("/api/viewed").json()
        others = bo.get("/api/viewed", params={"camera": "gate"}).json()

    [view], [refusal] = told["views"], told["refusals"]
    assert (view["person"], view["camera"], view["reason"], view["pictures"]) == ("ada", "quay", REASON, 1)
    assert (refusal["purpose"], refusal["reasons"]) == ("curiosity", ["wrong-purpose"])
    assert told["by_camera"] == [{"name": "quay", "views": 1, "pictures": 1, "refused": 1}]
    assert {one["name"] for one in told["by_purpose"]} == {"curiosity", "safety"}
    assert (others["views"], others["refusals"]) == ([], [])


def test_nobody_is_told_of_cameras_without_a_session(made: Wall) -> None:
    with made.door.stranger() as stranger:
        assert stranger.get("/api/cameras").status_code == 401
        assert stranger.post("/api/cameras/quay/views", json=ASKED).status_code == 401


def test_another_site_asks_for_nothing(made: Wall) -> None:
    with made.door.client("ada", headers={"sec-fetch-site": "cross-site"}) as ada:
        assert ada.post("/api/cameras/quay/views", json=ASKED).status_code == 403
    assert made.town.kinds() == []


def test_who_tries_view_after_view_is_held_off_before_each_try_is_put_on_record(
    made: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic(), time.monotonic_ns()
    still = SimpleNamespace(monotonic=lambda: now[0], monotonic_ns=lambda: now[1])
    monkeypatch.setattr(identity, "time", still)  # tries come back with time: a slow machine is let in once more
    with made.door.client("cy") as clerk:
        codes = [picture(clerk, f"made-up-{n}", "guess").status_code for n in range(60)]

    assert codes[0] == 403 and codes[-1] == 429
    assert made.town.kinds().count("view-refused") == codes.count(403) < 30
