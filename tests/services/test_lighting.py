"""Lighting, as playbooks: what the street saw, what the lamps are told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

import pytest

from cityward.errors import PlaceError
from cityward.place.things import CommandLimits
from cityward.services.contract import Actuator, Commanded, Proposal, Reading, Urgency, View
from cityward.services.lighting import SERVICE
from cityward.services.lighting.memory import LightingMemory
from cityward.services.lighting.settings import LightingSettings, read_settings
from cityward.services.lighting.sun import elevation_deg
from cityward.time import SECOND, to_us

DOGGERFORD = (2.37, 54.9)
DIM = CommandLimits(sets="lamp-level", low=10, high=100, fail_safe=100)
LAMPS, LOOPS = ("lamp-01", "lamp-02"), ("loop-01", "loop-02", "loop-03")
RAW = {"streets": {"quay": {"lamps": ["lamps"], "light": ["lux"], "traffic": ["loops"]}}}


class Street:
    """A street over a day: `at` sets the clock, `sees` the sensors; `told` steps the service and obeys it."""

    def __init__(self, moment: str, **settings: object) -> None:
        read = read_settings({**RAW, **settings})
        assert isinstance(read, LightingSettings)
        self.settings = read
        self.now = to_us(datetime.fromisoformat(moment))
        self.observed: dict[tuple[str, str], tuple[float, int]] = {}
        self.commanded: dict[str, Commanded] = {}

    def at(self, clock: str) -> Street:
        """Later (or earlier) the same day, in UTC."""
        day = self.now - self.now % (86_400 * SECOND)
        hours, minutes = clock.split(":")
        self.now = day + (int(hours) * 60 + int(minutes)) * 60 * SECOND
        return self

    def sees(self, lux: float | None = None, speeds: Sequence[float] = (), counts: Sequence[float] = ()) -> Street:
        """New readings, as of now."""
        if lux is not None:
            self.observed["lux", "illuminance"] = (lux, self.now)
        for loop, speed in zip(LOOPS, speeds, strict=False):
            self.observed[loop, "vehicle-speed"] = (speed, self.now)
        for loop, count in zip(LOOPS, counts, strict=False):
            self.observed[loop, "vehicle-count"] = (count, self.now)
        return self

    def reports(self, level: float) -> Street:
        """Every lamp reports its level."""
        for lamp in LAMPS:
            self.observed[lamp, "lamp-level"] = (level, self.now)
        return self

    @property
    def view(self) -> View[LightingSettings]:
        return View(
            now_us=self.now,
            position=DOGGERFORD,
            settings=self.settings,
            members={"lamps": LAMPS, "lux": ("lux",), "loops": LOOPS},
            readings={key: Reading(value, at, self.now - at) for key, (value, at) in self.observed.items()},
            actuators={lamp: Actuator({"dim": DIM}) for lamp in LAMPS},
            last_commands=self.commanded,
        )

    def step(self) -> Sequence[Proposal]:
        return SERVICE.step(self.view, LightingMemory()).proposals

    def told(self, state: str = "acknowledged") -> tuple[float, str] | None:
        """(level, errand) for all lamps alike, or None; what they are told becomes the last command."""
        proposals = self.step()
        for p in proposals:
            self.commanded[p.device] = Commanded(p.command, p.value, p.cause, state, self.now)
        said = {(p.value, p.cause["errand"]) for p in proposals}
        assert len(proposals) in (0, len(LAMPS)) and len(said) <= 1
        return said.pop() if said else None


def test_an_evening_and_a_morning_on_quay_street():
    # the equinox: at 54.9 N, 2.4 E the sun sets at about 18:05 UTC and rises at about 05:55
    street = Street("2024-03-20T12:00+00:00")
    assert street.sees(lux=40_000, speeds=(29, 29, 28)).told() == (10, "first command")
    assert street.at("12:10").sees(lux=40_000).told() is None
    assert street.at("17:45").sees(lux=300, speeds=(20, 29, 29)).told() == (10, "reminder")
    assert street.at("18:20").sees(lux=30, speeds=(20, 29, 29)).told() == (80, "brighter")
    assert street.at("18:21").sees(lux=50, speeds=(20, 29, 29)).told() is None, "between the thresholds: still night"
    assert street.at("18:25").sees(lux=20, speeds=(29, 29, 28)).told() is None, "quiet, but not for long enough"
    assert street.at("18:31").sees(lux=10, speeds=(29, 29, 28)).told() == (40, "darker")
    assert street.at("19:02").sees(lux=0, speeds=(29, 29, 28)).told() == (40, "reminder")
    assert street.at("19:10").sees(lux=0, speeds=(15, 29, 28)).told() == (80, "brighter")


def test_the_cause_names_sun_light_traffic_and_their_ages():
    street = Street("2024-03-20T18:10+00:00").sees(lux=30, speeds=(29, 29, 15))
    street.at("18:20")
    cause = street.step()[0].cause
    assert cause["street"] == "quay" and cause["sky"] == "night" and cause["sky_because"] == "twilight, measured dark"
    assert float(cause["sun_elevation_deg"]) == pytest.approx(elevation_deg(street.now, DOGGERFORD), abs=0.01)
    assert (cause["illuminance_lx"], cause["illuminance_age_s"]) == ("30", "600")
    assert (cause["traffic"], cause["traffic_value"], cause["traffic_age_s"]) == ("busy", "15", "600")


def test_a_covered_sensor_at_noon_lights_nothing():
    assert Street("2024-06-21T12:00+00:00").sees(lux=0, speeds=(29, 29, 29)).told() == (10, "first command")


def test_a_torch_at_midnight_darkens_nothing():
    street = Street("2024-03-20T23:59+00:00").sees(lux=100_000, speeds=(15, 29, 29))
    assert street.told() == (80, "first command")


def test_a_dark_sensor_is_believed_in_twilight_and_so_is_a_bright_one():
    before_sunset, after_sunset = "2024-03-20T17:50+00:00", "2024-03-20T18:20+00:00"
    assert Street(before_sunset).sees(lux=5, speeds=(9, 9, 9)).told() == (80, "first command")
    assert Street(after_sunset).sees(lux=500, speeds=(9, 9, 9)).told() == (10, "first command")


def test_without_a_fresh_sensor_twilight_is_the_suns_to_judge():
    street = Street("2024-03-20T16:00+00:00").sees(lux=9000)
    assert street.at("17:55").sees(speeds=(9, 9, 9)).told() == (10, "first command")
    assert street.at("18:20").sees(speeds=(9, 9, 9)).told() == (80, "brighter")


def test_at_night_no_news_means_full_light():
    assert Street("2024-01-10T02:00+00:00").told() == (100, "first command")


@pytest.mark.parametrize(
    ("speeds", "level"),
    [
        ((29, 29, 29), 40),
        ((29, 29), 40),  # two of three are enough
        ((29,), 100),  # one is not
        ((0, 0, 0), 100),  # how detectors write "nothing measured"
        ((29, 29, 0), 40),
        ((21, 29, 29), 80),
        ((24, 29, 29), 80),  # between the thresholds, and nothing before
    ],
    ids=str,
)
def test_level_by_traffic_at_night(speeds: tuple[float, ...], level: float):
    told = Street("2024-01-10T02:00+00:00").sees(lux=0, speeds=speeds).told()
    assert told == (level, "first command")


def test_stale_traffic_is_no_traffic_and_lamps_rise_at_once():
    street = Street("2024-01-10T02:00+00:00").sees(lux=0, speeds=(29, 29, 29))
    assert street.told() == (40, "first command")
    assert street.at("02:30").told() == (40, "reminder"), "as old as allowed"
    assert street.at("02:31").told() == (100, "brighter")


def test_between_the_thresholds_traffic_is_as_before():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    assert street.told() == (40, "first command")
    assert street.at("02:15").sees(speeds=(24, 25, 29)).told() is None
    assert street.at("02:20").sees(speeds=(21, 25, 29)).told() == (80, "brighter")
    assert street.at("02:40").sees(speeds=(24, 25, 29)).told() is None
    assert street.at("02:45").sees(speeds=(27, 27, 29)).told() == (40, "darker")


def test_counts_are_believed_before_speeds_where_thresholds_are_declared():
    thresholds = {"busy_above_count": 60.0, "quiet_below_count": 20.0}
    dense_and_fast = Street("2024-01-10T02:00+00:00", **thresholds).sees(speeds=(29, 29, 29), counts=(90, 10, 10))
    assert dense_and_fast.told() == (80, "first command")
    one_tractor = Street("2024-01-10T02:00+00:00", **thresholds).sees(speeds=(6, 29, 29), counts=(1, 5, 5))
    assert one_tractor.told() == (40, "first command")


def test_traffic_that_flickers_every_minute_does_not_make_lamps_flicker():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    levels: list[float] = []
    for minute in range(60):
        street.at(f"02:{minute:02d}").sees(speeds=(29, 29, 15 if minute % 2 else 29))
        said = street.told()
        levels += [said[0]] if said else []
    changes = [b for a, b in itertools.pairwise(levels) if a != b]
    assert len(changes) <= 12, "six times up and six times down in an hour"
    assert all(earlier >= 10 for earlier in levels)


def test_a_lamp_that_did_not_answer_is_tried_again_after_a_while():
    street = Street("2024-01-10T02:00+00:00")
    assert street.told(state="timed-out") == (100, "first command")
    assert street.at("02:09").told() is None
    assert street.at("02:10").told() == (100, "the last command is timed-out")


def test_a_lamp_that_refused_to_dim_is_still_made_brighter_at_once():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    assert street.told(state="rejected") == (40, "first command")
    assert street.at("02:01").sees(speeds=(9, 29, 29)).told() == (80, "brighter")


def test_an_open_command_is_waited_for():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    assert street.told(state="sent") == (40, "first command")
    assert street.at("02:01").sees(speeds=(9, 29, 29)).told() is None


def test_a_lamp_that_reports_another_level_is_told_again():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    assert street.told() == (40, "first command")
    assert street.at("02:05").reports(100).told() is None, "the report may be older than the command"
    assert street.at("02:12").reports(100).told() == (40, "the lamp reports another level")
    assert street.at("02:25").reports(41).told() is None


def test_a_clock_that_went_back_leads_to_a_new_command():
    street = Street("2024-01-10T02:00+00:00")
    street.told()
    assert street.at("01:00").told() == (100, "the clock went back")


def test_what_makes_a_street_brighter_is_urgent():
    street = Street("2024-01-10T02:00+00:00").sees(speeds=(29, 29, 29))
    street.told()
    assert {p.urgency for p in street.at("02:01").sees(speeds=(9, 9, 9)).step()} == {Urgency.SAFETY}
    street.told()
    assert {p.urgency for p in street.at("02:31").sees(speeds=(29, 29, 29)).step()} == {Urgency.ROUTINE}


def test_a_level_below_what_the_lamp_may_be_set_to_is_raised_to_it():
    told = Street("2024-01-10T02:00+00:00", dim_level=5).sees(speeds=(29, 29, 29)).told()
    assert told == (10, "first command")


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "where", "words"),
    [
        ({}, "s", "missing required field `streets`"),
        ({**RAW, "dim_levl": 4}, "s", "did you mean `dim_level`?"),
        ({**RAW, "dim_level": 140}, "s.dim_level", "<= 100"),
        ({**RAW, "dim_level": "low"}, "s.dim_level", "got `str`"),
        ({**RAW, "dim_level": 90}, "s.dim_level", "above `busy_level`, which is 80"),
        ({**RAW, "dusk_lux": 90}, "s.dusk_lux", "above `dawn_lux`"),
        ({**RAW, "busy_below_m_s": 30}, "s.busy_below_m_s", "above `quiet_above_m_s`"),
        ({**RAW, "busy_above_count": 30}, "s", "belong together"),
        ({"streets": {"quay": {"lamps": []}}}, "s.streets[...].lamps", "length >= 1"),
        ({"streets": {"quay": {"lamps": ["l"], "trafic": []}}}, "s.streets[...]", "did you mean `traffic`?"),
        ({"streets": {"a": {"lamps": ["l"]}, "b": {"lamps": ["l"]}}}, "s.streets.b.lamps", "two streets, `a` and `b`"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_bad_settings_are_answered_with_their_path_and_a_mend(raw: dict[str, object], where: str, words: str):
    error = read_settings(raw, "s")
    assert isinstance(error, PlaceError)
    assert error.where == where
    assert words in str(error)


def test_all_contradictions_are_reported_at_once():
    error = read_settings({**RAW, "dim_level": 90, "dusk_lux": 90}, "s")
    assert "busy_level" in str(error) and "dawn_lux" in str(error)
