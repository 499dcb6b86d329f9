"""What can be declared about lighting, and what is wrong with it when something is.

INVARIANT: settings that left `read_settings` are consistent: thresholds in order, each lamp in one street only, every
class a street may be lit by is one its installation gives.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError, PlaceErrors
from cityward.ids import Id
from cityward.services.lighting.classes import CLASSES, is_drop

ClassName = Annotated[str, Meta(pattern="^(M[1-6]|C[0-5]|P[1-7])$")]
Curve = Literal["linear", "dali"]
Percent = Annotated[float, Meta(ge=0, le=100)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class Installation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a street's lamps give and draw: at full level, with new and clean lamps, over the whole street."""

    luminance_cd_m2: Annotated[float, Meta(gt=0, le=20)] | None = None  # average of the carriageway; for M
    illuminance_lx: Annotated[float, Meta(gt=0, le=500)] | None = None  # average; for C and P
    lowest_lx: Annotated[float, Meta(gt=0, le=500)] | None = None  # the darkest point; for P
    maintenance_factor: Annotated[float, Meta(ge=0.3, le=1)] = (
        0.8  # PRECEDENT: CIE 154, LED in clean air, cleaned at intervals
    )
    renewed: date | None = (
        None  # when the lamps were last new and clean; None: counted as the end of the period, always
    )
    renewal_years: Annotated[float, Meta(ge=0.25, le=25)] = 6.0  # until they have lost down to `maintenance_factor`
    curve: Curve = "linear"  # of the lamps' `lamp-level`: share of light, or of the 254 steps of IEC 62386
    rated_w: Annotated[float, Meta(gt=0, le=2000)] | None = None  # of one lamp at full level; None: power is not judged
    standby_w: Annotated[float, Meta(ge=0, le=20)] = 0.5


class Drop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class the street may drop to, and when: below so many vehicles per report, or where traffic is quiet."""

    to: ClassName
    below_count: Annotated[float, Meta(gt=0)] | None = (
        None  # of the busiest detector; None: when traffic is judged quiet
    )


class Street(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lamps that are lit alike, and the sensors they are lit by. All are devices or groups.

    With a `lighting_class` the level follows from the class and the installation; without, from `dim_level` and `busy_level`.
    """

    lamps: Annotated[tuple[Id, ...], Meta(min_length=1)]
    light: tuple[Id, ...] = ()  # observe `illuminance`
    traffic: tuple[Id, ...] = ()  # observe `vehicle-speed` or `vehicle-count`
    lighting_class: ClassName | None = None  # EN 13201, at the street's full traffic
    drops: Annotated[tuple[Drop, ...], Meta(max_length=5)] = ()
    installation: Installation | None = None
    pedestrians: tuple[Id, ...] = ()  # observe `pedestrian-count`: while there are some, no drop below `presence_class`
    presence_class: ClassName | None = None  # None: the street's own class
    hold_s: Seconds = 900  # so long after the last one was counted
    weather: tuple[Id, ...] = ()  # observe `rain` or `visibility`: in bad weather no drop


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cabinet's line: what its meter says of all lamps on it together."""

    meter: Id  # observes `line-power`, and `line-voltage` where it can
    street: Id  # whose sky and commands it follows
    lamp_w: Annotated[float, Meta(gt=0, le=2000)] = 100.0  # of one lamp: the least step that is told


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

    lines: Annotated[dict[Id, Line], Meta(max_length=32)] = {}
    rain_mm_h: Annotated[float, Meta(gt=0, le=100)] = 0.5  # from here on the road is wet: no drop
    fog_m: Annotated[float, Meta(gt=0, le=2000)] = 200.0  # visibility below: fog, no drop
    confirm_s: Seconds = 420  # how long a fault must show before it is told
    low_v: Annotated[float, Meta(gt=0, le=1000)] = 207.0  # PRECEDENT: EN 50160, 230 V -10 % and +10 %
    high_v: Annotated[float, Meta(gt=0, le=1000)] = 253.0
    co2_g_kwh: Annotated[float, Meta(ge=0, le=2000)] | None = None  # of the grid; None: CO2 is not reckoned

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
        fields = _fields_at(path)
        near = difflib.get_close_matches(unknown.group(1), fields, 1)
        mend = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(f'`{name}`' for name in fields)}"
    return PlaceError(f"{what[:1].lower()}{what[1:]}", where=f"{where}{path}", mend=mend)


