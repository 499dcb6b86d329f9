"""A witness's HTTP door: `POST /add-checkpoint` (C2SP tlog-witness), and nothing else.

INVARIANTS
- Nothing of a request is kept in memory beyond what a request may weigh, for longer than `BODY_S`.
- Plain HTTP is for loopback, or behind a proxy that ends the TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.types import Receive, Scope, Send

from cityward.adapters.ledgers.witness_folder import WitnessFolder
from cityward.errors import CitywardError
from cityward.evidence.witness import REQUEST_MOST, TEXT_TYPE, Answer

PATH = "/add-checkpoint"
BODY_S = 15.0
MOST_AT_ONCE = 64

log = structlog.get_logger(__name__)


def witness_app(witness: WitnessFolder) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The door as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = await _answer(witness, scope, receive)
        headers = [(b"content-type", answer.type.encode()), (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return app


async def _answer(witness: WitnessFolder, scope: Scope, receive: Receive) -> Answer:
    if scope["path"] != PATH:
        return _told(404, "ask at /add-checkpoint")
    if scope["method"] != "POST":
        return _told(405, "ask by POST")
    try:
        async with asyncio.timeout(BODY_S):
            body = await _body(receive)
    except TimeoutError:
        return _told(408, "the request took too long")
    if body is None:
        return _told(413, f"a request is at most {REQUEST_MOST} bytes")
    try:
        answer = await asyncio.to_thread(witness.answer, body)
    except CitywardError as error:  # the witness's own trouble: nothing was co-signed
        log.error("cannot answer", why=error.what, mend=error.mend)
        return _told(500, "this witness cannot answer now")
    log.info("asked", origin=answer.origin, status=answer.status)
    return answer


async def _body(receive: Receive) -> bytes | None:
    parts, size = list[bytes](), 0
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > REQUEST_MOST:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _told(status: int, text: str) -> Answer:
    return Answer(status, f"{text}\n".encode(), TEXT_TYPE)


async def serve_witness(
    witness: WitnessFolder, host: str, port: int, tls: tuple[Path, Path] | None, started: Callable[[int], None]
) -> None:
    """Answer until told to stop (SIGINT, SIGTERM). `started` is told the port; 0 asks for any.

    Raises:
        OSError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        witness_app(witness),
        host=host,
        port=port,
        http="httptools",
        log_config=None,
        access_log=False,
        lifespan="off",
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        server_header=False,
        ssl_certfile=str(tls[0]) if tls else None,
        ssl_keyfile=str(tls[1]) if tls else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    server = uvicorn.Server(config)
    telling = asyncio.create_task(_tell(server, started))
    try:
        await server.serve()
    finally:
        telling.cancel()


async def _tell(server: uvicorn.Server, started: Callable[[int], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    started(server.servers[0].sockets[0].getsockname()[1])
