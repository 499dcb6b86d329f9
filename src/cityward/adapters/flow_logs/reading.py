"""Reads one flow log, of whichever kind it is.

The first line says which, by its shape: `#separator` or `#fields` is Zeek's text, `{` JSON lines, all else must be the header of
a CSV. Of JSON lines one of the first few must be a connection; what is odd in any of them is a bad line. What is gzipped is read
as it is unpacked.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cityward.adapters.flow_logs.fields import ALIASES, BadLine
from cityward.adapters.flow_logs.json_rows import JsonRows
from cityward.adapters.flow_logs.text_rows import Sides, TextRows, cells, delimiter_of
from cityward.adapters.flow_logs.tuples import MOST, STRANGERS_MOST, Matters, Tuples, all_matter
from cityward.errors import DecodeError, LinkError
from cityward.guard.reasons import Reason
from cityward.reach.reconcile.seen import Seen

LINE_MOST = 1 << 16  # PRECEDENT: a line of conn.log is some 200 bytes, of a firewall with every column 2,000
LINES_MOST = 100_000_000  # a gzip bomb ends somewhere; a busy firewall writes as much in a month
FAULTS_KEPT = 5
FIRST_LINES = 100  # of JSON, by which it is known what they are
TOLD_EVERY = 100_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FlowLog:
    """What a log says. INVARIANT: lines == kept + bad + beyond + strangers_beyond."""

    name: str
    form: str  # CSV, Zeek, Zeek JSON
    lines: int  # without headers, comments and empty ones
    kept: int
    bad: int
    beyond: int  # matters, and would have begun another tuple than there is room for: nothing may be called clean
    strangers_beyond: int  # the same between two ends that do not matter: nothing is lost but their number
    faults: tuple[str, ...]  # the first few bad lines, with their numbers
    notes: tuple[str, ...]
    seen: tuple[Seen, ...]


def read_flow_log(
    path: Path,
    since_us: int | None = None,
    progress: Progress = lambda _: None,
    matters: Matters = all_matter,
    most: int = MOST,
    strangers_most: int = STRANGERS_MOST,
) -> FlowLog:
    """The distinct tuples of a log.

    Args:
        path: CSV, Zeek's conn.log or its JSON lines; may be gzipped.
        since_us: what ended before is kept apart.
        progress: called now and then with the number of lines read.
        matters: of two ends, whether one is known to the asker; what passes between others is bounded apart.
        most: distinct tuples kept that matter.
        strangers_most: distinct tuples kept that do not.

    Raises:
        DecodeError: it is no flow log.
        LinkError: it cannot be read.
    """
    reading = Reading(path.name, Tuples(path.name, since_us, matters, most, strangers_most), progress)
    try:
        with ExitStack() as stack:
            reading.all(_lines(_opened(path, stack), reading.notes))
    except (OSError, EOFError, zlib.error) as error:  # gzip tells what is no gzip as an OSError
        if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
            raise reading.refusal(f"the compressed data are damaged: {error}") from None
        raise LinkError(f"cannot read the log: {error.strerror}", where=str(path)) from error
    return reading.log()


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    file = stack.enter_context(path.open("rb"))
    if file.peek(2)[:2] != b"\x1f\x8b":  # a look, not a seek: it may be a pipe
        return file
    unpacked = stack.enter_context(gzip.GzipFile(fileobj=file))
    return io.BufferedReader(unpacked, 1 << 18)  # type: ignore[arg-type]


def _lines(file: BinaryIO, notes: list[str]) -> Iterator[bytes]:
    """Each line, cut to one byte more than is allowed. A file that ends inside its compression keeps the lines before."""
    line = b""
    try:
        while line := file.readline(LINE_MOST + 1):
            rest = line
            while len(rest) > LINE_MOST and not rest.endswith(b"\n"):
                rest = file.readline(LINE_MOST + 1)
            yield line
    except EOFError:
        if not line:
            raise
        notes.append("the file ends in the middle of its compressed data; what came before is counted")


@dataclass(slots=True)
class Reading:
    """One log being read, a line at a time."""

    name: str
    tuples: Tuples
    progress: Progress
    notes: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    rows: TextRows | JsonRows | None = None
    form: str = ""
    naive: int = 0

    def all(self, lines: Iterator[bytes]) -> None:
        """Read every line."""
        for number, raw in enumerate(lines, start=1):
            if number > LINES_MOST:
                raise self.refusal(f"more than {LINES_MOST:,} lines", Reason.TOO_LARGE, "give it in parts")
            if number % TOLD_EVERY == 0:
                self.progress(number)
            self.take(raw, number)
        if self.rows is None:
            raise self.refusal("it has no header and no line")
        self._refuse_unrecognised(self.rows)

    def take(self, raw: bytes, number: int) -> None:
        """Read one line, which may be a header.

        Raises:
            DecodeError: this is no flow log.
        """
        if raw[:1] == b"#" or not raw.strip():
            self._header_of_zeek(raw)
        elif self.rows is None:
            self._begin(raw, number)
        else:
            self._line(raw, number)

    def _header_of_zeek(self, raw: bytes) -> None:
        """`#fields` names the columns; logs that were joined have several. Other such lines are remarks."""
        if not raw.startswith(b"#fields"):
            return
        text = self._text(raw)
        names = text.split(text[7:8] or "\t")[1:]
        self._under(TextRows(names, text[7:8] or "\t", Sides.TOLD), "Zeek", names)

    def _begin(self, raw: bytes, number: int) -> None:
        if raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
            self.rows, self.form = JsonRows(), "Zeek JSON"
            self._line(raw.removeprefix(b"\xef\xbb\xbf"), number)
            return
        text = self._text(raw).removeprefix("\ufeff")
        try:
            delimiter = delimiter_of(text)
            names = cells(text, delimiter)
        except BadLine as error:
            raise self.refusal(f"its header has {error}") from None
        self._under(TextRows(names, delimiter, Sides.BY_PORT), "CSV", names)

    def _under(self, rows: TextRows, form: str, names: list[str]) -> None:
        missing = [role for role in ("source", "destination") if role not in rows.columns]
        if missing:
            found = ", ".join(name.strip()[:32] for name in names[:12])
            known = "; ".join(f"{role}: {', '.join(ALIASES[role][:4])}, ..." for role in missing)
            what = (
                f"no column of it is a {' or a '.join(missing)}; found {found if found.isprintable() else 'no names'}"
            )
            raise self.refusal(what, mend=f"give a log with a header, and columns such as {known}")
        self._retire()
        self.rows, self.form = rows, form

    def _retire(self) -> None:
        self.naive += self.rows.naive if self.rows is not None else 0

    def _refuse_unrecognised(self, rows: TextRows | JsonRows) -> None:
        if isinstance(rows, JsonRows) and not rows.recognised:
            raise self.refusal(f"its first line is {self.faults[0].partition(': ')[2]}")

    def _line(self, raw: bytes, number: int) -> None:
        assert self.rows is not None
        self.counts["lines"] += 1
        try:
            if len(raw) > LINE_MOST:
                raise BadLine(f"more than {LINE_MOST:,} bytes")
            row = self.rows.row(raw.decode().rstrip("\r\n"))
        except UnicodeDecodeError:
            self._bad(number, "not UTF-8")
        except BadLine as error:
            self._bad(number, str(error))
        else:
            self.counts["kept"] += self.tuples.take(row, number)

    def _bad(self, number: int, why: str) -> None:
        self.counts["bad"] += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(f"{self.name}:{number}: {why}")
        if self.rows is not None and self.counts["lines"] == FIRST_LINES:
            self._refuse_unrecognised(self.rows)

    def _text(self, raw: bytes) -> str:
        if len(raw) > LINE_MOST:
            raise self.refusal(f"its header has more than {LINE_MOST:,} bytes")
        try:
            return raw.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise self.refusal("it is not UTF-8", Reason.NOT_UTF8) from None

    def refusal(self, what: str, reason: Reason = Reason.WRONG_SHAPE, mend: str = "") -> DecodeError:
        """The log as a whole is none."""
        mend = mend or "give a CSV with a header, Zeek's conn.log, or its JSON lines; gzipped or not"
        return DecodeError(reason.name, f"no flow log: {what}", where=self.name, mend=mend)

    def log(self) -> FlowLog:
        """All that was read."""
        self._retire()
        if self.naive:
            self.notes.append(f"{self.naive:,} times have no zone; they were taken as UTC")
        return FlowLog(
            name=self.name,
            form=self.form,
            lines=self.counts["lines"],
            kept=self.counts["kept"],
            bad=self.counts["bad"],
            beyond=self.tuples.beyond,
            strangers_beyond=self.tuples.strangers_beyond,
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            seen=self.tuples.seen(),
        )
