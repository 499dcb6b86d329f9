"""The table of containments: what was cut off, by whom, for how long, and what became of it. Times are machine us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from cityward.adapters.stores.schema import METADATA

CONTAINMENT = Table(
    "containment",
    METADATA,
    Column("id", String, primary_key=True),
    Column("target", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("approved_by", String, nullable=False, server_default=""),
    Column("seconds", BigInteger, nullable=False),
    Column("begun_at", BigInteger),
    Column("until", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", String, nullable=False, server_default=""),
    Column("units", Text, nullable=False),  # a JSON array of ids
    Column("count", Integer, nullable=False),
    Column("state", String, nullable=False),
    Index("containment_by_state", "state", "asked_at"),
)
