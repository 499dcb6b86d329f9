"""What may be open to anybody."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.release import Posture
from cityward.place.services import Purpose
from cityward.policy.opened import closed_because
from places import tiny_place

OPEN = {"from_": "cityward", "to": "riders", "datasets": ("times",), "purpose": "open-data", "protocol": "http"}


def town(flow: dict[str, Any] | None = None, dataset: dict[str, Any] | None = None, **postures: Posture) -> Place:
    carried = Flow(**{**OPEN, "observability": Observability.ENFORCED, **(flow or {})})
    times = Dataset(**{"personal": False, "sensitivity": "public", "retention_days": 1, **(dataset or {})})
    base = tiny_place()
    return replace(
        base,
        flows={**base.flows, "times-out": carried},
        datasets={**base.datasets, "times": times},
        purposes={**base.purposes, "open-data": Purpose()},
        postures=postures,
    )


def test_public_times_by_a_declared_flow_are_open():
    assert closed_because(town(), "times-out", ()) == ()


@pytest.mark.parametrize(
    ("place", "flow"),
    [
        (town(), None),
        (town(), "no-such-flow"),
        (town({"observability": Observability.IMPORTED}), "times-out"),
        (town({"from_": "council"}), "times-out"),
        (town(dataset={"personal": True}), "times-out"),
        (town(dataset={"sensitivity": "internal"}), "times-out"),
        (town({"datasets": ("times", "never-declared")}), "times-out"),
    ],
    ids=["no-flow", "undeclared", "not-enforced", "not-from-here", "personal", "internal", "unknown-dataset"],
)
def test_all_else_is_closed(place: Place, flow: str | None):
    assert closed_because(place, flow, ())


@pytest.mark.parametrize(
    "posture",
    [
        Posture(stop_purposes=("open-data",), by=("x",)),
        Posture(stop_datasets=("times",), by=("x",)),
        Posture(stop_sensitivity=("public",), by=("x",)),
        Posture(stop_parties=("riders",), by=("x",)),
    ],
    ids=["purpose", "dataset", "sensitivity", "party"],
)
def test_a_posture_in_force_closes_it_and_one_that_is_not_does_not(posture: Posture):
    place = town(crisis=posture)
    assert closed_because(place, "times-out", ()) == ()
    assert closed_because(place, "times-out", ("crisis",)) == ("posture `crisis` is in force",)


@pytest.mark.parametrize(
    "posture",
    [Posture(stop_datasets=("counts",), by=("x",)), Posture(stop_sensitivity=("restricted",), by=("x",))],
    ids=["dataset", "sensitivity"],
)
def test_a_posture_on_what_it_is_made_of_closes_it_too(posture: Posture):
    base = town(crisis=posture)
    counts = Dataset(personal=False, sensitivity="restricted", retention_days=1)
    place = replace(base, datasets={**base.datasets, "counts": counts})
    assert closed_because(place, "times-out", ("crisis",)) == ()
    assert closed_because(place, "times-out", (), ("counts",)) == ()
    assert closed_because(place, "times-out", ("crisis",), ("counts",)) == ("posture `crisis` is in force",)


def test_a_posture_that_nobody_declared_closes_everything():
    assert closed_because(town(), "times-out", ("forgotten",))
