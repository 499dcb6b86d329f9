"""What a twin's web door does beside a city's (ADR 19): every answer says that it is one, and the exercise says who seems to ask.

Does not live here: what is asked and what must be answered (`exercises`).
INVARIANT: an address is taken from a request only by the exercise's secret; a city's door has none, and takes none.
"""

from __future__ import annotations

from hmac import compare_digest

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityward.web.ports import Exercised

MARK = "cityward-exercise"
SECRET, FROM = b"cityward-exercise-secret", b"cityward-exercise-from"


class Marked:
    """Around the whole door of a twin."""

    def __init__(self, app: ASGIApp, exercise: Exercised) -> None:
        self._app, self._secret = app, exercise.secret.encode()
        self._mark = (MARK.encode(), exercise.id.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self._mark]
            await send(message)

        await self._app(self._as_from(scope), receive, marked)

    def _as_from(self, scope: Scope) -> Scope:
        told = dict(scope["headers"])
        if not compare_digest(told.get(SECRET, b""), self._secret) or FROM not in told:
            return scope
        return {**scope, "client": (told[FROM].decode("ascii", "replace")[:64], 0)}
