"""What lamps give today, where it is declared when they were last renewed: less than when new, more than at the end.

Lamps are planned for the end of their maintenance period, so new ones give too much: a quarter at a maintenance factor of 0.8.
That surplus is not lit (*constant light output*). Without a date of renewal every day counts as the last of the period.

INVARIANTS
- The factor reckoned with is never above what a straight fall from 1 to the maintenance factor leaves when the day is over.
- After the period it is the maintenance factor, and the street is told to be overdue: below that nobody has measured.
Source: CIE 154:2003 (maintenance of outdoor lighting systems), EN 13201-5:2015 (constant light output in energy reckoning).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta, timezone

import msgspec

from cityward.services.contract import Notice
from cityward.services.lighting.settings import Installation, Street
from cityward.time import DAY, to_us

YEAR_DAYS = 365.25
EARLIEST_DAWN = timezone(timedelta(hours=14))  # a date has begun there first: no zone is told that lamps are newer


def factor_now(installation: Installation, now_us: int) -> float:
    """What is left of the light of new, clean lamps: 1 down to the maintenance factor."""
    least = installation.maintenance_factor
    if installation.renewed is None:
        return least
    days = (now_us - _begin_us(installation)) // DAY + 1
    gone = days / (installation.renewal_years * YEAR_DAYS)
    return least if days < 1 or gone >= 1 else 1 - (1 - least) * gone


def present(street: Street, now_us: int) -> Street:
    """The street with what its lamps give now as their maintenance factor."""
    if street.installation is None or street.installation.renewed is None:
        return street
    now = msgspec.structs.replace(street.installation, maintenance_factor=factor_now(street.installation, now_us))
    return msgspec.structs.replace(street, installation=now)


def told(street: Street) -> dict[str, str]:
    """What is reckoned with, for a command's cause; of a `present` street."""
    given = street.installation
    return {} if given is None or given.renewed is None else {"light_left": f"{given.maintenance_factor:.3f} of new"}


def notices(streets: Mapping[str, Street], lamps: Mapping[str, list[str]], now_us: int) -> list[Notice]:
    """The streets whose lamps ought to have been renewed."""
    return [
        Notice(
            f"overdue-{name}"[:96],
            lamps[name][0],
            f"the lamps of {name} were to be cleaned or renewed by now: below what is reckoned with, nobody has measured",
            since=due,
            do="Clean or renew them and declare the date as `renewed`, or measure the street and declare what it gives.",
        )
        for name, due in _due(streets.items())
        if lamps[name] and now_us >= due
    ]


def _due(streets: Iterable[tuple[str, Street]]) -> Iterable[tuple[str, int]]:
    for name, street in streets:
        given = street.installation
        if given is not None and given.renewed is not None:
            yield name, _begin_us(given) + round(given.renewal_years * YEAR_DAYS * DAY)


def _begin_us(installation: Installation) -> int:
    assert installation.renewed is not None
    return to_us(datetime.combine(installation.renewed, time(), EARLIEST_DAWN))
