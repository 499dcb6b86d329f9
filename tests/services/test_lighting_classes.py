"""Streets with a lighting class: what they are told by traffic, people and weather, and what is told of their lamps."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from cityward.errors import PlaceError
from cityward.place.things import CommandLimits
from cityward.services.board import clipped
from cityward.services.contract import Actuator, Commanded, Reading, Turn, Urgency, View
from cityward.services.lighting import SERVICE
from cityward.services.lighting.classes import CLASSES, higher, is_drop
from cityward.services.lighting.levels import class_given, given_share, level_for, level_of_share
from cityward.services.lighting.memory import LightingMemory
from cityward.services.lighting.settings import Installation, LightingSettings, read_settings
from cityward.time import DAY, MINUTE, SECOND, to_us

LAMPS, LOOPS = ("lamp-01", "lamp-02"), ("loop-01", "loop-02")
DIM = CommandLimits(sets="lamp-level", low=10, high=100, fail_safe=100)
STREET: dict[str, Any] = {
    "lamps": ["lamps"],
    "traffic": ["loops"],
    "pedestrians": ["people"],
    "weather": ["mast"],
    "lighting_class": "M3",
    "drops": [{"to": "M4", "below_count": 60}, {"to": "M5", "below_count": 15}],
    "presence_class": "M4",
    # 1.25 cd/m2 maintained: M3 is 80 %, M4 60 %, M5 40 %
    "installation": {"luminance_cd_m2": 1.5625, "maintenance_factor": 0.8, "rated_w": 70, "standby_w": 0},
}
MIDNIGHT = to_us(datetime.fromisoformat("2024-01-10T00:00+00:00"))


def read(**changes: object) -> LightingSettings:
    settings = read_settings({"streets": {"quay": {**STREET, **changes}}, "co2_g_kwh": 400})
    assert isinstance(settings, LightingSettings), settings
    return settings


class Night:
    """A street at night, a turn at a time: what sensors and lamps say, what the service answers and remembers."""

    def __init__(self, **changes: object) -> None:
        self.settings = read(**changes)
        self.now, self.memory = MIDNIGHT, LightingMemory()
        self.said: dict[tuple[str, str], tuple[float, int]] = {}
        self.commanded: dict[str, Commanded] = {}
        self.refused: dict[tuple[str, str], str] = {}

    def after(self, minutes: float) -> Night:
        self.now += round(minutes * MINUTE)
        return self

    def sees(self, count: float = 0, people: float = 0, rain: float = 0) -> Night:
        for loop in LOOPS:
            self.said[loop, "vehicle-count"] = (count, self.now)
        self.said["counter", "pedestrian-count"] = (people, self.now)
        self.said["mast", "rain"] = (rain, self.now)
        return self

    def draws(self, **watts: float) -> Night:
        for lamp, value in watts.items():
            self.said[lamp.replace("_", "-"), "lamp-power"] = (value, self.now)
        return self

    def view(self) -> View[LightingSettings]:
        return View(
            now_us=self.now,
            position=(2.37, 54.9),
            settings=self.settings,
            members={"lamps": LAMPS, "loops": LOOPS, "people": ("counter",), "mast": ("mast",)},
            readings={key: Reading(value, at, self.now - at) for key, (value, at) in self.said.items()},
            actuators={lamp: Actuator({"dim": DIM}, (2.37, 54.9)) for lamp in LAMPS},
            last_commands=self.commanded,
            refused=self.refused,
        )

    def turn(self) -> Turn[LightingMemory]:
        turn = SERVICE.step(self.view(), self.memory)
        self.memory, self.refused = turn.memory, {}
        for p in turn.proposals:
            self.commanded[p.device] = Commanded(p.command, p.value, p.cause, "acknowledged", self.now)
        return turn

    def level(self) -> float:
        """What the lamps stand at after a turn."""
        self.turn()
        assert len({command.value for command in self.commanded.values()}) == 1
        return self.commanded[LAMPS[0]].value


# -- classes and levels -----------------------------------------------------------------------------------------------


def test_classes_of_one_family_can_be_dropped_to_and_others_cannot():
    assert is_drop("M3", "M5") and not is_drop("M5", "M3") and not is_drop("M3", "M3") and not is_drop("M3", "P5")
    assert higher("M3", "M5") == higher("M5", "M3") == "M3"


def test_within_a_family_each_class_requires_less_than_the_one_before():
    for letter in "MCP":
        averages = [required.average for name, required in CLASSES.items() if name[0] == letter]
        assert averages == sorted(averages, reverse=True) and len(set(averages)) == len(averages)


@pytest.mark.parametrize(
    ("name", "level"),
    [("M3", 80.0), ("M4", 60.0), ("M5", 40.0), ("M6", 24.0), ("M2", None)],  # of 1.25 cd/m2: 1/1.25, .75/1.25, ...
)
def test_the_level_is_the_share_of_the_maintained_light_that_the_class_requires(name: str, level: float | None):
    assert level_for(name, Installation(luminance_cd_m2=1.5625, maintenance_factor=0.8)) == level


def test_of_the_p_classes_the_darkest_point_may_decide():
    # maintained 10 lx and 1.25 lx: P4 needs 5 of 10 and 1 of 1.25, which is 80 %
    installation = Installation(illuminance_lx=12.5, lowest_lx=1.5625, maintenance_factor=0.8)
    assert level_for("P4", installation) == 80.0


@pytest.mark.parametrize(
    # IEC 62386-102 as gateways' manuals print it: half the light is step 229 (50.53 %), a tenth step 170 (10.09 %)
    ("share", "step"),
    [(1.0, 254), (0.5, 229), (0.10, 170), (0.001, 1)],
)
def test_on_the_dali_curve_a_level_is_a_share_of_254_steps(share: float, step: int):
    level = level_of_share(share, "dali")
    assert level * 254 / 100 == pytest.approx(step, abs=0.02)
    assert given_share(level, "dali") >= share


def test_whatever_light_a_class_needs_the_level_gives_it():
    chance = random.Random(11)
    for _ in range(20_000):
        installation = Installation(
            luminance_cd_m2=chance.uniform(0.2, 20),
            illuminance_lx=chance.uniform(1, 300),
            lowest_lx=chance.uniform(0.2, 60),
            maintenance_factor=chance.uniform(0.3, 1),
            curve=chance.choice(["linear", "dali"]),
        )
        name = chance.choice(list(CLASSES))
        level = level_for(name, installation)
        if level is None:
            continue
        required, factor = CLASSES[name], installation.maintenance_factor * given_share(level, installation.curve)
        full = installation.luminance_cd_m2 if name[0] == "M" else installation.illuminance_lx
        assert (full or 0) * factor >= required.average * (1 - 1e-9)
        assert (installation.lowest_lx or 0) * factor >= required.minimum * (1 - 1e-9)
        assert 0 < level <= 100
        assert class_given(level, name, installation) <= name


# -- by traffic, people and weather -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "level"),
    [
        ({"count": 100}, 80),  # M3
        ({"count": 60}, 80),
        ({"count": 59}, 60),  # M4
        ({"count": 14}, 40),  # M5
        ({"count": 14, "people": 1}, 60),  # people: at least M4
        ({"count": 100, "people": 1}, 80),
        ({"count": 14, "rain": 0.5}, 80),  # rain: no drop
    ],
    ids=str,
)
def test_the_level_follows_from_the_class_that_is_needed(seen: Mapping[str, float], level: float):
    assert Night().sees(**seen).level() == level


@pytest.mark.parametrize("gone", ["loop-01", "counter", "mast"])
def test_what_is_declared_and_does_not_speak_means_full_light(gone: str):
    night = Night().sees(count=3)
    lost = {"loop-01"} if gone != "loop-01" else set(LOOPS)
    night.said = {
        key: value for key, value in night.said.items() if key[0] not in (lost if gone == "loop-01" else {gone})
    }
    assert night.level() == 100


def test_stale_readings_mean_full_light_at_once():
    night = Night().sees(count=3)
    assert night.level() == 40
    assert night.after(31).level() == 100


def test_people_are_held_to_be_about_for_a_while_after_the_last_one():
    night = Night().sees(count=3, people=2)
    assert night.level() == 60
    assert night.after(14).sees(count=3).level() == 60
    assert night.after(2).sees(count=3).level() == 40


def test_a_clock_that_goes_back_does_not_hold_people_for_longer_than_declared():
    night = Night().sees(count=3, people=2)
    night.turn()
    night.after(-24 * 60).sees(count=3).turn()
    assert night.memory.streets["quay"].presence_until <= night.now + 900 * SECOND


def test_the_reason_is_in_the_cause():
    turn = Night().sees(count=14, people=1).turn()
    assert turn.proposals[0].cause["class"] == "M4" and turn.proposals[0].cause["class_because"] == "people are about"
    assert set(turn.proposals[0].sources) == {*LOOPS, "counter", "mast"}


def test_a_fail_safe_below_the_class_is_raised_to_it():
    night = Night()
    limits = CommandLimits(sets="lamp-level", low=0, high=100, fail_safe=5)
    view = night.view()
    for unit in list(view.actuators):
        view.actuators[unit] = Actuator({"dim": limits})  # type: ignore[index]
    assert {p.value for p in SERVICE.step(view, LightingMemory()).proposals} == {80}


def test_a_lamp_that_a_person_holds_is_told_nothing():
    night = Night().sees(count=3)
    view = night.view()
    object.__setattr__(view, "held", frozenset({"lamp-01"}))
    assert [p.device for p in SERVICE.step(view, LightingMemory()).proposals] == ["lamp-02"]


@pytest.mark.parametrize("views", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_random_view_is_answered_outside_the_limits_or_with_a_dark_night(views: int):
    """Any time of night, readings gone, stale, absurd, any memory of commands."""
    chance, settings = random.Random(5), read()
    values = (-1.0, 0.0, 1.0, 14.0, 40.0, 100.0, 1e9, float("nan"), float("inf"))
    keys = [(loop, "vehicle-count") for loop in LOOPS] + [("counter", "pedestrian-count"), ("mast", "rain")]
    members = {"lamps": LAMPS[:1], "loops": LOOPS, "people": ("counter",), "mast": ("mast",)}
    actuators = {LAMPS[0]: Actuator({"dim": DIM})}
    for n in range(views):
        now = MIDNIGHT + chance.randrange(-4 * 60, 4 * 60) * MINUTE
        readings = {
            key: Reading(chance.choice(values), now - age, age)
            for key in keys
            if chance.random() < 0.8 and (age := chance.choice((0, 60, 1799, 1801, 90_000)) * SECOND) >= 0
        }
        last = Commanded(
            "dim", chance.uniform(0, 100), {}, chance.choice(("sent", "acknowledged", "rejected")), now - DAY
        )
        view = View(now, (2.37, 54.9), settings, members, readings, actuators, {LAMPS[0]: last} if n % 2 else {})
        for proposal in SERVICE.step(view, LightingMemory()).proposals:
            assert 40 <= proposal.value <= 100, "never less than the lowest class the street may drop to"


def test_the_same_view_and_memory_give_the_same_turn():
    night = Night().sees(count=14, people=1).draws(lamp_01=3, lamp_02=42)
    assert SERVICE.step(night.view(), night.memory) == SERVICE.step(night.view(), night.memory)


# -- faults, energy, the board ----------------------------------------------------------------------------------------


def test_a_lamp_that_draws_nothing_is_told_after_it_has_shown_for_a_while():
    night = Night().sees(count=100)
    assert night.level() == 80  # 56 W
    assert not night.after(3).draws(lamp_01=1, lamp_02=56).turn().notices
    assert not night.after(6).draws(lamp_01=1, lamp_02=56).turn().notices
    (notice,) = night.after(2).draws(lamp_01=1, lamp_02=56).turn().notices
    assert notice.subject == "lamp-01" and "1.0 W where 56.0 W" in notice.title
    assert notice.urgency is Urgency.ROUTINE and notice.since == MIDNIGHT + 3 * MINUTE
    assert not night.after(1).draws(lamp_01=55, lamp_02=56).turn().notices


def test_silence_neither_suspects_a_lamp_nor_clears_it():
    night = Night().sees(count=100)
    night.turn()
    night.after(3).draws(lamp_01=1).turn()
    assert night.after(8).draws(lamp_01=1).turn().notices
    assert night.after(60).sees(count=100).turn().notices


def test_a_lamp_that_burns_by_day_is_told():
    night = Night()
    night.now += 12 * 60 * MINUTE
    assert night.level() == 10
    night.after(3).draws(lamp_01=70, lamp_02=7).turn()
    (notice,) = night.after(8).draws(lamp_01=70, lamp_02=7).turn().notices
    assert notice.subject == "lamp-01" and "by day" in notice.title


def test_energy_is_counted_beside_all_night_and_a_slept_gap_on_neither_side():
    night = Night(pedestrians=[], weather=[])
    for _ in range(7):
        night.sees(count=3).turn()
        night.after(10)
    night.after(300).sees(count=3).turn()
    account = night.memory.streets["quay"].tonight
    # two lamps of 70 W for an hour: 0.14 kWh; at 40 %: 0.056 kWh
    assert account.baseline_kwh == pytest.approx(0.14) and account.kwh == pytest.approx(0.056)
    assert account.under_s == 0 and account.dark_s == 3600


def test_metered_power_is_counted_before_what_was_told():
    night = Night()
    night.sees(count=3).turn()
    night.after(30).sees(count=3).draws(lamp_01=30, lamp_02=30).turn()
    assert night.memory.streets["quay"].tonight.kwh == pytest.approx(0.03)


@pytest.mark.parametrize("absurd", [1e300, -1.0, 10_001.0])
def test_a_meter_that_says_what_no_lamp_draws_is_not_counted(absurd: float):
    night = Night()
    night.sees(count=3).turn()
    told = night.after(30).sees(count=3).draws(lamp_01=30, lamp_02=absurd).turn().memory.streets["quay"].tonight
    # as told: two lamps of 70 W at 40 %, half an hour
    assert told.kwh == pytest.approx(0.028)


def test_the_board_says_class_level_and_reason_and_groups_what_to_mend():
    night = Night().sees(count=14, people=1)
    night.turn()
    night.after(3).draws(lamp_01=1, lamp_02=42).turn()
    board = night.after(10).draws(lamp_01=1, lamp_02=42).turn().board
    assert board is not None and clipped(board) == board
    streets, mend, times = board.tables
    assert [cell.text for cell in streets.rows[0]][:6] == ["quay", "night", "M4", "M4", "60 %", "people are about"]
    assert [cell.text for cell in mend.rows[0]][:2] == ["quay", "lamp-01"]
    assert [row[1].text for row in times.rows] == ["off", "on", "off", "on"]
    assert {shape.device: shape.stance for shape in board.shapes} == {"lamp-01": "bad", "lamp-02": "good"}


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"installation": None}, "not what its lamps give"),
        ({"lighting_class": None}, "a class that is not declared"),
        ({"lighting_class": "M1"}, "`M1` requires 2 cd/m2; maintained are 1.25"),
        ({"drops": [{"to": "M2", "below_count": 4}]}, "no class below `M3`"),
        ({"drops": [{"to": "P5", "below_count": 4}]}, "no class below `M3`"),
        ({"lighting_class": "M9"}, "matching regex"),
        ({"drops": [{"too": "M4"}]}, "did you mean `to`?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_class_that_cannot_be_is_answered_with_a_mend(changes: dict[str, object], words: str):
    error = read_settings({"streets": {"quay": {**STREET, **changes}}})
    assert isinstance(error, PlaceError) and words in str(error), error


# -- what the gate refused


def refused(why: str) -> Night:
    """A quiet night whose lamps were told their fail-safe value, in place of what was refused for this reason."""
    night = Night().sees(count=3)
    night.turn()
    night.commanded = {lamp: Commanded("dim", 100.0, {}, "acknowledged", night.now) for lamp in LAMPS}
    night.after(61).sees(count=3)
    night.refused = {(lamp, "dim"): why for lamp in LAMPS}
    return night


def test_what_an_interlock_holds_up_is_asked_for_again_after_a_while_and_told_meanwhile():
    night = refused("interlocked")
    turn = night.turn()
    assert not turn.proposals and night.after(5).sees(count=3).turn().proposals == []
    assert [one.title for one in turn.notices] == ["2 lamps of quay may not be dimmed: interlocked"]
    assert turn.board is not None
    assert any("2 of its lamps refused: interlocked" in cell.text for cell in turn.board.tables[0].rows[0])
    night.after(6).sees(count=3)
    assert [p.device for p in night.turn().proposals] == list(LAMPS), "after ten minutes"
    night.refused = {(lamp, "dim"): "interlocked" for lamp in LAMPS}
    assert night.after(1).turn().notices[0].since == turn.notices[0].since, "it still stands"


def test_what_waits_its_turn_is_asked_for_again_at_once_and_nobody_is_called():
    night = refused("fan-out")
    turn = night.turn()
    assert [p.device for p in turn.proposals] == list(LAMPS) and not turn.notices


def test_more_light_is_asked_for_whatever_was_refused_before():
    night = refused("interlocked")
    night.commanded = {lamp: Commanded("dim", 40.0, {}, "acknowledged", night.now) for lamp in LAMPS}
    night.sees(count=1000)
    assert {p.value for p in night.turn().proposals} == {80.0}, "M3"


def test_what_was_let_pass_is_held_up_no_more():
    night = refused("untrusted-source")
    assert night.turn().notices
    later = Commanded("dim", 60.0, {}, "acknowledged", night.now + 2 * MINUTE)
    night.commanded = dict.fromkeys(LAMPS, later)
    assert not night.after(3).turn().notices and not night.memory.held
