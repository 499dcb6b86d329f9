"""A child that cannot be started is told as a world that does not answer."""

from __future__ import annotations

import asyncio

import pytest

from cityward.compose.child import Bounds, said_by
from cityward.errors import LinkError


def test_a_child_that_cannot_be_started_is_a_link_error() -> None:
    with pytest.raises(LinkError, match="could not be started"):
        asyncio.run(said_by(["/nowhere/at/all"], Bounds("an answer", "try again", 5.0, 10)))