def _fields_at(path: str) -> tuple[str, ...]:
    for part, struct in ((".installation", Installation), (".drops", Drop), (".lines", Line), (".streets", Street)):
        if part in path:
            return struct.__struct_fields__
    return LightingSettings.__struct_fields__


def _contradictions(settings: LightingSettings, where: str) -> Iterator[PlaceError]:
    for low, high in (
        ("dim_level", "busy_level"),
        ("night_sun_deg", "dusk_sun_deg"),
        ("dusk_sun_deg", "day_sun_deg"),
        ("dusk_lux", "dawn_lux"),
        ("busy_below_m_s", "quiet_above_m_s"),
        ("quiet_below_count", "busy_above_count"),
        ("low_v", "high_v"),
    ):
        below, above = getattr(settings, low), getattr(settings, high)
        if (below is None) != (above is None):
            yield PlaceError(f"`{low}` and `{high}` belong together", where=where, mend="give both, or neither")
        elif below is not None and below > above:
            what = f"`{low}` is {below:g}, above `{high}`, which is {above:g}"
            yield PlaceError(what, where=f"{where}.{low}", mend=f"set `{low}` to at most `{high}`")
    yield from _shared_lamps(settings, where)
    for name, street in settings.streets.items():
        yield from _class_errors(street, f"{where}.streets.{name}")
    for name, line in settings.lines.items():
        if line.street not in settings.streets:
            mend = f"name one of {', '.join(f'`{street}`' for street in settings.streets)}"
            yield PlaceError(f"there is no street `{line.street}`", where=f"{where}.lines.{name}.street", mend=mend)


def _class_errors(street: Street, where: str) -> Iterator[PlaceError]:
    if street.lighting_class is None:
        if street.drops or street.presence_class is not None:
            yield PlaceError(
                "it may drop from a class that is not declared", where=where, mend="declare its `lighting_class`"
            )
        return
    if street.installation is None:
        what = "it has a `lighting_class`, but not what its lamps give"
        yield PlaceError(what, where=where, mend="declare its `installation`")
        return
    lower = [drop.to for drop in street.drops]
    if street.presence_class not in (None, street.lighting_class):
        lower.append(str(street.presence_class))
    for name in lower:
        if not is_drop(street.lighting_class, name):
            what = f"`{name}` is no class below `{street.lighting_class}`"
            yield PlaceError(what, where=where, mend="name a class of the same letter with a higher number")
    yield from _out_of_reach(street.lighting_class, street.installation, where)


def _out_of_reach(lighting_class: str, installation: Installation, where: str) -> Iterator[PlaceError]:
    """The class where full light, at the end of the maintenance period, does not give it."""
    required, factor = CLASSES[lighting_class], installation.maintenance_factor
    full = installation.luminance_cd_m2 if lighting_class[0] == "M" else installation.illuminance_lx
    for words, needs, gives in (
        ("", required.average, full),
        (" at the darkest point", required.minimum, installation.lowest_lx),
    ):
        if needs > 0 and (gives or 0.0) * factor < needs - 1e-9:
            what = f"`{lighting_class}` requires {needs:g} {required.measure}{words}; maintained are {(gives or 0.0) * factor:g}"
            mend = "declare what the lamps give at full level, or the class they were built for"
            yield PlaceError(what, where=f"{where}.installation", mend=mend)


def _shared_lamps(settings: LightingSettings, where: str) -> Iterator[PlaceError]:
    lit_by: dict[str, str] = {}
    for name, street in settings.streets.items():
        for lamp in street.lamps:
            first = lit_by.setdefault(lamp, name)
            if first != name:
                what = f"`{lamp}` is lit by two streets, `{first}` and `{name}`"
                yield PlaceError(what, where=f"{where}.streets.{name}.lamps", mend="leave it in one of them")
