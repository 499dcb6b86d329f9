"""SKAB's measure, worked out by hand, and its files; the real ones are not in this repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.skab import Outcome, measured, outcome, read, run
from cityward.errors import LinkError


def test_counts_points_of_all_files_together():
    odd = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.bool_)
    alarm = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.bool_)
    # TP 3, FP 1, FN 1: F1 = 6 / 8; one of four safe points, one of four odd ones
    assert outcome(2, alarm, odd) == Outcome(files=2, f1=0.75, false_alarms=25.0, missed=25.0)


def written(path: Path, value: np.ndarray, odd: np.ndarray) -> None:
    names = [f"s{n}" for n in range(1, 9)]
    rows = [
        ";".join(["t", *(f"{v:.4f}" for v in row), f"{float(o)}", "0.0"]) for row, o in zip(value, odd, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([";".join(["datetime", *names, "anomaly", "changepoint"]), *rows]) + "\n")


def test_reads_readings_and_the_label_of_points(tmp_path: Path):
    value = np.arange(24.0).reshape(3, 8)
    written(tmp_path / "x" / "0.csv", value, np.array([0, 1, 0]))
    got, odd = read(tmp_path / "x" / "0.csv")
    assert np.array_equal(got, value)
    assert odd.tolist() == [False, True, False]


def test_finds_the_stretch_in_which_sensors_no_longer_follow_each_other(tmp_path: Path):
    rng = np.random.default_rng(3)
    cause = np.sin(np.arange(800) / 9.0)[:, None] + 0.2 * rng.normal(size=(800, 2))
    value = cause @ rng.normal(size=(2, 8)) + 0.05 * rng.normal(size=(800, 8))
    odd = np.zeros(800, dtype=np.bool_)
    odd[600:700] = True
    value[600:700, 2] += rng.normal(scale=2.0, size=100)
    written(tmp_path / "valve1" / "0.csv", value, odd)
    by_name = measured(tmp_path, lambda _: None)
    found = by_name["system-consistency"]
    assert by_name["always an alarm"].false_alarms == 100.0
    assert found.files == 1
    assert found.missed < 10
    assert found.false_alarms < 15


def test_its_table_has_the_board_and_the_answer_that_needs_no_detector_beside_ours(tmp_path: Path):
    rng = np.random.default_rng(3)
    odd = np.arange(600) >= 500
    written(tmp_path / "valve1" / "0.csv", rng.normal(size=(600, 8)), odd)
    (table,) = run(tmp_path, lambda _: None)
    rows = {row[0]: row[1:] for row in table.rows}
    # 200 points are judged, the last 100 of them odd: an alarm that is always on has precision 1/2 and recall 1
    assert rows["always an alarm"] == (1, 0.67, 100.0, 0.0)
    assert rows["MSET (published)"] == (34, 0.78, 39.7, 14.1)
    assert "0.78 at best" in table.verdict


def test_says_what_it_needs_where_there_is_nothing(tmp_path: Path):
    with pytest.raises(LinkError, match="no labelled file"):
        run(tmp_path, lambda _: None)
