"""Pictures asked for over the real broker: one role asks, one answers, both within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import bcrypt
import pytest

from cityward.adapters.bus import pictures
from cityward.adapters.bus.config import ROLES, BrokerSettings, compile_config
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.bus.pictures import AskedPictures, PictureDesk, Wanted
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.errors import LinkError

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


async def give(wanted: Wanted) -> bytes:
    if wanted.camera != "gate-01":
        raise LinkError("there is no such camera")
    if wanted.grant:
        raise LinkError("there is no such grant")
    return b"picture for " + wanted.mark.encode() + b"." * 300_000


def with_desk(folder: Path, body: Callable[[AskedPictures, PictureDesk, str], Awaitable[None]]) -> None:
    async def main() -> None:
        settings = BrokerSettings(store=folder / "js", nats_port=free_port(), mqtt_port=free_port())
        server = BrokerServer(find_binary(), folder)
        await server.start(compile_config(dict.fromkeys(ROLES, HASH), settings), settings.nats_port)
        url = f"nats://127.0.0.1:{settings.nats_port}"
        try:
            web, cameras = await connect(url, "web", PASSWORD), await connect(url, "cameras", PASSWORD)
            desk = PictureDesk(cameras, give, clock=lambda: 5.0)
            await desk.open()
            await cameras.flush()
            await body(AskedPictures(web, within_s=2.0), desk, url)
            await desk.close()
            await disconnect(web)
            await disconnect(cameras)
        finally:
            await server.stop()

    asyncio.run(main())


def test_the_door_is_given_the_picture_with_its_viewers_mark(tmp_path: Path) -> None:
    async def body(asked: AskedPictures, desk: PictureDesk, _: str) -> None:
        picture = await asked.picture("gate-01", "op-7 12:00")
        assert picture.startswith(b"picture for op-7 12:00") and len(picture) > 300_000
        assert desk.counts == {"given": 1}

    with_desk(tmp_path, body)


@pytest.mark.parametrize("mark", ["", "x" * 65, "line\nbreak", "naïve"])
def test_a_mark_that_cannot_be_drawn_is_refused_before_anybody_is_asked(mark: str) -> None:
    with pytest.raises(LinkError, match="mark"):
        asyncio.run(AskedPictures(None).picture("gate-01", mark))  # type: ignore[arg-type]


def test_reasons_come_back_and_more_than_may_be_asked_for_is_shed(tmp_path: Path) -> None:
    async def body(asked: AskedPictures, desk: PictureDesk, _: str) -> None:
        with pytest.raises(LinkError, match="no such camera"):
            await asked.picture("gate-02", "op-7")
        with pytest.raises(LinkError, match="no such grant"):
            await asked.clear_picture("gate-01", "op-7", "g")
        with pytest.raises(LinkError, match="needs its grant"):
            await asked.clear_picture("gate-01", "op-7", "")
        for _n in range(pictures.PER_S - 1):
            await asked.picture("gate-01", "op-7")
        with pytest.raises(LinkError, match="pictures a second"):
            await asked.picture("gate-01", "op-7")
        assert desk.counts["shed"] == 1

    with_desk(tmp_path, body)


def test_no_other_role_may_ask(tmp_path: Path) -> None:
    async def body(_asked: AskedPictures, desk: PictureDesk, url: str) -> None:
        watch = await connect(url, "watch", PASSWORD)
        with pytest.raises(LinkError):
            await AskedPictures(watch, within_s=0.5).picture("gate-01", "op-7")
        await disconnect(watch)
        assert desk.counts == {}

    with_desk(tmp_path, body)
