"""What a step in level is told by: numbers that agree with each other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cityward.watch.contract import Phase
from cityward.watch.detectors.step_bias import DETECTOR
from watch.samples import play, read_sample, samples_of

SAMPLES = samples_of("step-bias", "attack-")


@pytest.mark.parametrize("path", SAMPLES, ids=[path.name for path in SAMPLES])
def test_what_is_told_of_a_step_agrees_in_amount_unit_and_time(path):
    told = [sign for sign in play(DETECTOR, read_sample(path)) if sign.phase is not Phase.ENDED]
    assert told
    for sign in told:
        amounts, units = {}, set()
        for name in ("step", "seen on average", "expected"):
            number, unit = sign.facts[name].split(" ")
            amounts[name] = Decimal(number)
            units.add(unit)
        assert amounts["seen on average"] - amounts["expected"] == amounts["step"] != 0
        assert len(units) == 1
        assert sign.facts["over"] == f"{(sign.at - sign.began_at) / 3_600_000_000:.3g} h"


def test_an_end_adds_nothing_to_what_was_told():
    ends = [s for path in SAMPLES for s in play(DETECTOR, read_sample(path)) if s.phase is Phase.ENDED]
    assert all(not sign.facts for sign in ends)
