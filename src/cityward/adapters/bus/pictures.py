"""The newest picture of a camera, asked for over the bus: only the role `web` may ask, only the role `cameras` may answer.

Theory of operation
-------------------
A request on `picture.<camera>` holds the viewer's mark (and the grant of a clear view); the answer is one byte that says how it
went, then the JPEG or the reason. Pictures are asked for one by one, as often as they are shown: nothing of them is stored by
the broker, and a browser that went away costs nothing.

INVARIANTS
- Bounded: `AT_ONCE` requests under way, `PER_S` a second of one camera; what is beyond is refused and counted, never queued.
- An answer is at most `MOST_PICTURE`, which every broker of ours carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from cityward.adapters.bus.config import PICTURES
from cityward.errors import CitywardError, LinkError
from cityward.ids import Id
from cityward.runtime.pictures.camera_ports import MARK_MOST

WITHIN_S = 5.0
AT_ONCE = 16
PER_S = 12  # PRECEDENT: control rooms show 6 to 12 pictures a second of a live view
MOST_PICTURE = 900 << 10
_GOOD, _NO = b"\x00", b"\x01"

Mark = str


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for. grant: of a clear view; "": covered. at_us: of the covered recording, city us; 0: the newest picture."""

    camera: Id
    mark: str
    grant: str = ""
    at_us: Annotated[int, Meta(ge=0, le=1 << 53)] = 0


Give = Callable[[Wanted], Awaitable[bytes]]
"""Makes the picture. Raises `CitywardError` where there is none, or it may not be given."""

_DECODER = msgspec.json.Decoder(Wanted)


def mark_of(text: str) -> str:
    """A mark that can be drawn.

    Raises:
        LinkError: it is none.
    """
    if not 1 <= len(text) <= MARK_MOST or not (text.isascii() and text.isprintable()):
        raise LinkError(f"a viewer's mark has 1 to {MARK_MOST} printable ASCII characters")
    return text


class AskedPictures:
    """`runtime.pictures.camera_ports.Pictures`, for the role `web`."""

    def __init__(self, client: Client, within_s: float = WITHIN_S) -> None:
        self._client, self._within_s = client, within_s

    async def picture(self, camera: str, mark: str) -> bytes:
        """See the port."""
        return await self._ask(Wanted(camera=camera, mark=mark_of(mark)))

    async def clear_picture(self, camera: str, mark: str, grant: str) -> bytes:
        """See the port."""
        if not grant:
            raise LinkError("a clear picture needs its grant")
        return await self._ask(Wanted(camera=camera, mark=mark_of(mark), grant=grant))

    async def recorded_picture(self, camera: str, at_us: int, mark: str) -> bytes:
        """See the port."""
        return await self._ask(Wanted(camera=camera, mark=mark_of(mark), at_us=max(1, at_us)))

    async def _ask(self, wanted: Wanted) -> bytes:
        subject = f"{PICTURES}.{msgspec.convert(wanted.camera, Id)}"
        try:
            answer = await self._client.request(subject, msgspec.json.encode(wanted), timeout=self._within_s)
        except (NatsError, TimeoutError, OSError) as error:
            raise LinkError(f"no picture of {wanted.camera} came: {type(error).__name__}") from error
        if answer.data[:1] == _GOOD:
            return answer.data[1:]
        raise LinkError(answer.data[1:301].decode("utf-8", "replace") or "no picture came")


@dataclass(slots=True)
class PictureDesk:
    """Answers for the role `cameras`. counts: `given`, `refused`, `shed`, since the start."""

    client: Client
    give: Give
    clock: Callable[[], float] = time.monotonic
    counts: Counter[str] = field(default_factory=Counter[str])
    _under_way: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])
    _spent: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # camera -> second, pictures

    async def open(self) -> None:
        """Begin to answer."""
        await self.client.subscribe(f"{PICTURES}.*", cb=self._asked)

    async def close(self) -> None:
        """Answer nobody any more."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _asked(self, message: Msg) -> None:
        if len(self._under_way) >= AT_ONCE:
            self.counts["shed"] += 1
            return await self._say(message, _NO + b"too many pictures are asked for at once")
        task = asyncio.create_task(self._answer(message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, message: Msg) -> None:
        try:
            wanted = _DECODER.decode(message.data)
            mark_of(wanted.mark)
            if message.subject != f"{PICTURES}.{wanted.camera}":
                raise LinkError("the request names another camera than its subject")
            self._count(wanted.camera)
            picture = await asyncio.wait_for(self.give(wanted), WITHIN_S)
            if len(picture) > MOST_PICTURE:
                raise LinkError(f"a picture of {len(picture)} bytes is larger than {MOST_PICTURE}")
        except CitywardError as error:
            self.counts["refused"] += 1
            return await self._say(message, _NO + error.what.encode()[:300])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeoutError) as error:
            self.counts["refused"] += 1
            return await self._say(message, _NO + type(error).__name__.encode())
        self.counts["given"] += 1
        await self._say(message, _GOOD + picture)

    def _count(self, camera: str) -> None:
        second = int(self.clock())
        begun, pictures = self._spent.get(camera, (second, 0))
        pictures = pictures + 1 if begun == second else 1
        if pictures > PER_S:
            self.counts["shed"] += 1
            raise LinkError(f"more than {PER_S} pictures a second of one camera are asked for")
        if len(self._spent) >= 10_000:
            self._spent.clear()
        self._spent[camera] = (second, pictures)

    async def _say(self, message: Msg, body: bytes) -> None:
        with contextlib.suppress(NatsError, OSError):  # who asked finds out by its own deadline
            await message.respond(body)
