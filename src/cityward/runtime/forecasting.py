"""The declared forecasts of a running city: made once a city hour beside the services, kept, and held against what came.

Theory of operation
-------------------
    look (standings, marks, bars, past) -> make, each for itself -> were marks made meanwhile? then again -> settle -> keep

One task in the loop, one thread for all that takes long. What is kept lies with what is kept of services, under a name that no
service can have: estimates, the newest of each moment; and as its memory the scores, the model that speaks for each series, and
why nothing is said of others. Estimates that waited for their reading when the city stopped are given up.

INVARIANTS
- The services never wait for a forecast: nothing here is called by them, nothing that is raised here leaves this module.
- A turn ends within `ForecastPace.turn_s`; one whose thread is still busy keeps the next one waiting, not the loop.
- Where standings, bars or marks cannot be read, nothing is made: unknown trust is no trust.
- Nothing is settled or kept that was made of a past whose marks changed meanwhile.

Fails when: a device is quarantined just after a turn: what was said of it stays until the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, ParamSpec, TypeVar

import msgspec
import structlog
from msgspec import Meta

from cityward.errors import LinkError
from cityward.insight.accuracy import KeptAccuracy
from cityward.insight.estimate import Estimate
from cityward.insight.forecast.device import PAST_DAYS, Past
from cityward.insight.forecast.running import Made, Running, Together
from cityward.insight.marks import Mark
from cityward.place.checks.forecasts import MOST_FORECAST_SERIES
from cityward.runtime.doubt import doubt_of
from cityward.runtime.serving.kept import ServiceEffects, ServiceKeeper
from cityward.time import DAY, HOUR
from cityward.watch.findings import DeviceStanding

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger("cityward.forecasts")

FORECASTS = ":forecasts"  # no id has a colon: no service is called so
MOST_ROWS = 2_000_000
MOST_KEPT_BYTES = 8_000_000  # PRECEDENT: 200 series of 3 models and 6 horizons are 1 MB
TRIES = 3
LOOK_S = 1.0


class KeptSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is said of a series, and why."""

    subject: str
    property: str
    why: str


