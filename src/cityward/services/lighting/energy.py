"""Energy and CO2 of a street, beside the same lamps at full level from dusk to dawn. Adds up what passed since the last turn.

Measured power where all lamps of a street report it; elsewhere what the installation is declared to draw at the commanded level.
A gap longer than `LONGEST_GAP` is left out of both sides, so that a city that slept does not look thrifty.
"""

from __future__ import annotations

from cityward.services.contract import View
from cityward.services.lighting.levels import given_share, power_w, share_for
from cityward.services.lighting.memory import Account, StreetMemory
from cityward.services.lighting.need import Need
from cityward.services.lighting.settings import LightingSettings, Street
from cityward.time import DAY, HOUR, SECOND, from_us

LONGEST_GAP = HOUR
MOST_LAMP_W = 10_000.0
"""What no lamp draws: a floodlight of a stadium draws 2 kW. A meter that says more, or less than nothing, says nothing."""
W_US_PER_KWH = 1000 * 3600 * SECOND


def night_of(now_us: int, longitude: float) -> int:
    """Which night it is: days since 1970, from noon to noon of mean solar time."""
    return int((now_us + longitude / 360 * DAY - DAY // 2) // DAY)


def month_of(now_us: int) -> int:
    """Months since the year 0, of UTC."""
    moment = from_us(now_us)
    return moment.year * 12 + moment.month - 1


def drawn_w(view: View[LightingSettings], street: Street, lamps: list[str]) -> float | None:
    """W of all lamps now: as metered where every one reports what a lamp can draw, otherwise as commanded; None where neither is
    known.
    """
    installation = street.installation
    age = view.settings.max_age_s * SECOND
    metered = [reading.value for lamp in lamps if (reading := view.fresh(lamp, "lamp-power", age)) is not None]
    if lamps and len(metered) == len(lamps) and all(0 <= watts <= MOST_LAMP_W for watts in metered):
        return sum(metered)
    if installation is None or installation.rated_w is None:
        return None
    told = [view.last_commands.get(lamp) for lamp in lamps]
    return sum(power_w(100.0 if last is None else last.value, installation) for last in told)


def counted(
    view: View[LightingSettings],
    street: Street,
    lamps: list[str],
    before: StreetMemory,
    since_us: int,
    need: Need,
    is_dark: bool,
) -> StreetMemory:
    """The street's memory with the time since the last turn added. `since_us`: when that was; 0: never."""
    night, month = night_of(view.now_us, view.position[0]), month_of(view.now_us)
    gap = view.now_us - since_us
    more = _span(view, street, lamps, gap, need, is_dark) if since_us and 0 < gap <= LONGEST_GAP else Account()
    tonight = before.tonight if before.night == night else Account()
    this_month = before.this_month if before.month == month else Account()
    return StreetMemory(
        presence_until=need.presence_until,
        night=night,
        month=month,
        tonight=_sum(tonight, more),
        this_month=_sum(this_month, more),
        last_night=before.last_night if before.night == night else before.tonight,
    )


def _span(
    view: View[LightingSettings], street: Street, lamps: list[str], gap: int, need: Need, is_dark: bool
) -> Account:
    watts, installation = drawn_w(view, street, lamps), street.installation
    if watts is None or installation is None or installation.rated_w is None:
        return Account(dark_s=gap / SECOND if is_dark else 0.0)
    full = installation.rated_w * len(lamps) if is_dark else 0.0
    under = is_dark and bool(lamps) and _is_under(view, street, lamps, need)
    return Account(
        kwh=watts * gap / W_US_PER_KWH,
        baseline_kwh=full * gap / W_US_PER_KWH,
        dark_s=gap / SECOND if is_dark else 0.0,
        under_s=gap / SECOND if under else 0.0,
    )


def _is_under(view: View[LightingSettings], street: Street, lamps: list[str], need: Need) -> bool:
    """Whether some lamp was last told less than the class needs now: counted, though the word to rise is on its way."""
    if not need.lighting_class or street.installation is None:
        return False
    share = share_for(need.lighting_class, street.installation) or 1.0
    levels = [last.value for lamp in lamps if (last := view.last_commands.get(lamp)) is not None]
    return any(given_share(level, street.installation.curve) < share - 1e-9 for level in levels)


def _sum(a: Account, b: Account) -> Account:
    return Account(
        kwh=a.kwh + b.kwh,
        baseline_kwh=a.baseline_kwh + b.baseline_kwh,
        dark_s=a.dark_s + b.dark_s,
        under_s=a.under_s + b.under_s,
    )
