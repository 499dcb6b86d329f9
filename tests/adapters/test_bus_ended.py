"""The end of a connection whose server went first: a city that is told to stop stops its bus, too."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
import uvloop
from nats.aio.client import Client

from cityward.adapters.bus.log import disconnect


class Unsent:
    """A client with something left to send, by a transport that is closed: `close` does with it what the real one does."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer, self.tried = writer, False

    async def close(self) -> None:
        self.tried = True
        self._writer.writelines([b"PUB last words"])


async def cut_off() -> Unsent:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.transport.abort()
        await writer.wait_closed()
    return Unsent(writer)


def test_what_cannot_be_sent_any_more_ends_no_role() -> None:
    async def ends() -> bool:
        client = await cut_off()
        await disconnect(cast("Client", client))
        return client.tried

    assert uvloop.run(ends())


def test_uvloop_does_raise_there() -> None:
    async def ends() -> None:
        await (await cut_off()).close()

    with pytest.raises(RuntimeError, match="closed"):
        uvloop.run(ends())
