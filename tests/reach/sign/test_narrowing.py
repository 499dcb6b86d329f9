"""Trying a change by leaving clauses out says what compiling the place with the change says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cityward.place.data import Access, Flow, Key
from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.parties import Agreement
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.sign.changes import Change, added, candidates, changed, without
from cityward.reach.sign.cutting import Cutting
from cityward.reach.sign.hardening import candidates as controls
from cityward.reach.sign.narrowing import Trying, narrowing
from closed import answers
from declarations import loaded

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"
CITY = load("place.yaml", lambda name: (FOLDER / name).read_bytes()).place
EVERY = tuple(
    f"{kind}.{name}"
    for kind in ("accesses", "agreements", "parties", "systems", "devices", "keys", "flows")
    for name in getattr(CITY, kind)
)


def applied(place: Place, chosen: tuple[Change, ...]) -> Place:
    for change in chosen:
        place = change.apply(place)
    return place


def tried(place: Place, sets: list[tuple[Change, ...]], offered: list[Change]) -> int:
    """How many of these sets of changes are tried by leaving clauses out; each says what compiling says."""
    cutting, scenarios = Cutting(place), scenarios_of(place)
    alone = (narrowing(place, change.apply(place), cutting) for change in offered)
    trying = Trying(compile_place(place), [one for one in alone if one is not None])
    count = 0
    for chosen in sets:
        after = applied(place, chosen)
        narrowed = narrowing(place, after, cutting)
        enabled = trying.clauses(narrowed) if narrowed is not None else None
        if enabled is not None:
            short = trying.exposed(scenarios, enabled)
            assert answers(short) == answers(expose(compile_place(after), scenarios)), [c.told for c in chosen]
            count += 1
    return count


def test_every_single_change_of_every_record_of_the_demo_city():
    offered = candidates(CITY, CITY, EVERY)
    assert tried(CITY, [(change,) for change in offered], offered) > len(offered) / 3


def test_what_the_city_could_do_by_itself():
    offered = [Change(c.told, c.path, 1, c.apply) for c in controls(CITY) if c.apply is not None]
    assert tried(CITY, [(change,) for change in offered], offered) > len(offered) / 2


@pytest.mark.parametrize("seed", range(4))
def test_sets_of_changes_of_random_small_proposals(seed: int):
    dice = random.Random(seed)
    place = proposal(dice)
    some = (path for path in EVERY if dice.random() < 0.2)
    paths = (*some, "accesses.new", "flows.new", "agreements.new", "keys.new")
    offered = candidates(CITY, place, paths)
    sets = [tuple(dice.sample(offered, dice.choice((1, 2, 2, 3)))) for _ in range(40)]
    assert tried(place, sets, offered) > 4


def proposal(dice: random.Random) -> Place:
    """The demo city with an access, a flow, an agreement and a key that nobody would sign."""
    thing = dice.choice([*CITY.systems, *CITY.devices, *CITY.datasets])
    modes = tuple(
        dice.sample(["read", "write", "command", "update", "physical", "support", "billing"], dice.randint(1, 4))
    )
    seats = dice.choice(["unknown", ("xa", "gb"), ("xc",), ("civic-dc", "xb"), ()])
    party = dice.choice(list(CITY.parties))
    place = added(CITY, "agreements", "new", Agreement(kind="supply", parties=(CITY.responsible, party)))
    door = Access(party=party, target=thing, modes=modes, from_places=seats, standing=True, agreement="new")
    place = added(place, "accesses", "new", door)
    ends = dice.sample([*CITY.systems, *CITY.parties], 2)
    flow = Flow(
        from_=ends[0],
        to=ends[1],
        datasets=tuple(dice.sample(list(CITY.datasets), 2)),
        purpose=next(iter(CITY.purposes)),
        protocol="http",
        protection=dice.choice(["none", "unknown", "tls"]),
        route=dice.choice(["unknown", ("xa", party), ("gb",), ()]),
        agreement="new",
        observability="imported",
    )
    place = added(place, "flows", "new", flow)
    kind = dice.choice(["at-rest", "end-to-end", "signing", "in-transit"])
    return added(place, "keys", "new", Key(holder=party, protects=(dice.choice(list(CITY.systems)),), kind=kind))


def test_a_mode_that_another_gives_too_is_compiled():
    door = Access(party="acme-group", target="cityward", modes=("read", "support"))
    place = added(loaded().place, "accesses", "door", door)
    cutting = Cutting(place)
    assert narrowing(place, changed(place, "accesses", "door", modes=("read",)), cutting) is None


def test_an_access_to_a_member_that_nobody_else_names_is_compiled():
    door = Access(party="acme-group", target="lamps-02", modes=("read",))
    place = added(loaded().place, "accesses", "door", door)
    assert narrowing(place, without(place, "accesses", "door"), Cutting(place)) is None


def test_a_key_more_is_compiled():
    place = loaded().place
    after = added(place, "keys", "ours", Key(holder="council", protects=("cityward",), kind="at-rest"))
    assert narrowing(place, after, Cutting(place)) is None


def test_links_that_were_not_foreseen_are_compiled():
    change = next(c for c in candidates(CITY, CITY, EVERY) if c.path.endswith(".from_places"))
    narrowed = narrowing(CITY, change.apply(CITY), Cutting(CITY))
    assert narrowed is not None and narrowed.links
    assert Trying(compile_place(CITY), ()).clauses(narrowed) is None
