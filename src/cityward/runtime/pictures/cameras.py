"""The cameras' loop: look, count, tell what is wrong, keep what may be kept. One task a camera; none waits for another.

Theory of operation
-------------------
A `Feed` (an adapter) gives `Glance`s: what was seen since the last one, a closed segment, and what is wrong with the feed itself.
The runner sums up what passed the lines, and every `REPORT_S` makes readings of it, published in the device's name by the front
door like everything a device says. A trouble begins when it is seen and ends when it was not seen for `CLEAR_S`; each beginning
and end is told to the watch once.

What was counted since the last report is lost when the role is killed; nothing is counted twice.

INVARIANTS
- A feed that fails, hangs or lies stops no other, and no log or store that is away stops looking.
- `silent` is said by this loop alone: a feed that gives nothing cannot say so.
- Seconds here are the machine's; readings and segments bear the city's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cityward.errors import CitywardError, LinkError
from cityward.insight.sight.seen import TROUBLE_CODES, Seen
from cityward.runtime.collecting import Gathered, Intake
from cityward.runtime.ports import EventSink
from cityward.time import SECOND, CityClock
from cityward.watch.events import Event, EventKind, cut

REPORT_S = 10.0
SILENT_S = 15.0
CLEAR_S = 20.0
PAUSE_S = 2.0  # after a feed's own fault
MOST_WAITING = 32  # readings that the log did not take yet

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A closed piece of covered recording. Times: the machine's, seconds since 1970."""

    begin_s: float
    end_s: float
    pictures: int
    form: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Glance:
    """What came of a feed since the last glance.

    pictures: decoded; dropped, refused: units. broken: why nothing can be looked at; "" where something can. drift_s: how far the
    camera's clock went off since it was first heard, seconds. noticed: changes of its settings, in words.
    """

    seen: Sequence[Seen] = ()
    pictures: int = 0
    dropped: int = 0
    refused: int = 0
    segment: Kept | None = None
    broken: str = ""
    drift_s: float = 0.0
    noticed: Sequence[str] = ()


class Feed(Protocol):
    """One camera's pictures, wherever they come from."""

    async def glance(self) -> Glance:
        """Look at what came; waits for it a second or so at most. Raises `CitywardError` where that could not be done."""
        ...

    async def show(self, mark: str) -> bytes:
        """The newest picture, covered and marked, as JPEG. Raises `LinkError`."""
        ...

    async def show_clear(self, mark: str) -> bytes:
        """The newest picture, uncovered and marked. Raises `LinkError`."""
        ...

    async def close(self) -> Kept | None:
        """Give back what is held; the segment that was under way."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """One camera: its feed, and what it is called. properties: observed property -> name on the wire, of its model."""

    name: str
    device: str
    codec: str
    feed: Feed
    properties: dict[str, str]
    drifts_s: float = (
        2.0  # PRECEDENT: cameras without a time server go off by seconds a day; evidence is used to the second
    )
    plays_for_ever: bool = False  # a clip: that it begins again is no trouble


@dataclass(slots=True)
class Standing:
    """What is told of one camera: since the start, and now. `now` and `passed` go into the progress file."""

    counts: Counter[str] = field(default_factory=Counter[str])
    passed: dict[str, dict[str, int]] = field(
        default_factory=dict[str, dict[str, int]]
    )  # line -> "person forward" -> times
    troubles: dict[str, float] = field(default_factory=dict[str, float])  # word -> last seen, machine s
    since: dict[str, float] = field(default_factory=dict[str, float])
    learning: bool = True
    boxes: int = 0
    rate: float = 0.0
    drift_s: float = 0.0
    why: str = ""
    heard_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The world. `keep` holds a segment (blocks); `is_active` says whether the city takes the device now."""

    intake: Intake
    events: EventSink
    clock: CityClock
    machine_s: Callable[[], float]
    keep: Callable[[str, Kept], None]
    is_active: Callable[[str], bool]


