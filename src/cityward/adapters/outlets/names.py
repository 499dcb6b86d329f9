"""The name under which a body is delivered: the same in every try, and safe as a header, an object's key and a file's path."""

from __future__ import annotations

import re

LONGEST = 200
_PART = r"[A-Za-z0-9_][A-Za-z0-9._=+-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*\Z")

LEAST_BYTES_S = 100_000  # PRECEDENT: a slow line of a small office; a receiver below it is given up
BEGIN_S = 45.0


def checked_name(name: str) -> str:
    """The name.

    Raises:
        ValueError: it is none; a mistake of ours.
    """
    if len(name) > LONGEST or not _NAME.match(name):
        raise ValueError(f"`{name[:80]}` is no name of a delivery")
    return name


def within_s(body: bytes) -> float:
    """Seconds in which a body must be delivered, with every answer."""
    return BEGIN_S + len(body) / LEAST_BYTES_S
