"""Two exposures for little more than the price of one: of a place with a proposal, and of the place without it.

Most proposals only add. Then the clauses of the place as it is are those of the proposed place that rest on none of the added
lines, and one compiling serves both. Where that is not so (something is replaced or removed, a key is added, a dataset loses its
origin), both are compiled.

INVARIANT: what `pair` gives for the place as it is says the same as compiling it (a test leaves out records of the demo city).
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.place.model import Place
from cityward.place.reading.overlay import Changes
from cityward.reach.exposure.answers import Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.rules.standing import Closed
from cityward.reach.sign.cutting import Cutting, Lines

NOBODY = Node(Predicate.PARTY, "")


def pair(base: Place, proposed: Place, changes: Changes, scenarios: Sequence[Node]) -> tuple[Closed, Closed]:
    """(the base, the proposed place), closed for the same scenarios.

    Args:
        base: the records valid on the day.
        proposed: likewise, with the proposal.
        changes: what the proposal does.
    """
    model = compile_place(proposed)
    after = Closed(expose(model, scenarios))
    if not only_adds(proposed, changes):
        return Closed(expose(compile_place(base), scenarios)), after
    known = [scenario if _is_in(base, scenario) else NOBODY for scenario in scenarios]
    enabled = Lines(model).without(changes.added)
    found = expose(model, known, enabled)
    return Closed(Exposure(model, found.plan, tuple(scenarios), found.lower, found.upper), enabled), after


def only_adds(proposed: Place, changes: Changes) -> bool:
    """Whether leaving out the added lines is the place as it is."""
    cutting = Cutting(proposed)
    added = (path.partition(".") for path in changes.added)
    return not (changes.replaced or changes.removed) and all(cutting.separable(kind, name) for kind, _, name in added)


def _is_in(place: Place, scenario: Node) -> bool:
    return scenario.subject in (place.parties if scenario.predicate is Predicate.PARTY else place.jurisdictions)
