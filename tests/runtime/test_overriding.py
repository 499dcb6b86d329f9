"""Persons over services, as playbooks: what is held, what waits for two, what is taken back, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.evidence.records import CommandIssued, CommandOutcome, CommandRefused, Consent, OverrideEnded
from cityward.place.registry import number
from cityward.place.services import FanOut, Hindrance, Interlock
from cityward.place.things import CommandLimits
from cityward.runtime.causes import LONGEST_LINE, cause_line, rests_on
from cityward.runtime.overriding import (
    CONSENT_WAITS_US,
    MOST_CONSENTS,
    ConsentRow,
    OverrideRow,
    OverrideState,
    Overriding,
    held_units,
    may,
)
from cityward.runtime.ports import CommandRow
from cityward.runtime.serving.binding import Bound, bind_services
from cityward.runtime.serving.ports import Pace, RunnerPorts
from cityward.runtime.serving.runner import ServiceRunner
from cityward.services.contract import NoMemory, Proposal, Reading, Turn, View, Window
from cityward.time import HOUR, MINUTE
from runtime.test_service_runner import DIM, POSITION, City, play, town

LAMPS = ("lamps-01", "lamps-02")


class Dimmer:
    """A service that wants every lamp at one level, because of the loop; says so each turn until the lamp stands so."""

    settings = memory = NoMemory
    example: Mapping[str, Any] = {}

    def __init__(self, level: float = 40.0) -> None:
        self.level = level

    def read_settings(self, raw: Mapping[str, Any], where: str) -> NoMemory:
        return NoMemory()

    def reads(self, settings: NoMemory) -> Sequence[str]:
        return ("loop", "lamps")

    def commands(self, settings: NoMemory) -> Sequence[str]:
        return ("lamps",)

    def windows(self, settings: NoMemory) -> Sequence[Window]:
        return ()

    def documents(self, settings: NoMemory) -> Sequence[str]:
        return ()

    def work(self, body: bytes) -> bytes:
        raise ValueError

    def step(self, view: View[NoMemory], memory: NoMemory) -> Turn[NoMemory]:
        sources = ("loop",) if ("loop", "vehicle-speed") in view.readings else ()
        wanted = [lamp for lamp in view.actuators if self._differs(view, lamp)]
        cause = {"traffic": "quiet"}
        return Turn(memory, [Proposal(lamp, "dim", self.level, cause, view.now_us, sources=sources) for lamp in wanted])

    def _differs(self, view: View[NoMemory], lamp: str) -> bool:
        last = view.last_commands.get(lamp)
        return last is None or last.value != self.level


class Town(City):
    """The city in memory, with a book of what persons said. `held` is how a person's hold is put there."""

    def __init__(self) -> None:
        super().__init__()
        self.holds: dict[str, OverrideRow] = {}
        self.asked: dict[str, ConsentRow] = {}

    def put_override(self, row: OverrideRow) -> None:
        self._ask("persons")
        self.holds[row.id] = row

    def overrides_under_way(self) -> Sequence[OverrideRow]:
        self._ask("persons")
        return [row for row in self.holds.values() if may(row.state, OverrideState.EXPIRED)]

    def put_consents(self, rows: Sequence[ConsentRow]) -> None:
        self.asked |= {row.id: row for row in rows}

    def consents_under_way(self) -> Sequence[ConsentRow]:
        return [row for row in self.asked.values() if row.state in ("asked", "approved")]

    def hold(self, value: float, minutes: float, *devices: str, approved_by: str = "") -> OverrideRow:
        until = self.now + round(minutes * MINUTE)
        self.holds["o-1"] = OverrideRow(
            "o-1", "lights", "lamps", devices or LAMPS, "dim", value, "night works", "ada", self.now, 60, until,
            OverrideState.HOLDING, approved_by, self.now,
        )  # fmt: skip
        return self.holds["o-1"]

    def agree(self, state: str = "approved") -> None:
        self.asked = {
            id_: replace(row, state=state, by="bo") for id_, row in self.asked.items() if row.state == "asked"
        }

    def ports(self, refresh: Any = None) -> RunnerPorts:
        return replace(super().ports(refresh), overrides=self)  # type: ignore[arg-type]


def bounds_of(dimmer: Dimmer, dim: CommandLimits = DIM, **service: Any) -> list[Bound]:
    place = town(dim, settings={}, **service)
    return bind_services(place, number(place), {"lighting": dimmer})  # type: ignore[dict-item]


def altered(**fields: Any) -> CommandLimits:
    return msgspec.structs.replace(DIM, **fields)


