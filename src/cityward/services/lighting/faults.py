"""What a lamp draws against what it was told: failed lamps, day-burners, lamps that do not follow.

A lamp's report counts when its level was commanded, obeyed, and the report was made `SETTLE` after it. Its expected power
follows from the installation. A suspicion is told after it has shown for `confirm_s`, and ends with the first report that
says otherwise. Power meters of lamps are good to a few percent and parts of a lamp's LEDs may fail: the bounds are
wide, and what is told is what was seen.

INVARIANT: a lamp that reports nothing, or nothing fresh, is not suspected of anything here (the watch tells silence).
Fails when: a lamp's controller reports its command instead of its meter; many lamps fail by small parts.
"""

from __future__ import annotations

from collections.abc import Mapping

from cityward.services.contract import View
from cityward.services.lighting.levels import power_w
from cityward.services.lighting.memory import MOST_SUSPECTED, Suspicion
from cityward.services.lighting.settings import Installation, LightingSettings, Street
from cityward.time import MINUTE, SECOND

SETTLE = 2 * MINUTE  # a lamp fades, its meter averages
LOST_BELOW = 0.5  # of the expected power: more than half of the lamp is dark
MORE_THAN = 1.5  # times the expected power
LEAST_W = 5.0  # less is a meter's business

TITLES = {
    "dark": "draws {seen:.1f} W where {expected:.1f} W were expected: it seems to be out",
    "burns": "draws {seen:.1f} W by day where {expected:.1f} W were expected: it seems to burn",
    "more": "draws {seen:.1f} W where {expected:.1f} W were expected: it does not follow, or something else draws power",
    "uncommanded": "draws {seen:.1f} W by day and was never told to: it seems to burn without a command",
}
DO = {
    "dark": "Look at lamp, driver and fuse.",
    "burns": "Look at the relay and the controller.",
    "more": "Look at the controller, and at what is connected to the pole.",
    "uncommanded": "Look at the controller, and at who else commands it.",
}


def suspected_lamps(
    view: View[LightingSettings], street: Street, lamps: list[str], is_dark: bool, before: Mapping[str, Suspicion]
) -> dict[str, Suspicion]:
    """Lamp -> what looks wrong with it now. `before`: what the last turn suspected, of all streets."""
    installation = street.installation
    if installation is None or installation.rated_w is None:
        return {}
    found: dict[str, Suspicion] = {}
    for lamp in lamps[:MOST_SUSPECTED]:
        now = _looked_at(view, lamp, installation, is_dark)
        if now is not None:
            found[lamp] = confirmed(now, before.get(lamp), view.now_us, view.settings.confirm_s * SECOND)
        elif lamp in before and _says_nothing(view, lamp):
            found[lamp] = before[lamp]  # silence mends nothing
    return found


def confirmed(now: Suspicion, before: Suspicion | None, now_us: int, confirm_us: int) -> Suspicion:
    """The suspicion with its beginning, told once it has lasted."""
    goes_on = before is not None and before.kind == now.kind and before.since <= now_us
    since = before.since if before is not None and goes_on else now.since
    told = (goes_on and before is not None and before.told) or now_us - since >= confirm_us
    return Suspicion(kind=now.kind, since=since, seen=now.seen, expected=now.expected, told=told)


def _says_nothing(view: View[LightingSettings], lamp: str) -> bool:
    return view.fresh(lamp, "lamp-power", view.settings.max_age_s * SECOND) is None


def _looked_at(view: View[LightingSettings], lamp: str, installation: Installation, is_dark: bool) -> Suspicion | None:
    meter = view.fresh(lamp, "lamp-power", view.settings.max_age_s * SECOND)
    if meter is None:
        return None
    last = view.last_commands.get(lamp)
    if last is None:
        expected = power_w(100.0, installation)
        kind = "uncommanded" if not is_dark and meter.value > LOST_BELOW * expected else ""
        return _suspicion(kind, view.now_us, meter.value, installation.standby_w)
    if last.state != "acknowledged" or meter.observed_at < last.sent_at + SETTLE:
        return None
    return _against(view.now_us, meter.value, power_w(last.value, installation), is_dark)


def _against(now_us: int, seen: float, expected: float, is_dark: bool) -> Suspicion | None:
    kind = ""
    if expected >= LEAST_W and seen < LOST_BELOW * expected:
        kind = "dark"
    elif seen > max(MORE_THAN * expected, expected + LEAST_W):
        kind = "more" if is_dark else "burns"
    return _suspicion(kind, now_us, seen, expected)


def _suspicion(kind: str, now_us: int, seen: float, expected: float) -> Suspicion | None:
    return Suspicion(kind=kind, since=now_us, seen=seen, expected=expected) if kind else None
