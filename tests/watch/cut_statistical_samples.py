"""Cuts the samples of the detectors that compare with a season and neighbours, from recorded city data, and attacks them.

    .venv/bin/python -m watch.cut_statistical_samples DATA     (in tests/)

DATA is the folder of recorded public data. Same data, same files, to the byte. Attacks are `adapters.bench.inject`'s.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityward.adapters.bench.cities import City, cities
from cityward.adapters.bench.inject import Attack, Known, Series, inject, profile_of, sigma_of
from cityward.time import DAY, iso
from watch.samples import folder_of

LOOPS = tuple(f"{group}-loops-{n:02d}/vehicle-speed" for group in ("ring", "bank") for n in range(1, 5))
COUNTERS = ("counters-01/pedestrian-count", "counters-02/pedestrian-count")
LOOP_COLUMNS = (0, 13, 37, 38, 60, 92, 120, 150)
COUNTER_COLUMNS = (2, 3)

# detector, sample, series, kind, size, targets, days after which it begins, ramp in days
ATTACKS = (
    ("step-bias", "attack-step", "loops", "bias", -3.0, (1,), 4.2, 0),
    ("coordinated", "attack-supplier", "loops", "coordinated", -1.5, (0, 1, 2, 3), 4.2, 0),
    ("scaling", "attack-noise", "loops", "noise", 6.0, (2,), 4.2, 0),
    ("scaling", "attack-gain", "counters", "scale", 1.8, (1,), 50.0, 0),
    ("drift", "attack-ramp", "counters", "drift", 3.0, (1,), 50.0, 10),
)


def _series(city: City, columns: Sequence[int], days: int, begin_days: int = 0) -> Series:
    """Some of a city's channels, so many days of them, rounded as the files hold them."""
    rows = slice(city.series.steps(begin_days * DAY) if begin_days else 0, city.series.steps((begin_days + days) * DAY))
    return Series(city.series.at[rows], np.round(city.series.value[rows][:, list(columns)], 2), city.series.zone_us)


def _write(path: Path, names: Sequence[str], series: Series) -> None:
    lines = [",".join(("observed_at", *names))]
    for at, row in zip(series.at.tolist(), series.value.tolist(), strict=True):
        if np.isfinite(row).any():
            lines.append(",".join((iso(at), *("" if not np.isfinite(x) else f"{x:.5g}" for x in row))))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def main(data: Path) -> None:
    """Write all samples beside their detectors."""
    there = {city.name: city for city in cities(data, ("los-loop", "pedestrian"))}
    cut = {
        "loops": (LOOPS, _series(there["los-loop"], LOOP_COLUMNS, 6)),
        "counters": (COUNTERS, _series(there["pedestrian"], COUNTER_COLUMNS, 84, 100)),
    }
    for detector in ("step-bias", "coordinated", "scaling", "drift"):
        for name, (names, series) in cut.items():
            if name == "loops" or any(a[0] == detector and a[2] == name for a in ATTACKS):
                _write(folder_of(detector) / f"benign-{name}.csv.gz", names, series)
    for detector, sample, name, kind, size, targets, begin, ramp in ATTACKS:
        names, series = cut[name]
        first = series.steps(round(begin * DAY))
        expected = profile_of(series, first)
        known = Known(sigma_of(series, expected, first), expected, np.full((len(names), 8), -1, np.int32))
        attack = Attack(kind, size, targets, first, len(series.at), ramp * DAY)
        value = np.maximum(inject(series, attack, known, 7).value, 0.0)
        _write(folder_of(detector) / f"{sample}.csv.gz", names, Series(series.at, value, series.zone_us))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
