"""Texts that commands share: lines, numbers and hours."""

from __future__ import annotations

import pytest

from cityward.cli.phrases import counted, filled, hours, listed, since, width


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "at once"),
        (1e-300, "within a minute"),
        (1 / 60, "after 1 minute"),
        (0.25, "after 15 minutes"),
        (59.9 / 60, "after 1 h"),
        (2, "after 2 h"),
        (10.25, "after 10.2 h"),
        (48, "after 2 days"),
        (74, "after 3.1 days"),
        (245, "after 10.2 days"),
        (24_000_000, "after 1,000,000 days"),
    ],
)
def test_a_time_is_told_in_a_unit_a_person_would_use(number: float, said: str) -> None:
    assert hours(number) == said


def test_an_hour_since_is_told_to_one_decimal() -> None:
    assert (since(0), since(3.08333)) == ("since hour 0", "since hour 3.1")


@pytest.mark.parametrize(("columns", "filling"), [("40", 80), ("100", 100), ("300", 118)])
def test_lines_are_as_wide_as_the_terminal_within_reason(
    monkeypatch: pytest.MonkeyPatch, columns: str, filling: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width() == filling
    assert max(map(len, filled("word " * 100, "- ", "  ").splitlines())) in range(filling - 4, filling + 1)


def test_a_path_that_is_wider_than_a_line_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = f"systems.{'a' * 100}.needs[0]"
    assert path in filled(f"it rests on {path}, and more").splitlines()[1]


def test_the_rest_of_a_long_list_is_counted() -> None:
    assert listed(["a", "b", "a", "c"], 2) == "a, b and 1 more"


def test_one_is_told_in_the_singular() -> None:
    assert (counted(1, "data chain"), counted(2000, "data chain")) == ("1 data chain", "2,000 data chains")
