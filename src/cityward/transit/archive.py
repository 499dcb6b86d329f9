"""A GTFS feed out of its zip: tables of text, column by column, bounded.

Lives here: the zip and the CSV. Does not live here: what the texts mean (`building`), what is wrong with them (`faults`).

INVARIANTS
- Any bytes give `Tables` or a `DecodeError`, in bounded time and memory.
- SECURITY: what a member says of its own size is not believed: no more than the bound is ever inflated, and
  a piece at a time: what is held are cells. Nothing is extracted to a path; a name is only compared.
- Nothing is repaired silently: a row that is too short or too long, a text that is no UTF-8 are counted by line.

SPEC: GTFS Schedule reference, "File requirements".
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any

from cityward.errors import DecodeError

MOST_BYTES = 64 << 20  # of the zip. PRECEDENT: a large city's feed is 10-40 MB zipped
MOST_MEMBERS = 200
MOST_INFLATED = 400 << 20  # of all members that are read
MOST_RATIO, ANY_RATIO = (
    100,
    4 << 20,
)  # to the zip's bytes, beyond what any zip may hold. PRECEDENT: feeds unpack to 5-20 times
MOST_ROWS = 4_000_000  # of all tables. PRECEDENT: a large city's stop_times.txt has 1-3 million
MOST_HELD = (
    1 << 30
)  # bytes of memory, about, for all cells: see `_Cells`. PRECEDENT: 3 million stop times are some 300 MB
MOST_SHARED = 1 << 16  # texts of a column that are kept once however often they stand in it
CELL_BYTES, PLACE_BYTES = 56, 8  # of a text beside its characters, and of its place in a column
MOST_COLUMNS = 100
MOST_CELL = 10_000  # characters
PIECEWISE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""SECURITY: the others (bzip2, LZMA) `zipfile` inflates as far as its input goes, whatever it is asked for: a kilobyte to
gigabytes."""
MOST_ROW = MOST_COLUMNS * MOST_CELL  # characters
CHUNK = 1 << 16  # bytes that are inflated at a time
MOST_ODD_ROWS = 20  # named by their line; the rest is counted

KNOWN: Mapping[str, tuple[str, ...]] = {
    "agency.txt": ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang"),
    "stops.txt": (
        "stop_id", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station", "stop_timezone",
        "wheelchair_boarding",
    ),
    "routes.txt": (
        "route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "route_url", "route_color",
        "route_text_color",
    ),
    "trips.txt": ("route_id", "service_id", "trip_id", "trip_headsign", "direction_id", "block_id", "shape_id"),
    "stop_times.txt": (
        "trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence", "pickup_type", "drop_off_type",
        "shape_dist_traveled", "timepoint", "start_pickup_drop_off_window", "end_pickup_drop_off_window", "location_id",
        "location_group_id",
    ),
    "calendar.txt": (
        "service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "start_date",
        "end_date",
    ),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence", "shape_dist_traveled"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs", "exact_times"),
    "fare_attributes.txt": (
        "fare_id", "price", "currency_type", "payment_method", "transfers", "agency_id", "transfer_duration",
    ),
    "fare_rules.txt": ("fare_id", "route_id", "origin_id", "destination_id", "contains_id"),
    "feed_info.txt": (
        "feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_start_date", "feed_end_date", "feed_version",
    ),
    "transfers.txt": ("from_stop_id", "to_stop_id", "transfer_type", "min_transfer_time"),
    "pathways.txt": ("pathway_id", "from_stop_id", "to_stop_id", "pathway_mode", "is_bidirectional"),
    "levels.txt": ("level_id", "level_index", "level_name"),
}  # fmt: skip
"""The files and columns that are read; others may stand in a feed, and are passed over."""

