"""Fire and tilt: a container that burns or lies.

Lives here: signs, their quorum, hysteresis. Does not live here: who is told (`runtime` by the alert channels).

Theory of operation
-------------------
Signs of a fire at one container, each from something else: it is *hot*; it grows hotter *fast*; *another* hot container
stands near; its level *went wild* (smoke and heat take an ultrasonic sensor's echo). With `fire_signs` of them, or with one
where its sensor is too hot to doubt (half again as hot as `hot`), it is a fire: urgency SAFETY. With fewer it is told as
something to look at. An alarm ends when nothing has spoken for it, and it was cool, for `dwell_s`; one whose sensor fell
silent stays open for an hour, for fire kills sensors.

INVARIANTS
- Total: any readings; what is not finite or older than `max_age_s` is no sign.
- An alarm opened by two signs is not closed by silence within `SILENT`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cityward.place.things import Position
from cityward.services.contract import Notice, Urgency, View
from cityward.services.waste.memory import Alarm, Warmth
from cityward.services.waste.roads import metres_between
from cityward.services.waste.settings import Alarms, WasteSettings
from cityward.time import HOUR, MINUTE, SECOND

HEAT, TILT, LEVEL = "container-temperature", "tilt", "fill-level"
SILENT = HOUR  # a fire whose sensor says nothing any more stays open so long
SURE = 1.5  # times `hot`: no sun does that


def watch(
    view: View[WasteSettings], units: Sequence[str], warmth: Mapping[str, Warmth], open_: Mapping[str, Alarm]
) -> tuple[dict[str, Warmth], dict[str, Alarm]]:
    """The temperatures as they are now, and the alarms that stand."""
    settings = view.settings.alarms
    now_warm = {unit: warm for unit in units if (warm := _warmth(view, settings, unit, warmth.get(unit))) is not None}
    hot = [unit for unit, warm in now_warm.items() if warm.value >= settings.hot]
    stand: dict[str, Alarm] = {}
    for unit in units:
        signs = _signs_of_fire(view, settings, unit, now_warm.get(unit), hot)
        sure = len(signs) >= settings.fire_signs or (unit in hot and now_warm[unit].value >= SURE * settings.hot)
        cool = unit in now_warm and now_warm[unit].value <= settings.cool
        _keep(stand, f"fire:{unit}", _next(view, settings, open_.get(f"fire:{unit}"), signs, sure, cool))
        tilt = _value(view, unit, TILT, settings.max_age_s)
        lies = ("lies",) if tilt is not None and tilt >= settings.tilted else ()
        upright = tilt is not None and tilt <= settings.upright
        _keep(stand, f"tilt:{unit}", _next(view, settings, open_.get(f"tilt:{unit}"), lies, bool(lies), upright))
    return now_warm, stand


def _keep(stand: dict[str, Alarm], name: str, alarm: Alarm | None) -> None:
    if alarm is not None:
        stand[name] = alarm


def _value(view: View[WasteSettings], unit: str, property_id: str, max_age_s: float) -> float | None:
    reading = view.fresh(unit, property_id, round(max_age_s * SECOND))
    return reading.value if reading is not None and math.isfinite(reading.value) else None


def _warmth(view: View[WasteSettings], settings: Alarms, unit: str, before: Warmth | None) -> Warmth | None:
    reading = view.fresh(unit, HEAT, settings.max_age_s * SECOND)
    if reading is None or not math.isfinite(reading.value):
        return None
    value = min(max(reading.value, -100.0), 2000.0)
    if before is None or reading.observed_at < before.at:
        return Warmth(at=reading.observed_at, value=value)
    if reading.observed_at == before.at:
        return before
    minutes = max((reading.observed_at - before.at) / MINUTE, 0.25)
    return Warmth(at=reading.observed_at, value=value, per_minute=(value - before.value) / minutes)


def _signs_of_fire(
    view: View[WasteSettings], settings: Alarms, unit: str, warm: Warmth | None, hot: Sequence[str]
) -> tuple[str, ...]:
    if warm is None:
        return ()
    signs: list[str] = []
    if warm.value >= settings.hot:
        signs.append("hot")
        if any(other != unit and _near(view.positions, unit, other, settings.near_m) for other in hot):
            signs.append("another is hot beside it")
        level = view.fresh(unit, LEVEL, settings.max_age_s * SECOND)
        if level is not None and not 0.0 <= level.value <= 100.0:
            signs.append("its level went wild")
    if warm.per_minute >= settings.rise_per_minute and warm.value > settings.cool:
        signs.append("growing hotter fast")
    return tuple(signs)


def _near(positions: Mapping[str, Position], one: str, other: str, within_m: float) -> bool:
    a, b = positions.get(one), positions.get(other)
    return a is not None and b is not None and metres_between(a, b) <= within_m


def _next(
    view: View[WasteSettings], settings: Alarms, before: Alarm | None, signs: tuple[str, ...], sure: bool, calm: bool
) -> Alarm | None:
    """The alarm as it stands now; None: there is none. An alarm once sure stays so until it ends."""
    now = view.now_us
    if signs:
        since = before.since if before is not None else now
        return Alarm(since=since, signs=signs, sure=sure or (before is not None and before.sure))
    if before is None:
        return None
    calm_since = before.calm_since or now
    patience = settings.dwell_s * SECOND if calm else SILENT
    if 0 <= now - calm_since < patience:
        return Alarm(since=before.since, signs=before.signs, sure=before.sure, calm_since=calm_since)
    return None


def notices(alarms: Mapping[str, Alarm]) -> list[Notice]:
    """What people are told of the alarms that stand."""
    return [_notice(name, alarm) for name, alarm in sorted(alarms.items())]


def _notice(name: str, alarm: Alarm) -> Notice:
    what, _, unit = name.partition(":")
    if what == "tilt":
        title, do = f"{unit} lies or is tilted", "send somebody to set it up"
    elif alarm.sure:
        title, do = (
            f"Fire in {unit}",
            "call the fire brigade; keep lorries away from it: burning waste is not collected",
        )
    else:
        title, do = f"{unit} is hotter than it should be", "have somebody look at it: one sign alone is no fire"
    said = ", ".join(alarm.signs)
    return Notice(
        id=name,
        subject=unit,
        title=f"{title} ({said})" if said and what == "fire" else title,
        urgency=Urgency.SAFETY if alarm.sure and what == "fire" else Urgency.ROUTINE,
        since=alarm.since,
        do=do,
        sources=(unit,),
    )


def burning(alarms: Mapping[str, Alarm]) -> frozenset[str]:
    """Containers that no lorry should load."""
    return frozenset(
        name.removeprefix("fire:") for name, alarm in alarms.items() if name.startswith("fire:") and alarm.sure
    )