class KeptForecasts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a turn beside its estimates. at: city us. accuracy: by declared forecast."""

    at: int = 0
    accuracy: Annotated[dict[str, KeptAccuracy], Meta(max_length=MOST_FORECAST_SERIES)] = {}
    silent: Annotated[tuple[KeptSilence, ...], Meta(max_length=MOST_FORECAST_SERIES)] = ()


_KEPT = msgspec.json.Decoder(KeptForecasts)


def kept_forecasts(body: bytes | None) -> KeptForecasts:
    """As it was kept; nothing where there is none or it cannot be read."""
    if body is None or len(body) > MOST_KEPT_BYTES:
        return KeptForecasts()
    try:
        return _KEPT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return KeptForecasts()


@dataclass(frozen=True, slots=True)
class ForecastPace:
    """every_us: between two turns, city us; apart_s: and no more often than that in real seconds. turn_s: what a turn may take;
    call_s: what a store may."""

    every_us: int = HOUR
    apart_s: float = 20.0
    turn_s: float = 600.0
    call_s: float = 120.0


@dataclass(frozen=True, slots=True)
class ForecastPorts:
    """What it needs of the world. `past(since, until, most)` is without what is marked. Each raises `LinkError`."""

    now_us: Callable[[], int]
    past: Callable[[int, int, int], Past]
    marks: Callable[[], Sequence[Mark]]
    standings: Callable[[], Sequence[DeviceStanding]]
    barred: Callable[[], frozenset[str]]
    keeper: ServiceKeeper


@dataclass(slots=True)
class ForecastProgress:
    """Since the start. said, silent: of the last turn. again: turns begun again because marks changed. given_up: estimates whose
    reading did not come."""

    turns: int = 0
    said: int = 0
    silent: int = 0
    scored: int = 0
    given_up: int = 0
    not_begun: int = 0
    again: int = 0
    link_errors: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    past: Past
    marks: Sequence[Mark]
    disbelieved: dict[str, str]


class Forecasting:
    """See the module."""

    def __init__(self, declared: Sequence[Together], ports: ForecastPorts, pace: ForecastPace | None = None) -> None:
        self.declared, self.ports, self.pace = tuple(declared), ports, pace or ForecastPace()
        self.progress = ForecastProgress()
        self._running: tuple[Running, ...] | None = None  # None: what was kept is not read yet
        self._due_us: int | None = None
        self._due_s = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="forecasts")

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped. Raises nothing."""
        try:
            while self.declared and not stop.is_set():
                now, clock_s = self.ports.now_us(), asyncio.get_running_loop().time()
                if self._is_due(now, clock_s):
                    self._due_us, self._due_s = now + self.pace.every_us, clock_s + self.pace.apart_s
                    await self.turn(now)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_S)
        finally:
            self.close()

    def close(self) -> None:
        """Give back the thread; what it still does is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def turn(self, now_us: int) -> None:
        """Make, settle and keep all forecasts once."""
        self.progress.turns += 1
        try:
            async with asyncio.timeout(self.pace.turn_s):
                await self._turn(now_us)
        except (LinkError, TimeoutError) as error:
            self.progress.link_errors += 1
            log.warning("forecasts were not made", error=str(error) or type(error).__name__)
        except Exception:  # lamps and lorries must not end with a forecast
            self._fault("forecasts could not be made", "")

    def _is_due(self, now_us: int, clock_s: float) -> bool:
        jumped = self._due_us is not None and self._due_us - now_us > 2 * self.pace.every_us
        return clock_s >= self._due_s and (self._due_us is None or now_us >= self._due_us or jumped)

    async def _turn(self, now_us: int) -> None:
        if self._running is None:
            self._running = await self._call(self._take_up)
        for _ in range(TRIES):
            seen = await self._call(self._look, now_us)
            made = [(one, await self._make(one, seen, now_us)) for one in self._running]
            if await self._call(self.ports.marks) == seen.marks:
                await self._call(self._settle, made, now_us)
                return
            self.progress.again += 1
        log.warning("forecasts were not made: marks change all the time")

    async def _make(self, one: Running, seen: _Seen, now_us: int) -> Made | None:
        try:
            return await self._in_thread(one.make, seen.past, seen.marks, seen.disbelieved, now_us)
        except (LinkError, TimeoutError):
            raise
        except Exception:  # the others are made all the same
            self._fault("a forecast could not be made", one.together.id)
            return None

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _take_up(self) -> tuple[Running, ...]:
        body = self.ports.keeper.memories().get(FORECASTS)
        kept = kept_forecasts(body)
        if body is not None and kept == KeptForecasts():
            self.progress.faults += 1
            log.warning("what was kept of forecasts cannot be read: their accuracy begins anew")
        return tuple(Running(one, kept.accuracy.get(one.id)) for one in self.declared)

    def _look(self, now_us: int) -> _Seen:
        ports = self.ports
        marks = ports.marks()
        doubt = doubt_of(ports.standings(), marks, ports.barred())
        units = {series.unit for one in self.declared for series in one.series}
        disbelieved = {unit: word for unit in units if (word := doubt.of_device(unit, 0.0)) is not None}
        return _Seen(ports.past(now_us - PAST_DAYS * DAY, now_us, MOST_ROWS), marks, disbelieved)

    def _settle(self, made: Sequence[tuple[Running, Made | None]], now_us: int) -> None:
        estimates: list[Estimate] = []
        silent: list[KeptSilence] = []
        for one, mine in made:
            if mine is None:
                why = "its forecast failed"
                silent += [KeptSilence(subject=s.unit, property=s.property, why=why) for s in one.together.series]
                continue
            settled = one.settle(mine)
            estimates += settled.estimates
            self.progress.scored += settled.scored
            silent += [
                KeptSilence(subject=s.series.unit, property=s.series.property, why=s.why) for s in settled.silent
            ]
        accuracy = {one.together.id: one.accuracy.keep() for one, _ in made}
        body = msgspec.json.encode(KeptForecasts(at=now_us, accuracy=accuracy, silent=tuple(silent)))
        self.ports.keeper.keep(
            ServiceEffects(at=now_us, memories={FORECASTS: body}, estimates=[(FORECASTS, one) for one in estimates])
        )
        self._count(made, len(estimates), len(silent))

    def _count(self, made: Sequence[tuple[Running, Made | None]], said: int, silent: int) -> None:
        self.progress.said, self.progress.silent = said, silent
        self.progress.given_up = sum(one.accuracy.given_up for one, _ in made)
        self.progress.not_begun = sum(one.accuracy.not_begun for one, _ in made)

    async def _call(self, what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """In the thread, within the time a store has."""
        try:
            async with asyncio.timeout(self.pace.call_s):
                return await self._in_thread(what, *args, **kwargs)
        except TimeoutError as error:
            raise LinkError(f"a store did not answer within {self.pace.call_s} s") from error

    async def _in_thread(self, what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: what(*args, **kwargs))

    def _fault(self, what: str, forecast: str) -> None:
        self.progress.faults += 1
        log.error(what, forecast=forecast, exc_info=True)
