"""Under which law a party stands: the demo's answers worked out by hand, and the plain engine's on random places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cityward.compose.places import load_place
from cityward.place.model import Place
from cityward.reach.effective import Ground, Lands, lands_in, lands_of, laws_over
from cityward.reach.exposure.answers import Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from reach.exposure.oracle import CERTAIN, POSSIBLE, Oracle
from reach.exposure.random_places import random_place

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"
TELLING = ("disclose", "intercept", "assist")


@pytest.fixture(scope="module")
def demo() -> Place:
    return load_place(FOLDER).place


@pytest.mark.parametrize(
    ("party", "certain", "possible"),
    [
        pytest.param("doggerford-council", {"gb"}, set[str](), id="where it is incorporated"),
        pytest.param("dogger-police", {"gb"}, set[str](), id="a branch alone is no power"),
        pytest.param("northlight", {"gb", "xa"}, set[str](), id="a parent with 60 % of the votes, of which a state holds 51 %"),
        pytest.param("fathom-cloud", {"gb", "xb"}, set[str](), id="a parent, though its law there is no instrument"),
        pytest.param("meridian-telecom", {"no"}, set[str](), id="a minority of 30 % is no control"),
        pytest.param("dogger-grid", {"no"}, set[str](), id="nor one of 40 %"),
        pytest.param("tessel-systems", {"xb"}, set[str](), id="an order to stop tells nobody anything"),
        pytest.param("halden-optics", {"xa"}, {"gb", "no", "xb", "xc", "outer-compact"}, id="nobody knows who owns it"),
    ],
)  # fmt: skip
def test_the_parties_of_the_demo_stand_under_these_laws(demo: Place, party: str, certain: set[str], possible: set[str]):
    assert lands_of(demo)[party] == (frozenset(certain), frozenset(possible))


def test_a_closure_that_is_there_already_says_the_same(demo: Place):
    assert lands_in(expose(compile_place(demo), scenarios_of(demo)), demo) == lands_of(demo)


def by_the_oracle(place: Place) -> Lands:
    """As the docstring of `reach.effective` has it, from the plain engine.

    By law: who acts so as to tell under `law-party(J)`. By home: who acts under `nexus-party(J)` in a place of the same parties
    and stakes, with no instruments, branches and blocs.
    """
    flat = {name: replace(land, members=(), parent=None) for name, land in place.jurisdictions.items()}
    homes = {name: replace(party, presence=()) for name, party in place.parties.items()}
    bare = Place(
        place="x", name="X", position=(0.0, 0.0), responsible=place.responsible, parties=homes, jurisdictions=flat
    )
    law, home = Oracle(place), Oracle(bare)

    def over(party: str, bound: str) -> Iterator[str]:
        for land in place.jurisdictions:
            compelled = any((("law-party", land, ""), bound) in law.holds["acts", party, use] for use in TELLING)
            if compelled or (("nexus-party", land, ""), bound) in home.holds["acts", party, "disclose"]:
                yield land

    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for party in place.parties:
        certain = frozenset(over(party, CERTAIN))
        found[party] = certain, frozenset(over(party, POSSIBLE)) - certain
    return found


def test_the_plain_engine_says_the_same_of_random_places():
    certain = possible = 0
    for seed in range(200):
        place = random_place(seed)
        found = lands_of(place)
        assert found == by_the_oracle(place), seed
        certain += sum(len(sure) for sure, _ in found.values())
        possible += sum(len(perhaps) for _, perhaps in found.values())
    assert certain > 500
    assert possible > 500


# --- why


def closed(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


def test_every_law_that_counts_has_a_ground_and_no_other_is_told():
    for seed in range(40):
        place = random_place(seed)
        exposure = closed(place)
        for party, (certain, possible) in lands_in(exposure, place).items():
            laws = laws_over(exposure, place, party)
            assert {law.jurisdiction for law in laws if law.certain} == certain
            assert {law.jurisdiction for law in laws if not law.certain} == possible
            assert all(law.grounds for law in laws)


def test_the_grounds_are_those_a_person_would_name(demo: Place):
    exposure = closed(demo)
    home, parent = laws_over(exposure, demo, "northlight")
    assert home.grounds == (Ground("`northlight` is incorporated in `gb`", "parties.northlight.incorporated_in"),)
    assert parent.jurisdiction == "xa"
    assert parent.grounds == (
        Ground("`northlight` is held from `xa`", "parties.northlight.owners"),
        Ground("instrument `xa-cooperation-act` reaches `northlight`", "instruments.xa-cooperation-act.addressees"),
    )
    state = {law.jurisdiction: law for law in laws_over(exposure, demo, "corvane-holding")}["xa"]
    assert len(state.grounds) == 3  # at home there, held by the state there, and addressed by the act
    (_, *others) = (law for law in laws_over(exposure, demo, "halden-optics") if not law.certain)
    assert Ground("`halden-optics` may be held from `no`", "parties.halden-optics.owners") in others[0].grounds
