"""The tables of overrides and consents: what persons hold at a value, and what waits for their agreement. Times are city us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, String, Table, Text

from cityward.adapters.stores.schema import METADATA

OVERRIDE = Table(
    "override",
    METADATA,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("target", String, nullable=False),
    Column("devices", Text, nullable=False),  # a JSON list of ids
    Column("command", String, nullable=False),
    Column("value", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("approved_by", String, nullable=False, server_default=""),
    Column("begun_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", String, nullable=False, server_default=""),
    Index("override_by_state", "state", "asked_at"),
)

CONSENT = Table(
    "consent",
    METADATA,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("device", String, nullable=False),
    Column("command", String, nullable=False),
    Column("value", Double, nullable=False),
    Column("cause", Text, nullable=False),  # a JSON object of strings
    Column("sources", Text, nullable=False),  # a JSON list of ids
    Column("asked_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("by", String, nullable=False, server_default=""),
    Index("consent_by_state", "state", "asked_at"),
)
