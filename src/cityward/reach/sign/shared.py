"""Two exposures for little more than the price of one: of a place with a proposal, and of the place without it.

Most proposals only add. Then the clauses of the place as it is are those of the proposed place that rest on none of the added
lines, and one compiling serves both. Where that is not so (something is replaced or removed, a key is added, a dataset loses its
origin), both are compiled.

INVARIANT: what `pair` gives for the place as it is says the same as compiling it (a test leaves out records of the demo city).
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.place.model import Place
from cityward.place.overlay import Changes
from cityward.reach.exposure.answers import Exposure, expose, left_without
from cityward.reach.exposure.clauses import Model
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.data import keys_of
from cityward.reach.exposure.nodes import ITEMS, Node, Predicate

ADDABLE = frozenset(
    {
        "accesses", "agreements", "areas", "conduits", "datasets", "flows", "functions", "parties", "purposes", "services",
        "sites", "systems", "zones",
    }
)  # fmt: skip
"""Kinds whose clauses all name their own lines, and change those of no other record, but for what `only_adds` looks for."""

NOBODY = Node(Predicate.PARTY, "")


def pair(base: Place, proposed: Place, changes: Changes, scenarios: Sequence[Node]) -> tuple[Exposure, Exposure]:
    """(exposure of the base, of the proposed place), closed for the same scenarios.

    Args:
        base: the records valid on the day.
        proposed: likewise, with the proposal.
        changes: what the proposal does.
    """
    model = compile_place(proposed)
    after = expose(model, scenarios)
    if not only_adds(base, proposed, changes):
        return expose(compile_place(base), scenarios), after
    known = [scenario if _is_in(base, scenario) else NOBODY for scenario in scenarios]
    before = expose(model, known, left_without(model, changes.added))
    gone = _about(model, {path.partition(".")[2] for path in changes.added})
    before.lower[gone] = before.upper[gone] = 0  # a thing that is not there: by its site's line alone it would be
    return Exposure(model, before.plan, tuple(scenarios), before.lower, before.upper), after


def _about(model: Model, names: set[str]) -> list[int]:
    return [i for i, node in enumerate(model.nodes.known) if node.subject in names and node.predicate in ITEMS]


def only_adds(base: Place, proposed: Place, changes: Changes) -> bool:
    """Whether leaving out the added lines is the place as it is."""
    if changes.replaced or changes.removed or any(path.partition(".")[0] not in ADDABLE for path in changes.added):
        return False
    keys = keys_of(proposed)
    things = proposed.systems.keys() | proposed.devices.keys() | proposed.datasets.keys() | proposed.parties.keys()
    for kind, _, name in (path.partition(".") for path in changes.added):
        record = getattr(proposed, kind).get(name)
        if kind == "accesses" and record is not None and record.target not in things:
            return False  # a member of a group is named, perhaps for the first time
        if kind == "flows" and record is not None:
            sealed = any(keys.of(seal, dataset) for seal in ("end-to-end", "signing") for dataset in record.datasets)
            if sealed or not {record.from_, record.to} <= things:
                return False  # where a sealed dataset is newly brought, it is no longer made: its seals count
        if kind in ("systems", "functions", "services") and record is not None and not _named(record) <= _all(proposed):
            return False
    return True


def _named(record: object) -> set[str]:
    needs = {name for need in getattr(record, "needs", ()) for name in need.of}
    return needs | set(getattr(record, "actuators", ()))


def _all(place: Place) -> set[str]:
    return {*place.systems, *place.devices, *place.parties, *place.sites}


def _is_in(place: Place, scenario: Node) -> bool:
    return scenario.subject in (place.parties if scenario.predicate is Predicate.PARTY else place.jurisdictions)
