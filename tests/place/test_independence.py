"""Independent sources: the exact number, against trying every set."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from cityward.place.independence import MOST_QUORUM, Traits, are_independent, independent, independent_of, traits_of
from cityward.place.model import Place
from cityward.place.registry import number
from cityward.place.things import Device, DeviceModel

names = st.sampled_from(["a", "b", "c", "d", None])
sources = st.lists(st.builds(Traits, names, names, names), max_size=8)


def by_trying(of: list[Traits]) -> int:
    """The size of the largest set in which every two are independent."""
    sizes = range(len(of), 0, -1)
    return next((n for n in sizes for some in combinations(of, n) if _all_independent(some)), 0)


def _all_independent(some: tuple[Traits, ...]) -> bool:
    return all(are_independent(a, b) for a, b in combinations(some, 2))


@given(sources, st.integers(1, MOST_QUORUM))
def test_the_number_is_exact_up_to_what_is_asked_for(of: list[Traits], enough: int):
    assert independent(of, enough) == min(enough, by_trying(of))


@given(sources)
def test_fewer_sources_are_never_more_independent(of: list[Traits]):
    assert all(independent(of[:n]) <= independent(of) for n in range(len(of)))


def test_taking_what_comes_first_would_not_do():
    # the first stands in the way of the other two
    greedy = [Traits("a", "x", "1"), Traits("a", "y", "2"), Traits("b", "x", "3")]
    assert independent(greedy) == 2


def test_what_is_not_known_is_not_known_to_differ():
    assert not are_independent(Traits("a", "x", None), Traits("b", "y", "1"))
    assert independent([Traits(None, None, None)]) == 1


def test_traits_are_the_declared_owner_maker_and_zone():
    place = Place(
        place="t", name="T", position=(2.0, 55.0), responsible="c",
        device_models={"loop": DeviceModel(maker="acme"), "odd": DeviceModel(maker="unknown")},
        devices={
            "loops": Device(model="loop", site="s", zone="street", owner="c", positions=((2.0, 55.0), (2.1, 55.0))),
            "odd": Device(model="odd", site="s", owner="unknown"),
        },
    )  # fmt: skip
    traits = traits_of(place, number(place))
    assert traits == {
        "loops-01": Traits("c", "acme", "street"),
        "loops-02": Traits("c", "acme", "street"),
        "odd": Traits(None, None, None),
    }


def test_who_copies_two_sources_makes_each_one_with_itself_and_not_with_the_other():
    named = {"copy": Traits("a", "x", "1"), "north": Traits("b", "y", "2"), "south": Traits("c", "z", "3")}
    pairs = {frozenset({"copy", "north"}), frozenset({"copy", "south"})}
    assert independent_of(named, ()) == 3
    assert independent_of(named, pairs) == 2


@given(
    st.lists(st.builds(Traits, names, names, names), max_size=6),
    st.sets(st.frozensets(st.integers(0, 5), max_size=3), max_size=4),
)
def test_pairs_that_are_one_only_take_away(of: list[Traits], pairs: set[frozenset[int]]):
    named = {str(n): traits_ for n, traits_ in enumerate(of)}
    one = [frozenset(map(str, pair)) for pair in pairs]
    assert independent_of(named, ()) == independent(of)
    assert independent_of(named, one) <= independent_of(named, one[:-1])
