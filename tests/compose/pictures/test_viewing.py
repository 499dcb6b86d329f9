"""Views: opened on record, one token a picture, ended by time, posture, role; and every attempt that gets nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cityward.compose.bars import bar_units
from cityward.compose.pictures.viewing import ViewDesk, clear_grants
from cityward.errors import PlaceError
from cityward.evidence.records import ViewEnded, ViewGranted, ViewRefused
from cityward.runtime.pictures.viewing import ViewState
from cityward.runtime.pictures.viewing_ports import Shown, Viewed, Viewer, ViewWanted
from cityward.watch.events import EventKind
from viewings import REASON, Watchers, asked, watchers

HOUR_US = 3_600_000_000


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Watchers]:
    with watchers(tmp_path) as made:
        yield made


def opened(town: Watchers, who: str = "ada", **more: object) -> Viewed:
    found = town.desk.ask(asked(**more), town.who(who))
    assert found.row.state is ViewState.OPEN, found.reasons
    return found


def test_opens_a_view_on_record_and_tells_the_watch(town: Watchers) -> None:
    found = opened(town)

    [record] = town.records()
    assert isinstance(record, ViewGranted)
    assert (record.person, record.camera, record.purpose, record.reason) == ("ada", "quay", "safety", REASON)
    assert (record.picture, record.cover, record.role, record.source) == ("live", "covered", "desk", "127.0.0.1")
    assert found.row.record == "viewing:0"
    assert len(found.token) > 40
    assert [event.kind for event in town.told.events][-1] is EventKind.READ


def test_each_picture_takes_one_token_and_gives_the_next(town: Watchers) -> None:
    found, ada = opened(town), town.who("ada")
    first = town.desk.spend(found.row.id, found.token, ada)
    assert isinstance(first, Shown)
    second = town.desk.spend(found.row.id, first.token, ada)

    assert isinstance(second, Shown)
    assert second.row.pictures == 2
    assert second.mark.startswith("ada 20")
    assert found.row.id[:8] in second.mark


def test_a_token_that_was_used_opens_nothing_and_the_attempt_is_on_record(town: Watchers) -> None:
    found, ada = opened(town), town.who("ada")
    town.desk.spend(found.row.id, found.token, ada)

    assert town.desk.spend(found.row.id, found.token, ada) == ("wrong-token",)
    record = town.records()[-1]
    assert isinstance(record, ViewRefused)
    assert (record.view, record.person, record.camera, record.reasons) == (
        found.row.id,
        "ada",
        "quay",
        ("wrong-token",),
    )
    event = town.told.events[-1]
    assert (event.kind, event.detail["door"], event.detail["why"]) == (EventKind.TURNED_AWAY, "camera", "wrong-token")


@pytest.mark.parametrize("thief", ["eve", "ada"])
def test_a_token_of_another_session_opens_nothing(town: Watchers, thief: str) -> None:
    found = opened(town)

    assert town.desk.spend(found.row.id, found.token, town.who(thief, b"elsewhere")) == ("other-session",)
    assert [row.reasons for row in town.desk.refusals(10)] == [("other-session",)]
    assert isinstance(town.desk.spend(found.row.id, found.token, town.who("ada")), Shown)


@pytest.mark.parametrize(
    ("wanted", "who", "reasons"),
    [
        (asked(purpose=""), "ada", ("wrong-purpose",)),
        (asked(purpose="planning"), "ada", ("wrong-purpose",)),
        (asked(reason="because"), "ada", ("no-reason",)),
        (asked("gate", seconds=301), "ada", ("too-long",)),
        (asked("count-only"), "ada", ("undeclared",)),
        (asked("nowhere"), "ada", ("undeclared",)),
        (asked(), "cy", ("no-right",)),
        (asked(), "mel", ("no-session",)),
        (asked("gate", cover="clear"), "ada", ("not-clear", "second-person")),
    ],
)
def test_a_refused_question_is_on_record_with_all_its_reasons(
    town: Watchers, wanted: ViewWanted, who: str, reasons: tuple[str, ...]
) -> None:
    found = town.desk.ask(wanted, town.who(who))

    assert (found.reasons, found.token) == (reasons, "")
    record = town.records()[-1]
    assert isinstance(record, ViewRefused)
    assert (record.person, record.camera, record.reasons) == (who, wanted.camera, reasons)
    assert [(row.person, row.reasons) for row in town.desk.refusals(10)] == [(who, reasons)]
    assert town.told.events[-1].kind is EventKind.TURNED_AWAY


def test_from_another_address_nobody_looks(town: Watchers) -> None:
    assert town.desk.ask(asked(), town.who("ada", source="198.51.100.7")).reasons == ("from-elsewhere",)


def test_nobody_opens_more_cameras_than_declared_whichever_session_they_come_by(town: Watchers) -> None:
    opened(town, camera="quay")
    found = opened(town, camera="gate")
    town.desk.end(found.row.id, town.who("ada"))

    assert town.desk.ask(asked("yard"), town.who("ada", b"another")).reasons == ("fan-out",)
    assert opened(town, who="eve", camera="yard").token


def test_an_hour_later_another_camera_may_be_opened(town: Watchers, monkeypatch: pytest.MonkeyPatch) -> None:
    for camera in ("quay", "gate"):
        town.desk.end(opened(town, camera=camera).row.id, town.who("ada"))
    later = time.time_ns() // 1000 + HOUR_US + 1_000_000
    monkeypatch.setattr("cityward.compose.pictures.viewing._now", lambda: later)

    assert opened(town, camera="yard").token


def test_ends_by_itself_when_its_time_is_over(town: Watchers, monkeypatch: pytest.MonkeyPatch) -> None:
    found, ada = opened(town), town.who("ada")
    town.desk.spend(found.row.id, found.token, ada)
    later = found.row.ends_at
    monkeypatch.setattr("cityward.compose.pictures.viewing._now", lambda: later)
    town.desk.sweep()

    record = town.records()[-1]
    assert isinstance(record, ViewEnded)
    assert (record.outcome, record.pictures) == ("expired", 1)
    assert town.desk.spend(found.row.id, "anything", ada) == ("not-open",)


def test_after_expiry_a_picture_is_refused_even_where_nobody_swept(
    town: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened(town)
    monkeypatch.setattr("cityward.compose.pictures.viewing._now", lambda: found.row.ends_at)

    assert town.desk.spend(found.row.id, found.token, town.who("ada")) == ("not-open",)
    assert town.kinds() == ["view-granted", "view-ended", "view-refused"]


def test_a_posture_ends_views_and_lets_none_be_opened(town: Watchers) -> None:
    found = opened(town)
    town.crisis()
    deadline = time.monotonic() + 10
    while town.desk.views(1)[0].state is ViewState.OPEN and time.monotonic() < deadline:
        town.desk.sweep()

    assert town.desk.views(1)[0].outcome == "stopped: posture"
    assert town.desk.spend(found.row.id, found.token, town.who("ada")) == ("not-open",)
    assert town.desk.ask(asked(), town.who("ada")).reasons == ("posture",)


def test_a_role_that_is_taken_away_ends_its_views(town: Watchers) -> None:
    found = opened(town)
    [grant] = town.people.grants("ada")
    town.people.take(grant.id, "test")
    now = town.who("ada")

    assert town.desk.spend(found.row.id, found.token, now) == ("no-right",)
    assert town.desk.views(1)[0].outcome == "stopped: no-right"


def test_who_signs_out_looks_no_longer(town: Watchers) -> None:
    opened(town)
    town.setting.state.close(b"ada")
    town.desk.sweep()

    assert town.desk.views(1)[0].outcome == "stopped: signed-out"


def test_the_makers_support_looks_only_while_a_role_is_open_for_it(town: Watchers) -> None:
    assert town.desk.ask(asked(), town.who("mel")).reasons == ("no-session",)
    town.give("mel", "support", 600)

    assert opened(town, who="mel").row.role == "support"
    assert town.desk.ask(asked(), town.who("mel", source="192.0.2.9")).reasons == ("from-elsewhere",)


def test_support_under_a_law_that_the_pictures_may_not_be_told_under_sees_none(town: Watchers) -> None:
    town.give("fay", "far-support", 600)

    assert town.desk.ask(asked(), town.who("fay")).reasons == ("not-allowed-there",)


def test_a_clear_view_waits_for_a_second_person_who_is_another_one(town: Watchers) -> None:
    ada, waiting = town.who("ada"), town.desk.ask(asked(cover="clear"), town.who("ada"))

    assert (waiting.row.state, waiting.token) == (ViewState.ASKED, "")
    for nobody in ("ada", "eve"):
        with pytest.raises(PlaceError):
            town.desk.approve(waiting.row.id, town.who(nobody))
    with pytest.raises(PlaceError, match="cannot be opened"):
        town.desk.open(waiting.row.id, ada)
    town.desk.approve(waiting.row.id, town.who("bo"))
    assert not clear_grants(town.setting, "quay", waiting.row.id)
    found = town.desk.open(waiting.row.id, ada)

    assert (found.row.state, found.row.second, found.row.cover) == (ViewState.OPEN, "bo", "clear")
    assert clear_grants(town.setting, "quay", found.row.id)
    assert not clear_grants(town.setting, "gate", found.row.id)
    assert town.kinds() == ["view-asked", "view-asked", "view-granted"]
    town.desk.end(found.row.id, ada)
    assert not clear_grants(town.setting, "quay", found.row.id)


def test_a_clear_view_is_agreed_to_each_time(town: Watchers) -> None:
    first = town.desk.ask(asked(cover="clear"), town.who("ada"))
    town.desk.approve(first.row.id, town.who("bo"))
    town.desk.open(first.row.id, town.who("ada"))

    assert town.desk.ask(asked(cover="clear"), town.who("ada")).row.state is ViewState.ASKED


def test_what_was_refused_by_the_second_person_cannot_be_opened(town: Watchers) -> None:
    waiting = town.desk.ask(asked(cover="clear"), town.who("ada"))
    town.desk.refuse(waiting.row.id, town.who("bo"))

    with pytest.raises(PlaceError):
        town.desk.open(waiting.row.id, town.who("ada"))


def test_of_a_recording_only_the_span_that_was_asked_for_is_shown(town: Watchers) -> None:
    now = town.setting.now_us()
    span = {"kind": "recorded", "since": now - HOUR_US, "until": now - HOUR_US // 2}
    found, ada = opened(town, **span), town.who("ada")
    shown = town.desk.spend(found.row.id, found.token, ada, now - HOUR_US)

    assert isinstance(shown, Shown)
    assert shown.at == now - HOUR_US
    assert town.desk.spend(found.row.id, shown.token, ada, now - 1) == ("not-kept",)
    assert town.desk.ask(asked("gate", **span), ada).reasons == ("not-kept",)


def test_the_same_session_takes_up_its_view_again_and_no_other(town: Watchers) -> None:
    found = opened(town)
    again = town.desk.open(found.row.id, town.who("ada"))

    assert isinstance(town.desk.spend(found.row.id, again.token, town.who("ada")), Shown)
    with pytest.raises(PlaceError, match="another session"):
        town.desk.open(found.row.id, town.who("ada", b"another"))


def test_nobody_ends_or_takes_up_anothers_view(town: Watchers) -> None:
    found, eve = opened(town), town.who("eve")

    for act in (town.desk.end, town.desk.open):
        with pytest.raises(PlaceError, match="you have no view"):
            act(found.row.id, eve)


def test_what_an_earlier_door_left_open_is_over_at_the_next_start(town: Watchers) -> None:
    opened(town)
    ViewDesk(town.setting).take_over()

    assert [(row.state, row.outcome) for row in town.desk.views(5)] == [(ViewState.ENDED, "lost")]


def test_a_camera_that_is_barred_is_not_looked_through(town: Watchers) -> None:
    bar_units(town.setting.state, ["cam-01"], "isolated", time.time_ns() // 1000, None, "test")

    assert town.desk.ask(asked(), town.who("ada")).reasons == ("out-of-use",)


def test_a_wrong_view_tells_nobody_whose_it_is(town: Watchers) -> None:
    assert town.desk.spend("x" * 200, "y" * 200, town.who("eve")) == ("not-open",)
    record = town.records()[-1]
    assert isinstance(record, ViewRefused)
    assert (len(record.view), record.person) == (64, "eve")


def test_who_asks_without_end_does_not_wait_in_a_hundred_places(town: Watchers) -> None:
    ada: Viewer = town.who("ada")
    found = [town.desk.ask(asked(cover="clear"), ada) for _ in range(21)]

    assert [one.row.state for one in found].count(ViewState.ASKED) == 20
    assert found[-1].reasons == ("second-person",)


def test_a_view_holds_only_what_fits_into_a_record(town: Watchers) -> None:
    found = town.desk.ask(replace(asked(), camera="c" * 1000, purpose="p" * 1000, reason="r" * 1000), town.who("ada"))

    record = town.records()[-1]
    assert isinstance(record, ViewRefused)
    assert (len(record.camera), len(record.purpose), len(record.reason)) == (128, 128, 500)
    assert "undeclared" in found.reasons


def test_questions_that_were_taken_back_hide_no_camera_that_was_opened(town: Watchers) -> None:
    ada, book = town.who("ada"), town.setting.state.views
    for camera in ("quay", "gate"):
        town.desk.end(town.desk.ask(asked(camera), ada).row.id, ada)
    reasons = town.desk.ask(asked("yard"), ada).reasons
    [row, *_] = book.views(1, person="ada")
    for n in range(1100):
        book.put(replace(row, id=f"{n:016x}", asked_at=row.asked_at + 1 + n, opened_at=0, shown_at=0))

    assert reasons == ("fan-out",)
    assert town.desk.ask(asked("yard"), ada).reasons == ("fan-out",)


def test_whoever_is_on_file_no_more_looks_no_more_and_keeps_no_others_view_open(
    town: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = town.desk.ask(asked(), town.who("ada")), town.desk.ask(asked("gate"), town.who("eve"))
    known = town.desk.rules.viewer

    def viewer(self: object, person: str, *rest: Any) -> Any:
        if person == "ada":
            raise PlaceError("there is nobody `ada`")
        return known(person, *rest)

    monkeypatch.setattr(type(town.desk.rules), "viewer", viewer)
    town.setting.state.close(b"eve")
    town.desk.sweep()

    states = {row.id: row.outcome for row in town.desk.views(10)}
    assert states == {first.row.id: "stopped: no-right", second.row.id: "stopped: signed-out"}
