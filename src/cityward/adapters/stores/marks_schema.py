"""The tables of marks: what was said of held observations, what of the derived must be made again, what commands rest on.

Made beside those of `schema`, whose words hold here too. Times are int64 microseconds of city time.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from cityward.adapters.stores.schema import METADATA

MARK = Table(
    "marked_span",
    METADATA,
    Column("id", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("properties", Text, nullable=False),  # a JSON list of ids; empty: all
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),  # suspect | retracted
    Column("why", Text, nullable=False),
    Column("person", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("record", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("phase", String, nullable=False),  # making | in-force | clearing | cleared
    Column("ended_at", BigInteger),
    Index("marked_span_by_device", "device", "since"),
    Index("marked_span_by_phase", "phase"),
)

STALE_HOUR = Table(
    "stale_hour",
    METADATA,
    Column("property", String, primary_key=True),
    Column("area", String, primary_key=True),
    Column("hour_us", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)
"""Hourly indicators to be made again from history. Emptied hour by hour; what is left after a crash is done next."""

RETRACTION = Table(
    "retraction",
    METADATA,
    Column("mark", String, primary_key=True),
    Column("hours", BigInteger, nullable=False),  # made again so far
    Column("ranges", BigInteger, nullable=False),
    Column("record", String, nullable=False),  # the entry that says it is done; empty until then
)

COMMAND_SOURCE = Table(
    "command_source",
    METADATA,
    Column("command_id", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("oldest_at", BigInteger, nullable=False),
    Column("newest_at", BigInteger, nullable=False),
    Index("command_source_by_device", "device", "newest_at"),
    sqlite_with_rowid=False,
)
"""The devices that a kept command rests on, and when their readings were observed."""
