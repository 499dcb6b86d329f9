"""Makes `bins.csv.gz`, which is no recording: `python make_bins.py`, beside `pedestrians.csv.gz`.

No public fill levels may be shipped. So what is thrown in follows the recorded people on the quays, hour by hour (each container
one counter and a pace of its own), a level is told every two hours, rounded to whole percents, and a lorry comes when a
container is above 70 % at six in the morning, and to all of them before the week begins again, so that weeks join. Nothing
is drawn by chance.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

HERE = Path(__file__).parent
BINS, HOURS, LEAST_HOURS = 12, 168, 2
DAILY = (12, 18, 25, 31, 9, 15, 22, 28, 7, 20, 14, 34)  # percent a day, on the mean


def counts() -> list[list[float]]:
    """People by hour of the week at each of the four counters; hours that are not there as the counter's mean."""
    found: dict[str, dict[int, float]] = {}
    with gzip.open(HERE / "pedestrians.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["unit"], {})[int(row["offset_s"]) // 3600] = float(row["value"])
    means = {unit: sum(hours.values()) / len(hours) for unit, hours in found.items()}
    return [[found[unit].get(hour, means[unit]) for hour in range(HOURS)] for unit in sorted(found)]


def levels(people: list[float], daily: float) -> list[float]:
    """The level at each hour of the week."""
    mean, level, told = sum(people) / len(people), 4.0, list[float]()
    for hour in range(HOURS):
        if (hour % 24 == 6 and level > 70) or hour == HOURS - 1:
            level = 3.0
        told.append(min(level, 100.0))
        level += daily / 24 * people[hour] / mean
    return told


def main() -> None:
    """Write the file."""
    people = counts()
    rows = []
    for n in range(BINS):
        told = levels(people[n % len(people)], DAILY[n])
        unit = f"harbour-bins-{n + 1:02d}"
        rows += [(hour * 3600 + 300, unit, round(told[hour])) for hour in range(n % LEAST_HOURS, HOURS, LEAST_HOURS)]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(("unit", "property", "offset_s", "value"))
    out.writerows((unit, "fill-level", offset, level) for offset, unit, level in sorted(rows))
    with (HERE / "bins.csv.gz").open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as packed:
        packed.write(text.getvalue().encode())


if __name__ == "__main__":
    main()
