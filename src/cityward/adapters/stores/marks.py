"""The book of marks, and the derived made again without what they cover. The database's part; `runtime.undoing.retraction` leads.

Theory of operation
-------------------
A mark goes `making -> in-force -> clearing -> cleared`. From `making` to before `clearing` what it retracts is left out of every
batch that is applied (`state.BatchState.apply` asks in its own transaction). What was added before is put right hour by hour: the
hours that may hold marked rows are listed as *stale*, and each is made again from history in a transaction that no batch can be
applied beside. It takes what history holds up to the very positions that state stands at, so batches before are all in it, and
batches after are added to it by themselves.

INVARIANTS
- An hour that is not stale equals the unretracted rows held up to the state's positions, whatever arrived in between.
- A mark leaves `making` or `clearing` only when all that follows from it is made: after a crash it is gone on with.
- Every step done twice is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, func, or_, select, text, tuple_, update

from cityward.adapters.stores.commands import COMMAND_COLUMNS, command_row, with_sources
from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.marks_schema import COMMAND_SOURCE, MARK, RETRACTION, STALE_HOUR
from cityward.adapters.stores.schema import COMMAND, EXPECTED, HOURLY, LATEST, POSITION
from cityward.errors import LinkError
from cityward.insight.expected import ExpectedRow
from cityward.insight.hourly import HourlyRow
from cityward.insight.marks import OPEN, Mark, MarkState
from cityward.runtime.ports import CommandRow, Latest
from cityward.runtime.undoing.mark_ports import Hour, MarkRow, RetractionRow

MOST_MARKS = 100_000  # in force at once: 10,000 devices of a supplier, ten times
PAIRS_AT_ONCE = 200  # (property, area) in one question
IN_FORCE = ("making", "in-force")

_MARK = [MARK.c[name] for name in Mark.__struct_fields__]
_PROPERTIES = msgspec.json.Decoder(tuple[str, ...])
_HOUR_KEY = ("property", "area", "hour_us")


class MarkBook:
    """`runtime.undoing.mark_ports.MarkBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- what is marked -----------------------------------------------------------------------------------------------

    def marks(self, device: str | None = None) -> Sequence[Mark]:
        """The marks in force, of one device or of all, oldest span first."""
        wanted = select(*_MARK).where(MARK.c.phase.in_(IN_FORCE)).order_by(MARK.c.since, MARK.c.id).limit(MOST_MARKS)
        if device is not None:
            wanted = wanted.where(MARK.c.device == device)
        with self._db.reading("give the marks") as link:
            return [_mark(row) for row in link.execute(wanted)]

    def mark_rows(self, device: str | None = None, id_: str | None = None, most: int = 1000) -> Sequence[MarkRow]:
        """Marks with what became of them, cleared ones too, newest first."""
        wanted = select(MARK).order_by(MARK.c.made_at.desc(), MARK.c.id).limit(most)
        if device is not None:
            wanted = wanted.where(MARK.c.device == device)
        if id_ is not None:
            wanted = wanted.where(MARK.c.id == id_)
        with self._db.reading("give the marks") as link:
            return [_mark_row(row) for row in link.execute(wanted)]

    def unfinished_marks(self) -> Sequence[MarkRow]:
        """Marks under way, and retractions that are not on record as done, oldest first."""
        open_ones = select(RETRACTION.c.mark).where(RETRACTION.c.record == "")
        under_way = or_(MARK.c.phase.in_(("making", "clearing")), MARK.c.id.in_(open_ones))
        wanted = (
            select(MARK).where(under_way, MARK.c.state == MarkState.RETRACTED.value).order_by(MARK.c.made_at, MARK.c.id)
        )
        with self._db.reading("give the marks") as link:
            return [_mark_row(row) for row in link.execute(wanted.limit(MOST_MARKS))]

    def begin_mark(self, mark: Mark, rows: int, digest: str) -> None:
        """From here on what is applied leaves out what it retracts. Again, also after it was cleared: it is in force again.

        Raises:
            LinkError: there are too many marks in force.
        """
        if len(self.marks()) >= MOST_MARKS:
            raise LinkError(f"{MOST_MARKS:,} marks are in force", mend="clear some: cityward taint --clear MARK")
        with self._alone("mark rows") as link:
            _put(link, self._db, mark, rows, digest, "making")
            if mark.state is MarkState.RETRACTED:
                begun = {"mark": mark.id, "hours": 0, "ranges": 0, "record": ""}
                link.execute(self._db.put(RETRACTION), begun)

    def begin_clear(self, id_: str, at_us: int) -> None:
        """From here on what is applied takes its rows in again."""
        with self._alone("clear a mark") as link:
            in_force = and_(MARK.c.id == id_, MARK.c.phase.in_(IN_FORCE))
            link.execute(update(MARK).where(in_force).values(phase="clearing", ended_at=at_us))

    def list_hours(self, hours: Sequence[Hour]) -> None:
        """These are to be made again."""
        rows = [{"property": p, "area": area, "hour_us": at} for p, area, at in sorted(hours)]
        with self._db.writing("list stale hours") as link:
            many(link, self._db.insert(STALE_HOUR).on_conflict_do_nothing(), rows)

    def end_mark(self, id_: str) -> None:
        """All that follows from it is made: it is in force now, or cleared."""
        with self._db.writing("mark rows") as link:
            for before, after in (("making", "in-force"), ("clearing", "cleared")):
                link.execute(update(MARK).where(MARK.c.id == id_, MARK.c.phase == before).values(phase=after))

    # -- what the watch marks -----------------------------------------------------------------------------------------

    def open_suspects(self) -> Sequence[Mark]:
        """The suspect marks that have no end yet."""
        wanted = select(*_MARK).where(
            MARK.c.state == MarkState.SUSPECT.value, MARK.c.until == OPEN, MARK.c.phase.in_(IN_FORCE)
        )
        with self._db.reading("give the marks") as link:
            return [_mark(row) for row in link.execute(wanted.order_by(MARK.c.device).limit(MOST_MARKS))]

    def put_suspects(self, marks: Sequence[Mark]) -> None:
        """Hold suspect marks, or their ends. Nothing derived waits for them: readers ask."""
        with self._alone("mark rows") as link:
            for mark in marks:
                _put(link, self._db, mark, 0, "", "in-force")

    # -- making again -------------------------------------------------------------------------------------------------

    def stale_hours(self, most: int) -> Sequence[Hour]:
        """Hours to be made again, oldest first."""
        wanted = select(STALE_HOUR).order_by(STALE_HOUR.c.hour_us, STALE_HOUR.c.property, STALE_HOUR.c.area)
        with self._db.reading("give the stale hours") as link:
            return [tuple(row) for row in link.execute(wanted.limit(most))]

    def make_hours(
        self, hours: Sequence[Hour], made: Callable[[Mapping[int, int], Sequence[Mark]], Sequence[HourlyRow]]
    ) -> None:
        """Put what `made` says of these hours in the place of what they hold. It is given the positions that state stands at, and
        the retractions in force; nothing is applied meanwhile.
        """
        with self._alone("make hours again") as link:
            rows = made(_positions(link), retracted(link))
            for start in range(0, len(hours), PAIRS_AT_ONCE):
                some = hours[start : start + PAIRS_AT_ONCE]
                for table in (HOURLY, STALE_HOUR):
                    link.execute(delete(table).where(tuple_(*(table.c[n] for n in _HOUR_KEY)).in_(some)))
            wanted = set(hours)
            kept = [row for row in rows if (row.property, row.area, row.hour_us) in wanted]
            many(link, self._db.put(HOURLY), [{n: getattr(row, n) for n in _HOURLY_NAMES} for row in kept])

    def make_latest(self, device: str, made: Callable[[Mapping[int, int], Sequence[Mark]], Sequence[Latest]]) -> None:
        """The same for a device's newest values."""
        with self._alone("make newest values again") as link:
            rows = made(_positions(link), retracted(link))
            link.execute(delete(LATEST).where(LATEST.c.device == device))
            many(link, self._db.put(LATEST), [{n: getattr(row, n) for n in _LATEST_NAMES} for row in rows])

    def set_expected_of(self, device: str, rows: Sequence[ExpectedRow]) -> int:
        """Put these ranges in the place of the device's; how many there were."""
        with self._db.writing("take the expected ranges") as link:
            before = link.execute(delete(EXPECTED).where(EXPECTED.c.device == device)).rowcount
            many(link, self._db.put(EXPECTED), [{n: getattr(row, n) for n in _EXPECTED_NAMES} for row in rows])
            return before

    # -- how far a retraction is --------------------------------------------------------------------------------------

    def retraction(self, mark: str) -> RetractionRow | None:
        """What was done about a mark."""
        with self._db.reading("give a retraction") as link:
            row = link.execute(select(RETRACTION).where(RETRACTION.c.mark == mark)).one_or_none()
            return RetractionRow(*row) if row is not None else None

    def set_retraction(self, row: RetractionRow) -> None:
        """Note how far it is."""
        with self._db.writing("note a retraction") as link:
            values = {"mark": row.mark, "hours": row.hours, "ranges": row.ranges, "record": row.record}
            link.execute(self._db.put(RETRACTION), values)

    # -- what a device's data touched ---------------------------------------------------------------------------------

    def hours_between(self, pairs: Sequence[tuple[str, str]], since_us: int, until_us: int) -> Sequence[HourlyRow]:
        """The hourly indicators of these (property, area) whose hour begins in the span, by property, area and hour."""
        out: list[HourlyRow] = []
        names = [HOURLY.c[name] for name in _HOURLY_NAMES]
        with self._db.reading("be read") as link:
            for start in range(0, len(pairs), PAIRS_AT_ONCE):
                of = tuple_(HOURLY.c.property, HOURLY.c.area).in_(pairs[start : start + PAIRS_AT_ONCE])
                wanted = select(*names).where(of, HOURLY.c.hour_us >= since_us, HOURLY.c.hour_us < until_us)
                out.extend(HourlyRow(*row) for row in link.execute(wanted.order_by(*(HOURLY.c[n] for n in _HOUR_KEY))))
        return out

    def commands_from(self, device: str, since_us: int, until_us: int, most: int) -> tuple[Sequence[CommandRow], int]:
        """The newest `most` of the kept commands that rest on readings of the device observed in the span; how many there are."""
        table = COMMAND_SOURCE.c
        touched = and_(table.device == device, table.newest_at >= since_us, table.oldest_at < until_us)
        joined = COMMAND.join(COMMAND_SOURCE, COMMAND.c.command_id == table.command_id)
        wanted = select(*COMMAND_COLUMNS).select_from(joined).where(touched).order_by(COMMAND.c.ordinal.desc())
        with self._db.reading("be read") as link:
            count = link.execute(select(func.count()).select_from(joined).where(touched)).scalar_one()
            return with_sources(link, [command_row(row) for row in link.execute(wanted.limit(most))]), count

    def oldest_command(self) -> int | None:
        """When the oldest command that is still kept was sent."""
        with self._db.reading("be read") as link:
            return link.execute(select(COMMAND.c.sent_at).order_by(COMMAND.c.ordinal).limit(1)).scalar_one_or_none()

    def _alone(self, what: str) -> Any:
        return _Alone(self._db, what)


class _Alone:
    """A writing transaction beside which no batch is applied: on SQLite any is; on PostgreSQL it locks the positions."""

    def __init__(self, database: Database, what: str) -> None:
        self._db, self._writing = database, database.writing(what)

    def __enter__(self) -> Connection:
        link = self._writing.__enter__()
        if not self._db.is_sqlite:
            link.execute(text("LOCK TABLE position IN SHARE ROW EXCLUSIVE MODE"))
        return link

    def __exit__(self, *why: Any) -> None:
        self._writing.__exit__(*why)


_HOURLY_NAMES = ("property", "area", "hour_us", "count", "total", "low", "high")
_LATEST_NAMES = ("device", "property", "value", "observed_at", "received_at", "seq")
_EXPECTED_NAMES = ("device", "property", "hour", "low", "high", "count")


def retracted(link: Connection) -> Sequence[Mark]:
    """The retractions in force, as this transaction sees them."""
    wanted = select(*_MARK).where(MARK.c.phase.in_(IN_FORCE), MARK.c.state == MarkState.RETRACTED.value)
    return [_mark(row) for row in link.execute(wanted)]


def _positions(link: Connection) -> dict[int, int]:
    return {row.partition: row.seq for row in link.execute(select(POSITION.c.partition, POSITION.c.seq))}


def _put(link: Connection, db: Database, mark: Mark, rows: int, digest: str, phase: str) -> None:
    values = {name: getattr(mark, name) for name in Mark.__struct_fields__}
    values |= {"properties": msgspec.json.encode(mark.properties).decode(), "state": mark.state.value}
    values |= {"rows": rows, "digest": digest, "phase": phase, "ended_at": None}
    link.execute(db.put(MARK), values)


def _mark(row: Any) -> Mark:
    values = dict(row._mapping)
    values |= {"properties": _PROPERTIES.decode(values["properties"]), "state": MarkState(values["state"])}
    return Mark(**values)


def _mark_row(row: Any) -> MarkRow:
    values = dict(row._mapping)
    mark = {name: values[name] for name in Mark.__struct_fields__}
    mark |= {"properties": _PROPERTIES.decode(mark["properties"]), "state": MarkState(mark["state"])}
    return MarkRow(Mark(**mark), values["rows"], values["digest"], values["phase"], values["ended_at"])
