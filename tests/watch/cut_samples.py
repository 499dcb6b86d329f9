"""Cuts the samples of the detectors of readings: `python tests/watch/cut_samples.py --data DIR` writes them beside the detectors.

DIR holds the public data sets, of which only those with an open licence are cut. Benign samples are as recorded; attacks are the
same stretch with one thing done to it, which `samples/README.md` of the detector says. Events are made up: they name devices of
the sample place and addresses of the documentation ranges.

The goldens are renewed by `pytest tests/watch --renew-golden`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR, MINUTE, SECOND, to_us
from cityward.watch.events import Event, EventKind, encode

DETECTORS = Path(__file__).parents[2] / "src/cityward/watch/detectors"
MPH = 0.44704
LOOPS = ("ring-loops-01", "bank-loops-01", "ring-loops-02", "bank-loops-02", "ring-loops-03", "bank-loops-03")
LOOPS_BEGIN = datetime(2012, 3, 1, tzinfo=UTC)
STEPS_A_DAY = 288
MINE = (
    "freeze",
    "noise_loss",
    "limits",
    "silence",
    "replayed_history",
    "rate_of_change",
    "expected_range",
    "crowd_of_one",
    "impossible_travel",
)

Table = dict[str, NDArray[np.float64]]
"""`device/property` -> (T,) values, NaN where there is none."""

NOTICES = {
    "loops": "METR-LA road loops (Los Angeles County, 1 to 6 March 2012), as published with T-GCN (github.com/lehaifeng/T-GCN, "
    "MIT): the first six columns, in m/s to 0.01",
    "counters": "City of Melbourne pedestrian counters, 2015, as packaged in github.com/tidyverts/tsibble (data CC BY 4.0)",
    "air": "UCI 501 Beijing Multi-Site Air-Quality (S. Chen; CC BY 4.0), station Changping, from 3 November 2014",
    "parks": "UCI 482 Parking Birmingham (Birmingham City Council; CC BY 4.0), as arranged in github.com/xinychen/transdim (MIT)",
}


class Cut:
    """One sample: a grid of times, a table, and where it was cut from."""

    def __init__(
        self, begins: datetime, pace: timedelta, table: Mapping[str, NDArray[np.float64]], origin: str
    ) -> None:
        self.begins, self.pace, self.origin = begins, pace, origin
        self.table: Table = dict(table)

    def changed(self, change: Callable[[Table], None]) -> Cut:
        """The same with something done to it."""
        table = {name: values.copy() for name, values in self.table.items()}
        change(table)
        return Cut(self.begins, self.pace, table, self.origin)

    def only(self, *names: str) -> Cut:
        """Some of its columns."""
        return Cut(self.begins, self.pace, {name: self.table[name] for name in names}, self.origin)

    def rows(self, first: int, last: int) -> Cut:
        """Some of its rows."""
        table = {name: values[first:last] for name, values in self.table.items()}
        return Cut(self.begins + first * self.pace, self.pace, table, self.origin)

    def text(self) -> str:
        """As a wide sample."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["observed_at", *self.table])
        for i, row in enumerate(zip(*self.table.values(), strict=True)):
            cells = ["" if np.isnan(v) else f"{v:.10g}" for v in row]
            if any(cells):
                table.writerow([(self.begins + i * self.pace).strftime("%Y-%m-%dT%H:%M:%SZ"), *cells])
        return out.getvalue()


# -- what is cut -------------------------------------------------------------------------------------------------------


def loops(data: Path) -> Cut:
    """Five days and a half of six loops, every five minutes."""
    wide = np.genfromtxt(data / "sensors_los_loop/los_speed_train.csv", delimiter=",", skip_header=1)[:, : len(LOOPS)]
    table = {f"{name}/vehicle-speed": (wide[:, i] * MPH).round(2) for i, name in enumerate(LOOPS)}
    return Cut(LOOPS_BEGIN, timedelta(minutes=5), table, NOTICES["loops"])


