"""The tables behind the doors: who is barred, which secrets are spent, and where each device was last connected from.

The times of bars and spent secrets are machine us, like a credential's; those of connections are city us.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from cityward.adapters.stores.schema import METADATA

BAR = Table(
    "bar",
    METADATA,
    Column("ordinal", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("device", String, nullable=False),
    Column("why", String, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("by", String, nullable=False),
    Index("bar_by_device", "device", "ordinal"),
    sqlite_autoincrement=True,
)

SPENT = Table(
    "spent_secret",
    METADATA,
    Column("key_sha256", LargeBinary, primary_key=True),
    Column("device", String, nullable=False),
    Column("state", String, nullable=False),
    Column("spent_at", BigInteger, nullable=False),
    Index("spent_by_device", "device", "spent_at"),
)
"""Secrets that another has replaced, with what the device was then: whoever uses one has it from somewhere."""

CONNECTION = Table(
    "connection",
    METADATA,
    Column("device", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    sqlite_with_rowid=False,
)
