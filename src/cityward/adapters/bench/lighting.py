"""A year of recorded nights under the lighting service: energy beside all-night and beside a fixed schedule, and
minutes below the class.

What is recorded: hourly volume and weather of I-94 at Minneapolis (UCI 492), hourly counts of people in Melbourne.
What is declared (ours): one street with its class, drops and installation. A count is shown when its hour is over, as
a detector would report it. Two judges, both apart from the service: what was required by the newest report, and by the
count of the very hour, which nobody knows before it is over. Does not live here: what a lamp is told (`services.lighting`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from cityward.adapters.bench.tables import Cell, Table
from cityward.errors import CitywardError, PlaceError
from cityward.place.things import CommandLimits, Position
from cityward.services.contract import Actuator, Commanded, Reading, View
from cityward.services.lighting import SERVICE
from cityward.services.lighting.levels import given_share, power_w, share_for
from cityward.services.lighting.memory import LightingMemory
from cityward.services.lighting.renewal import YEAR_DAYS
from cityward.services.lighting.settings import Installation, LightingSettings, read_settings
from cityward.services.lighting.sun import elevation_deg
from cityward.time import DAY, HOUR, MINUTE, SECOND, from_us, to_us

Tell = Callable[[str], None]
Drops = Sequence[tuple[str, float]]

STEP = 20 * MINUTE
DIM = CommandLimits(sets="lamp-level", low=1, high=100, fail_safe=100)
RATED_W = 100.0
DETECTOR, MAST = "loop", "mast"
ALL_NIGHT, FIXED = "all-night", "fixed"
TWO, THREE = "two-drops", "three-drops"  # the same road declared twice, each a street of one lamp, which has its name
YEARS = 6  # between two renewals: what `renewal_years` is when it is left out
AGED = {
    name: tuple(f"{name}-year-{n + 1}" for n in range(YEARS)) for name in (TWO, THREE)
}  # the same, lamps n years old
LAMPS = (TWO, THREE, *AGED[TWO], *AGED[THREE])
LEAST = {
    TWO: "least-two-drops",
    THREE: "least-three-drops",
}  # what the reports require at each moment, to the very percent
SCHEDULE = ((22, 70.0), (0, 50.0), (5, 70.0), (6, 100.0))  # from that hour on, percent: a common two-step night setback


@dataclass(frozen=True, slots=True)
class Hour:
    """What was recorded of one hour."""

    count: float
    rain_mm_h: float = 0.0
    fog: bool = False


@dataclass(frozen=True, slots=True)
class Road:
    """A recorded series and the street it is played to. hours: hour's beginning, us -> what was recorded. drops:
    (class, below).
    """

    name: str
    position: Position
    zone: str
    hours: Mapping[int, Hour]
    first_us: int
    lighting_class: str
    drops: tuple[tuple[str, float], ...]
    installation: Mapping[str, float]
    has_weather: bool = False


@dataclass(slots=True)
class Spent:
    """What a way of lighting came to over a year: kWh of one lamp, minutes below the class as known, and as it turned out."""

    kwh: float = 0.0
    under_known: float = 0.0
    under_true: float = 0.0
    dark_min: float = 0.0

    def add(self, watts: float, share: float, known: float, true: float, minutes: float) -> None:
        self.kwh += watts * minutes / 60_000
        self.dark_min += minutes
        self.under_known += minutes if share < known - 1e-9 else 0.0
        self.under_true += minutes if share < true - 1e-9 else 0.0


@dataclass(slots=True)
class _Player:
    """One street under the service: its memory, the last command, what it is shown."""

    settings: LightingSettings
    road: Road
    memory: LightingMemory = field(default_factory=LightingMemory)
    last: dict[str, Commanded] = field(default_factory=dict[str, Commanded])

    def turn(self, now: int) -> dict[str, float]:
        """The level of each street after this turn; every command is obeyed at once."""
        turn = SERVICE.step(self._view(now), self.memory)
        self.memory = turn.memory
        for one in turn.proposals:
            self.last[one.device] = Commanded(one.command, one.value, one.cause, "acknowledged", now, one.sources)
        return {name: self.last[name].value for name in LAMPS}

    def _view(self, now: int) -> View[LightingSettings]:
        return View(
            now_us=now,
            position=self.road.position,
            settings=self.settings,
            members={name: (name,) for name in (DETECTOR, MAST, *LAMPS)},
            readings=self._readings(now),
            actuators={name: Actuator({"dim": DIM}) for name in LAMPS},
            last_commands=self.last,
        )

    def _readings(self, now: int) -> dict[tuple[str, str], Reading]:
        known = last_report(self.road, now)
        if known is None:
            return {}
        at, hour = known
        values = {(DETECTOR, "vehicle-count"): hour.count, (MAST, "rain"): hour.rain_mm_h}
        values[MAST, "visibility"] = 100.0 if hour.fog else 10_000.0
        return {key: Reading(value, at, now - at) for key, value in values.items()}


def lighting_tables(data: Path, tell: Tell) -> list[Table]:
    """A table for each road whose recording is in the folder.

    Raises:
        CitywardError: neither is.
    """
    found = [road for road in (interstate(data), footpath(data)) if road is not None]
    if not found:
        raise CitywardError(
            "there is no recorded traffic here.",
            where=str(data),
            mend="give a folder that has `sensors_metro_interstate` or `sensors_melbourne_pedestrian`.",
        )
    tables: list[Table] = []
    for road in found:
        tell(f"a year of nights on {road.name}: one service turn in twenty minutes")
        tables.append(year_of(road))
    return tables


def interstate(data: Path) -> Road | None:
    """I-94 in 2016, with its weather; None where it is not there. Classes change at 35 and 65 % of the highest volume."""
    path = data / "sensors_metro_interstate" / "metro_interstate.csv"
    if not path.exists():
        return None
    hours: dict[int, Hour] = {}
    zone = ZoneInfo("America/Chicago")
    for row in _rows(path):
        at = to_us(datetime.strptime(row["date_time"][:16], "%Y-%m-%d %H:%M").replace(tzinfo=zone))
        before = hours.get(at, Hour(0.0))
        # an hour that stands twice has two weathers and one volume: the worse weather counts
        rain = max(before.rain_mm_h, min(float(row["rain_1h"]), 500.0), 0.5 if row["weather_main"] == "Rain" else 0.0)
        fog = before.fog or row["weather_main"] == "Fog"
        hours[at] = Hour(max(before.count, float(row["traffic_volume"])), rain, fog)
    most = max(hour.count for hour in hours.values())
    drops = (("M4", 0.65 * most), ("M5", 0.35 * most), ("M6", 0.10 * most))
    first = to_us(datetime(2016, 1, 1, 12, tzinfo=zone))
    gives = {"luminance_cd_m2": 1.25, "maintenance_factor": 0.8}  # 1.0 cd/m2 maintained: M3 and nothing more
    return Road("I-94, 2016", (-93.26, 44.98), "America/Chicago", hours, first, "M3", drops, gives, True)


def footpath(data: Path) -> Road | None:
    """The busiest counter of people in Melbourne in 2015; None where it is not there."""
    path = data / "sensors_melbourne_pedestrian" / "pedestrian_2015.csv"
    if not path.exists():
        return None
    by_sensor: dict[str, dict[int, Hour]] = {}
    for row in _rows(path):
        at = to_us(datetime.fromisoformat(row["Date_Time"]).replace(tzinfo=UTC))
        if row["Count"] not in ("", "NA"):
            by_sensor.setdefault(row["Sensor"], {})[at] = Hour(float(row["Count"]))
    name = max(by_sensor, key=lambda sensor: sum(hour.count for hour in by_sensor[sensor].values()))
    most = max(hour.count for hour in by_sensor[name].values())
    drops = (("P3", 0.45 * most), ("P4", 0.15 * most), ("P5", 0.05 * most))
    first = to_us(datetime(2015, 1, 1, 12, tzinfo=ZoneInfo("Australia/Melbourne")))
    gives = {"illuminance_lx": 12.5, "lowest_lx": 2.5, "maintenance_factor": 0.8}  # 10 and 2 lx maintained: P2
    return Road(f"{name}, 2015", (144.96, -37.81), "Australia/Melbourne", by_sensor[name], first, "P2", drops, gives)


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def last_report(road: Road, now: int) -> tuple[int, Hour] | None:
    """The newest hour that is over, with when it ended; none older than the service would believe."""
    ended = now - now % HOUR
    for back in range(3):
        at = ended - back * HOUR
        hour = road.hours.get(at - HOUR)
        if hour is not None:
            return at, hour
    return None


def settings_of(road: Road) -> LightingSettings:
    """The road as it would be declared: with two drops and with three, as if always worn and with lamps 0 to 5 years old."""
    streets = {TWO: _street(road, TWO, road.drops[:2]), THREE: _street(road, THREE, road.drops)}
    for kind, drops in ((TWO, road.drops[:2]), (THREE, road.drops)):
        streets |= {name: _street(road, name, drops, renewed_of(road, age)) for age, name in enumerate(AGED[kind])}
    # hourly reports: the newest one is up to an hour old, and one may come late
    read = read_settings({"streets": streets, "max_age_s": 5400})
    if isinstance(read, PlaceError):
        raise read
    return read


def renewed_of(road: Road, age: int) -> date:
    """The day of lamps that are so many years old at the beginning."""
    return from_us(road.first_us - round(age * YEAR_DAYS * DAY)).date()


def _street(road: Road, lamp: str, drops: Drops, renewed: date | None = None) -> dict[str, Any]:
    given = {**road.installation, "rated_w": RATED_W, "standby_w": 0.5}
    street: dict[str, Any] = {
        "lamps": [lamp],
        "traffic": [DETECTOR],
        "lighting_class": road.lighting_class,
        "drops": [{"to": name, "below_count": below} for name, below in drops],
        "installation": given if renewed is None else {**given, "renewed": renewed, "renewal_years": YEARS},
    }
    return {**street, "weather": [MAST]} if road.has_weather else street


def year_of(road: Road, days: int = 365) -> Table:
    """The ways of lighting over a year's nights, in one table."""
    settings = settings_of(road)
    player, zone = _Player(settings, road), ZoneInfo(road.zone)
    installation = settings.streets[TWO].installation or Installation()
    spent = {name: Spent() for name in (*LAMPS, *LEAST.values(), ALL_NIGHT, FIXED)}
    by_day_wh, unknown, minutes = 0.0, 0.0, STEP / MINUTE
    for now in range(road.first_us, road.first_us + days * DAY, STEP):
        levels = player.turn(now)
        if elevation_deg(now, road.position) > settings.dusk_sun_deg:
            by_day_wh += power_w(levels[TWO], installation) * minutes / 60
            continue
        unknown += minutes if _reported(road, now) is None else 0.0
        levels |= {ALL_NIGHT: 100.0, FIXED: _scheduled(now, zone)}
        for name, level in levels.items():
            given = aged(road, installation, name, now)
            known, true = _required(road, road.drops if name.startswith(THREE) else road.drops[:2], given, now)
            share = given_share(level, installation.curve)
            spent[name].add(power_w(level, installation), share, known, true, minutes)
            if name in LEAST:  # the lamps' curve is linear here: a share of the light is that level
                spent[LEAST[name]].add(power_w(100 * known, installation), known, known, true, minutes)
    return _table(road, spent, by_day_wh / 1000, unknown)


