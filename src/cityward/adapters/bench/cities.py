"""Recorded cities to try the watch on: public series on an even grid, and a declared place around them.

Lives here: what of each data set is read, what is learned from and what is judged (always the later part), and the synthetic
world: the series name no maker, so three fictional ones are dealt out in a fixed pattern; where positions are not published,
neighbours are laid out as `_where` says.

INVARIANT: the judged part is later than the learned part, and nothing of it is used for anything but judging.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.adapters.bench.inject import Series
from cityward.adapters.recordings import Recording, read_topic
from cityward.errors import LinkError
from cityward.place.loader import load
from cityward.place.registry import number
from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.world import NEIGHBOURS, World, world_of

MPH = 0.44704
MAKERS = ("northlight", "quayware", "saltmarsh")
REHEARSAL = 2 / 3
DEALT = (0, 0, 0, 1, 0, 1, 0, 1, 0, 2)
"""The maker of unit n is `DEALT[n % 10]`: six, three and one in ten."""


@dataclass(frozen=True, slots=True)
class City:
    """One recorded city.

    learned: rows of `series` that are learned from. attacked: how many rows after them an attack may use; all the rest counts for
    false alarms.
    """

    name: str
    series: Series
    world: World
    learned: int
    attacked: int

    @property
    def sensor_months(self) -> float:
        """Of the judged part: channels times 30 days, less the days on which a channel said nothing."""
        judged = np.isfinite(self.series.value[self.learned :])
        per_day = self.series.steps(DAY)
        starts = np.arange(0, len(judged), per_day)
        spoke = np.add.reduceat(judged, starts, axis=0) > 0
        length = np.minimum(starts + per_day, len(judged)) - starts
        return float((spoke * length[:, None]).sum() / per_day / 30)


class Split(StrEnum):
    """Which part of the recordings is judged: the later one, or, to change a detector by, the end of the one learned from."""

    JUDGED = "judged"
    LEARNED = "learned"


def rehearsed(city: City) -> City:
    """The city's learned part alone, its first two thirds (whole days) to learn from, the rest to judge."""
    series = Series(city.series.at[: city.learned], city.series.value[: city.learned], city.series.zone_us)
    per_day = series.steps(DAY)
    learned = round(city.learned * REHEARSAL / per_day) * per_day
    return replace(city, series=series, learned=learned, attacked=min(city.attacked, city.learned - learned))


@dataclass(frozen=True, slots=True)
class Source:
    """Where one city is in the data folder, and how it is split. pace_us: its grid."""

    name: str
    topic: str
    pace_us: int
    learned_us: int
    judged_us: int
    attacked_us: int
    read: Callable[[Path], Recording]


def cities(data: Path, names: Sequence[str] = (), split: Split = Split.JUDGED) -> Iterator[City]:
    """Each city whose data are there, those of `names` where any is given.

    Raises:
        LinkError: none is there.
    """
    found = 0
    for source in SOURCES:
        if (not names or source.name in names) and (data / source.topic).is_dir():
            found += 1
            city = _city(source, data / source.topic)
            yield city if split is Split.JUDGED else rehearsed(city)
    if not found:
        raise LinkError(
            "no recorded city was found", where=str(data), mend=f"name a folder with {SOURCES[0].topic}, ..."
        )


def _city(source: Source, folder: Path) -> City:
    recording = source.read(folder)
    channels = sorted(set(zip(recording.unit.tolist(), recording.prop.tolist(), strict=True)))
    rows = (source.learned_us + source.judged_us) // source.pace_us
    series = _gridded(recording, channels, source.pace_us, rows)
    world = _world(recording, channels, folder)
    return City(
        name=source.name,
        series=series,
        world=world,
        learned=source.learned_us // source.pace_us,
        attacked=min(source.attacked_us, source.judged_us) // source.pace_us,
    )


def _gridded(recording: Recording, channels: Sequence[tuple[int, int]], pace_us: int, rows: int) -> Series:
    """Of several readings in a step the last one stays (the public hourly counts repeat hours, with the same number)."""
    index = {pair: c for c, pair in enumerate(channels)}
    column = np.array([index[p] for p in zip(recording.unit.tolist(), recording.prop.tolist(), strict=True)])
    row = recording.at // pace_us
    kept = row < rows
    value = np.full((int(min(rows, row.max() + 1)), len(channels)), np.nan)
    value[row[kept], column[kept]] = recording.value[kept]
    at = recording.begins + np.arange(len(value), dtype=np.int64) * pace_us
    return Series(at, value, recording.zone_s * 1_000_000)


# -- the place around it -----------------------------------------------------------------------------------------------


def _world(recording: Recording, channels: Sequence[tuple[int, int]], folder: Path) -> World:
    units = sorted({u for u, _ in channels})
    adjacency = folder / "los_adj.csv"
    place = load("place.yaml", lambda _: msgspec.yaml.encode(_declared(recording, units))).place
    assert place is not None
    world = world_of(place, number(place))
    return replace(world, neighbours=_by_road(adjacency)) if adjacency.is_file() else world


def _by_road(path: Path) -> NDArray[np.int32]:
    """(C, NEIGHBOURS) the strongest weights of each row of a weighted adjacency; -1 where there are fewer."""
    weight = np.loadtxt(path, delimiter=",")
    np.fill_diagonal(weight, 0.0)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.where(np.take_along_axis(weight, order, axis=1) > 0, order, -1).astype(np.int32)


