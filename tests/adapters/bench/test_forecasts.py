"""The benchmark of forecasts: its numbers worked by hand on small files, and what is not there said aloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.forecasts import forecast_tables
from cityward.adapters.recordings import RecordingError
from cityward.errors import LinkError


def roads(folder: Path, rows: int = 1000) -> Path:
    """Speeds that rise by one each step, on two roads."""
    (folder / "sensors_los_loop").mkdir(parents=True, exist_ok=True)
    path = folder / "sensors_los_loop" / "los_speed_train.csv"
    value = np.arange(rows, dtype=np.float64)[:, None] + np.array([0.0, 5.0])
    np.savetxt(path, value, delimiter=",", header="1,2", comments="")
    return path


def test_pooled_and_last_errors_of_the_last_value_on_a_rising_line(tmp_path: Path) -> None:
    """h steps ahead the last value errs by h: pooled over 3, sqrt((1 + 4 + 9) / 3); the third alone, 3."""
    roads(tmp_path)
    (table,) = forecast_tables(tmp_path, lambda _: None, only=("los-loop",))
    row = next(row for row in table.rows if row[0] == "last-value")
    assert row[1] == pytest.approx((14 / 3) ** 0.5)
    assert row[5] == pytest.approx(3.0)
    assert row[9] == pytest.approx(2.0)
    assert "WITHIN the learned rows (800 rows learned from, 177 origins of 2 roads)" in table.title  # 811 ... 987


def test_rows_named_to_be_judged_follow_the_learned_ones(tmp_path: Path) -> None:
    roads(tmp_path)
    judged = roads(tmp_path / "aside", 60)
    (table,) = forecast_tables(tmp_path, lambda _: None, only=("los-loop",), los_judged=judged)
    assert "the published split (1000 rows learned from, 37 origins" in table.title


def test_rows_of_other_roads_are_refused(tmp_path: Path) -> None:
    roads(tmp_path)
    other = tmp_path / "other.csv"
    other.write_text("1\n2.0\n")
    with pytest.raises(RecordingError, match="1 roads, 2 were learned"):
        list(forecast_tables(tmp_path, lambda _: None, only=("los-loop",), los_judged=other))


def test_what_is_not_there_is_left_out_aloud(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(LinkError, match="no recorded series"):
        list(forecast_tables(tmp_path, told.append, only=("metro", "pedestrian")))
    assert told == ["pedestrian: not there, left out", "metro: not there, left out"]
