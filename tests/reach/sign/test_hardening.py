"""What the city could do by itself, ranked by what it removes."""

from __future__ import annotations

from cityward.place.data import Access
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.sign.changes import added, without
from cityward.reach.sign.hardening import candidates, harden
from declarations import loaded

DOOR = Access(party="acme-group", target="cityward", modes=("read", "write"))
PLACE = added(loaded().place, "accesses", "door", DOOR)


def answers(place) -> tuple[int, int]:
    scenarios = [s for s in scenarios_of(place) if s != Node(Predicate.PARTY, place.responsible)]
    certain, possible = expose(compile_place(place), scenarios).counts
    return certain, certain + possible


def test_a_gain_is_what_doing_it_removes():
    gain = next(g for g in harden(PLACE).gains if g.control.path == "accesses.door")
    before, after = answers(PLACE), answers(without(PLACE, "accesses", "door"))
    assert (gain.certain, gain.altogether) == (before[0] - after[0], before[1] - after[1])
    assert gain.certain > 0


def test_the_best_comes_first_and_what_removes_nothing_is_left_out():
    gains = harden(PLACE).gains
    assert [g.certain for g in gains] == sorted((g.certain for g in gains), reverse=True)
    assert all(gain.certain or gain.altogether for gain in gains)


def test_nothing_is_taken_from_the_city_itself():
    ours = added(PLACE, "accesses", "ours", Access(party="council", target="cityward", modes=("read",)))
    assert "accesses.ours" not in {control.path for control in candidates(ours)}


def test_what_is_not_tried_is_counted():
    every = len(list(candidates(PLACE)))
    assert every > 1
    assert harden(PLACE, most=1).untried == every - 1


def test_a_need_that_hangs_on_one_thing_is_told_and_one_with_a_spare_is_not():
    assert harden(PLACE).spares == ()  # one of two lamps is enough
    text_needs_both = loaded_with_both()
    spares = harden(text_needs_both).spares
    assert {spare.told for spare in spares} == {
        "have something to take the place of lamps-01",
        "have something to take the place of lamps-02",
    }
    assert all(spare.functions == ("lit",) and spare.affected == 1200 for spare in spares)


def loaded_with_both():
    from declarations import town

    return loaded(
        town(("needs: [{of: [lamps-01, lamps-02], k: 1}]", "needs: [{of: [lamps-01, lamps-02], k: 2}]"))
    ).place
