"""S-24: several things at once, in one region, within an hour: cameras watched, the doors flooded, a panel opened."""

from __future__ import annotations

import numpy as np

from cityward.exercises.planning import joined, planned
from cityward.exercises.scenario import NotStaged, Plan, Scenario
from cityward.exercises.scenarios import find_scenarios
from cityward.exercises.scene import Scene

PARTS = ("S-05", "S-12", "S-09")
APART_S = 120.0  # the second attack begins before anybody is done with the first


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Its parts one shortly after the other; each has to be met as if it came alone."""
    known, seed = find_scenarios(), int(chance.integers(1 << 31))
    made = {name: planned(known[name], scene, seed) for name in PARTS if name in known}
    staged = {name: part for name, part in made.items() if isinstance(part, Plan)}
    if len(staged) < 2:
        why = "; ".join(part.why for part in made.values() if isinstance(part, NotStaged))
        return NotStaged(f"fewer than two of its parts can be tried here: {why or 'they are not there'}")
    return joined(staged, APART_S)


SCENARIO = Scenario(
    id="S-24",
    title="A regional crisis: cameras watched, doors flooded, a panel opened",
    source=(
        "A case that a national security service describes: sabotage, denial of service and the use of cameras "
        "against one region within an hour, so that each alone is too much"
    ),
    limits="What the parts do not show, this does not show either. That the same few people see to all is not measured.",
    plan=plan,
)
