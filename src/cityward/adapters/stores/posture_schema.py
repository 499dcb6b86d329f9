"""The table of postures' turns: what was switched on, by whom, for how long, and what became of it. Times are machine us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from cityward.adapters.stores.schema import METADATA

POSTURE = Table(
    "posture",
    METADATA,
    Column("id", String, primary_key=True),
    Column("posture", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("approved_by", String, nullable=False, server_default=""),
    Column("begun_at", BigInteger),
    Column("end_asked_by", String, nullable=False, server_default=""),
    Column("ended_at", BigInteger),
    Column("ended_by", String, nullable=False, server_default=""),
    Index("posture_by_state", "state", "asked_at"),
)
