"""One open door per test; it opens in a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from web.house import House, house, opened


@pytest.fixture
def door() -> Iterator[House]:
    """A small city's door, open on loopback."""
    with opened(house()) as one:
        yield one


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """A door that many tests share: they only look."""
    with opened(house()) as one:
        yield one
