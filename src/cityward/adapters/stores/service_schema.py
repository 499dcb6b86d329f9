"""The tables of the services: what they remember, say, publish and plan. Times are city us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, String, Table, Text

from cityward.adapters.stores.schema import METADATA

SERVICE_MEMORY = Table(
    "service_memory",
    METADATA,
    Column("service", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # JSON, as the service's own type
    Column("at", BigInteger, nullable=False),
)

SERVICE_STATUS = Table(
    "service_status",
    METADATA,
    Column("service", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

SERVICE_BOARD = Table(
    "service_board",
    METADATA,
    Column("service", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

SERVICE_NOTICE = Table(
    "service_notice",
    METADATA,
    Column("service", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("first_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("service_notice_by_end", "service", "ended_at"),
)

SERVICE_ESTIMATE = Table(
    "service_estimate",
    METADATA,
    Column("service", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("property", String, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("coverage", Double, nullable=False),
    Column("model", String, nullable=False),
    Column("sources", Text, nullable=False),  # a JSON list of units
    Column("missing", Double, nullable=False),
    Index("service_estimate_by_time", "service", "at"),
)

SERVICE_DOCUMENT = Table(
    "service_document",
    METADATA,
    Column("service", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
)

SERVICE_PLAN = Table(
    "service_plan",
    METADATA,
    Column("plan_id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("service_plan_by_time", "service", "issued_at"),
)
