"""Lines of delimited text into rows: CSV of any delimiter, and Zeek's tab-separated logs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from enum import Enum

from cityward.adapters.flow_logs.fields import (
    END_OF_TIME_US,
    BadLine,
    Times,
    address,
    columns,
    dataset,
    number,
    port,
    refusal,
    seconds_us,
    transport_and_service,
)
from cityward.adapters.flow_logs.tuples import Row
from cityward.reach.reconcile.protocols import PORTS

DELIMITERS = (",", ";", "\t", "|", " ")


class Sides(Enum):
    """Who opened what a line tells of."""

    TOLD = "told"  # the source did
    BY_PORT = "by port"  # the source may be the answering half; its well-known port gives it away


def delimiter_of(line: str) -> str:
    """The one that splits a header into the most columns that are known."""
    return max(DELIMITERS, key=lambda one: _known(line, one))


def _known(line: str, delimiter: str) -> int:
    try:
        return len(columns(cells(line, delimiter)))
    except BadLine:
        return 0  # quotes that close under another one


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line. A line is a record: no quoted line breaks, or one lost quote would swallow the rest of a log.

    Raises:
        BadLine: its quotes do not close.
    """
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise BadLine("quotes that do not close") from None


class TextRows:
    """Reads the lines under one header. `columns` is empty of `source` or `destination` where the header names none."""

    def __init__(self, header: Sequence[str], delimiter: str, sides: Sides) -> None:
        self.columns = columns(header)
        self._first, self._last = Times(), Times()
        self._width, self._delimiter, self._sides = len(header), delimiter, sides
        self._at = tuple(self.columns.get(role, -1) for role in _ROLES)  # -1: the empty cell put at the end
        self._when = tuple(self.columns.get(role, -1) for role in ("date", "first", "last", "duration"))

    @property
    def naive(self) -> int:
        """How many times had no zone."""
        return max(self._first.naive, self._last.naive)

    def row(self, line: str) -> Row:
        """What the line says.

        Raises:
            BadLine: it cannot be read.
        """
        found = cells(line, self._delimiter)
        if len(found) != self._width and not (len(found) == self._width + 1 and not found[-1]):
            raise BadLine(f"{len(found)} columns under {self._width}")
        found.append("")
        source, destination, to, carrier, spoken, action, kind, times, out, back, asking = self._at
        transport, service = transport_and_service(found[carrier], found[spoken])
        count = number(found[times])
        row = Row(
            address(found[source]),
            address(found[destination]),
            port(found[to]),
            transport,
            service,
            refusal(found[action], transport),
            dataset(found[kind]),
            *self._span(found),
            1 if count is None else count,
            number(found[out]),
            number(found[back]),
        )
        return self._asked(row, found[asking]) if self._sides is Sides.BY_PORT else row

    def _span(self, found: list[str]) -> tuple[int | None, int | None]:
        date, begins, ends, lasts = self._when
        first = self._first.us(found[begins] if date < 0 else f"{found[date]} {found[begins]}")
        if ends < 0:
            if lasts < 0 or first is None:
                return first, first
            return first, min(first + seconds_us(found[lasts]), END_OF_TIME_US - 1)
        last = self._last.us(found[ends])
        if first is None or last is None:
            known = last if first is None else first
            return known, known
        if last < first:
            raise BadLine("an end before its beginning")
        return first, last

    def _asked(self, row: Row, source_port: str) -> Row:
        """The answering half of a one-way export, turned round: what it sent is what came back."""
        answering = port(source_port)
        if answering not in PORTS or row.port is None or row.port in PORTS or row.port < 1024:
            return row
        return row._replace(
            source=row.destination, destination=row.source, port=answering, bytes=row.bytes_back, bytes_back=row.bytes
        )


_ROLES = (
    "source", "destination", "port", "transport", "service", "refused", "dataset", "count", "bytes", "bytes_back", "source_port",
)  # fmt: skip
