"""VUS-PR worked out by hand on a few points, and the cut of NAB's files as TSB-AD has them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.nab.corpus import Series
from cityward.adapters.bench.vus import (
    PUBLISHED,
    centred,
    cuts_of,
    lately,
    period_of,
    softened,
    spans_of,
    sub_pca,
    vus_pr,
    widened,
)


def labelled(rows: int, *spans: tuple[int, int]) -> np.ndarray:
    out = np.zeros(rows, dtype=np.bool_)
    for begin, end in spans:
        out[begin : end + 1] = True
    return out


def test_finds_the_runs_of_labelled_points_also_at_the_ends():
    assert spans_of(labelled(10, (0, 1), (4, 4), (8, 9))) == [(0, 1), (4, 4), (8, 9)]
    assert spans_of(labelled(5)) == []


def test_points_near_an_anomaly_count_by_the_root_of_their_nearness():
    label = labelled(9, (4, 4))
    expected = [0, 0, math.sqrt(0.5), math.sqrt(0.75), 1, math.sqrt(0.75), math.sqrt(0.5), 0, 0]
    assert softened(label, [(4, 4)], 4) == pytest.approx(expected)


def test_nearness_to_two_anomalies_is_added_up_to_1():
    label = labelled(7, (1, 1), (5, 5))
    assert softened(label, [(1, 1), (5, 5)], 4)[3] == 1.0  # 2 * sqrt(1/2), at most 1


def test_widened_anomalies_that_touch_are_one():
    assert widened([(10, 12), (17, 18), (40, 41)], 6, 43) == [(7, 21), (37, 42)]
    assert widened([(10, 12), (17, 18)], 4, 43) == [(8, 14), (15, 20)]


def test_a_score_that_is_the_label_has_precision_1_at_full_recall():
    label = labelled(100, (40, 49))
    assert vus_pr(label, label.astype(np.float64), 0, thresholds=100) == pytest.approx(1.0)


def test_without_a_buffer_it_is_the_area_of_range_recall_and_precision():
    # Points by score: hit, miss, hit, miss. recall 1/2, 1/2, 1, 1 (one anomaly, found at once); precision 1, 1/2, 2/3, 1/2.
    label, score = np.array([True, True, False, False]), np.array([4.0, 2.0, 3.0, 1.0])
    assert vus_pr(label, score, 0, thresholds=4) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_an_anomaly_not_found_yet_lowers_the_recall_of_the_others():
    # Two anomalies of one point. recall 1/2 * 1/2 after the first, 1 after both; precision 1, then 2/3.
    label, score = np.array([True, False, True, False]), np.array([4.0, 3.0, 2.0, 1.0])
    assert vus_pr(label, score, 0, thresholds=4) == pytest.approx(0.25 * 1 + 0.75 * 2 / 3)


def test_with_a_buffer_a_point_beside_the_anomaly_is_half_right():
    # One anomaly of one point, the best score just behind it. Period 1: buffers 0, 1, 2; the buffer of 2 reaches one point.
    label, score = np.array([False, True, False, False]), np.array([2.0, 3.0, 4.0, 1.0])
    near = math.sqrt(0.5)
    # buffers 0 and 1: recall 0, 1 with precision 0, 1/2
    # buffer 2: hits near, 1 + near, ...; wanted 1 + near / 2, ...
    first = near / (1 + near / 2)
    expected = (0.5 + 0.5 + first * near + (1 - first) * (1 + near) / 2) / 3
    assert vus_pr(label, score, 1, thresholds=4) == pytest.approx(expected)


def test_equal_scores_fall_together():
    label = labelled(10, (3, 4))
    assert vus_pr(label, np.ones(10), 0, thresholds=10) == pytest.approx(0.2)


def test_a_series_without_an_anomaly_has_none_to_find():
    assert vus_pr(labelled(10), np.arange(10.0), 2) == 0.0


def test_the_period_is_the_lag_of_the_highest_autocorrelation():
    assert period_of(np.sin(np.arange(2000) * 2 * np.pi / 48)) == 48


@pytest.mark.parametrize("value", [np.ones(500), np.arange(500.0)], ids=["constant", "ramp"])
def test_a_series_without_a_period_has_the_usual_one(value: np.ndarray):
    assert period_of(value) == 125


def test_sub_pca_scores_every_row_and_what_is_odd_most():
    x = np.sin(np.arange(1000) * 2 * np.pi / 25) + np.random.default_rng(1).normal(0, 0.1, 1000)
    x[600:612] = 3.0
    score = sub_pca(x, 25)
    assert len(score) == 1000
    assert 580 <= int(score.argmax()) <= 632


def test_the_mean_of_late_looks_back_and_the_centred_one_both_ways():
    bits = np.array([0.0, 0.0, 6.0, 0.0, 0.0, 0.0])
    assert lately(bits, 3).tolist() == [0, 0, 2, 2, 2, 0]
    assert centred(bits, 3).tolist() == [0, 2, 2, 2, 0, 0]


def write_table(path: Path, *rows: tuple[str, int, int, int]) -> None:
    head = ["file", *PUBLISHED, "ts_len", "anomaly_len", "num_anomaly"]
    lines = [",".join([name, *["0.5"] * len(PUBLISHED), *map(str, rest)]) for name, *rest in rows]
    path.write_text("\n".join([",".join(head), *lines]) + "\n")


def a_file(name: str, rows: int, *windows: tuple[int, int]) -> Series:
    return Series(name, np.arange(rows), np.arange(float(rows)), np.array(windows, dtype=np.int64).reshape(-1, 2))


def test_a_cut_has_all_rows_but_the_last_and_windows_without_theirs(tmp_path: Path):
    write_table(tmp_path / "t.csv", ("005_NAB_id_5_Traffic_tr_9_1st_20.csv", 99, 15, 2))
    [cut] = cuts_of([a_file("realTraffic/a.csv", 100, (20, 30), (50, 55))], tmp_path / "t.csv", lambda _: None)
    assert len(cut.value) == len(cut.label) == 99
    assert spans_of(cut.label) == [(20, 29), (50, 54)]
    assert (cut.file, cut.domain, cut.published["POLY"]) == ("realTraffic/a.csv", "Traffic", 0.5)


def test_where_one_anomaly_was_published_its_length_is_taken(tmp_path: Path):
    write_table(tmp_path / "t.csv", ("005_NAB_id_5_Traffic_tr_9_1st_20.csv", 99, 35, 1))
    [cut] = cuts_of([a_file("realTraffic/a.csv", 100, (20, 30), (50, 55))], tmp_path / "t.csv", lambda _: None)
    assert spans_of(cut.label) == [(20, 54)]


def test_what_may_be_either_of_two_files_is_not_scored_and_said(tmp_path: Path):
    write_table(tmp_path / "t.csv", ("005_NAB_id_5_Traffic_tr_9_1st_20.csv", 99, 10, 1))
    told: list[str] = []
    files = [a_file("realTraffic/a.csv", 100, (20, 30)), a_file("realTraffic/b.csv", 100, (20, 30))]
    assert cuts_of(files, tmp_path / "t.csv", told.append) == []
    assert "may be more than one file" in told[0]


def test_without_the_published_table_there_is_nothing_to_compare_with(tmp_path: Path):
    told: list[str] = []
    assert cuts_of([], tmp_path / "none.csv", told.append) == []
    assert "is not here" in told[0]