def counters(data: Path, days: int) -> Cut:
    """Two pedestrian counters from 4 May 2015, hourly."""
    begins = datetime(2015, 5, 4, tzinfo=UTC)
    with (data / "sensors_melbourne_pedestrian/pedestrian_2015.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = sorted({row["Sensor"] for row in rows})[:2]
    table = {f"counters-{i + 1:02d}/pedestrian-count": np.full(days * 24, np.nan) for i in range(2)}
    for row in rows:
        at = (datetime.fromisoformat(row["Date_Time"] + "+00:00") - begins) // timedelta(hours=1)
        if row["Sensor"] in names and 0 <= at < days * 24:
            table[f"counters-{names.index(row['Sensor']) + 1:02d}/pedestrian-count"][at] = float(row["Count"])
    return Cut(begins, timedelta(hours=1), table, NOTICES["counters"])


def air(data: Path, days: int) -> Cut:
    """An air station from 3 November 2014, hourly."""
    columns = {"PM2.5": "pm2-5", "NO2": "no2", "TEMP": "air-temperature", "PRES": "air-pressure", "RAIN": "rain"}
    begins = datetime(2014, 11, 3, tzinfo=UTC)
    with (data / "sensors_beijing_air/PRSA_Data_Changping_20130301-20170228.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    first = (begins - datetime(2013, 3, 1, tzinfo=UTC)) // timedelta(hours=1)
    chosen = rows[first : first + days * 24]
    table = {
        f"air-north/{prop}": np.array([np.nan if row[c] == "NA" else float(row[c]) for row in chosen])
        for c, prop in columns.items()
    }
    return Cut(begins, timedelta(hours=1), table, NOTICES["air"])


def parks(data: Path) -> Cut:
    """Two car parks from 10 October 2016, half-hourly from 8:00 to 16:30; zeros are missing readings."""
    with (data / "sensors_birmingham/birmingham.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["site"] in ("0", "4")]
    days = 45
    table = {f"car-parks-{i:02d}/parking-occupied": np.full(days * 48, np.nan) for i in (1, 2)}
    for row in rows:
        name = "car-parks-01/parking-occupied" if row["site"] == "0" else "car-parks-02/parking-occupied"
        for slot in range(18):
            value, at = float(row[f"t{slot}"] or 0), int(row["day"]) * 48 + 16 + slot
            if value > 0 and at < days * 48:
                table[name][at] = value
    return Cut(datetime(2016, 10, 3, tzinfo=UTC), timedelta(minutes=30), table, NOTICES["parks"])


# -- what is done to it ------------------------------------------------------------------------------------------------

ONE = "ring-loops-01/vehicle-speed"
TWO = "bank-loops-01/vehicle-speed"
FROM = 4 * STEPS_A_DAY + 6 * 12  # 5 March, 06:00
UNTIL = FROM + STEPS_A_DAY // 2


def frozen(table: Table) -> None:
    table[ONE][FROM:UNTIL] = table[ONE][FROM - 1]


def smoothed(table: Table) -> None:
    values = np.convolve(np.pad(table[ONE], 12, mode="edge"), np.ones(25) / 25, "valid")
    table[ONE][FROM:UNTIL] = values[FROM:UNTIL].round(2)


def stirred(table: Table) -> None:
    table[ONE][FROM:UNTIL] = np.abs(table[ONE] + np.random.default_rng(1).normal(0, 5, len(table[ONE])))[
        FROM:UNTIL
    ].round(2)


def clamped(table: Table) -> None:
    bound = float(np.quantile(table[ONE], 0.6).round(2))
    table[ONE][FROM:] = np.minimum(table[ONE][FROM:], bound)


def puffed(table: Table) -> None:
    table["air-north/no2"][300] += 300


def at_limit(table: Table) -> None:
    table[ONE][FROM:UNTIL] = (40 - np.abs(np.random.default_rng(2).normal(0, 0.2, UNTIL - FROM))).round(2)


def yesterday(table: Table) -> None:
    table[ONE][FROM:UNTIL] = table[ONE][FROM - STEPS_A_DAY : UNTIL - STEPS_A_DAY] + 1.5


def after_another(table: Table) -> None:
    table[ONE][FROM:UNTIL] = table[TWO][FROM - 6 : UNTIL - 6]


def all_yesterday(table: Table) -> None:
    for values in table.values():
        values[FROM:UNTIL] = values[FROM - STEPS_A_DAY : UNTIL - STEPS_A_DAY]


def sybil(table: Table) -> None:
    rng = np.random.default_rng(3)
    for name in (TWO, "ring-loops-02/vehicle-speed"):
        table[name][FROM:UNTIL] = (table[ONE][FROM:UNTIL] + rng.normal(0, 0.05, UNTIL - FROM)).round(2)


def forged_likeness(table: Table) -> None:
    rng = np.random.default_rng(7)
    table[TWO][FROM:] = (table[ONE][FROM:] + 1.5 + rng.normal(0, 0.01, len(table[ONE]) - FROM)).round(2)


def unit_silent(table: Table) -> None:
    table[ONE][FROM : FROM + 60] = np.nan


def most_silent(table: Table) -> None:
    for name, values in table.items():
        if name.startswith("ring-"):
            values[FROM : FROM + 60] = np.nan


def one_channel_silent(table: Table) -> None:
    table["air-north/no2"][240:300] = np.nan


def warmed(table: Table) -> None:
    table["air-north/air-temperature"][200] += 45


def crowded(table: Table) -> None:
    table["counters-01/pedestrian-count"][1200:1230] += 1500


def emptied(table: Table) -> None:
    values = table["counters-01/pedestrian-count"]
    for day in range(50, 53):
        values[day * 24 : day * 24 + 24] = (0.02 * values[day * 24 : day * 24 + 24]).round()


# -- events ------------------------------------------------------------------------------------------------------------

EVENTS_BEGIN = to_us(datetime(2024, 3, 4, tzinfo=UTC))


def connected(at: int, device: str, source: str) -> Event:
    return Event(at=EVENTS_BEGIN + at, kind=EventKind.CONNECTED, by="broker", subject=device, source=source)


def frame(at: int, device: str, gateway: str, counter: int) -> Event:
    detail = {"gateway": gateway, "counter": str(counter), "session": "1"}
    return Event(at=EVENTS_BEGIN + at, kind=EventKind.FRAME, by="gateway", subject=device, detail=detail)


def at_home() -> list[Event]:
    """Five days: eight loops behind the ring's router, bins heard by the mast, each lamp with an address of its own."""
    ring = [f"{name}-loops-{n:02d}" for name in ("ring", "bank") for n in (1, 2, 3, 4)]
    out: list[Event] = []
    for day in range(5):
        out += [connected(day * DAY + i * MINUTE, device, "192.0.2.10") for i, device in enumerate(ring)]
        out += [connected(day * DAY + HOUR + n * MINUTE, f"lamps-{n:02d}", f"198.51.100.{n}") for n in (1, 2, 3)]
        out += [
            connected(day * DAY + HOUR + (n + 5) * MINUTE, f"car-parks-{n:02d}", f"198.51.100.{n + 20}")
            for n in (1, 2, 3, 4)
        ]
        out += [frame(day * DAY + 2 * HOUR + n * MINUTE, f"bins-{n:02d}", "weather-mast", day + 1) for n in (1, 2)]
    return sorted(out, key=lambda e: e.at)


def carried() -> list[Event]:
    """A gauge of the works, 13 km away, connects from the ring's router; a bin is heard 44 km apart within seconds."""
    late = 5 * DAY
    return [
        *at_home(),
        connected(late, "works-01", "192.0.2.10"),
        frame(late + HOUR, "bins-01", "weather-mast", 6),
        frame(late + HOUR + 5 * SECOND, "bins-01", "hill-mast", 7),
        frame(late + HOUR + 6 * SECOND, "bins-01", "weather-mast", 8),
    ]


def gathered() -> list[Event]:
    """Seven devices with addresses of their own connect from one within half an hour."""
    names = [*(f"lamps-{n:02d}" for n in (1, 2, 3)), *(f"car-parks-{n:02d}" for n in (1, 2, 3, 4))]
    return [*at_home(), *(connected(5 * DAY + i * 4 * MINUTE, name, "203.0.113.9") for i, name in enumerate(names))]


# -- writing -----------------------------------------------------------------------------------------------------------


def write(detector: str, name: str, cut: Cut, told: str) -> None:
    folder = DETECTORS / detector / "samples"
    folder.mkdir(exist_ok=True)
    data = gzip.compress(cut.text().encode(), mtime=0)
    assert len(data) <= 100_000, f"{detector}/{name}: {len(data)} bytes"
    (folder / f"{name}.csv.gz").write_bytes(data)
    _tell(folder, f"`{name}.csv.gz`: {told} Cut from: {cut.origin}.")


def write_events(detector: str, name: str, events: Sequence[Event], told: str, *, tell: bool = True) -> None:
    folder = DETECTORS / detector / "samples"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.jsonl").write_bytes(b"".join(encode(event) + b"\n" for event in events))
    if tell:
        _tell(folder, f"`{name}.jsonl`: {told} Made up.")


def _tell(folder: Path, line: str) -> None:
    notes = folder / "README.md"
    head = "# Samples\n\nWritten by `tests/watch/cut_samples.py`; the signs by `pytest tests/watch --renew-golden`.\n\n"
    text = notes.read_text() if notes.exists() else head
    notes.write_text(text + f"- {line}\n")


def cut_all(data: Path) -> None:
    """Writes every sample."""
    for name in MINE:
        (DETECTORS / name / "samples/README.md").unlink(missing_ok=True)
    streets, walk, sky, cars = loops(data), counters(data, 84), air(data, 21), parks(data)
    few = streets.only(ONE, TWO, "ring-loops-02/vehicle-speed")
    write("freeze", "benign-loops", streets, "as recorded.")
    write("freeze", "benign-air", sky, "as recorded: dry weeks of rain 0.")
    write(
        "freeze",
        "attack-frozen",
        few.changed(frozen),
        "the first loop repeats one value from 5 March 06:00 for twelve hours.",
    )
    write("noise_loss", "benign-loops", few, "as recorded.")
    write("noise_loss", "benign-counters", walk, "as recorded.")
    write(
        "noise_loss",
        "attack-smoothed",
        few.changed(smoothed),
        "the first loop is a running mean of two hours for half a day.",
    )
    write(
        "noise_loss", "attack-stirred", few.changed(stirred), "the first loop has noise of 5 m/s on it for half a day."
    )
    write("limits", "benign-loops", few, "as recorded.")
    write("limits", "benign-car-parks", cars, "as recorded.")
    write(
        "limits",
        "attack-clamped",
        few.changed(clamped),
        "the first loop is cut off at its own 0.6 quantile from 5 March 06:00 on.",
    )
    write(
        "limits",
        "attack-at-limit",
        few.changed(at_limit),
        "the first loop stays within 2 % of its declared 40 m/s for half a day.",
    )
    write("silence", "benign-car-parks", cars.rows(3 * 48, 16 * 48), "as recorded: silent at night.")
    write("silence", "benign-air", sky, "as recorded, with missing values.")
    write("silence", "attack-unit", few.changed(unit_silent), "the first loop says nothing for five hours.")
    write("silence", "attack-flow", streets.changed(most_silent), "all three ring loops say nothing for five hours.")
    write("silence", "attack-channel", sky.changed(one_channel_silent), "the station leaves NO2 out for 60 hours.")
    write("replayed_history", "benign-loops", streets, "as recorded.")
    write("replayed_history", "benign-counters", walk, "as recorded.")
    write(
        "replayed_history",
        "attack-yesterday",
        few.changed(yesterday),
        "the first loop says what it said a day before, 1.5 m/s more.",
    )
    write(
        "replayed_history",
        "attack-another",
        few.changed(after_another),
        "the first loop says what the second said half an hour before.",
    )
    write(
        "replayed_history",
        "attack-place",
        eight(data).changed(all_yesterday),
        "all eight loops repeat the day before for half a day.",
    )
    write("rate_of_change", "benign-loops", few, "as recorded.")
    write("rate_of_change", "benign-air", sky, "as recorded.")
    write("rate_of_change", "attack-jump", sky.changed(puffed), "one NO2 is 300 ug/m3 higher.")
    write("rate_of_change", "attack-heat", sky.changed(warmed), "one air temperature is 45 degrees higher.")
    write("expected_range", "benign-counters", walk, "as recorded.")
    write(
        "expected_range",
        "attack-crowd",
        walk.changed(crowded),
        "the first counter tells 1,500 people more for 30 hours.",
    )
    write(
        "expected_range",
        "attack-empty",
        walk.changed(emptied),
        "the first counter tells 2 % of its people for three days.",
    )
    write("crowd_of_one", "benign-loops", streets, "as recorded.")
    write(
        "crowd_of_one",
        "attack-copies",
        streets.changed(sybil),
        "two loops say what the first says, with a jitter of 0.05 m/s.",
    )
    write(
        "crowd_of_one",
        "attack-likeness",
        few.changed(forged_likeness),
        "the second loop says what the first says, 1.5 m/s more and a jitter of 0.01 m/s: to have the first one blamed.",
    )
    write_events(
        "crowd_of_one", "benign-connections", at_home(), "five days of devices that come from where they always do."
    )
    write_events("crowd_of_one", "attack-gathered", gathered(), "seven devices with own addresses move to one.")
    write_events(
        "impossible_travel", "benign-connections", at_home(), "five days of devices that are where they stand."
    )
    write_events(
        "impossible_travel",
        "attack-carried",
        carried(),
        "a gauge at another site's router; a bin heard 44 km apart within seconds.",
    )


def eight(data: Path) -> Cut:
    """Eight loops, so that most of a place can repeat itself."""
    wide = np.genfromtxt(data / "sensors_los_loop/los_speed_train.csv", delimiter=",", skip_header=1)[:, :8]
    names = [f"{group}-loops-{n:02d}" for group in ("ring", "bank") for n in (1, 2, 3, 4)]
    table = {f"{name}/vehicle-speed": (wide[:, i] * MPH).round(2) for i, name in enumerate(names)}
    return Cut(LOOPS_BEGIN, timedelta(minutes=5), table, NOTICES["loops"].replace("six", "eight"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    cut_all(parser.parse_args().data)
