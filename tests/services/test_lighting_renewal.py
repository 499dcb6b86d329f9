"""Constant light output: what lamps give too much while they are new is not lit."""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import Any

import pytest

from cityward.services.lighting.renewal import factor_now
from cityward.services.lighting.settings import Installation
from cityward.time import DAY, to_us
from services.test_lighting_classes import STREET, Night


def lamps_renewed(on: str, years: float = 6) -> dict[str, Any]:
    return {**STREET["installation"], "renewed": date.fromisoformat(on), "renewal_years": years}


@pytest.mark.parametrize(
    ("renewed", "level"),
    [
        ("2024-01-10", 65),  # new: 1 of 1.5625 cd/m2 is 64 %, and what is left at the end of the day is a little less
        ("2021-01-10", 72),  # half way: 0.9 of it is left, 71.1 %
        ("2018-01-10", 80),  # the last days of six years
        ("2001-01-01", 80),  # long over: never less than the maintenance factor, nor more light reckoned with
        ("2024-03-01", 80),  # not yet renewed
    ],
)
def test_what_new_lamps_give_too_much_is_not_lit(renewed: str, level: float):
    night = Night(installation=lamps_renewed(renewed)).sees(count=100)
    assert night.level() == level


def test_a_command_says_what_was_reckoned_with_and_a_plain_street_says_nothing_of_it():
    renewed, plain = Night(installation=lamps_renewed("2021-01-10")).sees(count=100), Night().sees(count=100)
    renewed.turn()
    plain.turn()
    assert renewed.commanded["lamp-01"].cause["light_left"] == "0.900 of new"
    assert "light_left" not in plain.commanded["lamp-01"].cause


@pytest.mark.parametrize(("renewed", "overdue"), [("2018-01-08", True), ("2018-01-12", False), ("2024-01-01", False)])
def test_lamps_that_ought_to_have_been_renewed_are_told(renewed: str, overdue: bool):
    notices = Night(installation=lamps_renewed(renewed)).sees(count=100).turn().notices
    assert [one.subject for one in notices if one.id == "overdue-quay"] == ["lamp-01"] * overdue


def test_the_factor_never_rises_with_age_and_stays_within_what_is_left_at_any_moment():
    chance = random.Random(5)
    for _ in range(2_000):
        years, factor = chance.uniform(0.25, 25), chance.uniform(0.3, 1)
        lamps = Installation(maintenance_factor=factor, renewed=date(2020, 1, 1), renewal_years=years)
        begin = to_us(datetime.fromisoformat("2020-01-01T00:00+00:00"))
        at = begin + round(chance.uniform(0, 30) * 365.25 * DAY)
        left = 1 - (1 - factor) * min(1.0, (at - begin) / (years * 365.25 * DAY))
        assert factor <= factor_now(lamps, at) <= left + 1e-12
        assert factor_now(lamps, at + DAY) <= factor_now(lamps, at)
