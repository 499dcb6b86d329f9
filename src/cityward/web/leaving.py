"""Work that is worth doing only while somebody waits for it: it is cancelled when the connection of who asked ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

from cityward.web.problems import Problem

T = TypeVar("T")


async def while_there(request: Request, asked: Coroutine[Any, Any, T]) -> T:
    """What is answered, unless who asks goes away before.

    Args:
        request: read to the end of its body.
        asked: cancelled when the connection ends.

    Raises:
        Problem: 408, nobody waits any more; or what the work raises.
    """
    answer, gone = asyncio.create_task(asked), asyncio.create_task(_gone(request.receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise Problem(408, "gone", "who asked went away before the answer was made")
    finally:
        answer.cancel()
        gone.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
