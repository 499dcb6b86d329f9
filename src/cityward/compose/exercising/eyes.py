"""Sees the twin: its signed logs, read on from where they were read to, and the newest values of its devices.

INVARIANT: an entry is seen once, and only when it is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.adapters.ledgers.reading import folder_reader, ledgers_under, records_between, signed_state
from cityward.adapters.stores.state import SqlState
from cityward.compose.exercising.twin import Twin
from cityward.errors import CitywardError
from cityward.evidence.admissions import joined
from cityward.evidence.records import AdmissionPart, AnyRecord
from cityward.exercises.seen import Answer, Seen

MOST_AT_ONCE = 20_000  # entries of one log in one look
MOST_VALUES = 50_000
Entry = tuple[str, AnyRecord]


@dataclass(slots=True)
class Eyes:
    """Over one twin, for one exercise after another."""

    twin: Twin
    _upto: dict[str, int] = field(default_factory=dict[str, int])
    _entries: list[Entry] = field(default_factory=list[Entry])
    _values: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict[tuple[str, str], tuple[int, float]])
    _seq: int = 0

    def look(self) -> None:
        """Read on. Blocks."""
        new: list[Entry] = []
        for folder in ledgers_under(self.twin.state / "ledger"):
            try:
                new.extend(self._read_on(folder.name))
            except CitywardError:
                continue  # it is being written for the first time, or a process of the twin was ended in the midst
        self._entries.extend(new)
        self._entries.sort(key=lambda entry: entry[1].at)
        self._look_at_values(self.twin.setting.state)

    def forget(self, before: int) -> None:
        """Let go of entries from before a city time: of an exercise that is over."""
        self._entries = [entry for entry in self._entries if entry[1].at >= before]

    def seen(self, began: int, now: int, done: Mapping[str, int], answers: Mapping[str, Answer]) -> Seen:
        """All that an exercise which began then may look at."""
        entries = [entry for entry in self._entries if entry[1].at >= began]
        values = {key: value for key, value in self._values.items() if value[0] >= began}
        return Seen(began, now, entries, dict(done), dict(answers), values, frozenset(self.twin.pids))

    def _read_on(self, name: str) -> list[Entry]:
        folder = self.twin.state / "ledger" / name
        signed, first = signed_state(folder), self._upto.get(name, 0)
        stop = min(signed.size, first + MOST_AT_ONCE)
        if stop <= first:
            return []
        entries = records_between(folder_reader(folder), signed.origin, first, stop)
        whole = dict(joined(entries))
        self._upto[name] = stop
        return [(id_, whole.get(id_, one)) for id_, one in entries if not isinstance(one, AdmissionPart)]

    def _look_at_values(self, state: SqlState) -> None:
        for one in state.latest(self._seq, MOST_VALUES):
            self._values[one.device, one.property] = (one.received_at, one.value)
            self._seq = max(self._seq, one.seq)
