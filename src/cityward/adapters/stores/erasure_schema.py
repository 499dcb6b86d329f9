"""The table of erasures, beside those of `schema`, whose words hold here too. Times are int64 microseconds of city time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from cityward.adapters.stores.schema import METADATA, ORDINAL

ERASURE = Table(
    "erasure",
    METADATA,
    Column("number", ORDINAL, primary_key=True, autoincrement=True),
    Column("dataset", String, nullable=False),
    Column("device", String, nullable=False),
    Column("why", String, nullable=False),  # retention | request
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("person", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("copies", Text, nullable=False),  # a JSON object: store -> rows
    Column("tell", Text, nullable=False),  # a JSON list of parties
    Column("record", String, nullable=False),  # the entry that says it is done; empty until then
    Index("erasure_by_device", "device", "number"),
    Index("erasure_by_record", "record"),
    sqlite_autoincrement=True,
)

RETENTION_RUN = Table(
    "retention_run",
    METADATA,
    Column("dataset", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""When each dataset was last looked through for what is due."""
