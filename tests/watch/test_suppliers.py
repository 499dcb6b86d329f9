"""Who answers for what an incident is about: by what is declared and agreed, and nobody else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cityward.compose.places import load_place
from cityward.watch.suppliers import Suppliers

PLACE = load_place(Path(__file__).parents[2] / "examples" / "doggerford").place
DAY = date(2026, 6, 1)


def told(*subjects: str, day: date = DAY) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {one.party: (one.ties, one.agreements) for one in Suppliers(PLACE, day).of(subjects)}


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        ("quay-street-lamps-03", {"northlight": (("maker",), ("northlight-supply-2026",))}),  # a unit, by its group
        ("quay-bins-01", {  # one that made it and one that runs it, one agreement with both
            "binwise": (("maker",), ("greycask-collection-2025",)),
            "greycask": (("operator",), ("greycask-collection-2025",)),
        }),
        ("tide-gauges-01", {  # the calibration of the council's gauges is not agreed for the harbour's
            "harbour-authority": (("owner", "operator"), ("harbour-sharing-2025",)),
            "isobar-instruments": (("maker",), ()),
        }),
        ("quay-heat-sensors-01", {"isobar-instruments": ((), ("isobar-calibration-2026",))}),  # the city made them itself
        ("system:video-management", {"halden-optics": (("maintainer",), ("halden-supply-2024",))}),
        ("works-van-01", {}),  # the city's own
        ("198.51.100.7", {}),  # a stranger
    ],
)  # fmt: skip
def test_by_ties_and_by_agreements(subject: str, wanted: dict[str, object]) -> None:
    assert told(subject) == wanted


def test_what_several_subjects_have_is_laid_together() -> None:
    assert list(told("quay-bins-01", "quay-street-lamps-01", "ring-road-loops-01")) == [
        "binwise", "greycask", "northlight", "tessel-systems"
    ]  # fmt: skip


def test_an_agreement_that_ended_or_has_not_begun_is_not_told() -> None:
    assert told("quay-street-lamps-01", day=date(2032, 1, 1)) == {"northlight": (("maker",), ())}
    assert told("quay-street-lamps-01", day=date(2025, 12, 31)) == {"northlight": (("maker",), ())}
