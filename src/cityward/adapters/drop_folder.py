"""Files that a system drops: CSV or Parquet with one reading a row, put into the log in the names of their devices.

Columns: `device`, `property` (an observed property's id), `value`, `observed_at` (RFC 3339 with a zone, or a time stamp with one
in Parquet) and, where it is not the catalogue's, `unit`. Others are ignored. A file is read when its size has not changed since
the last look; whoever can, writes it elsewhere and renames it into the folder.

What becomes of a file: `taken/` when the log holds all of it; `refused/`, with a `.why.txt` beside it, when it cannot be read. A
row that cannot be read, or is of a device that the system does not speak for, is left out, counted, and named in
`taken/<name>.why.txt` (the first `MOST_NAMED`). The readings themselves are judged by the gate, as any other.

INVARIANTS
- Nothing outside the folder is read: names are taken from the folder itself, and links are not followed.
- Bounded: bytes and rows of a file, files of one look; what is larger is refused with its reason.
- A kill between the log and the move gives the same messages again: the gate knows repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from cityward.catalogue import PROPERTIES
from cityward.errors import LinkError
from cityward.runtime.collecting import MOST_GATHERED, Gathered
from cityward.text import harmless

COLUMNS = ("device", "property", "value", "observed_at")
MOST_BYTES = 64 << 20
MOST_ROWS = 1_000_000
READINGS_A_MESSAGE = 400  # PRECEDENT: under the 64 kB that every flow takes
MOST_NAMED = 100
LONGEST_NAME = 200
CODEC = "senml"


class Unread(ValueError):  # noqa: N818 - what the file is
    """A file that cannot be read at all; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reading as it stood in a file. `n`: its line, from 1."""

    n: int
    device: str
    property: str
    value: float
    at_s: float
    unit: str


@dataclass(slots=True)
class Read:
    """What a file says: messages by device, and what was left out."""

    messages: list[Gathered] = field(default_factory=list[Gathered])
    rows: int = 0
    left_out: int = 0
    why: list[str] = field(default_factory=list[str])

    def leave_out(self, n: int, why: str) -> None:
        """Row `n` is not used."""
        self.left_out += 1
        if len(self.why) < MOST_NAMED:
            self.why.append(f"row {n}: {why}")


@dataclass(slots=True)
class DropFolder:
    """A `runtime.collecting.Source`: one system's folder.

    names: device -> property -> the name that its model gives it on the wire: the rows become SenML packs.
    """

    system: str
    folder: Path
    names: Mapping[str, Mapping[str, str]]
    every_s: float = 10.0
    longest_s: float = 300.0
    _sizes: dict[str, int] = field(default_factory=dict[str, int])
    _under_way: tuple[Path, Read] | None = None

    @property
    def name(self) -> str:
        """As people know it."""
        return f"files:{self.system}"

    async def gather(self) -> Sequence[Gathered]:
        """The messages of the next file, if there is one.

        Raises:
            LinkError: the folder cannot be read.
        """
        return await asyncio.to_thread(self._gather)

    async def taken(self) -> None:
        """Move the file away.

        Raises:
            LinkError: it cannot be moved; it will be read again.
        """
        if self._under_way is not None:
            path, read = self._under_way
            await asyncio.to_thread(self._move, path, "taken", read.why, read.left_out)
            self._under_way = None

    async def close(self) -> None:
        """Nothing is held."""

    def _gather(self) -> Sequence[Gathered]:
        path = self._next()
        while path is not None:
            try:
                read = read_file(path, self.names)
                if len(read.messages) > MOST_GATHERED:
                    raise Unread(
                        f"it has readings for {len(read.messages)} messages, more than {MOST_GATHERED}; split it"
                    )
            except Unread as error:
                self._move(path, "refused", [str(error)], 0)
            else:
                self._under_way = (path, read)
                if read.messages:
                    return read.messages
                self._move(path, "taken", read.why, read.left_out)
            path = self._next()
        return []

    def _next(self) -> Path | None:
        """The first file by name that has stood still since the last look."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o770)
            with os.scandir(self.folder) as entries:
                found = {one.name: one.stat(follow_symlinks=False).st_size for one in entries if _is_dropped(one)}
        except OSError as error:
            raise LinkError(f"the folder of {self.system} cannot be read: {error.strerror}") from error
        still = sorted(name for name, size in found.items() if self._sizes.get(name) == size)
        self._sizes = found
        return self.folder / still[0] if still else None

    def _move(self, path: Path, to: str, why: Sequence[str], left_out: int) -> None:
        target = self.folder / to
        try:
            target.mkdir(exist_ok=True, mode=0o770)
            if why:
                more = left_out - len(why)
                lines = [*why, *([f"and {more} rows more"] if more > 0 else [])]
                (target / f"{path.name}.why.txt").write_text("\n".join(map(harmless, lines)) + "\n", encoding="utf-8")
            path.replace(target / path.name)
        except OSError as error:
            raise LinkError(f"a file of {self.system} cannot be moved: {error.strerror}") from error
        self._sizes.pop(path.name, None)


