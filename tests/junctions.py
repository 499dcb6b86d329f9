"""Junctions for tests: one to work out by hand, and any that `cityward check` would take."""

from __future__ import annotations

from itertools import combinations

import msgspec
from hypothesis import strategies as st

from cityward.place.checks.junction_times import _round, _Times
from cityward.place.junctions import Conflict, Junction, PlanStep, SignalGroup

CROSSING = Junction(
    device="signals-01",
    groups={
        "north": SignalGroup(max_red_s=120),
        "south": SignalGroup(max_red_s=120),
        "east": SignalGroup(max_red_s=120),
        "walk": SignalGroup(kind="pedestrian", amber_s=0, min_green_s=8, max_red_s=120),
    },
    conflicts=(
        Conflict(first="north", then="east"),
        Conflict(first="south", then="east", intergreen_s=5, back_s=6),
        Conflict(first="north", then="walk", intergreen_s=5, back_s=9),
        Conflict(first="south", then="walk", intergreen_s=5, back_s=9),
        Conflict(first="east", then="walk", intergreen_s=5, back_s=9),
    ),
    stages={"main": ("north", "south"), "north-only": ("north",), "side": ("east",), "walking": ("walk",)},
    plan=(
        PlanStep(stage="main", seconds=30),
        PlanStep(stage="side", seconds=25),
        PlanStep(stage="walking", seconds=20),
    ),
)
"""A road from north to south, one from the east, and one crossing for all pedestrians. Stages 0 to 3 in this order."""

_AMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 3.5])
_MORE = st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0])


@st.composite
def junctions(draw: st.DrawFn) -> Junction:
    """Any junction that holds together. Its longest reds are as short as they may be, or a little longer."""
    names = [f"g{n}" for n in range(draw(st.integers(2, 6)))]
    groups = {
        name: SignalGroup(
            kind=draw(st.sampled_from(["vehicle", "pedestrian"])),
            min_green_s=draw(st.sampled_from([0.0, 1.0, 4.5, 5.0, 8.0])),
            amber_s=draw(_AMBERS),
            max_red_s=600,
        )
        for name in names
    }
    pairs = [pair for pair in combinations(names, 2) if draw(st.booleans())]
    conflicts = tuple(
        Conflict(
            first=first,
            then=then,
            intergreen_s=groups[first].amber_s + draw(_MORE),
            back_s=groups[then].amber_s + draw(_MORE),
        )
        for first, then in pairs
    )
    stages = {
        f"s{nth}": _stage(name, draw(st.permutations(names)), {frozenset(pair) for pair in pairs}, draw(st.booleans()))
        for nth, name in enumerate(names)
    }
    order = draw(st.permutations(list(stages)))
    plan = tuple(PlanStep(stage=stage, seconds=float(draw(st.integers(22, 40)))) for stage in order)
    whole = Junction(
        device="signals-01", groups=groups, conflicts=conflicts, stages=stages, plan=plan, offset_s=draw(_MORE)
    )
    return with_longest_reds(whole, draw(st.sampled_from([0.0, 1.0, 20.0])))


def _stage(needed: str, names: list[str], pairs: set[frozenset[str]], alone: bool) -> tuple[str, ...]:
    """A group, and whom else it may go with."""
    found = [needed]
    for name in () if alone else names:
        if name not in found and not any(frozenset((name, other)) in pairs for other in found):
            found.append(name)
    return tuple(found)


def with_longest_reds(junction: Junction, more_s: float) -> Junction:
    """The junction with the shortest longest reds that can be kept, and so much more."""
    nothing = {name: msgspec.structs.replace(made, max_red_s=0) for name, made in junction.groups.items()}
    told = _round("", _Times(msgspec.structs.replace(junction, groups=nothing)))
    worst = {problem.path.split(".")[2]: float(problem.what.split()[-2]) for problem in told}
    groups = {
        name: msgspec.structs.replace(made, max_red_s=worst.get(name, 0.0) + more_s)
        for name, made in junction.groups.items()
    }
    return msgspec.structs.replace(junction, groups=groups)
