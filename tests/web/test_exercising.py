"""A twin's web door says what it is, and believes who seems to ask only from the exercise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cityward.web.exercising import Marked
from cityward.web.ports import Exercised

SECRET = "a secret of sixteen"


def asked(**headers: str) -> tuple[str, dict[bytes, bytes]]:
    """(whom the door sees, the headers of its answer)."""
    seen: list[str] = []
    sent: list[dict[str, Any]] = []

    async def who(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope: Any = {"type": "http", "client": ("127.0.0.1", 9), "headers": given}
    asyncio.run(Marked(who, Exercised("a1b2", SECRET))(scope, receive, send))
    return seen[0], dict(sent[0]["headers"])


def test_every_answer_is_marked_beside_what_it_says_itself() -> None:
    assert asked()[1] == {b"x-own": b"1", b"cityward-exercise": b"a1b2"}


def test_the_exercise_says_who_seems_to_ask() -> None:
    assert asked(cityward_exercise_secret=SECRET, cityward_exercise_from="198.51.100.9")[0] == "198.51.100.9"


@pytest.mark.parametrize("secret", ["", "another secret"])
def test_nobody_else_chooses_an_address(secret: str) -> None:
    assert asked(cityward_exercise_secret=secret, cityward_exercise_from="198.51.100.9")[0] == "127.0.0.1"