ALSO_KNOWN = frozenset(
    {
        "fare_media.txt", "fare_products.txt", "fare_leg_rules.txt", "fare_transfer_rules.txt", "areas.txt", "stop_areas.txt",
        "networks.txt", "route_networks.txt", "timeframes.txt", "rider_categories.txt", "fare_leg_join_rules.txt",
        "location_groups.txt", "location_group_stops.txt", "locations.geojson", "booking_rules.txt", "translations.txt",
        "attributions.txt",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """One file. columns: name -> its cells, stripped; all of one length. lines: of each row in the file, from 1.

    odd: lines whose number of cells is not the header's; at most `MOST_ODD_ROWS`, `odd_rows` in all.
    """

    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    header: Sequence[str]
    odd: Sequence[int] = ()
    odd_rows: int = 0
    not_utf8: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Sequence[str]:
        """A column's cells; empty ones where the file has no such column."""
        return self.columns[name] if name in self.columns else ("",) * len(self)


NO_TABLE = Table({}, (), ())


@dataclass(frozen=True, slots=True)
class Tables:
    """The files of a feed. folder: in which folder of the zip they stand, "" where they stand as they should."""

    tables: Mapping[str, Table]
    unknown: Sequence[str] = ()
    folder: str = ""

    def __getitem__(self, name: str) -> Table:
        return self.tables.get(name, NO_TABLE)

    def __contains__(self, name: object) -> bool:
        return name in self.tables


@dataclass(slots=True)
class _Budget:
    rows: int
    bytes: int
    held: int

    def hold(self, size: int) -> None:
        self.held -= size
        if self.held < 0:
            raise DecodeError("too-large", "the timetable takes more memory than any timetable does")


@dataclass(slots=True)
class _Cells:
    """Texts of one column, each kept once while there is room: most columns say the same few things again and again."""

    budget: _Budget
    shared: dict[str, str] = field(default_factory=lambda: {"": ""})

    def keep(self, cell: str) -> str:
        kept = self.shared.get(cell)
        if kept is None:
            self.budget.hold(CELL_BYTES + len(cell))
            if len(self.shared) < MOST_SHARED:
                self.shared[cell] = cell
            return cell
        return kept


def unpack(body: bytes) -> Tables:
    """The tables of a zipped feed.

    Raises:
        DecodeError: `too-large`, or `undecodable`: they are no zip, or one of its files cannot be read.
    """
    if len(body) > MOST_BYTES:
        raise DecodeError("too-large", f"a timetable of {len(body)} bytes is larger than {MOST_BYTES}")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _unpack(archive, min(MOST_INFLATED, ANY_RATIO + MOST_RATIO * len(body)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise DecodeError("undecodable", "these bytes are no zipped timetable") from error


def tabulate(files: Mapping[str, bytes]) -> Tables:
    """The tables of a feed whose files are at hand unzipped.

    Raises:
        DecodeError: as `unpack`.
    """
    budget = _Budget(MOST_ROWS, MOST_INFLATED, MOST_HELD)
    tables = {name: _table(name, io.BytesIO(files[name]), budget) for name in sorted(files) if name in KNOWN}
    return Tables(tables, _unknown(files))


def _unpack(archive: zipfile.ZipFile, most_inflated: int) -> Tables:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MOST_MEMBERS:
        raise DecodeError("too-large", f"the timetable has {len(infos)} files, more than {MOST_MEMBERS}")
    folder = _folder([info.filename for info in infos])
    budget = _Budget(MOST_ROWS, most_inflated, MOST_HELD)
    tables: dict[str, Table] = {}
    for info in infos:
        name = info.filename.removeprefix(folder)
        if name not in KNOWN:
            continue
        if name in tables:
            raise DecodeError("undecodable", f"the timetable has two files called `{name}`")
        if info.compress_type not in PIECEWISE:
            raise DecodeError("undecodable", f"`{name}` is packed in a way that no timetable is; use deflate")
        with archive.open(info) as member:
            tables[name] = _table(name, member, budget)
    return Tables(tables, _unknown(info.filename.removeprefix(folder) for info in infos), folder.rstrip("/"))


def _folder(names: Sequence[str]) -> str:
    """The one folder that holds all tables, with its slash; "" where they stand at the top."""
    if any(name in KNOWN for name in names):
        return ""
    folders = {name.rpartition("/")[0] + "/" for name in names if name.rpartition("/")[2] in KNOWN}
    return folders.pop() if len(folders) == 1 else ""


def _unknown(names: Mapping[str, bytes] | Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(n for n in names if n not in KNOWN and n not in ALSO_KNOWN))


class _Bytes(io.RawIOBase):
    """A file's bytes as they are inflated, never more than the budget, and whether they are UTF-8."""

    def __init__(self, member: IO[bytes], budget: _Budget) -> None:
        self._member, self._budget, self.broken = member, budget, False
        self._strict = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        """See `io.RawIOBase`."""
        some = self._member.read(min(len(into), CHUNK))
        self._budget.bytes -= len(some)
        if self._budget.bytes < 0:
            raise DecodeError("too-large", "the timetable inflates to more than any timetable does")
        if not self.broken:
            try:
                self._strict.decode(some, final=not some)
            except UnicodeDecodeError:
                self.broken = True
        into[: len(some)] = some
        return len(some)


class _Lines:
    """Lines for the CSV reader. A row may have many lines and a line many cells: what one row takes is bounded.

    SECURITY: without the bound, one row of a hostile file would be a list of as many cells as the file has commas.
    """

    def __init__(self, name: str, text: IO[str]) -> None:
        self._name, self._text, self._left = name, text, MOST_ROW

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise DecodeError("too-large", f"a row of `{self._name}` is longer than {MOST_ROW} characters")
        if not line:
            raise StopIteration
        return line

    def rows(self) -> Iterator[list[str]]:
        """The rows, each with the whole bound for itself."""
        for row in csv.reader(self):
            self._left = MOST_ROW
            yield row


def _table(name: str, member: IO[bytes], budget: _Budget) -> Table:
    raw = _Bytes(member, budget)
    with io.TextIOWrapper(io.BufferedReader(raw, CHUNK), "utf-8-sig", "replace", newline="") as text:
        rows = _Lines(name, text).rows()
        try:
            header = [cell.strip() for cell in next(rows, [])]
            if len(header) > MOST_COLUMNS:
                raise DecodeError("too-large", f"`{name}` has {len(header)} columns, more than {MOST_COLUMNS}")
            table = _rows(name, header, rows, budget)
        except csv.Error as error:
            raise DecodeError("undecodable", f"`{name}` is no CSV") from error
    return replace(table, not_utf8=raw.broken)


def _rows(name: str, header: list[str], rows: Iterator[list[str]], budget: _Budget) -> Table:
    wanted = [(at, column) for at, column in enumerate(header) if column in KNOWN[name] and header.index(column) == at]
    columns: dict[str, list[str]] = {column: [] for _, column in wanted}
    lines, odd, odd_rows, width = array("q"), list[int](), 0, len(header)
    cells_of = [_Cells(budget) for _ in wanted]
    row_bytes = PLACE_BYTES * (len(wanted) + 1)
    places = [(at, columns[column], kept.keep) for (at, column), kept in zip(wanted, cells_of, strict=True)]
    for line, cells in enumerate(rows, start=2):
        if line > budget.rows + 1:  # empty ones take their time as well
            raise DecodeError("too-large", f"the timetable has more than {MOST_ROWS} rows")
        if len(cells) != width:
            if not any(cell.strip() for cell in cells):
                continue
            odd_rows += 1
            odd += [line] if len(odd) < MOST_ODD_ROWS else []
            cells = (cells + [""] * width)[:width]  # noqa: PLW2901 - a short row says nothing in its last cells
        lines.append(line)
        budget.hold(row_bytes)
        for at, column, keep in places:
            column.append(keep(cells[at].strip()[:MOST_CELL]))
    budget.rows -= len(lines)
    return Table(columns, lines, header, odd, odd_rows)
