"""The lines that a reason cites are all that the answer rests on: from a declaration with nothing else in it, it follows too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cityward.compose.places import load_place
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import members
from cityward.reach.exposure.answers import Bound, Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.derive import Derivation, derive
from cityward.reach.exposure.nodes import Node, Rule

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"
EVERY = 11  # of some 5,600 answers: enough to meet every rule that Doggerford uses

NAMED = frozenset({"jurisdictions", "areas", "zones", "purposes", "datasets", "agreements", "conduits", "rules"})
"""Kinds whose records are kept whole: they are names, or their absence is the weaker reading."""
OPEN = frozenset({"site", "operator", "owner", "incorporated_in", "jurisdiction", "holder"})
"""Required fields that may be `unknown`."""
LISTS = frozenset({"powers", "addressees", "datasets", "modes", "protects"})
"""Required fields that may be empty."""


@pytest.fixture(scope="module")
def place() -> Place:
    return load_place(FOLDER / "place.yaml").place


@pytest.fixture(scope="module")
def exposure(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


@pytest.mark.parametrize("bound", Bound)
def test_no_rule_leaves_out_a_line(place: Place, exposure: Exposure, bound: Bound):
    units = {unit for name, device in place.devices.items() for unit, _, _ in members(name, device)}
    said = [(scenario, node) for scenario in exposure.scenarios for node in exposure.reached(scenario, bound)]
    asked = [(scenario, node) for scenario, node in said[::EVERY] if node.subject not in units - place.devices.keys()]
    broken = {rule for scenario, node in asked if (rule := first_broken(place, exposure, bound, scenario, node))}
    assert asked
    assert not broken


def first_broken(place: Place, exposure: Exposure, bound: Bound, scenario: Node, node: Node) -> Rule | None:
    """The rule of the first step that no longer follows from the cited lines alone; None where the answer follows."""
    model = exposure.model
    enabled = model.clauses.certain if bound is Bound.CERTAIN else None
    found = derive(model, model.nodes.number[scenario], model.nodes.number[node], enabled)
    assert found is not None
    again = expose(compile_place(cited_only(place, exposure, scenario, found)), [scenario])
    steps = [step for step in found.steps if not again.holds(bound, scenario, model.nodes.known[step.head])]
    return model.rule_of(steps[0].clause) if steps else None


def cited_only(place: Place, exposure: Exposure, scenario: Node, found: Derivation) -> Place:
    """The place with the cited records and what the steps are about; of these only the cited fields."""
    model = exposure.model
    lines = {line for step in found.steps for line in model.paths_of(step.clause)}
    about = {scenario.subject, *(model.nodes.known[step.head].subject for step in found.steps)}
    kinds: dict[str, Any] = {}
    for field in msgspec.structs.fields(place):
        records = getattr(place, field.name)
        if isinstance(records, dict) and field.name not in NAMED:
            kept = {name for name in records if name in about or cited(lines, f"{field.name}.{name}")}
            kinds[field.name] = {name: bare(records[name], f"{field.name}.{name}", lines) for name in sorted(kept)}
    return msgspec.structs.replace(place, **kinds)


def cited(lines: set[str], path: str) -> set[str]:
    """What of a record is cited: its fields, or `""` for the record as a whole."""
    return {
        re.split(r"[.\[]", line[len(path) + 1 :])[0] for line in lines if line == path or line.startswith(f"{path}.")
    }


def bare(record: Any, path: str, lines: set[str]) -> Any:
    """A record without the fields that are not cited."""
    kept = cited(lines, path)
    blank: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        if field.encode_name in kept or "" in kept:
            continue
        if not field.required:
            made = field.default_factory is not msgspec.NODEFAULT
            blank[field.name] = field.default_factory() if made else field.default
        elif field.name in OPEN:
            blank[field.name] = UNKNOWN
        elif field.name in LISTS:
            blank[field.name] = ()
        elif field.name == "model":
            blank[field.name] = "none"
    return msgspec.structs.replace(record, **blank)
