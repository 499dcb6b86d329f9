"""The clauses of a place that do not rest on an added record are those of the place without it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.reading.overlay import Changes
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.sign.cutting import SEPARABLE
from cityward.reach.sign.shared import only_adds, pair
from closed import answers

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"
CITY = load("place.yaml", lambda name: (FOLDER / name).read_bytes()).place
PATHS = [f"{kind}.{name}" for kind in sorted(SEPARABLE) for name in getattr(CITY, kind)]


def without(place: Place, *paths: str) -> Place:
    for path in paths:
        kind, _, name = path.partition(".")
        left = {known: record for known, record in getattr(place, kind).items() if known != name}
        place = msgspec.structs.replace(place, **{kind: left})
    return place


def brought_with(path: str) -> tuple[str, ...]:
    """A record, and the flows, accesses and functions that name it: what a proposal would bring with it."""
    kind, _, name = path.partition(".")
    flows = [f for f, flow in CITY.flows.items() if name in (flow.from_, flow.to, flow.agreement)]
    accesses = [a for a, access in CITY.accesses.items() if name in (access.target, access.party, access.agreement)]
    functions = [f for f, function in CITY.functions.items() if function.service == name]
    named = {"flows": flows, "accesses": accesses, "functions": functions}
    return (path, *(f"{other}.{one}" for other, ones in named.items() if other != kind for one in ones))


@pytest.mark.parametrize("kind", ["accesses", "agreements", "flows", "functions", "parties", "services", "systems"])
def test_leaving_the_lines_out_says_the_same_as_compiling_the_place_without_them(kind: str):
    scenarios = scenarios_of(CITY)
    looked_at = 0
    for path in (path for path in PATHS if path.startswith(f"{kind}.")):
        added = brought_with(path)
        changes, base = Changes(added=added), without(CITY, *added)
        if only_adds(CITY, changes) and not any(dangles(base, one) for one in added):
            before, _ = pair(base, CITY, changes, scenarios)
            assert answers(before.exposure) == answers(expose(compile_place(base), scenarios)), path
            looked_at += 1
    assert looked_at or kind == "parties", "nobody of the demo city is named by nothing else"


def dangles(place: Place, path: str) -> bool:
    """Whether something still names the record: then no proposal could have added it alone."""
    name = path.partition(".")[2].encode()
    return b'"' + name + b'"' in msgspec.json.encode(place)


def test_a_whole_supplier_can_be_the_proposal():
    added = (
        "parties.isobar-instruments",
        "agreements.isobar-calibration-2026",
        "systems.isobar-lab",
        "flows.air-to-calibration",
    )
    city = msgspec.structs.replace(
        CITY,
        device_models={
            name: msgspec.structs.replace(model, maker="doggerford-council")
            if model.maker == "isobar-instruments"
            else model
            for name, model in CITY.device_models.items()
        },
    )
    base = without(city, *added)
    changes = Changes(added=added)
    assert only_adds(city, changes)
    scenarios = scenarios_of(city)
    before, after = pair(base, city, changes, scenarios)
    assert answers(before.exposure) == answers(expose(compile_place(base), scenarios))
    assert answers(after.exposure) == answers(expose(compile_place(city), scenarios))


@pytest.mark.parametrize(
    "changes",
    [
        Changes(added=("keys.backup-key",)),
        Changes(replaced=("accesses.lamps-remote",)),
        Changes(removed=("accesses.lamps-remote",)),
        Changes(added=("flows.backup-cloud",)),  # its dataset is sealed
        Changes(added=("instruments.xa-cooperation-act",)),
    ],
)
def test_what_may_change_other_clauses_is_compiled_twice(changes: Changes):
    assert not only_adds(CITY, changes)
