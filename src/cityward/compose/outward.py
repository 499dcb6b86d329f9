"""The door outward of a role: its counts left where metrics find them, and what it refused told to the watch.

Each role that calls elsewhere has one `Outward` and one file, `<role>.outward.json`, written when something changed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from cityward.adapters.keys.ways import WaySecrets
from cityward.adapters.outlets.s3 import StoreWay
from cityward.adapters.outlets.sftp import ServerWay
from cityward.adapters.outlets.webhook import WebhookWay
from cityward.adapters.outward.connect import LinkCount, Outward, Turned
from cityward.adapters.outward.resolve import Resolve
from cityward.compose.home import Exercise
from cityward.compose.progress import OUTWARD, told_each_second
from cityward.compose.setting import Setting
from cityward.place.exits import Exit, recipient_exit
from cityward.place.model import Place
from cityward.place.outlets import read_outlet
from cityward.place.release import Recipient
from cityward.runtime.ports import EventSink
from cityward.runtime.releasing.ports import WayOut
from cityward.watch.events import Event, EventKind, cut

log = structlog.get_logger(__name__)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What one role opened since its start; by exit."""

    exits: dict[str, LinkCount] = {}


def outward_of(setting: Setting, by: str, events: EventSink | None, resolve: Resolve | None = None) -> Outward:
    """The door of a role. `events` hears what it refused, as of the platform; None: only the log does.

    INVARIANT: of a twin (ADR 19) it leads to the exercise's stand-ins on this machine, and nowhere else.
    """

    def tell(turned: Turned) -> None:
        log.warning("a destination was refused", by=turned.exit.by, why=turned.why)
        if events is not None:
            events.tell(refused_destination(setting.loaded.place, by, turned, setting.now_us()))

    return Outward(resolve, tell, objection=_closed(setting.city.exercise))


def _closed(exercise: Exercise | None) -> Callable[[Exit], str]:
    """Why an exit is not for a twin; "" for its stand-ins, and for every exit of a city that is none."""
    if exercise is None:
        return lambda _: ""
    told = f"this is the twin of exercise {exercise.id}: it is closed"
    return lambda exit_: "" if f"{exit_.host}:{exit_.port}" in exercise.stand_ins else told


def refused_destination(place: Place, by: str, turned: Turned, at: int) -> Event:
    """What the watch is told of a destination that was refused: nothing went there. City time `at`."""
    exit_ = turned.exit
    detail = {
        "to": cut(exit_.host),
        "port": str(exit_.port),
        "protocol": cut(exit_.scheme),
        "count": "1",
        "declared": "no",
        "refused": cut(turned.why),
        "where": cut(exit_.by),
    }
    return Event(at=at, kind=EventKind.DESTINATION, by=by, subject=cut(f"system:{place.platform}"), detail=detail)


@asynccontextmanager
async def counted(root: Path, by: str, outward: Outward) -> AsyncGenerator[None]:
    """Leave the counts of a door in the state folder, for as long as this is open."""
    async with told_each_second(root / f"{by}{OUTWARD}", lambda: Opened(exits=outward.counts())):
        yield


def link_counts(root: Path) -> dict[str, LinkCount]:
    """What the roles of a city opened since they started: exit -> its counts. Empty where nothing was called."""
    found: dict[str, LinkCount] = {}
    for path in sorted(root.glob(f"*{OUTWARD}")):
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.update(msgspec.json.decode(path.read_bytes(), type=Opened).exits)
    return found


def way_out(outward: Outward, keys: Path, name: str, recipient: Recipient) -> WayOut:
    """How a recipient that is called (`webhook`) or given files (`export`) is sent to. keys: the city's (`Home.keys`)."""
    exit_, outlet = recipient_exit(name, recipient), read_outlet(recipient.endpoint, recipient.store)
    kept = WaySecrets(keys, "recipient", name)
    if outlet.scheme == "s3":
        return StoreWay(outward, exit_, outlet.bucket, outlet.path, kept.store)
    if outlet.scheme == "sftp":
        return ServerWay(outward, exit_, outlet.user, outlet.path, kept.server)
    return WebhookWay(outward, exit_, outlet.path, kept.key, lambda: int(time.time()))
