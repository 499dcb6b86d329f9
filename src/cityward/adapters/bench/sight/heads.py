"""How many heads the cover covers, of those that a person marked; and how much of the picture it takes for that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.sight.clips import FOLDER, shipped_finders, shown
from cityward.adapters.bench.sight.looked import HEAD, HEADS, YARD
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.covering import CELLS
from cityward.insight.sight.eye import Eye, EyeSettings
from cityward.insight.sight.finding import Finders
from cityward.insight.sight.picture import Image

RATES = (10.0, 5.0)


def heads_table(data: Path, tell: Callable[[str], None]) -> Table:
    """A row for each rate, with and without the classifiers of faces.

    Raises:
        SightBenchError: the clip is not in `data/cctv`.
    """
    rows: list[dict[str, object]] = []
    for per_s in RATES:
        for name, finders in (
            ("movement, faces and plates", shipped_finders()),
            ("movement and faces", shipped_finders(plates=False)),
            ("movement alone", Finders()),
        ):
            tell(f"heads: {name}, {per_s:g} pictures a second")
            rows.append({"cover": name, "per s": per_s, **_covered(data / FOLDER / YARD, per_s, finders)})
    return table_of(
        "Heads covered, of those marked by hand",
        rows,
        notes=(
            f"a head is covered when every pixel within {HEAD} of its centre lies in covered cells",
            "the cover was widened after one of these heads was missed: other clips have not judged it",
        ),
    )


def _covered(clip: Path, per_s: float, finders: Finders) -> dict[str, object]:
    eye = Eye(EyeSettings(frames_per_s=per_s), finders)
    heads = covered = 0
    shares: list[float] = []
    for one in shown(clip, per_s):
        eye.look(one.image, one.at_s)
        if one.number not in HEADS:
            continue
        cells = cells_covered(one.image, eye.covered(one.image))
        shares.append(float(cells.mean()))
        for x, y in HEADS[one.number]:
            heads += 1
            covered += bool(cells[_disc(cells.shape, x, y)].all())
    return {
        "heads": heads,
        "covered": covered,
        "recall %": round(100 * covered / max(heads, 1), 1),
        "of the picture %": round(100 * float(np.mean(shares)), 1) if shares else 0.0,
    }


def cells_covered(image: Image, shown_as: Image) -> NDArray[np.bool_]:
    """(h, w): the cells of which most pixels were changed. A pixel that has its cell's colour already is covered all the same."""
    changed = (image != shown_as).any(axis=2)
    cell = max(8, -(-image.shape[1] // CELLS))
    down, across = (np.arange(0, side, cell) for side in changed.shape)
    few = np.add.reduceat(np.add.reduceat(changed, down, axis=0, dtype=np.int64), across, axis=1)
    size = np.add.reduceat(np.add.reduceat(np.ones_like(changed), down, axis=0, dtype=np.int64), across, axis=1)
    whole = np.repeat(np.repeat(few > size / 2, cell, axis=0), cell, axis=1)
    return whole[: changed.shape[0], : changed.shape[1]]


def _disc(shape: tuple[int, ...], x: int, y: int) -> NDArray[np.bool_]:
    drawn = np.zeros((shape[0], shape[1]), np.uint8)
    return np.asarray(cv2.circle(drawn, (x, y), HEAD, 1, -1)) > 0
