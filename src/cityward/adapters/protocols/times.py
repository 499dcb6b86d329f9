"""Times as senders write them, into microseconds since 1970.

SPEC: RFC 3339 5.6 (a zone is required); RFC 8428 4.5.3 (SenML: below 2**28 seconds a time is relative to now).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from cityward.adapters.protocols.strict_json import refusal
from cityward.adapters.protocols.values import number
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.time import SECOND

END_OF_TIME_US: Final = 253_402_300_800 * SECOND
"""The year 10000: what no RFC 3339 text and no `datetime` can write. A valid time is in [0, END_OF_TIME_US)."""

LAST_S: Final = END_OF_TIME_US / SECOND
"""No number of seconds lies beyond it, either way: checked before it is rounded to an integer."""

RELATIVE_BELOW_S: Final = float(2**28)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339_us(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time with a zone; beyond microseconds it is rounded.

    Raises:
        DecodeError: NAIVE_TIME without a zone; BAD_TIME where it is no time at all, or one before 1970.
    """
    try:
        moment = msgspec.convert(text, datetime)
        since = moment - _EPOCH if moment.tzinfo is not None else None
    except (msgspec.ValidationError, OverflowError):
        raise refusal(Reason.BAD_TIME, "not an RFC 3339 time") from None
    if since is None:
        raise refusal(Reason.NAIVE_TIME, "a time without a zone")
    return _checked((since.days * 86_400 + since.seconds) * SECOND + since.microseconds)


def seconds_us(value: object) -> int:
    """Microseconds of a number of seconds since 1970, to the nearest.

    Raises:
        DecodeError: BAD_TIME where it is no number, or before 1970 or after 9999.
    """
    seconds = _number(value)
    if abs(seconds) > LAST_S:
        raise refusal(Reason.BAD_TIME, "a time after 9999")
    return _checked(round(seconds * SECOND))


def senml_us(base: float, value: object, now_us: int) -> int:
    """Microseconds of a SenML time: `base` + `value` seconds, relative to `now_us` where the sum is below 2**28.

    Raises:
        DecodeError: BAD_TIME where it is no number, or before 1970 or after 9999.
    """
    at = base + _number(value)
    if abs(at) > LAST_S:
        raise refusal(Reason.BAD_TIME, "a time after 9999")
    shift = round(at * SECOND)
    return _checked(now_us + shift if at < RELATIVE_BELOW_S else shift)


def text_or_seconds_us(value: object) -> int:
    """RFC 3339 text with a zone, or seconds since 1970.

    Raises:
        DecodeError: NAIVE_TIME, BAD_TIME.
    """
    return rfc3339_us(value) if isinstance(value, str) else seconds_us(value)


def _number(value: object) -> float:
    try:
        return number(value)
    except DecodeError as error:
        raise refusal(Reason.BAD_TIME, "not a number of seconds") from error


def _checked(us: int) -> int:
    if not 0 <= us < END_OF_TIME_US:
        raise refusal(Reason.BAD_TIME, "a time before 1970 or after 9999")
    return us
