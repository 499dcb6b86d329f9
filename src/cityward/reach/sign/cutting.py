"""Which lines can be left out of a compiled model, so that what is left is the model of the place without them.

Most clauses name the lines they rest on, and leaving these out is what compiling without them would give. Some records change the
clauses of others: a flow that is gone makes a dataset's origin of where it led, and its seals no longer count there.

INVARIANT: `separable` is never true where leaving the lines out says something else than compiling (tests try every record).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.reach.exposure.clauses import Model
from cityward.reach.exposure.data import Keys, keys_of

SEPARABLE = frozenset(
    {
        "accesses", "agreements", "areas", "conduits", "datasets", "flows", "functions", "parties", "purposes", "services",
        "sites", "systems", "zones",
    }
)  # fmt: skip
"""Kinds whose clauses all name their own lines, and change those of no other record, but for what `separable` looks for."""


class Cutting:
    """A place, looked up for what can be cut out of its model."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def separable(self, kind: str, name: str) -> bool:
        """Whether leaving out all lines of a record (and of those that name it) is the place without it."""
        if kind not in SEPARABLE:
            return False
        record = getattr(self._place, kind).get(name)
        if record is None:
            return True
        if kind == "accesses":
            return record.target in self._things  # else a member of a group is named, perhaps by nobody else
        if kind == "flows":
            sealed = any(self._keys.of(seal, *record.datasets) for seal in ("end-to-end", "signing"))
            return not sealed and {record.from_, record.to} <= self._things
        if kind in ("systems", "functions", "services"):
            return _named(record) <= self._all
        return True

    @cached_property
    def _keys(self) -> Keys:
        return keys_of(self._place)

    @cached_property
    def _things(self) -> set[str]:
        place = self._place
        return {*place.systems, *place.devices, *place.datasets, *place.parties}

    @cached_property
    def _all(self) -> set[str]:
        place = self._place
        return {*place.systems, *place.devices, *place.parties, *place.sites}


def _named(record: object) -> set[str]:
    needs = {name for need in getattr(record, "needs", ()) for name in need.of}
    return needs | set(getattr(record, "actuators", ()))


class Lines:
    """The lines of a model by record, so that cutting some looks at these records only."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._by_record: dict[str, list[tuple[str, int]]] = {}
        for number, lines in enumerate(model.origins):
            for line in lines:
                self._by_record.setdefault(_record(line), []).append((line, number))

    def without(self, cuts: Iterable[str]) -> NDArray[np.bool_]:
        """The clauses with no line at or under one of the paths. Shape (C,)."""
        left = np.ones(len(self._model.origins), dtype=np.bool_)
        for cut in cuts:
            left[[number for line, number in self._by_record.get(_record(cut), ()) if _under(line, cut)]] = False
        return left[self._model.clauses.origin]


def _record(line: str) -> str:
    """`kind.id` of a dotted path."""
    second = line.find(".", line.find(".") + 1)
    return line if second < 0 else line[:second]


def _under(line: str, path: str) -> bool:
    return line == path or (line.startswith(path) and line[len(path)] in ".[")