def read_file(path: Path, names: Mapping[str, Mapping[str, str]]) -> Read:
    """What a file says, as messages.

    Raises:
        Unread: it is neither CSV nor Parquet, too large, or lacks a column.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Unread(f"{path.stat().st_size} bytes are more than {MOST_BYTES}")
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
    read, by_device = Read(), dict[str, list[dict[str, Any]]]()
    for n, said in rows:
        read.rows += 1
        if read.rows > MOST_ROWS:
            raise Unread(f"it has more than {MOST_ROWS} rows")
        row = _row(n, said, names)
        if isinstance(row, str):
            read.leave_out(n, row)
        else:
            unit = row.unit or PROPERTIES[row.property].unit
            record = {"n": names[row.device][row.property], "v": row.value, "t": row.at_s, "u": unit}
            by_device.setdefault(row.device, []).append(record)
    for device, records in by_device.items():
        for start in range(0, len(records), READINGS_A_MESSAGE):
            body = msgspec.json.encode(records[start : start + READINGS_A_MESSAGE])
            read.messages.append(Gathered(device, CODEC, body))
    return read


def _row(n: int, said: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> Row | str:
    device, prop = str(said.get("device") or ""), str(said.get("property") or "")
    if device not in names:
        return f"{device[:80]!r} is no device that this system speaks for"
    if prop not in names[device]:
        return f"{prop[:80]!r} is no property of {device}"
    value, at = _value(said.get("value")), _seconds(said.get("observed_at"))
    if value is None:
        return f"{str(said.get('value'))[:80]!r} is no finite number"
    if at is None:
        return f"{str(said.get('observed_at'))[:80]!r} is no time with a zone"
    return Row(n, device, prop, value, at, str(said.get("unit") or "")[:32])


def _value(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _seconds(said: Any) -> float | None:
    """Seconds since 1970; None without a zone: the sender's own would be a guess."""
    try:
        at = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
        return at.timestamp() if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = csv.DictReader(io.StringIO(text), strict=True)
        _require(lines.fieldnames or ())
        yield from enumerate(lines, 2)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unread(f"it is no CSV in UTF-8: {error}") from error
    except OSError as error:
        raise Unread(f"it cannot be read: {error.strerror}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        _require(schema.names())
        if (rows := scan.select(pl.len()).collect().item()) > MOST_ROWS:
            raise Unread(f"it has {rows} rows, more than {MOST_ROWS}")
        wanted = [name for name in (*COLUMNS, "unit") if name in schema]
        frame = scan.select(wanted).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unread(f"it is no Parquet: {type(error).__name__}") from error
    yield from enumerate(frame.iter_rows(named=True), 1)


def _require(columns: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise Unread(f"it lacks the columns {', '.join(missing)}")


def _is_dropped(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        named = entry.name.endswith((".csv", ".parquet")) and not entry.name.startswith(".")
        return named and len(entry.name) <= LONGEST_NAME and entry.is_file(follow_symlinks=False)
    return False
