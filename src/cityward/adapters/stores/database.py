"""One SQL database, two engines: SQLite in a file (the default), PostgreSQL by URL. Transactions, and errors as `LinkError`.

SQLite runs in WAL mode with `synchronous=FULL`: readers never wait for the writer, and what was committed outlasts a killed
process and a power cut. A worker commits once a second, so this costs one sync a second; without it the log could be cut
behind transactions that a power cut takes back.
Each writing transaction takes the write lock at its beginning and waits for it up to `WAIT_S`: one that upgraded half way could
only fail.

INVARIANT: every transaction is either whole or not there, for readers of any process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from cityward.adapters.stores.schema import ADDED, TALLY, VERSION
from cityward.adapters.stores.watch_schema import METADATA  # from the last of the schemas: all tables stand in it
from cityward.errors import LinkError

WAIT_S = 10
OPEN_ATTEMPTS = 50  # SQLite does not wait where two processes turn on WAL at once
_OURS = (IntegrityError, ProgrammingError, DataError, NotSupportedError)  # a mistake of ours, not the world's silence
_SCHEMA_LOCK = 0x0C17_3A2D  # any number, the same in every process

Insert = sqlite.Insert | postgresql.Insert
"""An insert that can say what to do where the key is there already."""


class Database:
    """A pool of connections to one database, with the tables of `schema` made, or brought up to its version."""

    def __init__(self, url: str) -> None:
        """Open the database (`sqlite:///<path>`, `postgresql://...`), or begin it.

        Raises:
            LinkError: it does not answer, its driver is missing, or it has tables of a newer version.
        """
        at = make_url(url)
        if at.drivername in {"postgresql", "postgres"}:
            at = at.set(drivername="postgresql+psycopg")
        self.where = at.render_as_string(hide_password=True)
        with self._answering("be opened"):
            self._engine = _engine(at.render_as_string(hide_password=False))
        self._writer = self._engine.execution_options(cityward_writes=True)
        self._insert = sqlite.insert if self.is_sqlite else postgresql.insert
        try:
            self._prepare()
        except BaseException:
            self.dispose()
            raise

    @property
    def is_sqlite(self) -> bool:
        """Whether the engine is SQLite; else it is PostgreSQL."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self, what: str) -> Generator[Connection]:
        """A transaction that writes: committed at the end, or not there. `what` completes "the state database could not ..."."""
        with self._answering(what), self._writer.begin() as link:
            yield link

    @contextmanager
    def reading(self, what: str) -> Generator[Connection]:
        """A transaction that only reads."""
        with self._answering(what), self._engine.connect() as link:
            yield link

    def insert(self, table: Table) -> Insert:
        """The engine's own insert, which knows `on_conflict_do_update`."""
        return self._insert(table)

    def put(self, table: Table) -> Insert:
        """An insert that replaces the row of the same primary key."""
        insert = self.insert(table)
        keys = [c.name for c in table.primary_key]
        return insert.on_conflict_do_update(
            index_elements=keys, set_={c.name: insert.excluded[c.name] for c in table.c if c.name not in keys}
        )

    def add(self, table: Table) -> Insert:
        """An insert that adds its numbers to those of the row of the same primary key."""
        insert = self.insert(table)
        keys = [c.name for c in table.primary_key]
        sums = {c.name: table.c[c.name] + insert.excluded[c.name] for c in table.c if c.name not in keys}
        return insert.on_conflict_do_update(index_elements=keys, set_=sums)

    def scrub(self, tables: Sequence[Table]) -> None:
        """Make what was deleted from these tables leave the files. Writers wait meanwhile: on SQLite for the whole file."""
        with self._answering("be scrubbed"):
            link = self._engine.raw_connection()
            try:
                cursor = link.cursor()
                if self.is_sqlite:
                    cursor.execute("VACUUM")
                    self._truncate_log(cursor)
                else:
                    cast(Any, link.driver_connection).autocommit = True
                    for table in tables:
                        cursor.execute(f'VACUUM FULL "{table.name}"')
                cursor.close()
            finally:
                link.detach()  # its mode was changed: it serves nobody else
                link.close()

    @staticmethod
    def _truncate_log(cursor: Any) -> None:
        """SQLite's write-ahead log still has the old pages until nobody reads from it."""
        for _ in range(OPEN_ATTEMPTS):
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.05)
        raise OSError("readers held its log all the time")

    def dispose(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _prepare(self) -> None:
        found = self._make_tables(OPEN_ATTEMPTS if self.is_sqlite else 1)
        if found != VERSION:
            raise LinkError(
                f"the state database has tables of version {found}, this Cityward knows version {VERSION}",
                where=self.where,
                mend="run the version of Cityward that made it, or begin a new state directory",
            )

    def _make_tables(self, attempts: int) -> int:
        """Make what tables are not there; the version of those that are."""
        try:
            with self.writing("be opened") as link:
                if not self.is_sqlite:
                    link.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
                METADATA.create_all(link)
                link.execute(self.insert(TALLY).on_conflict_do_nothing(), {"name": "schema", "count": VERSION})
                found = link.execute(select(TALLY.c.count).where(TALLY.c.name == "schema")).scalar_one()
                return _bring_up(link, found)
        except LinkError:
            if attempts <= 1:
                raise
        time.sleep(0.05)
        return self._make_tables(attempts - 1)

    @contextmanager
    def _answering(self, what: str) -> Generator[None]:
        try:
            yield
        except _OURS:
            raise
        except (DBAPIError, PoolTimeout, OSError) as error:
            why = error.orig if isinstance(error, DBAPIError) else error
            raise LinkError(
                f"the state database could not {what}: {why}",
                where=self.where,
                mend="see that it runs, has room and may be written; it is tried again",
            ) from error
        except ModuleNotFoundError as error:
            raise LinkError(
                f"the state database could not {what}: there is no driver `{error.name}`",
                where=self.where,
                mend="install `cityward[postgresql]`",
            ) from error


def _bring_up(link: Connection, found: int) -> int:
    """Add the columns that came after version `found`, in the same transaction; the version that it now is.

    A table that `create_all` has just made has them already.
    """
    for version in range(found + 1, VERSION + 1):
        for column in ADDED.get(version, ()):
            there = {c["name"] for c in inspect(link).get_columns(column.table.name)}
            if column.name not in there:
                link.execute(_AddColumn(column))
    if found < VERSION:
        link.execute(update(TALLY).where(TALLY.c.name == "schema").values(count=VERSION))
        return VERSION
    return found


class _AddColumn(ExecutableDDLElement):
    """`ALTER TABLE ... ADD COLUMN ...`, in the dialect's own words."""

    inherit_cache = False

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _add_column(element: _AddColumn, compiler: DDLCompiler, **_: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


def many(link: Connection, insert: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute the insert for every row, all of the same columns and of types the driver takes as they are.

    The statement is compiled once and handed to the driver, which halves the cost of a large batch: what SQLAlchemy does
    for each row (types, defaults) is for types that none of our tables has.
    """
    if not rows:
        return
    compiled = insert.compile(dialect=link.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup  # type: ignore[attr-defined]
    ready = rows if names is None else list(map(itemgetter(*names), rows))
    link.exec_driver_sql(str(compiled), ready)  # type: ignore[arg-type]


def _engine(url: str) -> Engine:
    # SECURITY: parameters stay out of error messages; they are readings, hashes and names.
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=not url.startswith("sqlite"), pool_timeout=WAIT_S)
    if engine.dialect.name == "sqlite":
        _only_for_owner(engine.url.database)
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _only_for_owner(path: str | None) -> None:
    # SECURITY: it holds password hashes; SQLite gives its side files the rights of the file itself.
    # INVARIANT: a file that is there is never opened beside SQLite: closing it would let go of every lock that this process
    # holds on it, and whoever closes theirs meanwhile would take the write-ahead log away under our hands.
    if path and path != ":memory:":
        with contextlib.suppress(FileExistsError):
            os.close(os.open(Path(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _on_sqlite_connect(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {WAIT_S * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _on_sqlite_begin(link: Connection) -> None:
    writes = link.get_execution_options().get("cityward_writes", False)
    link.execute(text("BEGIN IMMEDIATE" if writes else "BEGIN"))