def aged(road: Road, installation: Installation, name: str, now: int) -> Installation:
    """What the lamps of this name give at this very moment: falling on a straight line, and reckoned apart from the service."""
    age = next((n for names in AGED.values() for n, one in enumerate(names) if one == name), None)
    if age is None:
        return installation
    years = (now - to_us(datetime.combine(renewed_of(road, age), time(), UTC))) / (YEAR_DAYS * DAY)
    left = 1 - (1 - installation.maintenance_factor) * min(1.0, years / YEARS)
    return msgspec.structs.replace(installation, maintenance_factor=left)


def _reported(road: Road, now: int) -> Hour | None:
    report = last_report(road, now)
    return report[1] if report is not None and now - report[0] <= 5400 * SECOND else None


def _required(road: Road, drops: Drops, installation: Installation, now: int) -> tuple[float, float]:
    """The share of light required by the newest report, and by the hour that runs; full light where nothing was reported."""
    report, running = _reported(road, now), road.hours.get(now - now % HOUR)
    known = 1.0 if report is None else _share_of(road, drops, installation, report)
    return known, known if running is None else _share_of(road, drops, installation, running)


def _share_of(road: Road, drops: Drops, installation: Installation, hour: Hour) -> float:
    """The declared rule, said once more and apart from the service."""
    name = road.lighting_class
    if not (road.has_weather and (hour.rain_mm_h >= 0.5 or hour.fog)):
        for drop, below in drops:
            name = drop if hour.count < below else name
    return share_for(name, installation) or 1.0


