"""What can be declared about lighting, and what is wrong with it when something is.

INVARIANT: settings that left `read_settings` are consistent: thresholds in order, each lamp in one street only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError, PlaceErrors
from cityward.ids import Id

Percent = Annotated[float, Meta(ge=0, le=100)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class Street(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lamps that are lit alike, and the sensors they are lit by. All are devices or groups."""

    lamps: Annotated[tuple[Id, ...], Meta(min_length=1)]
    light: tuple[Id, ...] = ()  # observe `illuminance`
    traffic: tuple[Id, ...] = ()  # observe `vehicle-speed` or `vehicle-count`


class LightingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a lighting service.

    Levels in percent of full light, illuminance in lx, sun elevations in degrees, times in city seconds.
    """

    streets: Annotated[dict[Id, Street], Meta(min_length=1)]
    command: Id = "dim"  # the lamp model's command that sets `lamp-level`

    dim_level: Percent = 40.0  # PRECEDENT: CEN/TR 13201-1 lets a street drop two to three classes when traffic is low
    busy_level: Percent = 80.0

    dusk_sun_deg: Annotated[float, Meta(ge=-12, le=6)] = -0.833  # where no sensor is fresh: night below
    night_sun_deg: Annotated[
        float, Meta(ge=-18, le=0)
    ] = -6.0  # below, night whatever a sensor says (civil twilight ends)
    day_sun_deg: Annotated[float, Meta(ge=0, le=30)] = 6.0  # above, day whatever a sensor says
    dusk_lux: Annotated[float, Meta(ge=1, le=1000)] = 35.0  # PRECEDENT: photocells switch on at 35 lx, off at 70 (1:2)
    dawn_lux: Annotated[float, Meta(ge=1, le=2000)] = 70.0

    busy_below_m_s: Annotated[float, Meta(gt=0, le=90)] = 22.0  # slower is dense
    quiet_above_m_s: Annotated[float, Meta(gt=0, le=90)] = 26.0
    busy_above_count: Annotated[float, Meta(gt=0)] | None = None  # vehicles per report; None: counts are not used
    quiet_below_count: Annotated[float, Meta(gt=0)] | None = None

    max_age_s: Seconds = 1800  # a reading older than this is no reading
    dwell_s: Seconds = 600  # how long a level holds before it may sink; it may rise at once
    retry_s: Seconds = 600  # how long after a command that failed, or that the lamp's report belies
    refresh_s: Seconds = 1800  # how long before the same level is sent again, so that the lamp knows we are here


def read_settings(raw: Mapping[str, Any], where: str = "settings") -> LightingSettings | PlaceError:
    """The settings, or what is wrong with them, with its path below `where`."""
    try:
        settings = msgspec.convert(dict(raw), LightingSettings)
    except msgspec.ValidationError as error:
        return _shape_error(str(error), where)
    wrong = list(_contradictions(settings, where))
    if len(wrong) > 1:
        return PlaceErrors(wrong)
    return wrong[0] if wrong else settings


def _shape_error(message: str, where: str) -> PlaceError:
    """msgspec says `<what> - at `$.path``; say it our way."""
    what, _, path = message.partition(" - at `")
    path = path.rstrip("`").removeprefix("$")
    unknown = re.search(r"unknown field `(.+)`", what)
    mend = "see the settings of `lighting` in docs/services.md"
    if unknown is not None:
        fields = (Street if ".streets" in path else LightingSettings).__struct_fields__
        near = difflib.get_close_matches(unknown.group(1), fields, 1)
        mend = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(f'`{name}`' for name in fields)}"
    return PlaceError(f"{what[:1].lower()}{what[1:]}", where=f"{where}{path}", mend=mend)


def _contradictions(settings: LightingSettings, where: str) -> Iterator[PlaceError]:
    for low, high in (
        ("dim_level", "busy_level"),
        ("night_sun_deg", "dusk_sun_deg"),
        ("dusk_sun_deg", "day_sun_deg"),
        ("dusk_lux", "dawn_lux"),
        ("busy_below_m_s", "quiet_above_m_s"),
        ("quiet_below_count", "busy_above_count"),
    ):
        below, above = getattr(settings, low), getattr(settings, high)
        if (below is None) != (above is None):
            yield PlaceError(f"`{low}` and `{high}` belong together", where=where, mend="give both, or neither")
        elif below is not None and below > above:
            what = f"`{low}` is {below:g}, above `{high}`, which is {above:g}"
            yield PlaceError(what, where=f"{where}.{low}", mend=f"set `{low}` to at most `{high}`")
    yield from _shared_lamps(settings, where)


def _shared_lamps(settings: LightingSettings, where: str) -> Iterator[PlaceError]:
    lit_by: dict[str, str] = {}
    for name, street in settings.streets.items():
        for lamp in street.lamps:
            first = lit_by.setdefault(lamp, name)
            if first != name:
                what = f"`{lamp}` is lit by two streets, `{first}` and `{name}`"
                yield PlaceError(what, where=f"{where}.streets.{name}.lamps", mend="leave it in one of them")
