"""What counts as a number in a body."""

from __future__ import annotations

import math

from cityward.adapters.protocols.strict_json import refusal
from cityward.guard.reasons import Reason


def number(value: object) -> float:
    """The value as a finite float. Neither `true` nor `"12"` is a number.

    Raises:
        DecodeError: NOT_A_NUMBER, NOT_FINITE.
    """
    if type(value) is not float and type(value) is not int:  # not isinstance: a bool is an int to Python
        raise refusal(Reason.NOT_A_NUMBER, f"a {type(value).__name__} is not a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise refusal(Reason.NOT_FINITE, "beyond the range of a number")
    return found
