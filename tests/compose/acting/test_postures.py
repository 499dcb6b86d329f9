"""Switching a posture: who may, with whom, for how long, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.compose.acting.postures import PostureDesk, expire, switcher
from cityward.compose.home import Home, write_city_file
from cityward.compose.outgoing.releasing import approve
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Postured, decode, encode
from cityward.reach.effective import lands_of
from cityward.runtime.people import Grant, Person, Stance, Step
from cityward.runtime.posturing import PostureRow, Switcher, Turned, holding
from cityward.runtime.releasing.ports import RecipientRow
from cityward.watch.events import Event, EventKind
from declarations import town
from policy.towns import RECIPIENTS
from towns import stopped_city

MORE = """
  careful: {by: [officer], form: late}
  there: {by: [officer], stop_purposes: [planning], areas: [quay]}
  storm: {by: [officer], stop_purposes: [planning], two_person: true, longest_hours: 12}
"""
ROLES = """
  clerk: {party: council, rights: [look, approve]}
  keeper: {party: council, rights: [look, watch, audit]}
"""
OFFICER = Switcher("ada", frozenset({"officer"}))
SECOND = Switcher("bo", frozenset(), approves=True)
HOUR_S = 3600


def write_releasing_town(folder: Path) -> Path:
    folder.mkdir(parents=True)
    text = town() + RECIPIENTS.replace("\nroles:\n", f"{MORE}roles:{ROLES}")
    (folder / "place.yaml").write_text(text)
    return folder


def let_out(setting: Setting) -> None:
    """The recipient has a credential, and the agreement is approved as it stands."""
    row = RecipientRow("acme-desk", "key", b"k" * 32, None, "", "active", 1, "test")
    setting.state.recipients.issue_to(row)
    with setting.ledger("recipients") as ledger:
        approve(setting, ledger, "acme-2026", "owner", lands_of(setting.loaded.place), "test")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Setting]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_releasing_town(tmp_path / "town")))
    setting = open_setting(home)
    let_out(setting)
    yield setting
    setting.state.dispose()


@pytest.fixture
def desk(city: Setting) -> PostureDesk:
    return PostureDesk(city)


def in_force(desk: PostureDesk) -> set[str]:
    """Without what ends within ten seconds."""
    state = desk.setting.state
    until = state.postures_in_force(0)
    soon = min(until.values(), default=0) - 10_000_000
    return set(state.postures_in_force(soon))


def steps(city: Setting) -> list[tuple[str, str]]:
    with city.ledger("posture") as ledger:
        return [(r.step, r.person) for _, r in ledger.tail(100) if isinstance(r, Postured)]


def test_one_of_its_roles_switches_it_on_and_off_and_each_step_is_on_record(city: Setting, desk: PostureDesk):
    row = desk.on("crisis", "flood", OFFICER, HOUR_S)
    assert (row.state, row.asked_by) == (Turned.ON, "ada")
    assert in_force(desk) == {"crisis"}
    assert desk.off("crisis", OFFICER).state is Turned.OFF
    assert city.state.postures_in_force(0) == {}
    assert steps(city) == [("on", "ada"), ("off", "ada")]


def test_nobody_else_switches_it_on_or_off(desk: PostureDesk):
    with pytest.raises(PlaceError, match="`bo` holds none of the roles that switch `crisis`: `officer`"):
        desk.on("crisis", "flood", SECOND, HOUR_S)
    desk.on("crisis", "flood", OFFICER, HOUR_S)
    with pytest.raises(PlaceError, match="holds none of the roles"):
        desk.off("crisis", SECOND)
    assert in_force(desk) == {"crisis"}


def test_where_two_are_needed_it_begins_and_ends_with_a_second_person_only(city: Setting, desk: PostureDesk):
    assert desk.on("storm", "wind", OFFICER, HOUR_S).state is Turned.ASKED
    assert in_force(desk) == set()
    with pytest.raises(PlaceError, match="asked for this and cannot approve it"):
        desk.approve("storm", replace(OFFICER, approves=True))
    with pytest.raises(PlaceError, match="may not be the second person"):
        desk.approve("storm", Switcher("cy", frozenset({"clerk"})))
    assert desk.approve("storm", SECOND).approved_by == "bo"
    assert in_force(desk) == {"storm"}
    assert desk.off("storm", OFFICER).state is Turned.ENDING
    assert in_force(desk) == {"storm"}, "it holds until its end is approved"
    with pytest.raises(PlaceError, match="waits already"):
        desk.off("storm", OFFICER)
    with pytest.raises(PlaceError, match="cannot approve"):
        desk.approve("storm", OFFICER)
    assert desk.approve("storm", SECOND).state is Turned.OFF
    assert in_force(desk) == set()
    told = [("asked", "ada"), ("approved", "bo"), ("on", "bo"), ("asked", "ada"), ("approved", "bo"), ("off", "bo")]
    assert steps(city) == told


def test_what_waits_can_be_refused_and_whoever_asked_can_take_it_back(desk: PostureDesk):
    desk.on("storm", "wind", OFFICER, HOUR_S)
    with pytest.raises(PlaceError, match="may not be the second person"):
        desk.refuse("storm", Switcher("cy", frozenset()))
    assert desk.refuse("storm", OFFICER).state is Turned.REFUSED
    with pytest.raises(PlaceError, match="waits"):
        desk.approve("storm", SECOND)
    desk.on("storm", "wind again", OFFICER, HOUR_S)
    desk.approve("storm", SECOND)
    desk.off("storm", OFFICER)
    assert desk.refuse("storm", SECOND).state is Turned.ON
    assert in_force(desk) == {"storm"}


def test_it_ends_by_itself_before_anybody_writes_so(city: Setting, desk: PostureDesk):
    row = desk.on("crisis", "flood", OFFICER, HOUR_S)
    assert holding([row], row.until - 1) == {"crisis": row.until}
    assert holding([row], row.until) == {}
    assert expire(city) == []
    city.state.put_posture(replace(row, until=1))
    assert [one.state for one in expire(city)] == [Turned.EXPIRED]
    assert steps(city) == [("on", "ada"), ("expired", "")]
    assert desk.on("crisis", "again", OFFICER, HOUR_S).state is Turned.ON


def test_a_turn_that_ran_out_is_in_nobodys_way_before_it_is_on_record(city: Setting, desk: PostureDesk):
    row = desk.on("crisis", "flood", OFFICER, HOUR_S)
    city.state.put_posture(replace(row, until=1))
    assert desk.on("crisis", "again", OFFICER, HOUR_S).state is Turned.ON
    assert steps(city) == [("on", "ada"), ("expired", ""), ("on", "ada")]


@pytest.mark.parametrize("seconds", [59, 12 * HOUR_S + 1])
def test_it_is_neither_for_a_moment_nor_longer_than_declared(desk: PostureDesk, seconds: int):
    with pytest.raises(PlaceError, match="is not between"):
        desk.on("storm", "wind", OFFICER, seconds)


def test_a_bound_that_was_lowered_meanwhile_holds_for_what_waits(city: Setting, desk: PostureDesk, tmp_path: Path):
    desk.on("storm", "wind", OFFICER, 12 * HOUR_S)
    file = tmp_path / "town" / "place.yaml"
    file.write_text(file.read_text().replace("longest_hours: 12", "longest_hours: 2"))
    later = open_setting(city.home)
    with pytest.raises(PlaceError, match="is not between 60 s and 2 h"):
        PostureDesk(later).approve("storm", SECOND)
    later.state.dispose()


def test_it_has_one_turn_under_way_at_most(desk: PostureDesk):
    desk.on("crisis", "flood", OFFICER, HOUR_S)
    with pytest.raises(PlaceError, match="posture `crisis` is on already"):
        desk.on("crisis", "more flood", OFFICER, HOUR_S)
    desk.on("careful", "quiet", OFFICER, HOUR_S)
    assert {one.id: one.turn is not None for one in desk.all()} == {
        "crisis": True,
        "careful": True,
        "storm": False,
        "there": False,
    }


def test_what_is_not_declared_any_more_can_be_ended_but_not_begun(city: Setting, desk: PostureDesk):
    city.state.put_posture(PostureRow("1", "gone", "x", "ada", 1, 60, 1 << 60, Turned.ON))
    with pytest.raises(PlaceError, match="there is no posture `gone`"):
        desk.on("gone", "x", OFFICER, 60)
    assert desk.off("gone", OFFICER).state is Turned.OFF


def test_a_reason_is_a_printable_text(desk: PostureDesk):
    with pytest.raises(PlaceError, match="the reason is no text"):
        desk.on("crisis", "\x1b[31m", OFFICER, HOUR_S)


def test_the_preview_tells_what_stops_and_what_stays_and_is_on_record(city: Setting, desk: PostureDesk):
    found = desk.preview("crisis")
    [way] = found.stopped
    assert (way.recipient, way.party, way.dataset, way.purpose) == ("acme-desk", "acme", "counts", "planning")
    assert way.reasons == ("posture",)
    assert way.sentence == "`acme-desk` of `acme` gets no `counts` any more for `planning` (0 rows a day)."
    assert (found.other_form, found.opened, found.stays) == ((), (), ())
    assert found.sentence == "1 way out stops (1 recipient, 1 dataset, 0 rows a day); 0 stay as they are."
    desk.on("crisis", "flood", OFFICER, HOUR_S)
    assert [way.recipient for way in desk.preview("crisis").opened] == ["acme-desk"], "of what is on: its end"
    with city.ledger("posture") as ledger:
        [(_, record)] = ledger.tail(10)
    assert isinstance(record, Postured)
    assert record.cost == {"told": found.sentence, "rows_a_day": "0", "recipients": "acme-desk", "datasets": "counts"}
    assert decode(encode(record)) == record


def test_the_preview_tells_a_stricter_form_with_both(desk: PostureDesk):
    found = desk.preview("careful")
    [way] = found.other_form
    assert (found.stopped, way.form_before, way.form) == ((), {}, {"delay": "nothing younger than 900 s"})
    told = "`acme-desk` of `acme` still gets `counts` for `planning`: nothing younger than 900 s"
    assert way.sentence == f"{told}; until now: as it is held (0 rows a day)."


def test_a_posture_that_is_in_force_counts_for_the_preview_of_another(desk: PostureDesk):
    desk.on("crisis", "flood", OFFICER, HOUR_S)
    assert desk.preview("careful").sentence == "Nothing changes for anybody."


def test_an_account_brings_the_roles_it_holds_now(city: Setting):
    with pytest.raises(PlaceError, match="there is nobody `ada`"):
        switcher(city, "ada")
    city.state.put_person(Person("ada", "Ada", "council", Stance.ACTIVE, 1))
    assert switcher(city, "ada") == Switcher("ada", frozenset())
    city.state.put_grant(Grant("g1", "ada", "officer", Step.GIVEN, "duty", 1, since=1))
    city.state.put_grant(Grant("g2", "ada", "clerk", Step.GIVEN, "ended", 1, since=1, until=2))
    assert switcher(city, "ada") == Switcher("ada", frozenset({"officer"}))


def test_the_watch_hears_of_each_step_with_its_record(city: Setting):
    told: list[Event] = []

    class Told:
        def tell(self, event: Event) -> None:
            told.append(event)

    desk = PostureDesk(city, Told())
    desk.on("storm", "flood", OFFICER, HOUR_S)
    desk.approve("storm", SECOND)
    desk.off("storm", OFFICER)
    seen = [(one.kind, one.subject, one.detail["before"], one.detail["after"]) for one in told]
    assert seen == [
        (EventKind.CONFIGURATION, "posture:storm", "off", "asked"),
        (EventKind.CONFIGURATION, "posture:storm", "asked", "on"),
        (EventKind.CONFIGURATION, "posture:storm", "on", "ending"),
    ]
    assert all(one.record.startswith("posture:") for one in told)


def test_the_preview_of_a_posture_of_an_area_says_that_datasets_are_taken_whole(desk: PostureDesk):
    assert "all of it counts: nothing of it is told apart" in desk.preview("there").sentence
    assert "told apart" not in desk.preview("careful").sentence
