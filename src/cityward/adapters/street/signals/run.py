"""Runs a corridor in real time: a second of SUMO in a second of the street, every junction and detector a client of its own.

INVARIANTS
- A second that was missed is not caught up: the street does not run faster because a machine was busy.
- SUMO is used by this process's event loop alone, and holds nothing of the city but what its devices say.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from cityward.adapters.street.credentials import checked_by, password_of
from cityward.adapters.street.lamp import Publish
from cityward.adapters.street.link import DeviceLink
from cityward.adapters.street.signals.cabinet import Cabinet
from cityward.adapters.street.signals.demand import Demand, shares_of
from cityward.adapters.street.signals.sensors import Sensor
from cityward.adapters.street.signals.setting import CorridorSetting
from cityward.adapters.street.signals.wiring import wired
from cityward.adapters.sumo.plant import Observed, Plant
from cityward.adapters.sumo.run import COLOURS, before_of
from cityward.adapters.sumo.scenario import Scenario
from cityward.errors import LinkError
from cityward.guard.signals.colours import Colour
from cityward.place.things import DeviceStatus

BACKLOG = 64  # what a device has yet to say; the oldest goes
WARM_S = 60  # seconds that the streets fill before the first of the city's
ASKS_S = 45.0

_log = structlog.get_logger(__name__)


async def run_corridor(setting: CorridorSetting, stop: asyncio.Event) -> None:
    """Run it until `stop`.

    Raises:
        ScenarioError: the scenario, or its wiring, cannot be used.
        LinkError: SUMO gave up.
    """
    scenario = wired(setting.scenario, setting.junctions)
    with (
        tempfile.TemporaryDirectory(prefix="cityward-street-") as folder,
        Plant(scenario, setting.seed, Path(folder)) as plant,
    ):
        corridor = Corridor(setting, scenario, plant)
        _log.info("the corridor begins", sumo=plant.version, junctions=len(corridor.cabinets))
        await corridor.run(stop)


class Voice:
    """One device's connection, and what it has yet to say."""

    def __init__(self, setting: CorridorSetting, device: str, cabinet: Cabinet | None, corridor: Corridor) -> None:
        self._outgoing: deque[Publish] = deque(maxlen=BACKLOG)
        self._something = asyncio.Event()
        hears: dict[str, Callable[[bytes], None]] = {}
        if cabinet is not None:

            def obey(body: bytes) -> None:
                self.say(corridor.obey(cabinet, body))

            hears = {f"cmd/{device}": obey}
        self.link = DeviceLink(
            setting.mqtt, device, lambda: password_of(setting.credentials, device), subscriptions=hears
        )

    def say(self, publications: Sequence[Publish]) -> None:
        """Queue these."""
        self._outgoing.extend(publications)
        if publications:
            self._something.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until cancelled or `stop`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.link.run(stop))
            group.create_task(self._speak(stop))

    async def _speak(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._something.wait()
            self._something.clear()
            while self._outgoing:
                publication = self._outgoing.popleft()
                try:
                    await self.link.publish(publication.topic, publication.payload)
                except LinkError as problem:
                    _log.warning("not sent", topic=publication.topic, problem=problem.what)


class Corridor:
    """See the module. cabinets: by junction."""

    def __init__(self, setting: CorridorSetting, scenario: Scenario, plant: Plant) -> None:
        self._setting, self._scenario, self._plant = setting, scenario, plant
        self._speed, now = setting.clock.speed, self.now_us()
        self._demand = Demand(shares_of(setting.recordings), setting.seed)
        self._zone = ZoneInfo(setting.zone)
        self._numbers = {name: nth for nth, name in enumerate(setting.junctions, start=1)}
        active = {unit.id for unit in setting.registry.units if unit.status is DeviceStatus.ACTIVE}
        self.cabinets = {
            name: Cabinet(one.junction, name, now, checked_by(setting.credentials, one.junction.device), self._speed)
            for name, one in scenario.signals.items()
            if one.junction.device in active
        }
        junctions = [one.junction for one in scenario.signals.values()]
        detectors = {unit for junction in junctions for unit in junction.detectors}
        self._buttons = {
            unit: name
            for name, one in scenario.signals.items()
            for call in one.junction.calls
            if call.kind == "pedestrian"
            for unit in call.devices
        }
        self._askers = {
            unit for j in junctions for c in j.calls if c.kind in ("bus", "emergency") for unit in c.devices
        }
        speaking = sorted((detectors | set(self._buttons) | self._askers) & active)
        self.sensors = {unit: Sensor(unit, self._speed) for unit in speaking}
        self.voices = {unit: Voice(setting, unit, None, self) for unit in speaking}
        for cabinet in self.cabinets.values():
            device = cabinet.junction.device
            self.voices[device] = Voice(setting, device, cabinet, self)
        self.late = 0

    def now_us(self) -> int:
        """The city's time."""
        return self._setting.clock.to_city_us(time.time_ns() // 1000)

    def obey(self, cabinet: Cabinet, body: bytes) -> list[Publish]:
        """A command came in."""
        return cabinet.on_command(body, self.now_us())

    async def run(self, stop: asyncio.Event) -> None:
        """Second by second, until `stop`."""
        for _ in range(WARM_S):
            self._pass(self.now_us())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(voice.run(stop), name=unit) for unit, voice in self.voices.items()]
            try:
                await self._seconds(stop)
            finally:
                for task in tasks:
                    task.cancel()

    async def _seconds(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            self.second(self.now_us())
            due += 1.0
            if due < loop.time():
                self.late += 1
                due = loop.time()
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, due - loop.time()))
            except TimeoutError:
                continue

    def second(self, now_us: int) -> None:
        """One second: lights, streets, and what everybody says of it."""
        observed = self._pass(now_us)
        for name, cabinet in self.cabinets.items():
            self.voices[cabinet.junction.device].say(cabinet.report(now_us))
            self._tell_detectors(name, observed[name], now_us)
        for unit, name in self._buttons.items():
            self._tell(
                unit, {"people-waiting": float(self._plant.people_waiting(self._scenario.signals[name].tl))}, now_us
            )
        for unit in sorted(self._askers):
            self._tell(unit, self._asks(unit), now_us)

    def _pass(self, now_us: int) -> dict[str, Observed]:
        plant = self._plant
        for one in self._demand.departures(int(plant.now), self._hour(now_us)):
            if one.kind == "walker":
                plant.walk(one.name, one.way.split())
            else:
                plant.depart(one.name, one.way, one.kind)
        for name, cabinet in self.cabinets.items():
            plant.show(name, cabinet.tick(now_us))
        plant.step()
        for name, cabinet in self.cabinets.items():
            cabinet.judge(self._shown(name), now_us)
        observed = plant.observe()
        for name, cabinet in self.cabinets.items():
            cabinet.look(before_of(observed[name].lanes), now_us)
        return observed

    def _shown(self, name: str) -> dict[str, Colour]:
        """What the lamps show, read back."""
        signal, state = self._scenario.signals[name], self._plant.state(name)
        return {
            group: Colour.FLASHING if state[nth] in "oO" else COLOURS.get(state[nth], Colour.RED)
            for nth, group in enumerate(signal.groups)
            if group is not None
        }

    def _hour(self, now_us: int) -> float:
        at = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(self._zone)
        return at.hour + at.minute / 60

    def _tell_detectors(self, name: str, observed: Observed, now_us: int) -> None:
        for unit, lanes in self._scenario.signals[name].junction.detectors.items():
            seen = [observed.lanes[lane] for lane in lanes if lane in observed.lanes]
            vehicles, halted = sum(one.vehicles for one in seen), sum(one.halted for one in seen)
            self._tell(unit, {"vehicles-seen": vehicles, "queue-length": halted}, now_us)

    def _tell(self, unit: str, values: dict[str, float], now_us: int) -> None:
        sensor = self.sensors.get(unit)
        if sensor is not None:
            self.voices[unit].say(sensor.sees(values, now_us))

    def _asks(self, unit: str) -> dict[str, float]:
        """What a vehicle's unit asks for: the next junction on its way, while it is near."""
        for vehicle in self._plant.running(f"{unit}."):
            ahead = self._plant.ahead(vehicle)
            if ahead is None:
                continue
            tl, link, metres, speed = ahead
            name = next((n for n, one in self._scenario.signals.items() if one.tl == tl), "")
            group = self._scenario.signals[name].groups[link] if name else None
            seconds = metres / max(speed, 5.0)
            if group is not None and seconds <= ASKS_S:
                numbers = list(self._scenario.signals[name].junction.groups)
                return {
                    "priority-junction": float(self._numbers[name]),
                    "priority-group": float(numbers.index(group) + 1),
                    "priority-time": float(round(seconds)),
                }
        return {"priority-junction": 0.0, "priority-group": 0.0, "priority-time": 0.0}
