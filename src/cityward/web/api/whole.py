"""What is for people of the city only: the declaration as a whole is a list of targets."""

from __future__ import annotations

from typing import Any

from cityward.web.problems import Problem
from cityward.web.routes import Call


def whole(call: Call[Any]) -> None:
    """Go on only for somebody with a role of the place's own party.

    Raises:
        Problem: 403.
    """
    if call.caller is None or not call.caller.held.of_the_city:
        raise Problem(403, "no-right", "the whole of it is for people of the city")
