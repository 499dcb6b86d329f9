"""The CDnet rule on frames worked out by hand, and our foreground beside OpenCV's on the annotated ones."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from cityward.adapters.bench.sight import SightBenchError
from cityward.adapters.bench.sight.foreground import WARM_UP, _judged, foreground_table

HIGHWAY = Path(os.environ.get("CITYWARD_DATA", "/nowhere")) / "cctv_cdnet_highway"


def folder_of(path: Path, frames: int, truth: np.ndarray) -> Path:
    for part in ("input", "groundtruth"):
        (path / part).mkdir()
    for n in range(frames):
        cv2.imwrite(str(path / "input" / f"in{n:06d}.jpg"), np.full((32, 32, 3), 90, np.uint8))
        cv2.imwrite(str(path / "groundtruth" / f"gt{n:06d}.png"), truth)
    return path


def test_shadows_are_not_moving_and_what_is_unknown_is_not_judged(tmp_path: Path) -> None:
    """Rows of 8: moving, shadow, unknown, static. The way says the first two and the third: half of what is judged is right."""
    truth = np.repeat(np.array([255, 50, 170, 0], np.uint8), 8)[:, None].repeat(32, axis=1)
    folder = folder_of(tmp_path, WARM_UP + 1, truth)
    said = np.repeat(np.array([255, 255, 255, 0], np.uint8), 8)[:, None].repeat(32, axis=1)
    frames = sorted((folder / "input").iterdir())
    pairs = [(f, folder / "groundtruth" / f"gt{f.stem[2:]}.png") for f in frames]
    found = _judged(pairs, lambda _: said)
    assert (found["precision"], found["recall"], found["F"]) == (0.5, 1.0, 0.6667)


def test_refuses_a_folder_with_too_few_frames(tmp_path: Path) -> None:
    with pytest.raises(SightBenchError):
        foreground_table(folder_of(tmp_path, 3, np.zeros((32, 32), np.uint8)), lambda _: None)


@pytest.mark.skipif(not HIGHWAY.is_dir(), reason="no annotated frames: set CITYWARD_DATA")
def test_ours_beats_the_best_of_opencv_on_the_annotated_frames() -> None:
    table = foreground_table(HIGHWAY, lambda _: None)
    by_way = {str(row[0]): float(row[1] or 0) for row in table.rows}
    assert by_way["cityward"] > max(f for way, f in by_way.items() if way != "cityward")
