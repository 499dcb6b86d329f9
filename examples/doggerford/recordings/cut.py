"""Cuts these recordings from the full recorded data, so that anyone can repeat the cut: `python cut.py DATA_FOLDER`.

Each output is `unit,property,offset_s,value`: seconds since `begins` in recordings.yaml, value in the unit named there.
Rows are sorted by time, then unit, then property; what was not measured is left out.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

Row = tuple[str, str, int, float]

LOOPS = 24
COUNTERS = (
    "Birrarung Marr",
    "Bourke Street Mall (North)",
    "QV Market-Elizabeth St (West)",
    "Southern Cross Station",
)
CAR_PARKS = (0, 1, 2, 3, 8, 9, 10, 11, 12, 14, 17, 19)
AIR = {
    "PM2.5": "pm2-5",
    "PM10": "pm10",
    "SO2": "so2",
    "NO2": "no2",
    "CO": "co",
    "O3": "o3",
    "TEMP": "air-temperature",
    "PRES": "air-pressure",
    "DEWP": "dew-point",
    "RAIN": "rain",
    "WSPM": "wind-speed",
}


def loops(data: Path) -> Iterator[Row]:
    """24 loops, 1 March 2012 00:00 to 6 March 14:15 (all that is there), miles per hour to km/h."""
    with (data / "sensors_los_loop" / "los_speed_train.csv").open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for n, row in enumerate(rows):
            for column in range(LOOPS):
                yield (
                    f"ring-road-loops-{column + 1:02d}",
                    "vehicle-speed",
                    n * 300,
                    round(float(row[column]) * 1.609344, 1),
                )


def counters(data: Path) -> Iterator[Row]:
    """4 counters, 15 to 21 June 2015 local time (UTC+10; the file is in UTC)."""
    begins = datetime(2015, 6, 14, 14)
    with (data / "sensors_melbourne_pedestrian" / "pedestrian_2015.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            offset = datetime.fromisoformat(row["Date_Time"]) - begins
            if timedelta(0) <= offset < timedelta(days=7):
                unit = f"harbour-counters-{COUNTERS.index(row['Sensor']) + 1:02d}"
                yield unit, "pedestrian-count", int(offset.total_seconds()), float(row["Count"])


def car_parks(data: Path) -> Iterator[Row]:
    """12 car parks, 7 to 13 November 2016 (days 34 to 40), 08:00 to 16:30; zeros are missing readings."""
    with (data / "sensors_birmingham" / "birmingham.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            site, day = int(row["site"]), int(row["day"]) - 34
            if site not in CAR_PARKS or not 0 <= day < 7:
                continue
            for slot in range(18):
                taken = float(row[f"t{slot}"])
                if taken > 0:
                    unit = f"car-parks-{CAR_PARKS.index(site) + 1:02d}"
                    yield unit, "parking-occupied", day * 86_400 + 28_800 + slot * 1800, taken


def air(data: Path) -> Iterator[Row]:
    """The station at Changping, 3 to 9 November 2014 local time; `NA` left out."""
    begins = datetime(2014, 11, 3)
    with next((data / "sensors_beijing_air").glob("PRSA_*.csv")).open(newline="") as file:
        for row in csv.DictReader(file):
            at = datetime(*(int(row[c]) for c in ("year", "month", "day", "hour")))
            if timedelta(0) <= at - begins < timedelta(days=7):
                for column, prop in AIR.items():
                    if row[column] != "NA":
                        yield "air-station", prop, int((at - begins).total_seconds()), float(row[column])


def clouds(data: Path) -> Iterator[Row]:
    """Cloud cover in percent, 14 to 20 November 2016 local time; the first of duplicate hours."""
    begins, seen = datetime(2016, 11, 14), set[datetime]()
    with (data / "sensors_metro_interstate" / "metro_interstate.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["date_time"])
            if timedelta(0) <= at - begins < timedelta(days=7) and at not in seen:
                seen.add(at)
                yield (
                    "quay-street-light-sensor",
                    "cloud-cover",
                    int((at - begins).total_seconds()),
                    float(row["clouds_all"]),
                )


def write(path: Path, rows: Iterator[Row]) -> None:
    """Write one recording; the same rows give the same bytes."""
    ordered = sorted(rows, key=lambda r: (r[2], r[0], r[1]))
    lines = ["unit,property,offset_s,value", *(f"{u},{p},{o},{v:g}" for u, p, o, v in ordered), ""]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    sys.stdout.write(f"{path.name}: {len(ordered)} rows, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    source, here = Path(sys.argv[1]), Path(__file__).parent
    for name, cut in {
        "loops": loops,
        "pedestrians": counters,
        "car-parks": car_parks,
        "air": air,
        "clouds": clouds,
    }.items():
        write(here / f"{name}.csv.gz", cut(source))
