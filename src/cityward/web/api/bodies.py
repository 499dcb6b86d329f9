"""What every route needs that takes a JSON body, or is answered beside the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from cityward.errors import LinkError
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call

T = TypeVar("T")

AGAIN_S = 5


def body_of(call: Call[Any], kind: type[T]) -> T:
    """What was posted, as its declared shape.

    Raises:
        Problem: 400.
    """
    try:
        return msgspec.json.decode(call.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-request", f"the body: {error}") from error


async def made_beside(ask: Callable[[], Awaitable[T]]) -> T:
    """What a child beside the door makes (`compose.beside`).

    Raises:
        Problem: 503, it could not be made.
    """
    try:
        return await ask()
    except LinkError as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 60) from None


def json_made(made: bytes | None, again_s: int = AGAIN_S) -> Response:
    """JSON as it was made; or 202, and when to come again."""
    if made is None:
        headers = {"retry-after": str(again_s)}
        return Response(b'{"state":"being made"}', status_code=202, media_type=JSON, headers=headers)
    return Response(made, media_type=JSON)