class Script:
    """A runner in a town; `passes` lets minutes of city time go by, the loop reporting each."""

    def __init__(self, dim: CommandLimits = DIM, dimmer: Dimmer | None = None, **service: Any) -> None:
        self.town, self.dimmer = Town(), dimmer or Dimmer()
        self.runner = ServiceRunner(
            bounds_of(self.dimmer, dim, **service), POSITION, self.town.ports(), Pace(longest_wait_s=5.0)
        )

    async def passes(self, minutes: float, speed: float | None = 29.0) -> None:
        until, minute = self.town.now + round(minutes * MINUTE), -1
        while self.town.now < until:
            if self.town.now // MINUTE != minute and speed is not None:
                minute = self.town.now // MINUTE
                self.town.observe("loop", "vehicle-speed", speed)
            await self.runner.turn()

    def issued(self) -> list[CommandIssued]:
        return self.town.of(CommandIssued)

    def reasons(self) -> set[str]:
        return {record.reason for record in self.town.of(CommandRefused)}


# -- holding -----------------------------------------------------------------------------------------------------------


def test_a_person_holds_lamps_against_the_service_and_the_service_takes_over_at_the_end():
    async def script() -> None:
        s = Script()
        await s.passes(3)
        assert s.town.levels() == [40, 40]
        s.town.hold(80, 10)
        await s.passes(3)
        assert s.town.levels() == [80, 80]
        held = s.issued()[-1]
        assert (held.cause["held_by"], held.cause["reason"], held.sources) == ("ada", "night works", ())
        await s.passes(10)
        assert s.town.levels() == [40, 40], "the service finds another last command than it would give"
        assert [(r.override, r.outcome) for r in s.town.of(OverrideEnded)] == [("o-1", "expired")]
        assert s.town.holds["o-1"].state is OverrideState.EXPIRED
        await s.runner.close()

    play(script)


def test_what_is_held_is_told_once_and_reminded_and_the_service_is_not_asked():
    async def script() -> None:
        s = Script()
        s.town.hold(80, 300)
        await s.passes(29)
        assert [c.value for c in s.issued()] == [80, 80]
        await s.passes(5)
        assert [c.value for c in s.issued()] == [80] * 4, "a lamp that hears nothing for long goes to full light"
        await s.runner.close()

    play(script)


def test_undoing_gives_the_lamps_back_at_the_next_turn():
    async def script() -> None:
        s = Script()
        row = s.town.hold(80, 300)
        await s.passes(3)
        s.town.put_override(replace(row, state=OverrideState.UNDONE))
        await s.passes(2)
        assert s.town.levels() == [40, 40]
        await s.runner.close()

    play(script)


def test_a_held_unit_leaves_the_others_to_the_service():
    async def script() -> None:
        s = Script()
        s.town.hold(80, 300, "lamps-02")
        await s.passes(3)
        assert s.town.levels() == [40, 80]
        await s.runner.close()

    play(script)


def test_the_gate_judges_a_persons_word_as_it_judges_a_services():
    async def script() -> None:
        s = Script()
        s.town.hold(5, 300)
        await s.passes(5)
        assert s.reasons() == {"out-of-bounds"} and not s.issued()
        await s.runner.close()

    play(script)


def test_a_person_is_heard_also_while_the_service_fails():
    async def script() -> None:
        class Broken(Dimmer):
            def step(self, view: View[NoMemory], memory: NoMemory) -> Turn[NoMemory]:
                raise RuntimeError

        s = Script(dimmer=Broken())
        s.town.hold(80, 300)
        await s.passes(3)
        assert s.town.levels() == [80, 80]
        await s.runner.close()

    play(script)


def test_where_persons_words_cannot_be_read_nothing_is_proposed():
    async def script() -> None:
        s = Script()
        s.town.broken = {"persons"}
        await s.passes(5)
        assert not s.issued() and s.runner.progress.link_errors > 0
        s.town.broken = set()
        await s.passes(3)
        assert s.town.levels() == [40, 40]
        await s.runner.close()

    play(script)


def test_a_restart_goes_on_holding():
    async def script() -> None:
        s = Script()
        s.town.hold(80, 300)
        await s.passes(3)
        await s.runner.close()
        again = ServiceRunner(bounds_of(s.dimmer), POSITION, s.town.ports(), Pace(longest_wait_s=5.0))
        await again.start()
        s.runner = again
        await s.passes(3)
        assert s.town.levels() == [80, 80] and len(s.issued()) == 2, "it stands so already"
        await again.close()

    play(script)


# -- acknowledged or reverted ------------------------------------------------------------------------------------------


