"""JSON Pointers (RFC 6901): where in a body a property stands."""

from __future__ import annotations

import re
from typing import Final, cast

MISSING: Final = object()
"""What `follow` finds where nothing is. Not None: a body may say `null`."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def tokens(pointer: str) -> tuple[str, ...]:
    """The pointer's steps, unescaped: `/a/b~1c` -> ("a", "b/c"). A text without a leading `/` names one member."""
    if not pointer.startswith("/"):
        return (pointer,) if pointer else ()
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def follow(body: object, steps: tuple[str, ...]) -> object:
    """What stands at the end of the steps, or MISSING."""
    at = body
    for step in steps:
        if isinstance(at, dict):
            at = cast("dict[str, object]", at).get(step, MISSING)
        elif isinstance(at, list) and _INDEX.fullmatch(step) and int(step) < len(cast("list[object]", at)):
            at = cast("list[object]", at)[int(step)]
        else:
            return MISSING
    return at
