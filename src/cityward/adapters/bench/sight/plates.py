"""How many of the plates that a person marked are covered: of vehicles that drive, and that stood when the camera began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cityward.adapters.bench.sight.clips import FOLDER, Shown, shipped_finders, shown
from cityward.adapters.bench.sight.heads import cells_covered
from cityward.adapters.bench.sight.looked import PLATES, ROAD
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.eye import LEARNED, Eye, EyeSettings
from cityward.insight.sight.finding import Finders

RATES = (10.0, 5.0)
STANDS = LEARNED + 20  # pictures: the eye has learned, and every turn of the search was taken since


def plates_table(data: Path, tell: Callable[[str], None]) -> Table:
    """A row for each rate and cover, and for vehicles that stand.

    Raises:
        SightBenchError: the clip is not in `data/cctv`.
    """
    clip, rows = data / FOLDER / ROAD, list[dict[str, object]]()
    for name, finders in (("movement and search", shipped_finders()), ("movement alone", Finders())):
        for per_s in RATES:
            tell(f"plates: {name}, {per_s:g} pictures a second")
            rows.append({"cover": name, "vehicles": f"drive, {per_s:g} a second", **_driving(clip, per_s, finders)})
        rows.append({"cover": name, "vehicles": "have stood since it began", **_standing(clip, finders)})
    return table_of(
        "Plates covered, of those marked by hand",
        rows,
        notes=(
            "a plate is covered when every pixel of its rectangle lies in covered cells",
            "standing: one picture shown for ever from the begin on; the search for strokes was fitted to these plates",
        ),
    )


def _driving(clip: Path, per_s: float, finders: Finders) -> dict[str, object]:
    eye = Eye(EyeSettings(frames_per_s=per_s), finders)

    def looked() -> Iterator[tuple[Shown, Eye]]:
        for one in shown(clip, per_s):
            eye.look(one.image, one.at_s)
            yield one, eye

    return _judged(looked())


def _standing(clip: Path, finders: Finders) -> dict[str, object]:
    def looked() -> Iterator[tuple[Shown, Eye]]:
        for one in shown(clip):
            if one.number in PLATES:
                eye = Eye(EyeSettings(), finders)
                for n in range(STANDS):
                    eye.look(one.image, n / 5)
                yield one, eye

    return _judged(looked())


def _judged(looked: Iterator[tuple[Shown, Eye]]) -> dict[str, object]:
    plates = covered = 0
    shares: list[float] = []
    for one, eye in looked:
        if one.number not in PLATES:
            continue
        cells = cells_covered(one.image, eye.covered(one.image))
        shares.append(float(cells.mean()))
        for left, top, right, bottom in PLATES[one.number]:
            plates += 1
            covered += bool(cells[top:bottom, left:right].all())
    return {
        "plates": plates,
        "covered": covered,
        "recall %": round(100 * covered / max(plates, 1), 1),
        "of the picture %": round(100 * float(np.mean(shares)), 1) if shares else 0.0,
    }