def test_a_command_that_is_not_acknowledged_is_taken_back_once():
    async def script() -> None:
        s = Script(dimmer=Dimmer(100.0))
        await s.passes(3)
        s.dimmer.level = 40.0
        s.town.deaf = {"lamps-01"}
        await s.passes(1)
        s.town.deaf = set()
        s.dimmer.level = 100.0
        await s.passes(3)
        told = [(c.value, c.cause.get("revert", "")) for c in s.issued() if c.device == "lamps-01"]
        assert [value for value, _ in told] == [100, 40, 100]
        assert told[2][1] == f"{next(c.command_id for c in s.issued() if c.value == 40)}: timed-out"
        outcomes = {o.command_id: o.outcome for o in s.town.of(CommandOutcome) if o.device == "lamps-01"}
        assert list(outcomes.values()) == ["acknowledged", "timed-out", "acknowledged"]
        assert s.town.levels()[0] == 100
        await s.runner.close()

    play(script)


def test_a_revert_that_fails_is_not_reverted():
    async def script() -> None:
        class Once(Dimmer):
            def step(self, view: View[NoMemory], memory: NoMemory) -> Turn[NoMemory]:
                return super().step(view, memory) if not view.last_commands else Turn(memory)

        s = Script(dimmer=Once())
        s.town.deaf = set(LAMPS)
        await s.passes(30)
        assert [c.value for c in s.issued()] == [40, 40, 100, 100]
        await s.runner.close()

    play(script)


def test_where_it_is_declared_the_value_before_comes_back():
    async def script() -> None:
        s = Script(altered(revert="before"), Dimmer(60.0))
        await s.passes(3)
        s.dimmer.level = 40.0
        s.town.deaf = {"lamps-01"}
        await s.passes(2)
        reverts = [c for c in s.issued() if "revert" in c.cause]
        assert [(c.device, c.value) for c in reverts] == [("lamps-01", 60)]
        await s.runner.close()

    play(script)


# -- interlocks, fan-out -----------------------------------------------------------------------------------------------

SLOW = Interlock(unless=Hindrance(device="loop", property="vehicle-speed", below=5, max_age_s=300), why="people about")


def test_an_interlock_that_trips_brings_held_and_other_lamps_to_full_light():
    async def script() -> None:
        s = Script(interlocks=(SLOW,))
        s.town.hold(50, 300, "lamps-02")
        await s.passes(3)
        assert s.town.levels() == [40, 50]
        s.dimmer.level = 30.0
        await s.passes(3, speed=2.0)
        assert s.town.levels() == [100, 100] and "interlocked" in s.reasons()
        assert "interlocked" in s.issued()[-1].cause["fail_safe"]
        await s.passes(15)
        assert s.town.levels() == [30, 50], "and back when it is over"
        await s.runner.close()

    play(script)


def test_an_interlock_that_falls_silent_or_is_not_believed_trips():
    async def script() -> None:
        s = Script(interlocks=(SLOW,))
        await s.passes(8, speed=None)
        assert not [c for c in s.issued() if c.value != 100] and "interlocked" in s.reasons()
        await s.passes(15)
        assert s.town.levels() == [40, 40]
        s.town.doubt("loop", 0.1)
        s.dimmer.level = 30.0
        await s.passes(3)
        assert s.town.levels() == [100, 100]
        await s.runner.close()

    play(script)


def test_a_mass_off_by_a_service_or_a_person_is_stretched():
    async def script() -> None:
        s = Script(fan_out=FanOut(most=1, minutes=10), dimmer=Dimmer(100.0))
        await s.passes(3)
        s.town.hold(10, 300)
        await s.passes(9)
        assert s.town.levels() == [10, 100] and "fan-out" in s.reasons()
        await s.passes(4)
        assert s.town.levels() == [10, 10]
        await s.runner.close()

    play(script)


# -- two persons -------------------------------------------------------------------------------------------------------

TWO = altered(two_person=True)


def test_a_services_command_waits_for_a_person_and_goes_out_once_when_agreed():
    async def script() -> None:
        s = Script(TWO)
        await s.passes(5)
        assert not s.issued() and s.reasons() == {"second-person"}
        assert len(s.town.asked) == 2, "asked once each"
        assert {(r.step, r.device) for r in s.town.of(Consent)} == {("asked", "lamps-01"), ("asked", "lamps-02")}
        s.town.agree()
        await s.passes(3)
        assert s.town.levels() == [40, 40] and len(s.issued()) == 2
        assert {c.cause["approved_by"] for c in s.issued()} == {"bo"}
        assert {row.state for row in s.town.asked.values()} == {"used"}
        await s.runner.close()

    play(script)


