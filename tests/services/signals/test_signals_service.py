"""The signals service as a playbook: what junctions and detectors said, what it wishes and tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cityward.compose.places import load_place
from cityward.errors import PlaceError, PlaceErrors
from cityward.guard.permit import Urgency
from cityward.place.junctions import Junction
from cityward.place.things import CommandLimits
from cityward.services.contract import Actuator, Commanded, Reading, Turn, View
from cityward.services.signals import SERVICE
from cityward.services.signals.memory import SignalMemory
from cityward.services.signals.settings import SignalSettings
from cityward.time import SECOND
from corridors import DEMO

NOW = 1_760_000_000_000_000
LIMITS = {"signal-stage": CommandLimits(sets="signal-stage", low=-1, high=7, per_hour=900, fail_safe=-1)}
BUTTON, BUS, VAN = "crossing-button-01", "quay-bus-01", "works-van-01"


@pytest.fixture(scope="module")
def junctions() -> Mapping[str, Junction]:
    return load_place(DEMO).place.junctions


@pytest.fixture(scope="module")
def settings(junctions: Mapping[str, Junction]) -> SignalSettings:
    read = SERVICE.read_settings(
        {"junctions": list(junctions), "watched": [VAN], "controller": "max-pressure-guarded"}, "s"
    )
    assert isinstance(read, SignalSettings)
    placed = SERVICE.with_junctions(read, junctions, "s")
    assert isinstance(placed, SignalSettings)
    return placed


class Street:
    """What was said last, and what is asked of the service about it. Each junction shows `through`, for 20 s."""

    def __init__(self, settings: SignalSettings) -> None:
        self.settings, self.now, self.pace = settings, NOW, 1.0
        self.values: dict[tuple[str, str], tuple[float, int]] = {}
        self.commanded: dict[str, Commanded] = {}
        self.left_out: dict[tuple[str, str], str] = {}
        self.memory = SignalMemory()
        for junction in settings.junctions.values():
            self.shows(junction)
            for unit in junction.detectors:
                self.counts(unit, 0, 0)

    def says(self, unit: str, **values: float) -> None:
        for name, value in values.items():
            self.values[unit, name.replace("_", "-")] = value, self.now

    def shows(self, junction: Junction, stage: int = 0, **more: float) -> None:
        said = {
            "signal_stage": stage,
            "signal_since": 20,
            "signal_settled": 1,
            "signal_own_plan": 0,
            "signal_breaches": 0,
        }
        green = junction.stages[list(junction.stages)[stage]]
        groups = {f"signal_group_{n}": 15 if g in green else -20 for n, g in enumerate(junction.groups, start=1)}
        self.says(junction.device, **{**said, **groups, **more})

    def counts(self, unit: str, vehicles: float, halted: float) -> None:
        self.says(unit, vehicles_seen=vehicles, queue_length=halted)

    def asks(self, unit: str, junction: int, group: int, seconds: float) -> None:
        self.says(unit, priority_junction=junction, priority_group=group, priority_time=seconds)

    def later(self, seconds: float) -> None:
        """Time passes, and everybody goes on saying what they said."""
        self.now += round(seconds * SECOND * self.pace)
        self.values = {key: (value, self.now) for key, (value, _) in self.values.items()}

    def turn(self) -> Turn[SignalMemory]:
        settings = self.settings
        named = [*SERVICE.reads(settings), *SERVICE.commands(settings)]
        view: View[Any] = View(
            now_us=self.now,
            position=(2.3, 54.9),
            settings=settings,
            members={name: [name] for name in named},
            readings={
                key: Reading(value, at, self.now - at)
                for key, (value, at) in self.values.items()
                if key not in self.left_out
            },
            actuators={one.device: Actuator(LIMITS) for one in settings.junctions.values()},
            last_commands=self.commanded,
            left_out=self.left_out,
            pace=self.pace,
        )
        turn = SERVICE.step(view, self.memory)
        self.memory = turn.memory
        for proposal in turn.proposals:
            self.commanded[proposal.device] = Commanded(
                proposal.command, proposal.value, proposal.cause, "acknowledged", self.now
            )
        return turn


@pytest.fixture
def street(settings: SignalSettings) -> Street:
    return Street(settings)


def titles(turn: Turn[Any]) -> str:
    return "\n".join(notice.title for notice in turn.notices)


def test_two_junctions_leave_their_plans_at_once_and_the_third_half_a_minute_later(street: Street):
    assert len(street.turn().proposals) == 2
    street.later(10)
    third = {one.device for one in street.turn().proposals}
    assert "corridor-signals-03" not in third
    street.later(25)
    assert "corridor-signals-03" in {one.device for one in street.turn().proposals}


def test_a_wish_that_stays_is_said_again_after_a_third_of_the_time_and_not_before(street: Street):
    first = street.turn().proposals
    assert street.turn().proposals == []
    street.later(9)
    assert [one.device for one in street.turn().proposals] == []
    street.later(2)
    assert {one.device for one in street.turn().proposals} == {one.device for one in first}


def test_a_wish_tells_its_cause_and_its_sources(street: Street):
    wish = street.turn().proposals[0]
    assert wish.cause["junction"] == "customs-house" and wish.cause["stage"] == "through" and wish.cause["why"]
    assert {"corridor-detectors-01", "corridor-detectors-06"} <= set(wish.sources)


def test_a_queue_elsewhere_is_let_go(street: Street):
    street.counts("corridor-detectors-05", 12, 12)  # the hill
    wishes = {one.device: one.value for one in street.turn().proposals}
    assert wishes["corridor-signals-01"] == 2


def test_a_junction_that_is_silent_is_wished_nothing_and_told_of(street: Street):
    street.values = {key: said for key, said in street.values.items() if key[0] != "corridor-signals-01"}
    turn = street.turn()
    assert "corridor-signals-01" not in {one.device for one in turn.proposals}
    assert "Customs House does not say what it shows" in titles(turn)
    assert turn.board is not None and turn.board.signals[0].flags == ("silent",)


def test_a_service_without_junctions_says_so_and_counts_nothing(settings: SignalSettings):
    board = Street(replace(settings, junctions={})).turn().board
    assert board is not None
    assert board.summary == "no junction is declared for it, so it guides none: each follows its own plan"
    assert (board.figures, board.tables, board.signals) == ((), (), ())


def test_before_any_junction_was_heard_nothing_is_said_of_what_they_follow(street: Street):
    street.values = {}
    board = street.turn().board
    assert board is not None
    assert board.summary == f"none of its {len(street.settings.junctions)} junctions was heard yet"


def test_what_is_old_on_the_street_is_not_old_for_a_fast_clock(street: Street):
    street.pace = 60.0
    street.now += 3 * 60 * SECOND  # three seconds of the street
    assert street.turn().notices == []
    street.now += 7 * 60 * SECOND
    assert "does not say what it shows" in titles(street.turn())


def test_a_detector_that_is_quarantined_is_blind_and_says_why(street: Street):
    street.left_out = {("corridor-detectors-01", "vehicles-seen"): "quarantined"}
    turn = street.turn()
    assert "corridor-detectors-01 is not believed: quarantined" in titles(turn)
    assert all("corridor-detectors-01" not in one.sources for one in turn.proposals)
    assert turn.board is not None
    assert [q.blind for q in turn.board.signals[0].queues if q.blind] == ["quarantined"]


def test_a_detector_that_stands_still_while_its_lane_has_green_is_frozen(street: Street):
    street.counts("corridor-detectors-01", 4, 4)
    assert "corridor-detectors-01" not in titles(street.turn())
    for _ in range(10):
        street.later(10)
        turn = street.turn()
    assert "corridor-detectors-01 says the same though its lanes had green" in titles(turn)
    street.counts("corridor-detectors-01", 3, 1)
    assert "corridor-detectors-01" not in titles(street.turn())


def test_a_junction_whose_lanes_are_mostly_blind_is_left_to_its_plan_and_told_once(street: Street):
    street.turn()
    for n in range(1, 5):
        street.left_out[f"corridor-detectors-{n:02d}", "vehicles-seen"] = "suspect"
    (word,) = [one for one in street.turn().proposals if one.device == "corridor-signals-01"]
    assert (word.value, word.urgency) == (-1, Urgency.SAFETY)
    street.later(15)
    assert "corridor-signals-01" not in {one.device for one in street.turn().proposals}


def test_a_monitor_that_counted_a_breach_is_urgent(street: Street, junctions: Mapping[str, Junction]):
    street.shows(junctions["lock-gate"], signal_breaches=2)
    (notice,) = [one for one in street.turn().notices if one.id == "breach-lock-gate"]
    assert notice.urgency is Urgency.SAFETY and "2 breaches" in notice.title


def test_a_call_that_nobody_serves_is_told(street: Street):
    street.says(BUTTON, people_waiting=3)
    street.says("corridor-signals-02", signal_group_4=-100)
    assert "crossing of Fish Market was called and is red for 100 s" in titles(street.turn())


def test_a_bus_that_is_declared_is_believed(street: Street):
    street.asks(BUS, 1, 1, 12)  # customs-house, west
    turn = street.turn()
    assert turn.board is not None
    assert turn.board.signals[0].asked == ("quay-bus-01 (bus) for west in 12 s",)


@pytest.mark.parametrize(
    ("unit", "junction", "group"),
    [(VAN, 1, 1), (BUS, 1, 5), (BUS, 9, 1), (BUS, 1, 60)],
    ids=["a van that nobody lets ask", "a bus for the side street", "no such junction", "no such group"],
)
def test_a_ghost_changes_no_wish_and_is_shown(
    street: Street, settings: SignalSettings, unit: str, junction: int, group: int
):
    """Scenario S-02."""
    quiet = Street(settings).turn()
    street.asks(unit, junction, group, 5)
    turn = street.turn()
    assert [(one.device, one.value) for one in turn.proposals] == [(one.device, one.value) for one in quiet.proposals]
    assert f"{unit} asks for green where nobody lets it" in titles(turn)
    assert turn.board is not None and any("refused" in cell.text for row in turn.board.tables[0].rows for cell in row)


def test_settings_that_name_no_junction_or_no_controller_are_told(junctions: Mapping[str, Junction]):
    read = SERVICE.read_settings({"junctions": ["nowhere"]}, "services.it.settings")
    assert isinstance(read, SignalSettings)
    wrong = SERVICE.with_junctions(read, junctions, "services.it.settings")
    assert isinstance(wrong, PlaceErrors) and "`nowhere` is no declared junction" in str(wrong)
    assert isinstance(SERVICE.read_settings({"controller": "magic"}, "s"), PlaceError)


@pytest.mark.parametrize("controller", ["ours", "max-pressure-guarded", "actuated", "fixed"])
def test_a_wish_follows_from_the_readings_of_its_sources_alone(
    settings: SignalSettings, junctions: Mapping[str, Junction], controller: str
):
    read = SERVICE.read_settings({"junctions": list(junctions), "controller": controller, "leaving_s": 0}, "s")
    assert isinstance(read, SignalSettings)
    chosen = SERVICE.with_junctions(read, junctions, "s")
    assert isinstance(chosen, SignalSettings)

    def said(street: Street) -> Street:
        for n in (2, 5, 8, 14):
            street.counts(f"corridor-detectors-{n:02d}", n, n - 1)
        street.asks(BUS, 2, 1, 8)
        return street

    for wish in said(Street(chosen)).turn().proposals:
        alone = said(Street(chosen))
        shown = {*wish.sources, *(one.device for one in junctions.values())}
        alone.values = {key: value for key, value in alone.values.items() if key[0] in shown}
        again = {one.device: one for one in alone.turn().proposals}
        assert again[wish.device].value == wish.value and again[wish.device].sources == wish.sources
