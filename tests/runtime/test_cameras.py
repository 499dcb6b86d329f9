"""The cameras' loop, with feeds that say what the test wants: what is published, told, kept, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cityward.errors import LinkError
from cityward.insight.sight.seen import Measures, Passed, Seen, Trouble
from cityward.runtime.pictures import cameras
from cityward.runtime.pictures.cameras import Cameras, Glance, Kept, Ports, Standing, Watched
from cityward.time import SECOND, CityClock
from cityward.watch.events import Event, EventKind

BEGIN = 1_700_000_000.0
MEASURES = Measures(
    light=90, contrast=30, sharpness=50, moved=0.1, likeness=1, shift_x=0, shift_y=0, fingerprint=7, noise=1
)


def seen(*passed: tuple[str, str, int, int], troubles: Sequence[Trouble] = (), learning: bool = False) -> Seen:
    crossed = tuple(Passed(line=line, kind=kind, forward=f, back=b) for line, kind, f, b in passed)  # type: ignore[arg-type]
    return Seen(at_s=0, measures=MEASURES, passed=crossed, troubles=tuple(troubles), learning=learning)


@dataclass
class Script:
    """A feed that plays glances, each after so many seconds; then it asks to stop."""

    world: World
    glances: list[tuple[float, Glance | Exception]]
    closed: bool = False
    left: Kept | None = None

    async def glance(self) -> Glance:
        await asyncio.sleep(0)
        if not self.glances:
            self.world.stop.set()
            return Glance(pictures=1)
        after, said = self.glances.pop(0)
        self.world.now += after
        if isinstance(said, Exception):
            raise said
        return said

    async def show(self, mark: str) -> bytes:
        return b"covered for " + mark.encode()

    async def show_clear(self, mark: str) -> bytes:
        return b"clear for " + mark.encode()

    async def close(self) -> Kept | None:
        self.closed = True
        return self.left


@dataclass
class World:
    """Everything around the loop."""

    now: float = BEGIN
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    published: list[tuple[str, str, list[dict[str, object]]]] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    kept: list[tuple[str, Kept]] = field(default_factory=list)
    away: bool = False
    inactive: set[str] = field(default_factory=set)

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        if self.away:
            raise LinkError("the log is away")
        self.published.append((device, codec, json.loads(payload)))
        return len(self.published)

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def keep(self, camera: str, kept: Kept) -> None:
        if self.away:
            raise LinkError("the disk is full")
        self.kept.append((camera, kept))

    def ports(self) -> Ports:
        clock = CityClock(round(BEGIN * SECOND), 0, 60.0)
        return Ports(self, self, clock, lambda: self.now, self.keep, lambda device: device not in self.inactive)

    @property
    def words(self) -> list[str]:
        """What was told, behind the first: that everything told by an earlier run is over."""
        words = [f"{event.detail['what']} {event.detail['phase']}" for event in self.told]
        assert words[0] == "everything ended"
        return words[1:]


PROPERTIES = {p: p for p in ("pedestrian-count", "vehicle-count", "camera-trouble", "picture-rate")}


def play(world: World, *glances: tuple[float, Glance | Exception], **how: object) -> Standing:
    async def main() -> Standing:
        world.stop = asyncio.Event()
        feed = Script(world, list(glances))
        watched = Watched("gate", "gate-01", "senml", feed, PROPERTIES, **how)  # type: ignore[arg-type]
        all_ = Cameras([watched], world.ports())
        async with asyncio.timeout(20):
            await all_.run(world.stop)
        assert feed.closed
        return all_.standings["gate"]

    return asyncio.run(main())


def test_what_passed_becomes_readings_of_the_device_in_the_citys_time() -> None:
    world = World()
    standing = play(
        world,
        (4, Glance([seen(("door", "person", 2, 1))], pictures=20)),
        (6, Glance([seen(("door", "person", 1, 0), ("road", "vehicle", 0, 4))], pictures=30)),
    )
    ((device, codec, pack),) = world.published
    assert (device, codec) == ("gate-01", "senml")
    assert {row["n"]: row["v"] for row in pack} == {
        "camera-trouble": 0.0, "picture-rate": 5.0, "pedestrian-count": 4, "vehicle-count": 4,
    }  # fmt: skip
    assert {row["t"] for row in pack} == {600.0}  # ten seconds of a city that is sixty times as fast
    assert standing.passed["door"] == {"person forward": 3, "person back": 1}


def test_nothing_is_counted_while_the_background_is_learned() -> None:
    world = World()
    play(world, (10, Glance([seen(learning=True)], pictures=50)))
    assert {row["n"] for row in world.published[0][2]} == {"camera-trouble", "picture-rate"}


def test_each_trouble_is_told_when_it_begins_and_when_it_is_over_and_once_each() -> None:
    world = World()
    bad = Glance([seen(troubles=["covered"])], pictures=1)
    fine = Glance([seen()], pictures=1)
    play(world, (1, fine), (1, bad), (1, bad), (1, fine), (1, bad), (19, fine), (1, fine), (2, fine))
    assert world.words == ["covered began", "covered ended"]
    _, began, ended = world.told
    assert began.kind is EventKind.CAMERA and began.subject == "gate-01" and began.detail["camera"] == "gate"
    assert began.at == 2 * 60 * SECOND and ended.at == 27 * 60 * SECOND


def test_the_worst_trouble_is_the_reading_and_no_counts_stand_beside_a_broken_stream() -> None:
    world = World()
    play(world, (10, Glance([seen(troubles=["defocused"])], broken="no answer within 5 s", pictures=1)))
    assert {row["n"]: row["v"] for row in world.published[0][2]} == {"camera-trouble": 2.0, "picture-rate": 0.1}
    assert world.words == ["broken began", "defocused began"]
    assert world.told[1].detail["why"] == "no answer within 5 s"


def test_a_feed_that_gives_nothing_is_silent() -> None:
    world = World()
    play(world, (10, Glance()), (10, Glance()), (1, Glance([seen()], pictures=1)), (30, Glance([seen()], pictures=1)))
    assert world.words == ["silent began", "silent ended"]
    assert world.published[1][2][0] == {"n": "camera-trouble", "v": 1.0, "t": 1200.0}


def test_a_clock_that_went_off_is_told() -> None:
    world = World()
    play(world, (1, Glance([seen()], pictures=1, drift_s=-1.9)), (1, Glance([seen()], pictures=1, drift_s=-2.1)))
    assert world.words == ["drifting began"]


def test_a_clip_that_begins_again_is_no_loop() -> None:
    for forever, words in ((True, []), (False, ["looped began"])):
        world = World()
        play(world, (1, Glance([seen(troubles=["looped"])], pictures=1)), plays_for_ever=forever)
        assert world.words == words


def test_changes_of_settings_are_told() -> None:
    world = World()
    play(world, (1, Glance(pictures=1, noticed=["the stream goes to 203.0.113.9"])))
    assert world.told[1].detail == {
        "what": "settings", "phase": "began", "camera": "gate", "why": "the stream goes to 203.0.113.9",
    }  # fmt: skip


@pytest.mark.parametrize("fault", [LinkError("the clip cannot be read"), ZeroDivisionError("a mistake")])
def test_a_feed_that_fails_is_broken_and_looked_at_again(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "PAUSE_S", 0.01)
    world = World()
    standing = play(world, (1, fault), (1, Glance([seen()], pictures=7)))
    assert world.words == ["broken began"] and standing.counts["pictures"] >= 7


def test_a_log_that_is_away_costs_no_reading_until_there_are_too_many() -> None:
    world = World(away=True)
    play(world, *[(10.0, Glance([seen(("door", "person", 1, 0))], pictures=1, segment=None)) for _ in range(3)])
    assert world.published == []

    async def again() -> None:
        runner = cameras.CameraRunner(
            Watched("g", "gate-01", "senml", Script(world, []), PROPERTIES), world.ports(), Standing()
        )
        for _ in range(cameras.MOST_WAITING + 5):
            world.now += 10
            await runner._report(world.now)
        world.away = False
        world.now += 10
        await runner._report(world.now)
        assert runner._standing.counts["shed readings"] == 6
        assert len(world.published) == cameras.MOST_WAITING

    asyncio.run(again())


def test_segments_are_kept_and_one_that_is_not_is_counted() -> None:
    kept = Kept(BEGIN, BEGIN + 10, 50, "mp4", b"covered")
    world = World()
    assert play(world, (1, Glance(pictures=1, segment=kept))).counts["kept"] == 1
    assert world.kept == [("gate", kept)]
    assert play(World(away=True), (1, Glance(pictures=1, segment=kept))).counts["not kept"] == 1


def test_what_was_under_way_at_the_end_is_kept_too() -> None:
    async def main() -> None:
        world = World()
        left = Kept(BEGIN, BEGIN + 3, 15, "mp4", b"the last seconds")
        feed = Script(world, [], left=left)
        await Cameras([Watched("gate", "gate-01", "senml", feed, {})], world.ports()).run(world.stop)
        assert world.kept == [("gate", left)]

    asyncio.run(main())


def test_pictures_are_given_of_cameras_that_the_city_takes() -> None:
    async def main() -> None:
        world = World(inactive={"gate-02"})
        script = Script(world, [])
        both = [Watched(f"gate-{n}", f"gate-0{n}", "senml", script, {}) for n in (1, 2)]
        all_ = Cameras(both, world.ports())
        assert await all_.picture("gate-1", "op-7") == b"covered for op-7"
        assert await all_.clear_picture("gate-1", "op-7") == b"clear for op-7"
        for camera in ("gate-2", "gate-3"):
            with pytest.raises(LinkError, match="no such camera"):
                await all_.picture(camera, "op-7")

    asyncio.run(main())


def test_every_trouble_of_the_contract_has_its_number() -> None:
    assert set(cameras.TROUBLE_CODES) == set(Trouble.__args__) and len(set(cameras.TROUBLE_CODES.values())) == 9  # type: ignore[attr-defined]


def test_what_one_feed_gives_ends_no_other_cameras_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "PAUSE_S", 0.001)

    async def main() -> tuple[World, dict[str, Standing]]:
        world = World()
        endless = Kept(BEGIN, 1e300, 5, "mp4", b"lie")
        keep = world.keep

        def overflows(camera: str, kept: Kept) -> None:
            if kept is endless:
                raise OverflowError("such a time is none")
            keep(camera, kept)

        world.keep = overflows  # type: ignore[method-assign]
        lies = Script(world, [(1, Glance(pictures=1, segment=endless)), (1, Glance(pictures=1))])
        honest = Script(world, [(1, Glance(pictures=1))] * 50 + [(1, Glance(segment=Kept(1, 2, 5, "mp4", b"good")))])
        lies.glances += [(0, Glance(pictures=1))] * 200
        watched = [Watched("liar", "gate-01", "senml", lies, {}), Watched("gate", "gate-02", "senml", honest, {})]
        all_ = Cameras(watched, world.ports())
        await all_.run(world.stop)
        return world, all_.standings

    world, standings = asyncio.run(main())
    assert [camera for camera, _ in world.kept] == ["gate"]
    assert standings["liar"].counts["faults"] == 1
