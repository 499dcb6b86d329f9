"""Pictures a second of one core: decoding alone, and with each part of what the eye does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cityward.adapters.bench.sight.clips import FOLDER, shipped_finders, shown
from cityward.adapters.bench.sight.looked import ROAD, YARD
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.eye import Eye, EyeSettings
from cityward.insight.sight.finding import Finders

PER_S = 10.0


def speed_table(data: Path, tell: Callable[[str], None]) -> Table:
    """A row for each clip and part; each is decoded anew, in one thread.

    Raises:
        SightBenchError: a clip is not in `data/cctv`.
    """
    rows: list[dict[str, object]] = []
    for clip in (YARD, ROAD):
        tell(f"speed: {clip}")
        bare = _decoded(data / FOLDER / clip)
        rows.append({"clip": clip, "what": "decoded alone", "pictures a second": round(bare, 1), "of decoding": 1.0})
        for name, finders, covers in (
            ("looked at", Finders(), False),
            ("looked at and covered", Finders(), True),
            ("with faces and plates", shipped_finders(), True),
        ):
            rate = _looked(data / FOLDER / clip, finders, covers)
            rows.append(
                {"clip": clip, "what": name, "pictures a second": round(rate, 1), "of decoding": round(rate / bare, 3)}
            )
    return table_of(
        "Pictures a second of one core",
        rows,
        notes=("processor time, decoding included in every row; a camera is looked at 5 times a second",),
    )


def _decoded(clip: Path) -> float:
    begun = time.process_time()
    count = sum(1 for _ in shown(clip, PER_S))
    return count / max(time.process_time() - begun, 1e-9)


def _looked(clip: Path, finders: Finders, covers: bool) -> float:
    eye = Eye(EyeSettings(frames_per_s=PER_S), finders)
    begun = time.process_time()
    count = 0
    for one in shown(clip, PER_S):
        eye.look(one.image, one.at_s)
        if covers:
            eye.covered(one.image)
        count += 1
    return count / max(time.process_time() - begun, 1e-9)
