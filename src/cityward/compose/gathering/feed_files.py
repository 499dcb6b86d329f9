"""Live feeds and timetables from files, held to the published rules: for `cityward check-feed` and the benchmark."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cityward.errors import CitywardError, DecodeError, PlaceError
from cityward.transit import archive, decoding
from cityward.transit.archive import tabulate, unpack
from cityward.transit.building import build
from cityward.transit.decoding import decode
from cityward.transit.faults import Faults, find_faults
from cityward.transit.realtime import Feed
from cityward.transit.rules import Case, Memory, Report, judge, remember
from cityward.transit.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Plan:
    """A timetable from a file, and what is wrong with it."""

    timetable: Timetable
    faults: Faults


@dataclass(frozen=True, slots=True)
class Judged:
    """One file: what it was, and what the rules say. feed, report: None where its bytes are no feed; then `why` says so."""

    name: str
    feed: Feed | None
    report: Report | None
    why: str = ""

    def entity(self, number: int) -> str:
        """The id of an entity; "" of the header."""
        return self.feed.entities[number].id if self.feed is not None and number >= 0 else ""


def read_plan(path: Path) -> Plan:
    """A timetable from a zip, or from a folder of its files.

    Raises:
        PlaceError: it cannot be read, or is none.
    """
    try:
        if path.is_dir():
            files = {p.name: _bytes(p, archive.MOST_INFLATED) for p in sorted(path.glob("*.txt"))}
            nested = {} if files else {p.name: _bytes(p, archive.MOST_INFLATED) for p in sorted(path.glob("*/*.txt"))}
            tables = tabulate(files or nested)
            if nested:
                tables = archive.Tables(tables.tables, tables.unknown, next(path.glob("*/*.txt")).parent.name)
            digest = ""
        else:
            body = _bytes(path, archive.MOST_BYTES)
            tables, digest = unpack(body), sha256(body).hexdigest()
    except (DecodeError, OSError) as error:
        what = error.what if isinstance(error, CitywardError) else type(error).__name__
        raise PlaceError(what, where=str(path), mend="name a zipped GTFS feed, or a folder with its files") from error
    plan = build(tables, digest=digest)
    return Plan(plan, find_faults(tables, plan))


def is_timetable(path: Path) -> bool:
    """Whether a file is a zip, or a folder with a timetable's files."""
    return any(path.glob("*.txt")) if path.is_dir() else zipfile.is_zipfile(path)


def judge_files(
    paths: Sequence[Path], timetable: Timetable | None, *, now: int | None = None, received: int | None = None
) -> Iterator[Judged]:
    """Hold files to the rules, each against the one before it. Two that come apart (trip updates, positions) are paired.

    Raises:
        PlaceError: a file cannot be read.
    """
    read = [(path.name, *_read(path)) for path in paths]
    pair = {id(a): b for a, b in _pairs([feed for _, feed, _ in read if feed is not None])}
    before: Memory | None = None
    for name, feed, why in read:
        if feed is None:
            yield Judged(name, None, None, why)
            continue
        beside = pair.get(id(feed))
        case = Case(feed, timetable, None if beside is not None else before, beside, now, received)
        yield Judged(name, feed, judge(case))
        before = remember(case)


def _read(path: Path) -> tuple[Feed | None, str]:
    try:
        return decode(_bytes(path, decoding.MOST_BYTES)), ""
    except DecodeError as error:
        return None, error.what
    except OSError as error:
        raise PlaceError(f"it cannot be read: {type(error).__name__}", where=str(path), mend="name a file") from error


def _bytes(path: Path, most: int) -> bytes:
    """No more than one byte over the bound is read, so that what reads them can tell that it is too large."""
    with path.open("rb") as file:
        return file.read(most + 1)


def _pairs(feeds: Sequence[Feed]) -> Iterator[tuple[Feed, Feed]]:
    """Two files of two kinds, told of one moment: one has only trip updates, the other only vehicles."""
    if len(feeds) != 2:
        return
    one, two = feeds
    kinds = [(any(True for _ in feed.trip_updates()), any(True for _ in feed.vehicles())) for feed in feeds]
    if sorted(kinds) == [(False, True), (True, False)]:
        yield one, two
        yield two, one


def fitting(feed: Feed, plans: Mapping[str, Timetable]) -> str | None:
    """The timetable that knows most of the ids that a feed names; None without any."""
    names = {trip.trip_id for _, _, trip in Case(feed).trips()} | {trip.route_id for _, _, trip in Case(feed).trips()}
    stops = {s.stop_id for _, update in feed.trip_updates() for s in update.stops}

    def known(name: str) -> int:
        plan = plans[name]
        return sum(n in plan.trip_of or n in plan.route_of for n in names if n) + sum(
            s in plan.stop_of for s in stops if s
        )

    return max(sorted(plans), key=known, default=None)
