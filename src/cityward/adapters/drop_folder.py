"""Files that a system drops: CSV or Parquet with one reading a row, put into the log in the names of their devices.

Columns: `device`, `property` (an observed property's id), `value`, `observed_at` (RFC 3339 with a zone, or a time stamp with one
in Parquet) and, where it is not the catalogue's, `unit`. Others are ignored. A file is read when its size has not changed since
the last look; whoever can, writes it elsewhere and renames it into the folder.

What becomes of a file: `taken/` when the log holds all of it; `refused/`, with a `.why.txt` beside it, when it cannot be read. A
row that cannot be read, or is of a device that the system does not speak for, is left out, counted, and named in
`taken/<name>.why.txt` (the first `MOST_NAMED`). The readings themselves are judged by the gate, as any other. What lies there is
never written over: the next file of a name is put beside it, as `levels.2.csv`, `levels.3.csv`, and so on.

INVARIANTS
- Nothing outside the folder is read or written: names are taken from the folder itself, and links are not followed, neither by
  a file nor by `taken/`, `refused/` or what stands there. Whoever drops files may write in all of these.
- Bounded: bytes and rows of a file; what is larger is refused with its reason. Parquet is unpacked in a process of its own.
- A kill between the log and the move gives the same messages again, and so does a file that was written to after it was read: the
  gate knows repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import math
import os
import stat
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

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
MOST_NUMBERED = 1000  # files of one name that are told apart by a small number; those beyond, by the time
PARQUET_S = 120.0
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
    """What a file says: messages by device, and what was left out. stamp: which file it was, and as of when (`_stamp`)."""

    messages: list[Gathered] = field(default_factory=list[Gathered])
    rows: int = 0
    left_out: int = 0
    why: list[str] = field(default_factory=list[str])
    stamp: tuple[int, int, int] = (0, 0, 0)

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
        """Move the file away. One that was written to after it was read stays, and is read again when it stands still.

        Raises:
            LinkError: it cannot be moved; it will be read again.
        """
        if self._under_way is not None:
            path, read = self._under_way
            await asyncio.to_thread(self._put_away, path, read)
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
                if read.messages:
                    self._under_way = (path, read)
                    return read.messages
                self._put_away(path, read)
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

    def _put_away(self, path: Path, read: Read) -> None:
        with contextlib.suppress(OSError):
            if _stamp(path.stat(follow_symlinks=False)) != read.stamp:
                self._sizes.pop(path.name, None)
                return
        self._move(path, "taken", read.why, read.left_out)

    def _move(self, path: Path, to: str, why: Sequence[str], left_out: int) -> None:
        more = left_out - len(why)
        lines = [*why, *([f"and {more} rows more"] if more > 0 else [])]
        try:
            with _opened(self.folder) as here, _opened_below(here, to) as there:
                name = _free(there, path.name)
                if why:
                    _write_anew(there, f"{name}.why.txt", "\n".join(map(harmless, lines)) + "\n")
                os.rename(path.name, name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            raise LinkError(f"a file of {self.system} cannot be moved: {error.strerror}") from error
        self._sizes.pop(path.name, None)


# SECURITY: whoever drops files may put links in the folder and below it, at any moment: all is done on what was opened, once


@contextlib.contextmanager
def _opened(folder: Path) -> Generator[int]:
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield at
    finally:
        os.close(at)


@contextlib.contextmanager
def _opened_below(here: int, name: str) -> Generator[int]:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o770, dir_fd=here)
    at = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
    try:
        yield at
    finally:
        os.close(at)


def _free(there: int, name: str) -> str:
    """A name in a folder under which nothing lies, nor a reason beside it."""
    stem, _, suffix = name.rpartition(".")
    numbered = (f"{stem}.{n}.{suffix}" for n in range(2, MOST_NUMBERED))
    for one in (name, *numbered):
        if not _lies(there, one) and not _lies(there, f"{one}.why.txt"):
            return one
    return f"{stem}.{time.time_ns()}.{suffix}"


def _lies(there: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.stat(name, dir_fd=there, follow_symlinks=False)
        return True
    return False


def _write_anew(there: int, name: str, text: str) -> None:
    at = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o660, dir_fd=there)
    with os.fdopen(at, "w", encoding="utf-8") as file:
        file.write(text)


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_file(path: Path, names: Mapping[str, Mapping[str, str]]) -> Read:
    """What a file says, as messages.

    Raises:
        Unread: it is neither CSV nor Parquet, too large, no plain file, or lacks a column.
    """
    try:
        # a pipe that nobody writes to would hold us: O_NONBLOCK
        at = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Unread(f"it cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(at)
        if not stat.S_ISREG(found.st_mode):
            raise Unread("it is no plain file")
        if found.st_size > MOST_BYTES:
            raise Unread(f"{found.st_size} bytes are more than {MOST_BYTES}")
        parquet = path.suffix == ".parquet"
        read = _read(_rows(_from_parquet(at), 1) if parquet else _rows(_bytes(at), 2), names)
        read.stamp = _stamp(found)
        return read
    finally:
        os.close(at)


def _read(rows: Iterable[tuple[int, Mapping[str, Any]]], names: Mapping[str, Mapping[str, str]]) -> Read:
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


def _bytes(at: int) -> bytes:
    try:
        with os.fdopen(at, "rb", closefd=False) as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unread(f"it cannot be read: {error.strerror}") from error
    if len(body) > MOST_BYTES:
        raise Unread(f"it has more than {MOST_BYTES} bytes")
    return body


def _from_parquet(at: int) -> bytes:
    """The rows as CSV, by a process that may be ended by what it reads."""
    command = [sys.executable, "-s", "-P", "-m", "cityward.adapters.parquet_child", f"{MOST_ROWS}", f"{PARQUET_S:g}"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [*command, *COLUMNS, "unit"],
            stdin=at,
            capture_output=True,
            env={"POLARS_MAX_THREADS": "1", "LC_ALL": "C.UTF-8"},
            cwd="/",
            timeout=PARQUET_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unread(f"it could not be unpacked: {type(error).__name__}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")[-200:] if done.returncode > 0 else ""
        raise Unread(said or "it cannot be unpacked in the memory there is for it")
    return done.stdout


def _rows(body: bytes, first: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a CSV, each with its number."""
    try:
        lines = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        _require(lines.fieldnames or ())
        yield from enumerate(lines, first)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unread(f"it is no CSV in UTF-8: {error}") from error


def _require(columns: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise Unread(f"it lacks the columns {', '.join(missing)}")


def _is_dropped(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        named = entry.name.endswith((".csv", ".parquet")) and not entry.name.startswith(".")
        return named and len(entry.name) <= LONGEST_NAME and entry.is_file(follow_symlinks=False)
    return False
