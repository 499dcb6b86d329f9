"""NAB's score, worked out by hand on small files, and the parts of its bench."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.nab import SUBSETS, left_out, run
from cityward.adapters.bench.nab.corpus import Series, probation_of, read_corpus
from cityward.adapters.bench.nab.detectors import knn_cad, resonance, resonance_bits, windowed_gaussian
from cityward.adapters.bench.nab.published import COLUMNS, published_rows, published_score
from cityward.adapters.bench.nab.score import PROFILES, STANDARD, best_threshold, normalised, raw_score, score_at, weigh
from cityward.errors import LinkError

LOW_FP, LOW_FN = PROFILES[1], PROFILES[2]


def a_series(rows: int, *windows: tuple[int, int], name: str = "realTraffic/a.csv") -> Series:
    return Series(name, np.arange(rows), np.zeros(rows), np.array(windows, dtype=np.int64).reshape(-1, 2))


def at_rows(series: Series, *rows: int) -> np.ndarray:
    out = np.zeros(len(series), dtype=np.bool_)
    out[list(rows)] = True
    return out


def raw(series: Series, *rows: int, profile=STANDARD) -> float:
    return raw_score(weigh(series, profile), at_rows(series, *rows), profile)


def sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


@pytest.mark.parametrize(("rows", "probation"), [(100, 15), (1127, 169), (4032, 604), (5000, 750), (15902, 750)])
def test_the_probation_is_15_percent_of_at_most_5000_rows(rows: int, probation: int):
    assert probation_of(rows) == probation


def test_a_window_hit_at_its_first_row_is_worth_1_and_missed_costs_1():
    series = a_series(1000, (500, 599))
    assert raw(series, 500) == pytest.approx(1.0)
    assert raw(series) == -1.0


def test_a_later_hit_is_worth_less_by_the_sigmoid_of_its_place():
    series = a_series(1000, (500, 599))  # 100 rows; row 550 is 50 rows from one behind the last
    assert raw(series, 550) == pytest.approx(sigmoid(-0.5) / sigmoid(-1.0))
    assert raw(series, 599) == pytest.approx(sigmoid(-0.01) / sigmoid(-1.0))


def test_only_the_earliest_hit_of_a_window_counts():
    series = a_series(1000, (500, 599))
    assert raw(series, 520, 530, 599) == raw(series, 520)


def test_a_false_alarm_costs_all_before_the_first_window_and_far_behind_one():
    series = a_series(1000, (500, 599))
    assert raw(series, 500, 400) == pytest.approx(1.0 - 0.11)
    assert raw(series, 500, 599 + 3 * 99) == pytest.approx(1.0 - 0.11)


def test_a_false_alarm_just_behind_a_window_costs_less():
    series = a_series(1000, (500, 599))
    assert raw(series, 500, 609) == pytest.approx(1.0 + 0.11 * sigmoid(10 / 99))


def test_rows_of_the_probation_are_not_scored():
    series = a_series(1000, (500, 599))
    assert raw(series, 500, *range(150)) == pytest.approx(1.0)
    assert raw(series, 500, 150) == pytest.approx(1.0 - 0.11)


def test_profiles_weigh_false_alarms_and_misses_differently():
    series = a_series(1000, (500, 599))
    assert raw(series, 400, profile=LOW_FP) == pytest.approx(-1.0 - 0.22)
    assert raw(series, 400, profile=LOW_FN) == pytest.approx(-2.0 - 0.11)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_saying_nothing_is_0_and_perfection_100(profile):
    corpus = [a_series(1000, (500, 599), (700, 749)), a_series(200)]
    nothing = [np.zeros(len(s)) for s in corpus]
    perfect = [at_rows(corpus[0], 500, 700).astype(np.float64), np.zeros(200)]
    assert score_at(corpus, nothing, 0.5, profile) == pytest.approx(0.0)
    assert score_at(corpus, perfect, 0.5, profile) == pytest.approx(100.0)


def test_files_without_a_window_only_cost():
    assert normalised(0.0, 0, STANDARD) == 0.0
    assert normalised(-0.22, 0, STANDARD) == pytest.approx(-11.0)


def test_the_published_rule_takes_the_one_threshold_that_is_best_over_all_files():
    corpus = [a_series(1000, (500, 599)), a_series(1000, (500, 599))]
    scores = [np.zeros(1000), np.zeros(1000)]
    scores[0][[500, 400]] = 0.9, 0.6
    scores[1][[500, 400, 401]] = 0.7, 0.6, 0.6
    threshold, score = best_threshold(corpus, scores, STANDARD)
    assert (threshold, score) == (0.7, pytest.approx(100.0))


def test_the_published_rule_agrees_with_trying_every_threshold():
    rng = np.random.default_rng(5)
    corpus = [a_series(400, (100, 139), (300, 330)), a_series(300, (200, 240)), a_series(100)]
    scores = [rng.integers(0, 40, len(s)) / 40 * (rng.random(len(s)) < 0.05) for s in corpus]
    for profile in PROFILES:
        tried = np.unique(np.concatenate(scores))
        best = max(score_at(corpus, scores, t, profile) for t in [*tried.tolist(), math.inf])
        threshold, score = best_threshold(corpus, scores, profile)
        assert score == pytest.approx(best)
        assert score_at(corpus, scores, threshold, profile) == pytest.approx(best)


def test_it_is_best_to_say_nothing_where_every_threshold_costs():
    corpus = [a_series(100)]
    assert best_threshold(corpus, [np.linspace(0, 1, 100)], STANDARD) == (math.inf, 0.0)


def test_a_left_out_threshold_does_not_look_at_its_own_file():
    corpus = [a_series(1000, (500, 599)), a_series(1000, (500, 599))]
    scores = [np.zeros(1000), np.zeros(1000)]
    scores[0][500], scores[1][500] = 0.9, 0.4
    assert left_out(corpus, scores, STANDARD) == [0.4, 0.9]


def test_the_published_totals_are_those_that_nab_normalised():
    rows = published_rows()
    assert len(rows) == 58
    windows = 116  # of all 58 files
    total = {column: sum(row[i] for row in rows.values()) for i, column in enumerate(COLUMNS)}
    assert normalised(total["ARTime", STANDARD], windows, STANDARD) == pytest.approx(74.85, abs=0.01)
    assert normalised(total["ARTime", LOW_FP], windows, LOW_FP) == pytest.approx(65.15, abs=0.01)
    assert normalised(total["ARTime", LOW_FN], windows, LOW_FN) == pytest.approx(80.36, abs=0.01)
    assert normalised(total["CAD OSE", STANDARD], windows, STANDARD) == pytest.approx(69.90, abs=0.01)
    assert normalised(total["KNN-CAD", STANDARD], windows, STANDARD) == pytest.approx(57.99, abs=0.01)


def test_a_file_that_nab_did_not_publish_has_no_published_score():
    assert published_score("ARTime", STANDARD, [a_series(10, name="realTraffic/unknown.csv")]) is None
    assert published_score("KNN-CAD", LOW_FP, []) is None


def test_the_windowed_gaussian_tells_how_far_up_a_value_stands():
    x = np.tile([-1.0, 1.0], 50)  # mean 0, spread 1
    score = windowed_gaussian([np.append(x, 2.8284)])[0][-1]
    assert score == pytest.approx(1 - 0.5 * math.erfc(2.0), abs=1e-4)


def spiked(rows: int = 2000, at: int = 1500) -> np.ndarray:
    x = 10 + np.sin(np.arange(rows) * 2 * np.pi / 48) + np.random.default_rng(0).normal(0, 0.05, rows)
    x[at : at + 5] += 8
    return x


@pytest.mark.parametrize("detect", [resonance, knn_cad], ids=["resonance", "knn_cad"])
def test_a_detector_calls_a_spike_and_is_silent_in_its_probation(detect):
    score = detect([spiked()])[0]
    assert score[1500:1530].max() > 0.9 * score.max()
    assert (score[: probation_of(2000) - 10] < score.max() * 0.9).all()


@pytest.mark.parametrize("detect", [resonance, resonance_bits, windowed_gaussian, knn_cad])
def test_a_detector_does_not_look_ahead(detect):
    x = spiked()
    y = x.copy()
    y[1200:] = y[1200:][::-1]  # the same range and length, another future
    assert np.array_equal(detect([x])[0][:1200], detect([y])[0][:1200])


def test_series_do_not_touch_each_other():
    x, y = spiked(), spiked(1300, 700)
    together = resonance([x, y])
    assert np.array_equal(together[0], resonance([x])[0])
    assert np.array_equal(together[1], resonance([y])[0])


def write_corpus(folder: Path) -> None:
    (folder / "data/realTraffic").mkdir(parents=True)
    (folder / "labels").mkdir()
    x = spiked()
    rows = [f"2015-01-{1 + i // 288:02d} {i % 288 // 12:02d}:{i % 12 * 5:02d}:00,{v}" for i, v in enumerate(x)]
    (folder / "data/realTraffic/a.csv").write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    window = ["2015-01-06 02:00:00.000000", "2015-01-06 10:00:00.000000"]  # rows 1464 to 1560
    labels = {"realTraffic/a.csv": [window], "realTraffic/kept-aside.csv": [window]}
    (folder / "labels/combined_windows.json").write_text(json.dumps(labels))


def test_reads_the_files_at_hand_with_their_windows_as_rows(tmp_path: Path):
    write_corpus(tmp_path)
    [series] = read_corpus(tmp_path)
    assert (series.name, series.category, len(series)) == ("realTraffic/a.csv", "realTraffic", 2000)
    assert series.windows.tolist() == [[1464, 1560]]


def test_refuses_a_folder_that_is_no_corpus(tmp_path: Path):
    with pytest.raises(LinkError, match="cannot read the corpus"):
        read_corpus(tmp_path)


def test_the_bench_has_a_table_for_each_profile_with_ours_baselines_and_published(tmp_path: Path):
    write_corpus(tmp_path)
    told: list[str] = []
    *tables, by_file = run(tmp_path, told.append)
    assert [t.title.split()[-1] for t in tables] == [p.name for p in PROFILES]
    assert tables[0].rows[0][:2] == ("resonance", "published rule")
    assert tables[0].rows[0][2] == pytest.approx(90, abs=10)  # the spike is found, somewhat into its window
    assert {row[0] for row in tables[0].rows} >= {"says nothing", "ARTime (published)", "KNN-CAD (our run)"}
    assert all(len(row) == len(SUBSETS) + 3 for t in tables for row in t.rows)
    assert [row[1:3] for row in by_file.rows] == [(1, 1)]  # one file has a window, and it is found
    assert "1 of NAB's 58 files" in told[0]
