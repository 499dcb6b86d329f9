"""The clauses of a place that do not rest on an added record are those of the place without it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.reading.overlay import Changes
from cityward.reach.exposure.answers import Bound, Exposure, expose, items_of, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import Asked
from cityward.reach.rules.why import derivation_of
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


def test_the_place_as_it_is_gives_no_reason_that_the_proposal_brings():
    scenarios = scenarios_of(CITY)
    told = 0
    for path in (path for path in PATHS if path.startswith(("flows.", "accesses."))):
        changes = Changes(added=(path,))
        if not only_adds(CITY, changes):
            continue
        before, _ = pair(without(CITY, path), CITY, changes, scenarios)
        standing = Standing(without(CITY, path), date(2026, 8, 1), scenarios, lambda before=before: before)
        for asked in touched_by(path, before.exposure):
            derivation = derivation_of(standing, asked)
            assert derivation is not None
            lines = [line for step in derivation.steps for line in before.exposure.model.paths_of(step.clause)]
            assert not any(line == path or line.startswith(f"{path}.") for line in lines)
            told += 1
    assert told


def touched_by(path: str, exposure: Exposure) -> list[Asked]:
    """Some answers that hold without a record about what it leads to."""
    kind, _, name = path.partition(".")
    record = getattr(CITY, kind)[name]
    about = set(getattr(record, "datasets", ())) | {getattr(record, "target", "")}
    items = [node for node in items_of(exposure) if node.subject in about]
    return [Asked(who, item, Bound.POSSIBLE) for item in items for who in exposure.who(item, Bound.POSSIBLE)[:3]]
