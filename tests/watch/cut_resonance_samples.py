"""Cuts the samples of `resonance`: `python tests/watch/cut_resonance_samples.py --data DIR` writes them beside the detector.

The stretches are those of `cut_samples.py`; the goldens are renewed by `pytest tests/watch --renew-golden`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from cut_samples import Table, counters, loops, write

DETECTOR = "resonance"
COUNTER = "counters-01/pedestrian-count"
COUNTED_DAYS = 60
BURST = slice(50 * 24 + 2, 50 * 24 + 5)


def flooded(table: Table) -> None:
    """Three times the most it ever counted."""
    table[COUNTER][BURST] = 3 * np.nanmax(table[COUNTER][: BURST.start])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    road, street = loops(data), counters(data, COUNTED_DAYS)
    write(DETECTOR, "benign-loops", road, "as recorded.")
    write(DETECTOR, "benign-counters", street, "as recorded.")
    write(
        DETECTOR,
        "attack-flooded",
        street.changed(flooded),
        "the first counter says three times its largest count on the fifty-first day from 02:00 for three hours.",
    )
