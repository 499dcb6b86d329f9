"""How well what moves is told from the background: our foreground beside OpenCV's own, on frames annotated by others.

Rule (CDnet 2014): of each pixel, 255 is moving; 0 and 50 (shadow) are not; 85 and 170 are not judged. The first 50 frames are
learned from and not judged. F is of all judged pixels together. Does not live here: `insight.sight`, what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from cityward.adapters.bench.sight import SightBenchError
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.foreground import Foreground
from cityward.insight.sight.picture import Image

WARM_UP = 50
MOVING, UNJUDGED = 255, (85, 170)


def foreground_table(folder: Path, tell: Callable[[str], None]) -> Table:
    """A row for each way, on the annotated frames of a folder with `input` and `groundtruth`.

    Raises:
        SightBenchError: there are too few frames.
    """
    pairs = _pairs(folder)
    if len(pairs) <= WARM_UP:
        raise SightBenchError(
            f"there are {len(pairs)} annotated frames; more than {WARM_UP} are needed", where=folder.name
        )
    rows: list[dict[str, object]] = []
    for name, way in _ways():
        tell(f"foreground: {name}")
        rows.append({"way": name, **_judged(pairs, way)})
    return table_of(
        f"Foreground on {len(pairs) - WARM_UP} annotated frames",
        rows,
        notes=("one core; ms: processor time of a frame without decoding; OpenCV 4 decides the others' figures",),
    )


def _ways() -> list[tuple[str, Callable[[Image], Image]]]:
    gauss, nearest, closed = (
        cv2.createBackgroundSubtractorMOG2(),
        cv2.createBackgroundSubtractorKNN(),
        cv2.createBackgroundSubtractorKNN(),
    )
    return [
        ("OpenCV MOG2", lambda f: _moving(gauss.apply(f))),
        ("OpenCV KNN", lambda f: _moving(nearest.apply(f))),
        ("OpenCV KNN, median 5, close 9", lambda f: _tidied(_moving(closed.apply(f)))),
        ("cityward", Foreground().moving),
    ]


def _moving(mask: cv2.typing.MatLike) -> Image:
    return np.where(np.asarray(mask) == MOVING, np.uint8(MOVING), np.uint8(0))


def _tidied(mask: Image) -> Image:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    return np.asarray(cv2.morphologyEx(cv2.medianBlur(mask, 5), cv2.MORPH_CLOSE, element), np.uint8)


def _judged(pairs: Sequence[tuple[Path, Path]], way: Callable[[Image], Image]) -> dict[str, float]:
    both = said = true = 0
    spent = 0.0
    for n, (frame, truth) in enumerate(pairs):
        image = _read(frame, "bgr24")
        begun = time.process_time()
        mask = way(image) > 0
        spent += time.process_time() - begun
        if n >= WARM_UP:
            known = _read(truth, "gray")
            judged = ~np.isin(known, UNJUDGED)
            both += int((mask & (known == MOVING)).sum())
            said += int((mask & judged).sum())
            true += int((known == MOVING).sum())
    return {
        "F": round(2 * both / max(said + true, 1), 4),
        "precision": round(both / max(said, 1), 4),
        "recall": round(both / max(true, 1), 4),
        "ms": round(1000 * spent / len(pairs), 1),
    }


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    frames = sorted((folder / "input").glob("in*.jpg"))
    pairs = [(frame, folder / "groundtruth" / f"gt{frame.stem[2:]}.png") for frame in frames]
    return [(frame, truth) for frame, truth in pairs if truth.exists()]


def _read(path: Path, form: str) -> Image:
    with av.open(str(path)) as held:
        return np.asarray(next(held.decode(video=0)).to_ndarray(format=form), np.uint8)
