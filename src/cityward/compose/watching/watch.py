"""The watch of a running city, built from the declaration: its ports filled, its notes in the state folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from nats.aio.client import Client

from cityward.adapters.bus.events import EventReader, NatsEvents
from cityward.adapters.bus.log import connect, disconnect, done_with, first_nearby, log_state
from cityward.adapters.stores.tail import HistoryTail
from cityward.compose.bars import follow_bars
from cityward.compose.files import writing
from cityward.compose.proving.hearts import living_ledger
from cityward.compose.proving.witnessing import witnessing
from cityward.compose.setting import Setting
from cityward.compose.watching.alerting import alert_rows, alerting
from cityward.compose.watching.beside import run_beside
from cityward.errors import LinkError
from cityward.runtime.watching.ports import WatchPorts
from cityward.runtime.watching.progress import WatchProgress
from cityward.runtime.watching.runner import WatchPace, WatchRunner
from cityward.time import SECOND
from cityward.watch import find_detectors
from cityward.watch.casebook import Court
from cityward.watch.grid import GridRules
from cityward.watch.incidents import IncidentRules
from cityward.watch.judging import stakes_of
from cityward.watch.world import world_of

log = structlog.get_logger(__name__)

SETTLED_EVERY_S = 5.0
TELL_EVERY_S = 1.0
TWIN_QUIET_S = 3.0


async def run_watch(setting: Setting, stop: asyncio.Event) -> None:
    """Watch the city."""
    city = setting.city
    password = city.passwords.get("watch")
    client = await connect(city.bus_url, "watch", password)
    try:
        with setting.home.held("watch"):
            async with (
                living_ledger(setting, "watch", "watch") as ledger,
                NatsEvents(client, "watch", setting.now_us) as events,
            ):
                ports = WatchPorts(
                    tail=HistoryTail(str(setting.home.history), setting.registry),
                    events=EventReader(client, city.bus_url, "watch", password),
                    book=setting.state.watch,
                    ledger=ledger,
                    notes=FileNotebook(setting.home.root / "watch.notes"),
                    now_us=setting.now_us,
                    settled=Settled(setting, client).upto,
                    marks=setting.state,
                    alerts=alert_rows(setting),
                )
                rules = GridRules.at_speed(city.city_clock.speed)
                runner = WatchRunner(find_detectors(), court_of(setting), ports, rules, _pace(setting))
                register, clock = setting.state, city.city_clock
                beside: dict[str, Callable[[], Awaitable[None]]] = {
                    "progress": lambda: _tell(setting.home.root / "watch.progress.json", runner.progress, stop),
                    "alerting": lambda: alerting(setting, stop, events=events),
                    "bars": lambda: follow_bars(setting.registry, register, register.version, clock, stop),
                    "witnessing": lambda: witnessing(setting, stop, events),
                }
                await run_beside(lambda: runner.run(stop), beside, stop)
    finally:
        await disconnect(client)


def _pace(setting: Setting) -> WatchPace | None:
    """Of a twin: its whole past comes at its beginning, and the attack right after it."""
    return None if setting.city.exercise is None else WatchPace(quiet_s=TWIN_QUIET_S, lessons_apart_s=TWIN_QUIET_S)


def court_of(setting: Setting) -> Court:
    """What signs of this city are judged by."""
    place, registry = setting.loaded.place, setting.registry
    cards = {id_: detector.card for id_, detector in find_detectors().items()}
    rules = IncidentRules.at_speed(setting.city.city_clock.speed)
    return Court(world_of(place, registry), stakes_of(place, registry), cards, rules)


class FileNotebook:
    """`runtime.watching.ports.Notebook` in one file, owner-only, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes | None:
        """What was written last; None where nothing was.

        Raises:
            LinkError: it cannot be read.
        """
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LinkError(
                f"the notes of the watch cannot be read: {error.strerror}", where=str(self._path)
            ) from error

    def save(self, data: bytes) -> None:
        """Durable when it returns.

        Raises:
            LinkError: the disk does not take it.
        """
        draft = self._path.with_suffix(".new")
        with writing(draft):
            draft.touch(mode=0o600)  # SECURITY: it says what is usual in the city, and what is not noticed
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)


class Settled:
    """Up to which city time everything that came in is held: asked of the log now and then, and true from then on."""

    def __init__(self, setting: Setting, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._setting, self._client, self._clock = setting, client, clock
        self._asked_at = -float("inf")
        self._upto: int | None = None

    async def upto(self) -> int | None:
        """See `WatchPorts`; asks at most every `SETTLED_EVERY_S`.

        Raises:
            LinkError: the log or the state did not answer.
        """
        if self._clock() - self._asked_at >= SETTLED_EVERY_S:
            self._asked_at = self._clock()
            now = self._setting.now_us()
            last = (await log_state(self._client)).last_seq
            held = await asyncio.to_thread(self._setting.state.committed)
            if await done_with(self._client, held, first_nearby) >= last:
                self._upto = now - SECOND  # a message of this very moment may not be in the log yet
        return self._upto


async def _tell(path: Path, progress: WatchProgress, stop: asyncio.Event) -> None:
    """Leave the watch's progress where the supervisor and the bench find it."""
    while not stop.is_set():
        with contextlib.suppress(OSError):  # a full disk is no reason to stop
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(progress))
            draft.replace(path)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TELL_EVERY_S)


def read_progress(root: Path) -> WatchProgress | None:
    """What the watch of a city last said of itself; None where it said nothing yet."""
    try:
        return msgspec.json.decode((root / "watch.progress.json").read_bytes(), type=WatchProgress)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
