"""Moments as people give them: a date, a time, or how long ago. In the city's time, UTC where no zone is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from cityward.time import DAY, HOUR, MINUTE, to_us

_AGO = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
METAVAR = "TIME"
HELP = "a time (2026-03-01T06:00Z), a date, or how long ago (90m, 6h, 2d)"


def moment_us(text: str, now_us: int, option: str) -> int:
    """City us.

    Raises:
        click.BadParameter: it is none.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_us - int(ago.group(1)) * _UNITS[ago.group(2)]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"`{text}` is not {HELP}", param_hint=option) from error
    return to_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
