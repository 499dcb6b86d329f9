"""Forecasts of a running city, as playbooks: kept, scored, taken up again; silent stores, quarantined devices, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cityward.errors import LinkError
from cityward.insight.estimate import Estimate
from cityward.insight.forecast.device import Past
from cityward.insight.marks import Mark, MarkState
from cityward.runtime.forecast_told import told_forecasts
from cityward.runtime.forecasting import FORECASTS, Forecasting, ForecastPace, ForecastPorts, kept_forecasts
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ServiceEffects
from cityward.time import HOUR
from cityward.watch.findings import DeviceStanding, Trust
from insight.forecast.test_running import FIRST_LAMP, LEVELS, NOW, past

LATER = NOW + 5 * HOUR


@dataclass
class Kept:
    """The state store, as far as forecasts are kept in it."""

    bodies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    estimates: dict[tuple[str, str, int], Estimate] = field(default_factory=dict[tuple[str, str, int], Estimate])
    silent: bool = False

    def memories(self) -> Mapping[str, bytes]:
        return dict(self.bodies)

    def memory(self, service: str) -> bytes | None:
        return self.bodies.get(service)

    def standing_notices(self, ended_since: int) -> Sequence[NoticeRow]:
        return ()

    def plans_since(self, issued_since: int) -> Sequence[PlanRow]:
        return ()

    def keep(self, effects: ServiceEffects) -> None:
        if self.silent:
            raise LinkError("the database does not answer")
        self.bodies.update(effects.memories)
        self.estimates.update({(one.subject, one.property, one.at): one for _, one in effects.estimates})

    def estimates_of(self, service: str, since_us: int, most: int, subject: str | None = None) -> Sequence[Estimate]:
        assert service == FORECASTS
        found = [one for one in self.estimates.values() if one.at >= since_us and subject in (None, one.subject)]
        return sorted(found, key=lambda one: one.at)[:most]


@dataclass
class City:
    """What the forecasts see of it; each part can be changed between turns."""

    kept: Kept = field(default_factory=Kept)
    now: int = NOW
    marked: list[Mark] = field(default_factory=list[Mark])
    stood: list[DeviceStanding] = field(default_factory=list[DeviceStanding])
    barred: frozenset[str] = frozenset()
    broken: bool = False
    read: Callable[[int], Past] = past
    reads: int = 0

    def ports(self) -> ForecastPorts:
        return ForecastPorts(
            lambda: self.now, self._past, lambda: list(self.marked), self._standings, lambda: self.barred, self.kept
        )

    def _past(self, since: int, until: int, most: int) -> Past:
        self.reads += 1
        return self.read(until)

    def _standings(self) -> Sequence[DeviceStanding]:
        if self.broken:
            raise LinkError("the watch does not answer")
        return list(self.stood)

    def told(self, device: str = FIRST_LAMP) -> Any:
        (one,) = told_forecasts(self.kept, device, self.now)
        return one


def play(city: City, script: Callable[[Forecasting], Coroutine[Any, Any, None]], **pace: Any) -> Forecasting:
    async def whole() -> None:
        try:
            await asyncio.wait_for(script(making), 60)
        finally:
            making.close()

    making = Forecasting([LEVELS], city.ports(), ForecastPace(**pace))
    asyncio.run(whole())
    return making


async def two_turns(making: Forecasting) -> None:
    await making.turn(NOW)
    await making.turn(LATER)


def test_forecasts_are_kept_and_held_against_what_came() -> None:
    city = City(now=LATER)
    making = play(city, two_turns)
    told = city.told()
    assert [one.at for one in told.estimates] == [LATER + n * HOUR for n in range(6)]
    assert [score.horizon_us // HOUR for score in told.scores] == [1, 2, 4]
    assert {score.model for score in told.scores} == {"profile-ar"}
    assert making.progress.scored == 3 * 3 * len(LEVELS.series)
    assert (making.progress.turns, making.progress.said) == (2, 6 * len(LEVELS.series))


def test_accuracy_goes_on_after_a_restart() -> None:
    city = City(now=LATER)
    play(city, two_turns)
    before = city.told().scores

    async def again(making: Forecasting) -> None:
        await making.turn(LATER + HOUR)
        await making.turn(LATER + 6 * HOUR)

    play(city, again)
    city.now = LATER + 6 * HOUR
    assert [score.count for score in city.told().scores if score.horizon_us == HOUR] == [before[0].count + 1]


@pytest.mark.parametrize("body", [b"", b"{", b'{"at": "noon"}', b"[" * 100_000, b"\xff", b"x" * 8_000_001])
def test_what_was_kept_and_cannot_be_read_is_told_and_begun_anew(body: bytes) -> None:
    city = City(Kept({FORECASTS: body}))
    making = play(city, lambda making: making.turn(NOW))
    assert making.progress.faults == 1
    assert kept_forecasts(city.kept.bodies[FORECASTS]).at == NOW


def test_a_device_that_is_quarantined_is_not_forecast_and_its_old_forecast_is_not_told() -> None:
    async def script(making: Forecasting) -> None:
        await making.turn(NOW)
        city.stood = [DeviceStanding(device=FIRST_LAMP, trust=0.1, state=Trust.QUARANTINED, since=NOW)]
        await making.turn(NOW + HOUR)

    city = City()
    play(city, script)
    assert city.told().estimates == ()
    assert city.told().why == "the device is quarantined"
    other = LEVELS.series[1].unit if len(LEVELS.series) > 1 else None
    assert other is None or city.told(other).estimates


def test_a_barred_device_is_not_forecast() -> None:
    city = City(barred=frozenset([FIRST_LAMP]))
    play(city, lambda making: making.turn(NOW))
    assert city.told().why == "the device is barred"


def test_where_trust_is_not_known_nothing_is_made() -> None:
    city = City(broken=True)
    making = play(city, lambda making: making.turn(NOW))
    assert not city.kept.bodies
    assert making.progress.link_errors == 1


def test_a_store_that_is_silent_costs_a_turn_and_no_more() -> None:
    async def script(making: Forecasting) -> None:
        city.kept.silent = True
        await making.turn(NOW)
        city.kept.silent = False
        await making.turn(LATER)

    city = City(now=LATER)
    making = play(city, script)
    assert (making.progress.link_errors, making.progress.faults) == (1, 0)
    assert city.told().estimates


def test_a_past_that_does_not_come_is_not_waited_for() -> None:
    import threading

    free = threading.Event()

    def never(until: int) -> Past:
        free.wait(30)
        return past(until)

    city = City(read=never)
    try:
        making = play(city, lambda making: making.turn(NOW), call_s=0.05)
    finally:
        free.set()
    assert making.progress.link_errors == 1
    assert not city.kept.bodies


def test_a_fault_is_counted_and_the_next_turn_is_made() -> None:
    def broken(until: int) -> Past:
        if until == NOW:
            raise ValueError("a column is missing")
        return past(until)

    city = City(now=LATER, read=broken)
    making = play(city, two_turns)
    assert making.progress.faults == 1
    assert city.told().estimates


def test_one_forecast_that_fails_is_told_and_the_others_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from cityward.insight.forecast.running import Running

    def fail(*_: Any) -> Any:
        raise ValueError("singular")

    monkeypatch.setattr(Running, "make", fail)
    city = City()
    making = play(city, lambda making: making.turn(NOW))
    assert making.progress.faults == 1
    assert city.told().why == "its forecast failed"


def test_marks_that_are_made_meanwhile_make_it_begin_again() -> None:
    def marking(until: int) -> Past:
        if city.reads == 1:
            city.marked = [Mark(id="m", device=FIRST_LAMP, since=0, until=1, state=MarkState.SUSPECT)]
        return past(until)

    city = City(read=marking)
    making = play(city, lambda making: making.turn(NOW))
    assert (making.progress.again, city.reads) == (1, 2)
    assert city.told().estimates


def test_it_turns_once_an_hour_until_it_is_stopped() -> None:
    async def script(making: Forecasting) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(making.run(stop))
        while making.progress.said == 0:
            await asyncio.sleep(0.01)
        stop.set()
        await running

    making = play(City(), script)
    assert making.progress.turns == 1
