"""The role `cameras`: a child for each declared camera, readings of what passes, covered recordings, pictures for granted views.

Lives here: which feed a camera has, and the wiring. Does not live here: the loop (`runtime.pictures.cameras`), bytes
(`adapters.video`), who may look (`guard.viewing`): the role `web` asks only with a grant, and a clear picture is given only
where it is found.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog

from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import LogWriter, connect, disconnect
from cityward.adapters.bus.pictures import Give, PictureDesk, Wanted
from cityward.adapters.outward.connect import Outward
from cityward.adapters.video.asking import Asking
from cityward.adapters.video.camera_keys import CameraLogin, CameraSecrets
from cityward.adapters.video.exchange import Settings
from cityward.adapters.video.feeding import ClipFeed, NoFeed, StreamFeed, clip_path
from cityward.adapters.video.onvif import OnvifClient
from cityward.adapters.video.replaying import Replays
from cityward.adapters.video.rtsp import RtspFetcher
from cityward.adapters.video.segments import Archive, Piece
from cityward.adapters.video.watching import Watching
from cityward.compose.bars import barred_now
from cityward.compose.outward import counted, outward_of
from cityward.compose.pictures.viewing import clear_grants
from cityward.compose.progress import told_each_second
from cityward.compose.proving.hearts import living_ledger
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, LinkError, PlaceError
from cityward.place.cameras import Camera
from cityward.place.exits import camera_exits
from cityward.place.model import Place
from cityward.place.registry import Unit
from cityward.place.things import DeviceStatus
from cityward.runtime.pictures.camera_ports import SegmentBook
from cityward.runtime.pictures.cameras import Cameras, Feed, Kept, Ports, Watched
from cityward.runtime.ports import Ledger
from cityward.time import SECOND

ROLE = "cameras"
PROGRESS = "cameras.progress.json"
VIDEO = "video"
EXPIRE_EVERY_S = 30.0
NOTICE_S = 1.0
ONVIF_PATH = "/onvif/device_service"  # SPEC: ONVIF Core 5.1.1

log = structlog.get_logger(__name__)

ClearGrants = Callable[[str, str], bool]
"""(camera, grant) -> whether two persons gave it and it holds now."""


def archive_of(root: Path, segments: SegmentBook) -> Archive:
    """The recordings of a city. root: its state folder."""
    return Archive(root / VIDEO, segments)


def settings_of(camera: Camera) -> Settings:
    """How its child looks."""
    return Settings(
        masks=camera.masks,
        counts=dict(camera.counts),
        frames_per_s=camera.frames_per_s,
        width_most=camera.width_most,
        segment_s=camera.segment_s,
        keep=camera.keep_hours > 0,
        plates=camera.no_vehicles is None,
    )


def keep_login(setting: Setting, name: str, user: str, password: str) -> None:
    """Keep what a camera is signed in to with.

    Raises:
        PlaceError: no such camera, or that is no login.
    """
    if name not in setting.loaded.place.cameras:
        raise PlaceError(f"there is no camera `{name}`", mend="cityward camera list")
    try:
        login = msgspec.convert({"user": user, "password": password}, CameraLogin)
    except msgspec.ValidationError:  # SECURITY: without the cause, which could quote the secret
        raise PlaceError("a user and a password have 1 to 256 printable ASCII characters each") from None
    CameraSecrets(setting.home.keys, name).keep(login)


def feed_of(place: Place, name: str, folder: Path, keys: Path, outward: Outward) -> Feed:
    """Its pictures. folder: of the declaration; keys: the city's.

    Raises:
        PlaceError: it names no file below the declaration.
    """
    camera = place.cameras[name]
    watching = Watching(settings_of(camera))
    if camera.stream.startswith("file:"):
        return ClipFeed(clip_path(folder, camera.stream), watching)
    exits, login = {one.by: one for one in camera_exits(place, name)}, CameraSecrets(keys, name).read
    asking = None
    if (asked := exits.get(f"onvif:{name}")) is not None:
        asking = Asking(OnvifClient(outward, asked, urlsplit(camera.onvif or "").path or ONVIF_PATH, login))
    return StreamFeed(RtspFetcher(outward, exits[f"camera:{name}"], camera.stream, login), watching, asking)


def watched_of(setting: Setting, outward: Outward) -> list[Watched]:
    """All cameras whose device is declared. One whose pictures cannot be had is told to be broken."""
    out: list[Watched] = []
    registry = setting.registry
    for name, camera in setting.loaded.place.cameras.items():
        unit = registry.unit_index.get(camera.device, -1)
        if unit < 0:
            log.error(
                "a camera is not looked through", camera=name, why=f"its device `{camera.device}` is not declared"
            )
            continue
        try:
            feed = feed_of(setting.loaded.place, name, setting.place_folder, setting.home.keys, outward)
        except CitywardError as error:
            log.error("a camera is not looked through", camera=name, why=error.what)
            feed = NoFeed(error.what)
        one = registry.units[unit]
        out.append(
            Watched(
                name, one.id, one.format, feed, _names(setting, one), plays_for_ever=camera.stream.startswith("file:")
            )
        )
    return out


def _names(setting: Setting, unit: Unit) -> dict[str, str]:
    """Property -> its name on the wire."""
    return {prop: how.key or prop for prop, how in setting.registry.models[unit.model].properties.items()}


class Active:
    """Whether the city takes a device now: declared as active, and held by no bar."""

    def __init__(self, setting: Setting) -> None:
        self._setting, self._barred = setting, frozenset[str]()

    def __call__(self, device: str) -> bool:
        unit = self._setting.registry.units[self._setting.registry.unit_index[device]]
        return unit.status is DeviceStatus.ACTIVE and device not in self._barred

    async def follow(self, stop: asyncio.Event) -> None:
        """Notice bars within a second or so."""
        while not stop.is_set():
            with contextlib.suppress(LinkError):
                self._barred = await asyncio.to_thread(barred_now, self._setting.state)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), NOTICE_S)


class Keeping:
    """The archive's duty: what is closed is held, what is due is thrown away. Blocks; from several threads."""

    def __init__(self, setting: Setting, ledger: Ledger) -> None:
        self._setting, self._ledger = setting, ledger
        self.archive = archive_of(setting.home.root, setting.state.segments)

    def keep(self, camera: str, kept: Kept) -> None:
        """Hold a segment. Raises `LinkError`."""
        clock = self._setting.city.city_clock
        begin, end = (clock.to_city_us(round(at * SECOND)) for at in (kept.begin_s, kept.end_s))
        piece = Piece(camera, begin, end, kept.pictures, kept.body, kept.form)
        self.archive.keep(piece, self._ledger, ROLE, self._setting.loaded.digest)

    def expire(self) -> None:
        """Throw away what is due, of every camera, also of those that are declared no more. Raises `LinkError`."""
        now, declared = self._setting.now_us(), self._setting.loaded.place.cameras
        for camera in {*self._setting.state.segments.sizes(), *declared}:
            hours = declared[camera].keep_hours if camera in declared else 0.0
            self.archive.expire(camera, hours, now, self._ledger, ROLE)
        self.archive.make_room(now, self._ledger, ROLE)

    async def follow(self, stop: asyncio.Event) -> None:
        """Again and again, until stopped."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.expire)
            except CitywardError as error:  # a row that somebody altered ends neither retention nor the role
                log.warning("recordings were not looked through", why=error.what)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EXPIRE_EVERY_S)


async def run_cameras(setting: Setting, stop: asyncio.Event) -> None:
    """Look until stopped."""
    city, place = setting.city, setting.loaded.place
    client = await connect(city.bus_url, ROLE, city.passwords.get(ROLE))
    try:
        async with living_ledger(setting, ROLE, ROLE) as ledger, NatsEvents(client, ROLE, setting.now_us) as events:
            outward = outward_of(setting, ROLE, events)
            keeping, active = Keeping(setting, ledger), Active(setting)
            await asyncio.to_thread(keeping.archive.sweep)
            ports = Ports(LogWriter(client), events, city.city_clock, time.time, keeping.keep, active)
            cameras = Cameras(watched_of(setting, outward), ports)
            replays = Replays(keeping.archive, city.city_clock.speed)
            desk = PictureDesk(client, _giving(cameras, replays, place, partial(clear_grants, setting)))
            await desk.open()
            async with (
                told_each_second(setting.home.root / PROGRESS, lambda: _told(cameras, desk)),
                counted(setting.home.root, ROLE, outward),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(active.follow(stop))
                group.create_task(keeping.follow(stop))
                await cameras.run(stop)
                await stop.wait()
            await desk.close()
            await replays.close()
    finally:
        await disconnect(client)


def _giving(cameras: Cameras, replays: Replays, place: Place, grants: ClearGrants) -> Give:
    async def give(wanted: Wanted) -> bytes:
        if wanted.at_us:
            return await replays.picture(wanted.camera, wanted.at_us, wanted.mark)
        if not wanted.grant:
            return await cameras.picture(wanted.camera, wanted.mark)
        camera = place.cameras.get(wanted.camera)
        may = camera is not None and camera.viewing is not None and camera.viewing.clear
        if not may or not await asyncio.to_thread(grants, wanted.camera, wanted.grant):
            raise LinkError("no clear view of it is granted now")
        return await cameras.clear_picture(wanted.camera, wanted.mark)

    return give


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`cameras.progress.json`: how each camera is, and what became of pictures that were asked for."""

    cameras: dict[str, dict[str, object]]
    pictures: dict[str, int]


def _told(cameras: Cameras, desk: PictureDesk) -> Progress:
    now = time.time()
    return Progress(
        cameras={
            name: {
                "counts": dict(one.counts),
                "passed": one.passed,
                "troubles": {word: round(now - since, 1) for word, since in one.since.items()},
                "learning": one.learning,
                "boxes": one.boxes,
                "rate": one.rate,
                "drift_s": round(one.drift_s, 3),
                "why": one.why,
                "heard_s_ago": round(now - one.heard_s, 1),
            }
            for name, one in cameras.standings.items()
        },
        pictures=dict(desk.counts),
    )
