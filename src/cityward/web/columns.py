"""The live feed's values and counts as columns, for a listener that asks for them: an eighth of the bytes of rows.

Every channel that a sight sees has a number: its place among them in order. The names are told once, when a listener comes or
is told everything anew (`channels`); then numbers stand for them.

INVARIANT: a number is that of a sight: it says nothing of channels that are not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from cityward.runtime.ports import FlowCount, Latest
from cityward.web.accounts.sight import Sight


class Columns:
    """What is kept from tick to tick of the sights of those who listen."""

    def __init__(self) -> None:
        self._numbers: dict[Sight, dict[tuple[str, str], int]] = {}
        self._flows: dict[Sight, tuple[str, ...]] = {}

    def keep(self, sights: Collection[Sight]) -> None:
        """Forget all others."""
        for kept in (self._numbers, self._flows):
            for gone in kept.keys() - sights:
                del kept[gone]

    def channels(self, sight: Sight) -> list[tuple[str, str]]:
        """(device, property) of each number, from 0 on."""
        return list(self._numbers_of(sight))

    def readings(self, sight: Sight, rows: Sequence[Latest]) -> dict[str, Any]:
        """Of seen values: `ago_ms` is before `at_ms`, the newest of them; negative never."""
        numbers = self._numbers_of(sight)
        newest = max(row.observed_at // 1000 for row in rows)
        return {
            "at_ms": newest,
            "channel": [numbers[row.device, row.property] for row in rows],
            "value": [row.value for row in rows],
            "ago_ms": [newest - row.observed_at // 1000 for row in rows],
        }

    def flows(self, sight: Sight, counts: Iterable[FlowCount], whole: bool) -> dict[str, Any]:
        """Names only where they are other than last time, or all is told; of each received, admitted, refused, shed."""
        rows = list(counts)
        names = tuple(row.flow for row in rows)
        told = {"numbers": [n for row in rows for n in (row.received, row.admitted, row.refused, row.shed)]}
        if whole or self._flows.get(sight) != names:
            return {"flows": names, **told}
        return told

    def told(self, sight: Sight, counts: Iterable[FlowCount]) -> None:
        """Of which flows a sight's listeners know the names, after a tick."""
        self._flows[sight] = tuple(row.flow for row in counts)

    def _numbers_of(self, sight: Sight) -> dict[tuple[str, str], int]:
        found = self._numbers.get(sight)
        if found is None:
            found = self._numbers[sight] = {channel: n for n, channel in enumerate(sorted(sight.channels))}
        return found
