"""Distinct tuples, counted while a log is read: memory for each tuple, none for each line.

INVARIANTS
- At most `MOST` tuples with an end that matters, and at most `STRANGERS_MOST` without: neither takes room from the other.
- A line that would begin one more is counted, in `beyond` or in `strangers_beyond`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cityward.reach.reconcile.seen import Seen, SeenKind

MOST = 200_000  # PRECEDENT: some 100 MB; a city of a thousand things with two hundred peers each
STRANGERS_MOST = 20_000  # they are counted and nothing else

Matters = Callable[[str, str], bool]
"""Whether anything is made of what two ends, as the log writes them, have to do with each other."""


def all_matter(_source: str, _destination: str) -> bool:
    """Where nothing is known of the ends."""
    return True


class Row(NamedTuple):
    """What one line says. Times in us; None where the line does not say."""

    source: str
    destination: str
    port: int | None
    transport: str
    service: str
    refused: str
    dataset: str | None
    first_us: int | None
    last_us: int | None
    times: int
    bytes: int | None
    bytes_back: int | None


class Tuples:
    """The tuples of one log.

    SECURITY: whoever floods a log with talk between strangers takes no room from what the declaration is about.
    """

    def __init__(
        self,
        name: str,
        since_us: int | None = None,
        matters: Matters = all_matter,
        most: int = MOST,
        strangers_most: int = STRANGERS_MOST,
    ) -> None:
        self._name, self._since_us, self._matters = name, since_us, matters
        self._room, self._room_for_strangers = most, strangers_most
        self._rows: dict[tuple[object, ...], list[int | None]] = {}
        self.beyond = 0
        self.strangers_beyond = 0

    def take(self, row: Row, line: int) -> bool:
        """Count one line; False where it is beyond a bound.

        What ended before the window is kept apart: it tells when something was seen last, and nothing else.
        """
        before = self._since_us is not None and row.last_us is not None and row.last_us < self._since_us
        key = (*row[:7], before) if before else row[:7]
        known = self._rows.get(key)
        if known is None:
            if not self._has_room(row.source, row.destination):
                return False
            self._rows[key] = [row.times, row.bytes, row.bytes_back, row.first_us, row.last_us, line]
            return True
        known[0] += row.times  # type: ignore[operator]
        if row.bytes is not None:
            known[1] = row.bytes + (known[1] or 0)
        if row.bytes_back is not None:
            known[2] = row.bytes_back + (known[2] or 0)
        if row.first_us is not None and (known[3] is None or row.first_us < known[3]):
            known[3] = row.first_us
        if row.last_us is not None and (known[4] is None or row.last_us > known[4]):
            known[4] = row.last_us
        return True

    def _has_room(self, source: str, destination: str) -> bool:
        """Take the room for one more, or count the line as beyond."""
        if self._matters(source, destination):
            if self._room:
                self._room -= 1
                return True
            self.beyond += 1
        elif self._room_for_strangers:
            self._room_for_strangers -= 1
            return True
        else:
            self.strangers_beyond += 1
        return False

    def seen(self) -> tuple[Seen, ...]:
        """What was seen, each tuple named by the first line it stands on."""
        return tuple(self._one(key, numbers) for key, numbers in self._rows.items())

    def _one(self, key: tuple[object, ...], numbers: list[int | None]) -> Seen:
        source, destination, port, transport, service, refused, dataset = key[:7]
        count, out, back, first, last, line = numbers
        return Seen(
            kind=SeenKind.FLOW,
            source=source,  # type: ignore[arg-type]
            destination=destination,  # type: ignore[arg-type]
            protocol=service,  # type: ignore[arg-type]
            transport=transport,  # type: ignore[arg-type]
            port=port,  # type: ignore[arg-type]
            dataset=dataset,  # type: ignore[arg-type]
            first_us=first,
            last_us=last,
            count=count or 0,
            bytes=out,
            bytes_back=back,
            refused=refused,  # type: ignore[arg-type]
            where_from=f"{self._name}:{line}",
        )