def test_what_nobody_agrees_to_expires_and_is_asked_again():
    async def script() -> None:
        s = Script(TWO)
        await s.passes(CONSENT_WAITS_US / MINUTE + 3)
        steps = [r.step for r in s.town.of(Consent) if r.device == "lamps-01"]
        assert steps == ["asked", "expired", "asked"]
        assert not s.issued()
        await s.runner.close()

    play(script)


def test_an_approved_override_needs_no_further_consent_and_one_that_is_not_never_acts():
    async def script() -> None:
        s = Script(TWO, Dimmer(100.0))
        row = s.town.hold(50, 300)
        await s.passes(3)
        assert s.town.levels() == [100, 100], "whatever the book says: the gate wants the second person"
        s.town.put_override(replace(row, approved_by="bo"))
        await s.passes(3)
        assert s.town.levels() == [50, 50]
        await s.runner.close()

    play(script)


def test_consents_have_a_bound_and_what_is_beyond_is_counted():
    overriding = Overriding("service")
    for n in range(MOST_CONSENTS + 5):
        overriding.ask("lights", Proposal(f"lamp-{n}", "dim", 40.0, {"a": "b"}, 0), 0)
        overriding.ask("lights", Proposal(f"lamp-{n}", "dim", 40.0, {"a": "b"}, 0), 1)
    assert len(overriding.records(0)) == MOST_CONSENTS
    assert overriding.shed >= 5


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_command_says_what_it_rests_on_with_values():
    async def script() -> None:
        s = Script()
        await s.passes(3)
        row = s.town.rows[s.issued()[0].command_id]
        assert row.cause["rests_on"] == "vehicle-speed of 1 sensor (29)"
        assert cause_line(row) == "lamps-01 dim 40 <- lights: traffic quiet <- vehicle-speed of 1 sensor (29)"
        await s.runner.close()

    play(script)


def test_what_a_value_rests_on_is_told_by_property_most_sensors_first():
    readings = {
        ("lux", "illuminance"): Reading(12.0, 0, 0),
        ("a", "vehicle-speed"): Reading(24.1, 0, 0),
        ("b", "vehicle-speed"): Reading(27.0, 0, 0),
        ("c", "vehicle-speed"): Reading(1.0, 0, 0),
    }
    words = rests_on(readings, ("lux", "a", "b"))
    assert words == "vehicle-speed of 2 sensors (24.1 to 27), illuminance of 1 sensor (12)"


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (
            {
                "held_by": "ada",
                "reason": "works",
                "until": "2024-01-10T20:00:00Z",
                "override": "o-1",
                "approved_by": "bo",
            },
            "lamp-1 dim 40 <- held by ada until 2024-01-10T20:00:00Z: works, approved by bo",
        ),
        (
            {"revert": "c-0: timed-out", "service": "lights"},
            "lamp-1 dim 40 <- lights: reverts c-0: timed-out <- no reading",
        ),
        (
            {"fail_safe": "40 was refused: interlocked", "service": "lights"},
            "lamp-1 dim 40 <- lights: made safe, 40 was refused: interlocked <- no reading",
        ),
    ],
    ids=["held", "reverted", "made safe"],
)
def test_other_causes_are_told_in_one_line(cause: dict[str, str], line: str):
    assert cause_line(CommandRow("c", "lights", "lamp-1", "dim", 40.0, cause, "s:1", "sent", 0)) == line


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=300), max_size=16))
def test_a_line_is_bounded(cause: dict[str, str]):
    assert len(cause_line(CommandRow("c", "s", "d", "dim", 1.0, cause, "s:1", "sent", 0))) <= LONGEST_LINE


def test_nothing_is_held_before_it_began_or_after_its_end():
    row = OverrideRow("o", "s", "g", ("a", "b"), "dim", 1.0, "r", "ada", 0, 60, HOUR, OverrideState.HOLDING, "", 0)
    assert held_units([row], HOUR - 1) == {"a", "b"}
    assert held_units([row], HOUR) == frozenset()
    assert held_units([replace(row, state=OverrideState.ASKED)], 1) == frozenset()


@given(st.lists(st.sampled_from(list(OverrideState)), max_size=6))
def test_what_ended_never_begins_again(ways: list[OverrideState]):
    state = OverrideState.ASKED
    for to in ways:
        before, state = state, to if may(state, to) else state
        assert before not in (OverrideState.UNDONE, OverrideState.EXPIRED, OverrideState.REFUSED) or state is before