def _scheduled(now: int, zone: ZoneInfo) -> float:
    hour = datetime.fromtimestamp(now / SECOND, zone).hour
    if hour >= 22:
        return SCHEDULE[0][1]
    return SCHEDULE[1][1] if hour < 5 else SCHEDULE[2][1] if hour < 6 else SCHEDULE[3][1]


def _mean(years: Sequence[Spent]) -> Spent:
    return Spent(
        kwh=fmean(one.kwh for one in years),
        under_known=fmean(one.under_known for one in years),
        under_true=fmean(one.under_true for one in years),
        dark_min=fmean(one.dark_min for one in years),
    )


def _table(road: Road, spent: dict[str, Spent], by_day_kwh: float, unknown: float) -> Table:
    classes = [name for name, _ in road.drops]
    names = {
        TWO: f"cityward, down to {classes[1]}",
        THREE: f"cityward, down to {classes[2]}",
        LEAST[TWO]: f"what the reports require, down to {classes[1]}: no way spares more",
        LEAST[THREE]: f"what the reports require, down to {classes[2]}: no way spares more",
        FIXED: "fixed: 70 % from 22, 50 % from 0, 70 % from 5, 100 % from 6",
        ALL_NIGHT: "all night",
    }
    for kind, number in ((TWO, 1), (THREE, 2)):
        lamps = f"down to {classes[number]}, constant light output"
        spent[f"{kind}-mean"] = _mean([spent[name] for name in AGED[kind]])
        names |= {
            AGED[kind][0]: f"cityward, {lamps}, lamps new",
            f"{kind}-mean": f"cityward, {lamps}, mean of {YEARS} years",
        }
    base = spent[ALL_NIGHT].kwh
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            round(spent[key].kwh, 1),
            f"{100 * (1 - spent[key].kwh / base):.1f} %",
            round(spent[key].under_known),
            round(spent[key].under_true),
        )
        for key, name in names.items()
    ]
    ways = TWO, THREE, f"{TWO}-mean", f"{THREE}-mean"
    two, three, kept_two, kept_three = (100 * (1 - spent[key].kwh / base) for key in ways)
    under = sum(spent[key].under_known for key in LAMPS)
    steps = ", ".join(f"{name} below {below:.0f}" for name, below in road.drops)
    return Table(
        title=f"A year of nights on {road.name}: {road.lighting_class}, {steps} an hour",
        head=(
            "way of lighting",
            "kWh a lamp",
            "below all night",
            "min below class, as reported",
            "min below, as it came",
        ),
        rows=tuple(rows),
        verdict=f"{two:.1f} % below all night with two drops, {three:.1f} % with three; with constant light output, over {YEARS} "
        f"years, {kept_two:.1f} and {kept_three:.1f} % (aimed at: 40 %); "
        f"{round(under)} minutes below the class that the reports required",
        notes=(
            f"One lamp of {RATED_W:g} W; dark for {spent[ALL_NIGHT].dark_min / 60:.0f} h, of which {unknown / 60:.0f} h "
            f"without a report of the last 90 minutes (full light); {by_day_kwh:.2f} kWh more by day, at the lowest level.",
            "The fixed schedule is held to the two drops. At full light the lamps give the street's class and nothing more.",
            f"Constant light output: new lamps give a quarter more, and lose it in a straight line over {YEARS} years. "
            "All night and the fixed schedule burn without it.",
            "As it came: by the count of the very hour, which is reported when it is over. Reports come hourly here.",
        ),
    )
