"""The score of BATADAL, worked out by hand; its files; what the bench says of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.batadal import measured, run
from cityward.adapters.bench.batadal.answers import by_pca, one_site
from cityward.adapters.bench.batadal.corpus import LATER_LABELS, labels_of, read
from cityward.adapters.bench.batadal.score import Score, attacks_in, scored
from cityward.errors import LinkError

BEGINS = datetime(2016, 7, 4, tzinfo=UTC)


def hours(*parts: tuple[int, int]) -> np.ndarray:
    """(how many, 0 or 1) after each other."""
    return np.concatenate([np.full(n, value, dtype=np.bool_) for n, value in parts])


def everywhere(answer: np.ndarray) -> np.ndarray:
    return np.ones(len(answer), dtype=np.bool_)


# -- the score ---------------------------------------------------------------------------------------------------------


def test_scores_the_rules_own_example():
    # the rules' section 3.5: a week, an attack of 40 h from hour 60 on, seen after 8 h, given up 5 h before its end: TP 27,
    # FN 13, TN 128. Their S of .819 rests on a TPR of 27/40 = .675, so S_CM = (.675 + 1) / 2 = .8375 and S = .4 + .41875.
    attacked = hours((60, 0), (40, 1), (68, 0))
    alarm = hours((68, 0), (27, 1), (73, 0))
    score = scored(alarm, attacked, everywhere(alarm))
    assert score.s_ttd == pytest.approx(1 - 8 / 40)
    assert score.tpr == pytest.approx(0.675)
    assert score.tnr == 1.0
    assert score.s == pytest.approx(0.81875)
    assert score.delays == (8,)


def test_an_attack_that_is_not_seen_counts_its_whole_length():
    attacked = hours((10, 0), (10, 1), (10, 0), (20, 1), (50, 0))
    alarm = hours((15, 0), (5, 1), (80, 0))  # the first after 5 of 10 h, the second never
    score = scored(alarm, attacked, everywhere(alarm))
    assert score.delays == (5, 20)
    assert score.lengths == (10, 20)
    assert score.found == 1
    assert score.s_ttd == pytest.approx(1 - (0.5 + 1.0) / 2)
    assert score.tpr == pytest.approx(5 / 30)
    assert score.f1 == pytest.approx(2 * 5 / (2 * 5 + 0 + 25))
    assert score.s == pytest.approx(0.5 * 0.25 + 0.25 * (5 / 30 + 1.0))


@pytest.mark.parametrize(("answer", "s"), [(True, 0.75), (False, 0.25)], ids=["always", "never"])
def test_the_naive_answers_score_what_is_published(answer: bool, s: float):
    attacked = hours((500, 0), (40, 1), (300, 0), (60, 1), (100, 0))
    score = scored(np.full(len(attacked), answer), attacked, everywhere(attacked))
    assert score.s == pytest.approx(s)


def test_hours_that_nobody_labelled_count_neither_way():
    attacked = hours((10, 0), (10, 1), (20, 0))
    counted = hours((5, 1), (5, 0), (10, 1), (20, 1))
    alarm = hours((5, 0), (5, 1), (10, 1), (5, 1), (15, 0))  # five alarms in hours without label, five in safe ones
    score = scored(alarm, attacked, counted)
    assert score.tnr == pytest.approx(1 - 5 / 25)
    assert score.f1 == pytest.approx(2 * 10 / (2 * 10 + 5 + 0))


def test_no_safe_hour_means_no_rate_of_true_negatives():
    attacked = hours((10, 0), (10, 1))
    score = scored(attacked, attacked, attacked)
    assert math.isnan(score.tnr)
    assert math.isnan(score.s)
    assert score.tpr == 1.0


def test_false_alarms_are_counted_in_episodes_that_touch_no_attack():
    attacked = hours((100, 0), (20, 1), (610, 0))
    # one false of 3 h, one that begins before the attack and goes on into it, one false of a single hour: 2 in 710 h
    alarm = hours((10, 0), (3, 1), (80, 0), (20, 1), (100, 0), (1, 1), (516, 0))
    score = scored(alarm, attacked, everywhere(alarm))
    assert score.false_a_month == pytest.approx(2 / (710 / 730))
    assert score.delays == (0,)


def test_finds_runs_at_both_ends():
    assert attacks_in(hours((2, 1), (3, 0), (1, 1))) == [(0, 2), (5, 6)]
    assert attacks_in(hours((3, 0))) == []


# -- the files ---------------------------------------------------------------------------------------------------------


def written(path: Path, value: np.ndarray, flag: np.ndarray | None, begins: datetime = BEGINS) -> Path:
    """A file in the competition's format, with the blanks that some of its files have."""
    names = [f"L_T{n}" for n in range(1, value.shape[1] + 1)]
    lines = [", ".join(["DATETIME", *names, *([] if flag is None else ["ATT_FLAG"])])]
    for i, row in enumerate(value):
        at = (begins + timedelta(hours=i)).strftime("%d/%m/%y %H")
        lines.append(", ".join([at, *(f"{v:.3f}" for v in row), *([] if flag is None else [str(flag[i])])]))
    path.write_text("\n".join(lines) + "\n")
    return path


