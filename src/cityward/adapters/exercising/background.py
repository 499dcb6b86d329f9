"""The quiet street of a twin: each declared device that comes in by a gate says what it may on such a day, and lamps obey.

Theory of operation
-------------------
Each unit is a client of its own, with its own credential, by the door that its flow declares. It begins with `past` (so that
the watch knows it), then says something every `LIVE_US` of the city. Lamps and the bus operator's desk are the simulated ones
of the demonstration. An exercise may silence units and use their connections.

INVARIANTS
- What it says is within the flow's rate and age.
- A device whose format or credential cannot be played is left out, and named in `left_out`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cityward.adapters.exercising.synthetic import Synthetic
from cityward.adapters.exercising.visitor import Visitor
from cityward.adapters.street.bus_desk import run_bus_desk
from cityward.adapters.street.credentials import http_key_of, password_of
from cityward.adapters.street.door_http import UPSERT, HttpDoor
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.adapters.street.pace import Pace
from cityward.adapters.street.run import CityTime, LampPost, StreetSettings, lamp_spec
from cityward.adapters.street.wire import PACK, Wire
from cityward.errors import LinkError, PlaceError
from cityward.place.model import Place
from cityward.place.registry import UNLIMITED, Registry, Unit
from cityward.place.things import DeviceStatus
from cityward.time import MINUTE, SECOND, CityClock

LIVE_US = 5 * MINUTE
PAST_US = 10 * MINUTE  # between two readings of the past; of those who send one a message, six times that
AGE_MARGIN = 0.95
PLAYED = frozenset({"senml", "json", "ngsi-ld"})
MEDIA = {"senml": "application/senml+json", "json": "application/json", "ngsi-ld": "application/json"}
OBSERVATIONS = "/v1/observations"
RETRY_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where it plays. past_us: how much of the past is told first. feeds: where the bus operator's files go; None: none runs."""

    place: Place
    registry: Registry
    clock: CityClock
    credentials: Path
    mqtt: MqttDoor
    web_port: int
    past_us: int
    feeds: Path | None = None


@dataclass(slots=True)
class Background:
    """See the module. links: unit -> its connection. told: units whose past was taken."""

    stage: Stage
    links: dict[str, DeviceLink] = field(default_factory=dict[str, DeviceLink])
    lamps: dict[str, LampPost] = field(default_factory=dict[str, LampPost])
    told: set[str] = field(default_factory=set[str])
    left_out: list[str] = field(default_factory=list[str])
    playing: int = 0
    silent: set[str] = field(default_factory=set[str])

    def silence(self, units: Iterable[str]) -> None:
        """They say nothing more of themselves."""
        self.silent.update(units)

    def speak(self, units: Iterable[str]) -> None:
        """They do again."""
        self.silent.difference_update(units)

    def speak_all(self) -> None:
        """Nobody is silenced any more."""
        self.silent.clear()

    def is_warm(self) -> bool:
        """Everybody has told the past."""
        return len(self.told) >= self.playing

    async def run(self, stop: asyncio.Event) -> None:
        """Play until `stop`, or cancelled."""
        time_ = CityTime(self.stage.clock)
        bodies = [body for unit in self.stage.registry.units if (body := self._body(unit, time_)) is not None]
        self.playing = sum(isinstance(body, _Sensor) for body in bodies)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(body.run(stop)) for body in bodies]
            if self.stage.feeds is not None:
                desk = run_bus_desk(self.stage.feeds, time_.now, self.stage.clock.speed, stop)
                tasks.append(group.create_task(desk))
            await stop.wait()
            for task in tasks:
                task.cancel()

    def _body(self, unit: Unit, time_: CityTime) -> _Sensor | LampPost | None:
        if unit.status is not DeviceStatus.ACTIVE or unit.flow < 0:
            return None
        protocol = self.stage.place.flows[self.stage.registry.flows[unit.flow]].protocol
        if unit.format not in PLAYED or unit.credential != "password" or protocol not in ("mqtt", "http", "ngsi-ld"):
            self.left_out.append(unit.id)
            return None
        if protocol == "mqtt" and (spec := lamp_spec(self.stage.registry, unit)) is not None:
            lamp = self.lamps[unit.id] = LampPost(self._street(), unit, spec, time_)
            self.links[unit.id] = lamp.link
            return lamp
        return self._sensor(unit, protocol, time_)

    def _sensor(self, unit: Unit, protocol: str, time_: CityTime) -> _Sensor | None:
        stage = self.stage
        single = unit.format != "senml"
        past = Synthetic(stage.registry, unit, stage.place.position, PAST_US * (6 if single else 1))
        live = Synthetic(stage.registry, unit, stage.place.position, LIVE_US)
        if live.is_mute:
            return None
        try:
            wire = Wire(stage.registry, unit, {})
        except PlaceError:
            self.left_out.append(unit.id)
            return None
        link: DeviceLink | None = None
        if protocol == "mqtt":
            link = DeviceLink(stage.mqtt, unit.id, lambda: password_of(stage.credentials, unit.id))
            self.links[unit.id] = link
        return _Sensor(self, unit, (past, live), wire, link, time_)

    def _street(self) -> StreetSettings:
        stage = self.stage
        return StreetSettings(
            registry=stage.registry,
            clock=stage.clock,
            position=stage.place.position,
            recordings=stage.credentials,  # nothing recorded is played
            credentials=stage.credentials,
            mqtt=stage.mqtt,
            http=HttpDoor(f"http://127.0.0.1:{stage.web_port}"),
            memory=stage.credentials / "none",
        )

    def is_silent(self, unit: Unit) -> bool:
        """It was silenced, by its own name or its group's."""
        return not self.silent.isdisjoint((unit.id, unit.group))


