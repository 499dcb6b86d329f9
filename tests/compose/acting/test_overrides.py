"""Holding actuators at a value: who may, with whom, for how long, what is said before, and what is on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.compose.acting.overrides import OverrideDesk, operator
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Consent, HoldRefused, OverrideBegun, OverrideEnded
from cityward.runtime.overriding import ConsentRow, Operator, OverrideRow, OverrideState, held_units
from cityward.runtime.people import BUILT_IN_OPERATOR, Grant, Person, Stance, Step
from cityward.runtime.ports import CommandRow
from cityward.runtime.serving.acting.preview import Wanted
from cityward.time import HOUR, MINUTE
from cityward.watch.events import Event, EventKind
from declarations import town
from towns import stopped_city

DIM = "dim: {sets: lamp-level, low: 10, high: 100, fail_safe: 100}"
SERVICE = "actuators: [lamps], settings"
ADA = Operator("ada", frozenset({"lights"}))
BO = Operator("bo", frozenset({"lights"}))
CY = Operator("cy", frozenset())
DEE = Operator("dee", frozenset(), approves=True)
FULL = Wanted("lights", "lamps", 100.0)
HALF = Wanted("lights", "lamps", 50.0)
HOUR_S = 3600


def write_lit_town(folder: Path, *edits: tuple[str, str]) -> Path:
    folder.mkdir(parents=True)
    (folder / "place.yaml").write_text(town(*edits))
    return folder


def city_of(folder: Path, *edits: tuple[str, str]) -> Setting:
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_lit_town(folder / "town", *edits)))
    return open_setting(home)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Setting]:
    setting = city_of(tmp_path)
    yield setting
    setting.state.dispose()


@pytest.fixture
def desk(city: Setting) -> OverrideDesk:
    return OverrideDesk(city)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[OverrideDesk]:
    """Where the command needs two persons."""
    setting = city_of(tmp_path, (DIM, DIM.replace("100}", "100, two_person: true}")))
    yield OverrideDesk(setting)
    setting.state.dispose()


class Told:
    """A watch that keeps what it is told."""

    def __init__(self, events: list[Event]) -> None:
        self.tell = events.append


def steps(city: Setting) -> list[tuple[str, str]]:
    with city.ledger("override") as ledger:
        told = [record for _, record in ledger.tail(100)]
    return [
        (r.step if isinstance(r, OverrideBegun | Consent) else r.outcome, r.person)
        for r in told
        if isinstance(r, OverrideBegun | OverrideEnded | Consent)
    ]


def held(desk: OverrideDesk) -> frozenset[str]:
    return held_units(desk.setting.state.overrides_under_way(), desk.setting.now_us())


def test_an_operator_holds_a_group_and_undoes_it_and_each_step_is_on_record(city: Setting, desk: OverrideDesk):
    row = desk.begin(FULL, "night works", HOUR_S, ADA)
    assert (row.state, row.devices, row.command) == (OverrideState.HOLDING, ("lamps-01", "lamps-02"), "dim")
    assert held(desk) == {"lamps-01", "lamps-02"}
    assert abs(row.until - city.now_us() - HOUR) < 10 * MINUTE
    assert desk.undo(row.id, BO).state is OverrideState.UNDONE
    assert held(desk) == frozenset()
    assert steps(city) == [("begun", "ada"), ("undone", "bo")]


def test_who_does_not_operate_the_service_holds_nothing(desk: OverrideDesk):
    for act in (lambda: desk.begin(FULL, "no", HOUR_S, CY), lambda: desk.preview(FULL, CY)):
        with pytest.raises(PlaceError, match="`cy` does not operate `lights`"):
            act()
    row = desk.begin(FULL, "night works", HOUR_S, ADA)
    with pytest.raises(PlaceError, match="`cy` does not operate"):
        desk.undo(row.id, CY)


@pytest.mark.parametrize(
    ("wanted", "reason", "seconds", "what"),
    [
        (replace(FULL, service="light"), "x", HOUR_S, "there is no service `light`"),
        (replace(FULL, target="counter-1"), "x", HOUR_S, "`counter-1` is no actuator"),
        (replace(FULL, command="dmi"), "x", HOUR_S, "`dmi` is no command"),
        (replace(FULL, value=9.0), "x", HOUR_S, "the gate would refuse every unit: out-of-bounds"),
        (replace(FULL, value=float("nan")), "x", HOUR_S, "the gate would refuse every unit: malformed"),
        (FULL, " ", HOUR_S, "the reason is no text"),
        (FULL, "x\ny", HOUR_S, "the reason is no text"),
        (FULL, "x", 59, "59 s is not between"),
        (FULL, "x", 24 * HOUR_S + 1, "86401 s is not between 60 s and 24 h"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_may_not_be_held_is_told_with_its_mend(
    desk: OverrideDesk, wanted: Wanted, reason: str, seconds: int, what: str
):
    with pytest.raises(PlaceError) as told:
        desk.begin(wanted, reason, seconds, ADA)
    assert what in told.value.what and told.value.mend
    assert not desk.overrides()


def test_an_order_that_is_refused_is_on_record_with_who_asked_and_why(city: Setting, desk: OverrideDesk):
    with pytest.raises(PlaceError):
        desk.begin(replace(FULL, value=11_100.0), "dosing\x1b[2J", HOUR_S, ADA)
    with pytest.raises(PlaceError):
        desk.begin(replace(FULL, target="pumps\x1b[2J"), "dosing", HOUR_S, ADA)
    with city.ledger("override") as ledger:
        told = [record for _, record in ledger.tail(100)]
    assert [(r.person, r.target, r.value) for r in told if isinstance(r, HoldRefused)] == [
        ("ada", "lamps", 11_100.0),
        ("ada", "pumps\ufffd[2J", 100.0),
    ]
    assert all(isinstance(r, HoldRefused) and r.why for r in told)
    assert not desk.overrides()


def test_the_watch_is_told_how_far_from_the_safe_value_somebody_holds_how_many(city: Setting):
    told: list[Event] = []
    desk = OverrideDesk(city, Told(told))
    desk.begin(replace(FULL, value=10.0, target="lamps-01"), "dark", HOUR_S, ADA)
    desk.begin(replace(FULL, value=100.0, target="lamps-02"), "light", HOUR_S, ADA)
    assert [(e.kind, e.subject, e.detail["units"], e.detail["percent"]) for e in told] == [
        (EventKind.HOLD, "person:ada", "1", "100"),
        (EventKind.HOLD, "person:ada", "1", "0"),
    ]


def test_a_unit_is_held_once(desk: OverrideDesk):
    row = desk.begin(replace(FULL, target="lamps-01"), "works", HOUR_S, ADA)
    with pytest.raises(PlaceError, match=f"`lamps-01` is holding already, by ada: {row.id}"):
        desk.begin(FULL, "more works", HOUR_S, BO)
    assert desk.begin(replace(FULL, target="lamps-02"), "works", HOUR_S, BO).devices == ("lamps-02",)


def test_the_preview_says_what_the_gate_would_and_what_stands_there_and_why(desk: OverrideDesk):
    now = desk.setting.now_us()
    cause = {"sky": "night", "traffic": "quiet", "rests_on": "vehicle-count of 1 sensor (2)"}
    desk.setting.state.command_sent(
        CommandRow("c-1", "lights", "lamps-01", "dim", 40.0, cause, "service:1", "acknowledged", now - MINUTE)
    )
    found = desk.preview(HALF, ADA)
    assert (found.counts, found.two_person, found.fail_safe) == ({"allowed": 2}, False, 100)
    assert found.sentence == "`lamps` at lamp-level 50: 2 of 2 units now"
    first = found.units[0]
    assert (first.device, first.last_value, first.last_state) == ("lamps-01", 40.0, "acknowledged")
    assert first.because == "lamps-01 dim 40 <- lights: sky night, traffic quiet <- vehicle-count of 1 sensor (2)"
    assert found.units[1].last_value is None
    assert not desk.overrides(), "a preview changes nothing"


def test_a_mass_off_is_shown_to_be_refused_beyond_the_fan_out(tmp_path: Path):
    setting = city_of(tmp_path, (SERVICE, "actuators: [lamps], fan_out: {share: 0.5}, settings"))
    found = OverrideDesk(setting).preview(replace(FULL, value=10.0), ADA)
    assert found.counts == {"allowed": 1, "fan-out": 1}
    assert found.sentence == "`lamps` at lamp-level 10: 1 of 2 units now; 1 fan-out"
    assert "fan_out" in found.units[1].mend
    setting.state.dispose()


def test_an_interlock_that_hears_nothing_lets_only_the_fail_safe_value_be_held(tmp_path: Path):
    lock = "interlocks: [{unless: {device: counter-1, property: vehicle-count, above: 9}, why: crowded}]"
    setting = city_of(tmp_path, (SERVICE, f"actuators: [lamps], {lock}, settings"))
    desk = OverrideDesk(setting)
    assert desk.preview(HALF, ADA).counts == {"interlocked": 2}
    assert desk.preview(HALF, ADA).units[0].mend.startswith("crowded: ")
    assert desk.preview(FULL, ADA).counts == {"allowed": 2}
    setting.state.dispose()


def test_where_the_command_needs_two_the_second_is_another_person(strict: OverrideDesk):
    asked = strict.begin(HALF, "concert", HOUR_S, ADA)
    assert (asked.state, held(strict)) == (OverrideState.ASKED, frozenset())
    with pytest.raises(PlaceError, match="`ada` asked for this and cannot approve it"):
        strict.approve(asked.id, ADA)
    with pytest.raises(PlaceError, match="`cy` may not be the second person"):
        strict.approve(asked.id, CY)
    begun = strict.approve(asked.id, DEE)
    assert isinstance(begun, OverrideRow)
    assert (begun.state, begun.approved_by, len(held(strict))) == (OverrideState.HOLDING, "dee", 2)
    assert steps(strict.setting) == [("asked", "ada"), ("approved", "dee"), ("begun", "dee")]


def test_the_fail_safe_value_needs_no_second_person(strict: OverrideDesk):
    assert strict.begin(FULL, "fog", HOUR_S, ADA).state is OverrideState.HOLDING


def test_whose_right_needs_two_asks_for_everything(desk: OverrideDesk):
    assert desk.begin(FULL, "works", HOUR_S, replace(ADA, alone=False)).state is OverrideState.ASKED


def test_what_is_asked_for_may_be_refused_or_taken_back(strict: OverrideDesk):
    first = strict.begin(HALF, "concert", HOUR_S, ADA)
    assert strict.refuse(first.id, BO).state is OverrideState.REFUSED
    second = strict.begin(HALF, "concert", HOUR_S, ADA)
    assert strict.refuse(second.id, ADA).state is OverrideState.REFUSED
    with pytest.raises(PlaceError, match="nothing that may be holding"):
        strict.approve(second.id, BO)


def test_a_services_command_waits_for_one_person_and_is_settled_once(strict: OverrideDesk):
    now = strict.setting.now_us()
    row = ConsentRow("k1", "lights", "lamps-01", "dim", 40.0, {"traffic": "quiet"}, ("counter-1",), now, now + HOUR)
    late = replace(row, id="k2", device="lamps-02", until=now - 1)
    strict.setting.state.put_consents([row, late])
    with pytest.raises(PlaceError, match="may not agree"):
        strict.approve("k1", CY)
    settled = strict.approve("k1", BO)
    assert isinstance(settled, ConsentRow) and (settled.state, settled.by) == ("approved", "bo")
    assert strict.setting.state.consents_under_way()[0].sources == ("counter-1",)
    for gone in ("k1", "k2", "k3"):
        with pytest.raises(PlaceError, match="nothing that may be"):
            strict.refuse(gone, BO)
    assert steps(strict.setting) == [("approved", "bo")]


def test_who_operates_follows_the_roles_that_are_held(city: Setting):
    city.state.put_person(Person("ada", "Ada", "council", Stance.ACTIVE, 1))
    assert operator(city, "ada").operates == frozenset()
    city.state.put_grant(Grant("g", "ada", BUILT_IN_OPERATOR, Step.GIVEN, "duty", 1, since=1))
    assert operator(city, "ada") == Operator("ada", frozenset({"lights"}), alone=True, approves=True)
    with pytest.raises(PlaceError, match="there is nobody `root`"):
        operator(city, "root")