def a_town(hours_: int, seed: int) -> np.ndarray:
    """Four readings that hang together: a daily course, two that follow it, one that follows those."""
    rng = np.random.default_rng(seed)
    course = np.sin(2 * np.pi * np.arange(hours_) / 24) + 0.3 * rng.normal(size=hours_).cumsum() / np.sqrt(
        np.arange(1, hours_ + 1)
    )
    one, two = 3 * course + 10, -2 * course + 7
    return np.stack([course, one, two, one + two], axis=1) + 0.02 * rng.normal(size=(hours_, 4))


def test_reads_a_file_and_its_labels(tmp_path: Path):
    value = np.arange(12.0).reshape(6, 2)
    flag = np.array([0, 1, 1, -999, 0, 0])
    file = read(written(tmp_path / "part.csv", value, flag))
    assert file.columns == ("L_T1", "L_T2")
    assert np.array_equal(file.value, value)
    assert np.diff(file.at).tolist() == [3_600_000_000] * 5
    [(whose, attacked, counted)] = labels_of(file, tmp_path)
    assert whose == "its own labels"
    assert attacked.tolist() == [False, True, True, False, False, False]
    assert counted.tolist() == [True, True, True, False, True, True]


def test_takes_the_times_of_attacks_from_a_file_beside_it(tmp_path: Path):
    file = read(written(tmp_path / "test.csv", np.zeros((6, 3)), None))
    assert list(labels_of(file, tmp_path)) == []
    (tmp_path / "test.attacks.csv").write_text("2016-07-04 01,2016-07-04 02\n2016-07-04 05,2016-07-04 05\n")
    [(_, attacked, counted)] = labels_of(file, tmp_path)
    assert attacked.tolist() == [False, True, True, False, False, True]
    assert counted.all()


def test_knows_the_seven_attacks_that_were_published_later():
    spans = [
        (datetime.strptime(b, "%Y-%m-%d %H") - datetime.strptime(a, "%Y-%m-%d %H")).total_seconds() / 3600 + 1
        for a, b in LATER_LABELS["BATADAL_dataset04"]
    ]
    assert spans == [50, 24, 60, 94, 60, 94, 110]  # hours, as the organisers' table has them


@pytest.mark.parametrize(
    "text",
    [
        "time,L_T1,ATT_FLAG\n1,2,0\n",
        "DATETIME,L_T1,ATT_FLAG\nyesterday,2,0\n",
        "DATETIME,L_T1,ATT_FLAG\n04/07/16 00,x,0\n",
        "",
    ],
    ids=["another head", "another time", "no number", "empty"],
)
def test_refuses_a_file_of_another_format(tmp_path: Path, text: str):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(LinkError):
        read(path)


# -- the run -----------------------------------------------------------------------------------------------------------


def test_the_town_has_a_channel_for_each_column_all_at_one_site():
    world = one_site(("L_T1", "F_PU1", "P_J280"))
    assert [world.name_of(c)[0] for c in range(world.channels)] == ["l-t1", "f-pu1", "p-j280"]
    assert len(set(world.site.tolist())) == 1


def test_pca_finds_what_leaves_the_plane(tmp_path: Path):
    rng = np.random.default_rng(5)
    # twelve readings of nine causes: eight components leave a little; the last is the first again
    causes = rng.normal(size=(2000, 9))
    value = np.concatenate([causes, causes[:, :3]], axis=1)
    clean = read(written(tmp_path / "clean.csv", value[:1500], np.zeros(1500, dtype=int)))
    forged = value[1500:].copy()
    forged[200:240, 9] += 12.0
    file = read(written(tmp_path / "part.csv", forged, np.zeros(500, dtype=int)))
    alarm = by_pca(clean, file)
    assert alarm[206:240].all()
    assert alarm[:200].sum() <= 5


def test_scores_every_labelled_file_of_a_folder_beside_the_naive_answers(tmp_path: Path):
    clean, part = a_town(2600, 1), a_town(300, 2)
    flag = np.zeros(300, dtype=int)
    flag[200:250] = 1
    part[200:250, 3] -= 2.5  # no longer the sum of the two
    written(tmp_path / "clean.csv", clean, np.zeros(2600, dtype=int), datetime(2014, 1, 6, tzinfo=UTC))
    written(tmp_path / "part.csv", part, flag)
    said: list[str] = []
    rows = measured(tmp_path, said.append)
    by_name = {(row.file, row.answer): row.score for row in rows}
    ours: Score = by_name["part", "system-consistency"]
    assert ours.delays == (0,)
    assert ours.tnr > 0.9
    assert by_name["part", "always an alarm"].s == pytest.approx(0.75)
    assert by_name["part", "never an alarm"].s == pytest.approx(0.25)
    assert ("clean", "system-consistency") in by_name
    assert said
    tables = run(tmp_path, lambda _: None)
    assert [table.title for table in tables] == ["BATADAL: clean, clean, second half", "BATADAL: part, its own labels"]
    assert [row[0] for row in tables[1].rows] == [row.answer for row in rows if row.file == "part"]
    assert "an alarm that is always on: S 0.750 with TNR 0.000" in tables[1].verdict
    assert all("0.970" in note for table in tables for note in table.notes)


def test_says_what_it_needs_where_there_is_no_clean_year(tmp_path: Path):
    with pytest.raises(LinkError, match="no clean year"):
        run(tmp_path, lambda _: None)