class _Sensor:
    """One device that says what is quiet."""

    def __init__(
        self,
        background: Background,
        unit: Unit,
        sources: tuple[Synthetic, Synthetic],
        wire: Wire,
        link: DeviceLink | None,
        time_: CityTime,
    ) -> None:
        self._background, self._unit, self._time = background, unit, time_
        self._past, self._live = sources
        self._wire, self._link = wire, link
        self._visitor = Visitor(background.stage.web_port)
        registry = background.stage.registry
        self._limits = registry.flow_limits[unit.flow] if unit.flow >= 0 else UNLIMITED
        self._pace = Pace(self._limits.messages_per_minute)

    async def run(self, stop: asyncio.Event) -> None:
        """Until cancelled or `stop`."""
        if self._link is None:
            try:
                await self._play(stop)
            finally:
                self._visitor.close()
            return
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._link.run(stop))
            await self._play(stop)
            keeping.cancel()

    async def _play(self, stop: asyncio.Event) -> None:
        stage = self._background.stage
        now = self._time.now()
        at = now - min(stage.past_us, round(AGE_MARGIN * self._limits.max_age_s * SECOND))
        while reports := self._past.due(at, now, PACK):
            await self._tell(self._past, at, now)
            at = reports[-1].at
        self._background.told.add(self._unit.id)
        at = now
        while not stop.is_set():
            now = self._time.now()
            if self._live.next_after(at) > now:
                await self._time.sleep(self._live.next_after(at) - now)
                continue
            if not self._background.is_silent(self._unit):
                await self._tell(self._live, max(at, now - 2 * LIVE_US), now)
            at = now

    async def _tell(self, source: Synthetic, after: int, upto: int) -> None:
        for message in self._wire.messages(source.due(after, upto, PACK)):
            while wait := self._pace.wait_us(self._time.now()):
                await self._time.sleep(wait)
            if self._link is not None:
                await self._link.publish(f"in/{self._unit.id}", message.body)
            else:
                await self._post(message.body)

    async def _post(self, body: bytes) -> None:
        """Once: what is not taken is not said; a quiet street is not worth a queue."""
        path = UPSERT if self._unit.format == "ngsi-ld" else OBSERVATIONS
        try:
            key = http_key_of(self._background.stage.credentials, self._unit.id)
        except LinkError:
            return
        headers = {"Authorization": f"Bearer {key}", "Content-Type": MEDIA[self._unit.format]}
        told = await asyncio.to_thread(self._visitor.ask, "POST", path, body, headers)
        if not 200 <= told.status < 300:
            _log.debug("a reading was not taken", device=self._unit.id, status=told.status)
            await asyncio.sleep(RETRY_S)


def now_us(clock: CityClock) -> int:
    """The city's time."""
    return clock.to_city_us(time.time_ns() // 1000)