class CameraRunner:
    """One camera's loop."""

    def __init__(self, watched: Watched, ports: Ports, standing: Standing) -> None:
        self._watched, self._ports, self._standing = watched, ports, standing
        self._sums: Counter[str] = Counter()
        self._pictures = 0
        self._reported_s = standing.heard_s = ports.machine_s()
        self._waiting: list[Gathered] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped."""
        self._tell("everything", "ended", "")  # that an earlier run told: what is still so will be told again
        try:
            while not stop.is_set():
                if not self._ports.is_active(self._watched.device):
                    await self._rest(stop)
                    continue
                try:
                    glance = await self._watched.feed.glance()
                except CitywardError as error:
                    glance = Glance(broken=error.what)
                    await self._rest(stop)
                except (
                    Exception
                ) as error:  # a feed is an adapter to a foreign thing: its fault must not stop the others
                    log.exception("a camera's feed failed", camera=self._watched.name)
                    glance = Glance(broken=f"its own fault: {type(error).__name__}")
                    await self._rest(stop)
                try:
                    await self._take(glance)
                except Exception:  # INVARIANT: what one feed says, or a port's fault, ends no other camera's loop
                    self._standing.counts["faults"] += 1
                    log.exception("what a camera gave could not be taken", camera=self._watched.name)
                    await self._rest(stop)
        finally:
            left = await self._watched.feed.close()
            if left is not None:
                await self._hold(left)

    async def _rest(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_S)

    async def _take(self, glance: Glance) -> None:
        now = self._ports.machine_s()
        self._note(glance, now)
        self._judge(glance, now)
        if glance.segment is not None:
            await self._hold(glance.segment)
        if now - self._reported_s >= REPORT_S:
            await self._report(now)

    def _note(self, glance: Glance, now: float) -> None:
        """Count it."""
        standing = self._standing
        for word in ("pictures", "dropped", "refused"):
            standing.counts[word] += getattr(glance, word)
        standing.counts["looked"] += len(glance.seen)
        self._pictures += glance.pictures
        standing.drift_s, standing.why = glance.drift_s, glance.broken[:200]
        if glance.pictures:
            standing.heard_s = now
        for seen in glance.seen:
            standing.learning, standing.boxes = seen.learning, len(seen.boxes)
            for passed in seen.passed:
                line = standing.passed.setdefault(passed.line, {})
                for way, times in (("forward", passed.forward), ("back", passed.back)):
                    line[f"{passed.kind} {way}"] = line.get(f"{passed.kind} {way}", 0) + times
                    self._sums[passed.kind] += times
        for text in glance.noticed:
            self._tell("settings", "began", text)

    def _judge(self, glance: Glance, now: float) -> None:
        """Which troubles begin, and which are over."""
        standing = self._standing
        found = {str(word) for seen in glance.seen for word in seen.troubles}
        if self._watched.plays_for_ever:
            found.discard("looped")
        if glance.broken:
            found.add("broken")
        if now - standing.heard_s > SILENT_S:
            found.add("silent")
        if abs(glance.drift_s) > self._watched.drifts_s:
            found.add("drifting")
        for word in sorted(found & set(TROUBLE_CODES)):
            if word not in standing.troubles:
                standing.since[word] = now
                self._tell(word, "began", glance.broken if word == "broken" else "")
            standing.troubles[word] = now
        for word in [word for word, last in standing.troubles.items() if now - last > CLEAR_S]:
            del standing.troubles[word]
            standing.since.pop(word, None)
            self._tell(word, "ended", "")

    def _tell(self, what: str, phase: str, why: str) -> None:
        at = self._ports.clock.to_city_us(round(self._ports.machine_s() * SECOND))
        detail = {"what": what, "phase": phase, "camera": cut(self._watched.name)} | ({"why": cut(why)} if why else {})
        self._standing.counts["told"] += 1
        event = Event(at=at, kind=EventKind.CAMERA, by="cameras", subject=self._watched.device, detail=detail)
        self._ports.events.tell(event)

    async def _hold(self, segment: Kept) -> None:
        try:
            await asyncio.to_thread(self._ports.keep, self._watched.name, segment)
            self._standing.counts["kept"] += 1
        except CitywardError as error:
            self._standing.counts["not kept"] += 1
            log.warning("a segment was not kept", camera=self._watched.name, why=error.what)

    async def _report(self, now: float) -> None:
        """Readings of what passed since the last ones, and how the camera is."""
        standing = self._standing
        standing.rate = round(self._pictures / max(now - self._reported_s, 1e-3), 2)
        trouble = next((code for word, code in TROUBLE_CODES.items() if word in standing.troubles), 0)
        values = {"camera-trouble": float(trouble), "picture-rate": standing.rate}
        if standing.learning is False and "broken" not in standing.troubles and "silent" not in standing.troubles:
            values |= {"pedestrian-count": self._sums["person"], "vehicle-count": self._sums["vehicle"]}
        self._sums.clear()
        self._pictures, self._reported_s = 0, now
        body = self._pack(values, now)
        if body:
            self._waiting.append(Gathered(self._watched.device, self._watched.codec, body))
            standing.counts["shed readings"] += max(0, len(self._waiting) - MOST_WAITING)
            del self._waiting[:-MOST_WAITING]
        await self._publish()

    def _pack(self, values: dict[str, float], now: float) -> bytes:
        """SenML of what the model declares; empty where that is nothing."""
        at = self._ports.clock.to_city_us(round(now * SECOND)) / SECOND
        names = self._watched.properties
        pack = [{"n": names[prop], "v": value, "t": at} for prop, value in values.items() if prop in names]
        return json.dumps(pack).encode() if pack else b""

    async def _publish(self) -> None:
        while self._waiting:
            one = self._waiting[0]
            try:
                await self._ports.intake.publish(one.device, one.codec, one.body)
            except LinkError as error:
                log.warning("the log did not take a camera's readings", camera=self._watched.name, why=error.what)
                return
            self._waiting.pop(0)
            self._standing.counts["readings"] += 1


@dataclass(slots=True)
class Cameras:
    """All cameras of a city."""

    watched: Sequence[Watched]
    ports: Ports
    standings: dict[str, Standing] = field(default_factory=dict[str, Standing])

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped."""
        async with asyncio.TaskGroup() as group:
            for one in self.watched:
                standing = self.standings.setdefault(one.name, Standing())
                group.create_task(CameraRunner(one, self.ports, standing).run(stop))

    async def picture(self, camera: str, mark: str) -> bytes:
        """The newest covered picture. Raises `LinkError`."""
        return await self._feed(camera).show(mark)

    async def clear_picture(self, camera: str, mark: str) -> bytes:
        """The newest uncovered picture; whoever calls has asked whether that is granted. Raises `LinkError`."""
        return await self._feed(camera).show_clear(mark)

    def _feed(self, camera: str) -> Feed:
        found = next((one for one in self.watched if one.name == camera), None)
        if found is None or not self.ports.is_active(found.device):
            raise LinkError("there is no such camera, or it is not looked through now")
        return found.feed
