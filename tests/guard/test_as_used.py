"""A receipt tells the numbers that the gate went by, not only those that were asked for."""

from __future__ import annotations

import pytest

from cityward.guard.layout import as_used
from cityward.place.release import Aggregate, Form
from cityward.policy.forms import words_of


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Form(), {}),
        # an hour and a half is three hours; cells settle for a quarter of an hour
        (
            Form(aggregate=Aggregate(least=5, period_s=5400), coarsen_place_m=300),
            {"aggregate": "cells of 5 devices or more, 10800 s", "delay": "nothing younger than 900 s"},
        ),
        (Form(aggregate=Aggregate(least=5), delay_s=3600), {"aggregate": "cells of 5 devices or more, 3600 s",
                                                            "delay": "nothing younger than 3600 s"}),
        (Form(coarsen_time_s=400, coarsen_place_m=300), {"coarsen_time": "times to 900 s",
                                                         "coarsen_place": "places to squares of 512 m"}),
        (Form(pseudonymise=True), {"pseudonymise": "devices by a name that changes every 28 days"}),
        # a name would change within a step of eight weeks: no name is told
        (Form(pseudonymise=True, coarsen_time_s=40 * 86_400), {"coarsen_time": "times to 4838400 s",
                                                               "drop": "without device"}),
        (Form(delay_s=61, watermark=True), {"delay": "nothing younger than 61 s", "watermark": "each copy tells whose it is"}),
    ],
)  # fmt: skip
def test_what_is_told_of_a_form_is_what_the_gate_does(asked: Form, said: dict[str, str]):
    assert words_of(as_used(asked)) == said
    assert as_used(as_used(asked)) == as_used(asked)
