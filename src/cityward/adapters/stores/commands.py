"""The commands that were sent and what became of them, and the expected ranges: what services and estimates write.

INVARIANTS
- A command settles once: what comes after the first outcome changes nothing.
- At most `COMMANDS_KEPT` commands are kept, besides those still open; evidence has them all.
- A command's sources come and go with it, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.marks_schema import COMMAND_SOURCE
from cityward.adapters.stores.schema import COMMAND, EXPECTED
from cityward.runtime.ports import CommandRow, ExpectedRow, SourceSpan

COMMANDS_KEPT = 100_000
OPEN_AT_ONCE = 10_000
IDS_AT_ONCE = 1000
SENT = "sent"

_FIELDS = (
    "command_id",
    "service",
    "device",
    "command",
    "value",
    "cause",
    "record",
    "state",
    "sent_at",
    "settled_at",
)
COMMAND_COLUMNS = [COMMAND.c[name] for name in _FIELDS]
_CAUSE = msgspec.json.Decoder(dict[str, str])


class CommandBook:
    """`runtime.ports.ServiceBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def command_sent(self, row: CommandRow) -> None:
        """Note a command. The same id again changes nothing."""
        values = {name: getattr(row, name) for name in _FIELDS}
        values["cause"] = msgspec.json.encode(dict(row.cause)).decode()
        with self._db.writing("note a command") as link:
            link.execute(self._db.insert(COMMAND).on_conflict_do_nothing(index_elements=["command_id"]), values)
            many(
                link,
                self._db.insert(COMMAND_SOURCE).on_conflict_do_nothing(),
                [{"command_id": row.command_id, **asdict(span)} for span in row.sources],
            )
            newest = link.execute(select(func.max(COMMAND.c.ordinal))).scalar_one()
            old = (COMMAND.c.ordinal <= newest - COMMANDS_KEPT) & (COMMAND.c.state != SENT)
            gone = select(COMMAND.c.command_id).where(old)
            link.execute(delete(COMMAND_SOURCE).where(COMMAND_SOURCE.c.command_id.in_(gone)))
            link.execute(delete(COMMAND).where(old))

    def command_settled(self, command_id: str, state: str, at_us: int) -> None:
        """Note what became of a command that is still open."""
        still_open = (COMMAND.c.command_id == command_id) & (COMMAND.c.state == SENT)
        with self._db.writing("settle a command") as link:
            link.execute(update(COMMAND).where(still_open).values(state=state, settled_at=at_us))

    def open_commands(self) -> Sequence[CommandRow]:
        """The commands that nobody has answered, oldest first."""
        wanted = select(*COMMAND_COLUMNS).where(COMMAND.c.state == SENT).order_by(COMMAND.c.ordinal)
        with self._db.reading("give the open commands") as link:
            return with_sources(link, [command_row(row) for row in link.execute(wanted.limit(OPEN_AT_ONCE))])

    def set_expected(self, rows: Sequence[ExpectedRow]) -> None:
        """Put these ranges in the place of all there were. No rows leave the old ones: no past is no reason to forget."""
        if not rows:
            return
        with self._db.writing("take the expected ranges") as link:
            link.execute(delete(EXPECTED))
            many(link, self._db.put(EXPECTED), [asdict(row) for row in rows])


def command_row(row: Sequence[Any]) -> CommandRow:
    """A row of `COMMAND_COLUMNS`, as the port has it."""
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    values["cause"] = _CAUSE.decode(values["cause"])
    return CommandRow(**values)


def with_sources(link: Connection, rows: Sequence[CommandRow]) -> list[CommandRow]:
    """The rows, each with the devices it rests on."""
    spans: dict[str, list[SourceSpan]] = {}
    table = COMMAND_SOURCE.c
    wanted = select(table.command_id, table.device, table.oldest_at, table.newest_at)
    for start in range(0, len(rows), IDS_AT_ONCE):
        ids = [row.command_id for row in rows[start : start + IDS_AT_ONCE]]
        for command_id, *span in link.execute(wanted.where(table.command_id.in_(ids)).order_by(table.device)):
            spans.setdefault(command_id, []).append(SourceSpan(*span))
    return [replace(row, sources=spans.get(row.command_id, ())) for row in rows]
