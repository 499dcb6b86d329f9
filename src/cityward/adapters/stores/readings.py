"""What the console and the services read of the state database. Every answer is bounded, whatever was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from cityward.adapters.stores.commands import COMMAND_COLUMNS, command_row, with_sources
from cityward.adapters.stores.database import Database
from cityward.adapters.stores.schema import (
    COMMAND,
    EXPECTED,
    FLOW_COUNT,
    HOURLY,
    LATEST,
    QUARANTINE,
    REASON_COUNT,
    SEEN,
)
from cityward.runtime.ports import CommandRow, ExpectedRow, FlowCount, HourlyRow, Latest, Quarantined
from cityward.time import MINUTE

MOST = 10_000  # rows of an answer a person or a page looks at
MOST_NAMED = 200_000  # rows of an answer with one per flow, device or hour: what one place can hold, in 50 MB
DEVICES_AT_ONCE = 1000  # SQLite takes 32,766 values in one statement
EXCERPT_BYTES = 256

_FLOW_COUNT = [FLOW_COUNT.c[name] for name in ("flow", "received", "admitted", "refused", "shed")]
_LATEST = [LATEST.c[name] for name in ("device", "property", "value", "observed_at", "received_at", "seq")]
_HOURLY = [HOURLY.c[name] for name in ("property", "area", "hour_us", "count", "total", "low", "high")]
_EXPECTED = [EXPECTED.c[name] for name in ("device", "property", "hour", "low", "high", "count")]
_QUARANTINE = [
    QUARANTINE.c[name]
    for name in (
        "seq",
        "row_in_batch",
        "device",
        "flow",
        "property",
        "reason",
        "value",
        "observed_at",
        "received_at",
        "excerpt",
    )
]


class Readings:
    """`runtime.ports.StateReader`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def counts(self) -> Sequence[FlowCount]:
        """The counts of every flow that ever carried a row, by name."""
        return [FlowCount(*row) for row in self._rows(select(*_FLOW_COUNT).order_by(FLOW_COUNT.c.flow))]

    def reasons(self) -> Mapping[tuple[str, str], int]:
        """(flow, reason word) -> rows refused or shed."""
        table = REASON_COUNT.c
        rows = self._rows(
            select(table.flow, table.reason, table.count.label("rows")).order_by(table.flow, table.reason)
        )
        return {(row.flow, row.reason): row.rows for row in rows}

    def latest(self, after_seq: int, most: int) -> Sequence[Latest]:
        """Values whose `seq` is above `after_seq`, lowest first.

        A message that gave several values is never cut: the answer may be longer than `most` by the rest of the last one,
        so that asking again after its `seq` misses nothing.
        """
        seq = LATEST.c.seq
        page = select(seq).where(seq > after_seq).order_by(seq).limit(_bounded(most)).subquery()
        last = select(func.max(page.c.seq)).scalar_subquery()
        wanted = select(*_LATEST).where(seq > after_seq, seq <= last).order_by(seq, LATEST.c.device, LATEST.c.property)
        return [Latest(*row) for row in self._rows(wanted)]

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        """The newest values of these devices (of the first `MOST` named), by device and property."""
        names = sorted(set(devices[:MOST]))
        out: list[Latest] = []
        for start in range(0, len(names), DEVICES_AT_ONCE):
            some = LATEST.c.device.in_(names[start : start + DEVICES_AT_ONCE])
            rows = self._rows(select(*_LATEST).where(some).order_by(LATEST.c.device, LATEST.c.property))
            out.extend(Latest(*row) for row in rows)
        return out

    def quarantine(self, most: int, device: str | None = None) -> Sequence[Quarantined]:
        """Refused rows, newest first."""
        wanted = select(*_QUARANTINE).order_by(QUARANTINE.c.ordinal.desc()).limit(_bounded(most))
        if device is not None:
            wanted = wanted.where(QUARANTINE.c.device == device)
        return [Quarantined(*row) for row in self._rows(wanted)]

    def hourly(self, since_us: int, until_us: int, property_id: str | None = None) -> Sequence[HourlyRow]:
        """The hours that begin in `since_us <= hour_us < until_us`, oldest first; the newest where there are too many."""
        hour = HOURLY.c.hour_us
        wanted = select(*_HOURLY).where(hour >= since_us, hour < until_us)
        if property_id is not None:
            wanted = wanted.where(HOURLY.c.property == property_id)
        newest = wanted.order_by(hour.desc(), HOURLY.c.property.desc(), HOURLY.c.area.desc()).limit(MOST_NAMED)
        return [HourlyRow(*row) for row in reversed(self._rows(newest))]

    def expected(self, device: str) -> Sequence[ExpectedRow]:
        """A device's expected ranges, by property and hour of day."""
        wanted = select(*_EXPECTED).where(EXPECTED.c.device == device)
        return [
            ExpectedRow(*row) for row in self._rows(wanted.order_by(EXPECTED.c.property, EXPECTED.c.hour).limit(MOST))
        ]

    def commands(self, most: int, device: str | None = None) -> Sequence[CommandRow]:
        """Commands, newest first."""
        wanted = select(*COMMAND_COLUMNS).order_by(COMMAND.c.ordinal.desc()).limit(_bounded(most))
        if device is not None:
            wanted = wanted.where(COMMAND.c.device == device)
        with self._db.reading("be read") as link:
            return with_sources(link, [command_row(row) for row in link.execute(wanted)])

    def steps(
        self, services: Collection[str], since_us: int, until_us: int, most: int
    ) -> tuple[Sequence[tuple[CommandRow, int]], int]:
        """What these services commanded in `since_us <= sent_at < until_us`, a step for each service and minute: (the last of its
        commands, to how many devices), the newest first; and how many steps there are. Of the commands still kept.
        """
        at = COMMAND.c.sent_at
        minute = COMMAND.c.sent_at // MINUTE
        each = (
            select(
                func.max(COMMAND.c.ordinal).label("ordinal"), func.count(COMMAND.c.device.distinct()).label("devices")
            )
            .where(COMMAND.c.service.in_(sorted(services)[:DEVICES_AT_ONCE]), at >= since_us, at < until_us)
            .group_by(COMMAND.c.service, minute)
            .subquery()
        )
        wanted = select(*COMMAND_COLUMNS, each.c.devices).join(each, each.c.ordinal == COMMAND.c.ordinal)
        with self._db.reading("be read") as link:
            total = link.execute(select(func.count()).select_from(each)).scalar_one()
            rows = link.execute(wanted.order_by(at.desc(), COMMAND.c.ordinal.desc()).limit(_bounded(most))).all()
            firsts = with_sources(link, [command_row(row[:-1]) for row in rows])
        return [(first, row.devices) for first, row in zip(firsts, rows, strict=True)], total

    def command(self, command_id: str) -> CommandRow | None:
        """One command that is still kept."""
        wanted = select(*COMMAND_COLUMNS).where(COMMAND.c.command_id == command_id)
        with self._db.reading("be read") as link:
            return next(iter(with_sources(link, [command_row(row) for row in link.execute(wanted)])), None)

    def commanded(self, since_us: int = 0) -> Sequence[tuple[str, int, int, int]]:
        """(device, commands, the first, the last) of those sent from then on, by device; of the commands still kept."""
        at, device = COMMAND.c.sent_at, COMMAND.c.device
        wanted = select(device, func.count(), func.min(at), func.max(at)).where(at >= since_us).group_by(device)
        return [tuple(row) for row in self._rows(wanted.order_by(device).limit(MOST_NAMED))]

    def refused_devices(self, since_us: int = 0) -> Sequence[tuple[str, str, int, int, int]]:
        """(device, reason, rows, the first, the last) of those refused from then on; of the rows still kept."""
        at, device, reason = QUARANTINE.c.received_at, QUARANTINE.c.device, QUARANTINE.c.reason
        wanted = select(device, reason, func.count(), func.min(at), func.max(at)).where(at >= since_us)
        rows = self._rows(wanted.group_by(device, reason).order_by(device, reason).limit(MOST_NAMED))
        return [tuple(row) for row in rows]

    def seen(self) -> Mapping[str, int]:
        """device -> when last heard."""
        rows = self._rows(select(SEEN.c.device, SEEN.c.last_seen).order_by(SEEN.c.device).limit(MOST_NAMED))
        return {row.device: row.last_seen for row in rows}

    def _rows(self, wanted: Any) -> Sequence[Row[Any]]:
        with self._db.reading("be read") as link:
            return link.execute(wanted).all()


def _bounded(most: int) -> int:
    return max(0, min(most, MOST))