def _declared(recording: Recording, units: Sequence[int]) -> Mapping[str, object]:
    props = sorted(recording.properties)
    devices = {
        f"unit-{n:03d}": {
            "model": f"model-{MAKERS[DEALT[n % 10]]}",
            "site": "street",
            "owner": "council",
            "position": _where(n),
        }
        for n in range(len(units))
    }
    return {
        "place": "bench",
        "name": "The recorded city",
        "position": _where(0),
        "responsible": "council",
        "platform": "cityward",
        "parties": {p: {"kind": "company", "incorporated_in": "xa"} for p in MAKERS}
        | {"council": {"kind": "public-body", "incorporated_in": "xa"}},
        "jurisdictions": {"xa": {"code": "XA", "kind": "state"}},
        "purposes": {"measuring": {}},
        "sites": {"street": {"jurisdiction": "xa", "operator": "council", "tags": ["street"]}},
        "systems": {"cityward": {"kind": "platform", "site": "street", "operator": "council"}},
        "device_models": {
            f"model-{maker}": {"maker": maker, "format": "senml", "properties": {p: {} for p in props}}
            for maker in MAKERS
        },
        "datasets": {
            "readings": {"personal": False, "sensitivity": "public", "retention_days": 1, "properties": props}
        },
        "devices": devices,
        "flows": {
            f"in-{device}": {
                "from": device,
                "to": "cityward",
                "datasets": ["readings"],
                "purpose": "measuring",
                "protocol": "mqtt",
                "observability": "enforced",
            }
            for device in devices
        },
    }


def _where(n: int) -> list[float]:
    """A square of streets, ten wide, 300 m apart: published orders of sites mostly follow a line or a district."""
    return [2.3 + 0.0047 * (n % 10), 54.9 + 0.0027 * (n // 10)]


# -- the data sets -----------------------------------------------------------------------------------------------------


def _one(folder: Path) -> Recording:
    return read_topic(folder)[0]


def _los_loop(folder: Path) -> Recording:
    recording = read_topic(folder)[0]
    return replace(recording, value=recording.value * MPH, sent_units={})


def _metro(folder: Path) -> Recording:
    """I-94 hourly volume, local time of Minneapolis; hours that are repeated hold the same number."""
    table = pl.read_csv(folder / "metro_interstate.csv", columns=["date_time", "traffic_volume"]).unique("date_time")
    at = table["date_time"].str.to_datetime("%Y-%m-%d %H:%M").dt.epoch("s")
    return _single(at, table["traffic_volume"].cast(pl.Float64), "vehicle-count", -6 * 3600)


def _single(local_s: pl.Series, value: pl.Series, prop: str, zone_s: int) -> Recording:
    order = local_s.arg_sort()
    seconds = local_s[order].to_numpy().astype(np.int64)
    zeros = np.zeros(len(seconds), dtype=np.int32)
    return Recording(
        name="single",
        begins=int(seconds[0] - zone_s) * 1_000_000,
        zone_s=zone_s,
        units=("unit",),
        properties=(prop,),
        unit=zeros,
        prop=zeros,
        at=(seconds - seconds[0]) * 1_000_000,
        value=value[order].to_numpy().astype(np.float64),
        sent_units={},
    )


def _hangzhou(folder: Path) -> Recording:
    """80 metro stations, 108 ten-minute counts a day from 06:00; days of January 2019, the first a Tuesday (1 January)."""
    wide = pl.read_csv(folder / "hangzhou.csv")
    value = wide.select(pl.exclude("site", "day")).to_numpy().astype(np.float64)
    site, day = wide["site"].to_numpy(), wide["day"].to_numpy()
    at = (day[:, None] * 86_400 + 6 * 3600 + np.arange(value.shape[1]) * 600) * 1_000_000
    unit = np.broadcast_to(site[:, None], value.shape)
    order = np.lexsort((unit.ravel(), at.ravel()))
    return Recording(
        name="hangzhou",
        begins=(1_546_300_800 - 8 * 3600) * 1_000_000,
        zone_s=8 * 3600,
        units=tuple(f"station-{s:02d}" for s in range(int(site.max()) + 1)),
        properties=("pedestrian-count",),
        unit=unit.ravel()[order].astype(np.int32),
        prop=np.zeros(value.size, dtype=np.int32),
        at=at.ravel()[order],
        value=value.ravel()[order],
        sent_units={},
    )


SOURCES = (
    Source("los-loop", "sensors_los_loop", 5 * MINUTE, 4 * DAY, 2 * DAY, 2 * DAY, _los_loop),
    Source("hangzhou", "sensors_hangzhou", 10 * MINUTE, 12 * DAY, 5 * DAY, 5 * DAY, _hangzhou),
    Source("birmingham", "sensors_birmingham", 30 * MINUTE, 36 * DAY, 17 * DAY, 8 * DAY, _one),
    Source("pedestrian", "sensors_melbourne_pedestrian", HOUR, 120 * DAY, 90 * DAY, 8 * DAY, _one),
    Source("beijing-air", "sensors_beijing_air", HOUR, 180 * DAY, 90 * DAY, 8 * DAY, _one),
    Source("metro", "sensors_metro_interstate", HOUR, 180 * DAY, 90 * DAY, 8 * DAY, _metro),
)
