"""The tables of the watch, in the same database as the rest: findings, incidents, standings, alerts, and how far it came.

Times are int64 microseconds of city time. A column added to a table that a released version made stands in `schema.ADDED`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, String, Table, Text

from cityward.adapters.stores.schema import METADATA, ORDINAL

WATCH_POSITION = Table(
    "watch_position",
    METADATA,
    Column("name", String, primary_key=True),  # history, events, partition-<p>
    Column("at", BigInteger, nullable=False),
)

FINDING = Table(
    "finding",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("incident", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("body", Text, nullable=False),  # the whole finding, as JSON
    Index("finding_by_incident", "incident", "ordinal"),
    Index("finding_by_subject", "subject", "ordinal"),
    Index("finding_by_end", "ended_at"),
    sqlite_autoincrement=True,
)

INCIDENT = Table(
    "incident",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("rank", Integer, nullable=False),  # of its severity
    Column("acknowledged_rank", Integer, nullable=False),  # the severity a person has seen; -1: none has
    Column("last_at", BigInteger, nullable=False),
    Column("person", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("incident_by_state", "state", "rank", "last_at"),
    sqlite_autoincrement=True,
)

WATCH_VERSION = "watch-version"  # a tally: how often what is told of incidents and standings changed

HAND = Table(
    "watch_hand",
    METADATA,
    Column("incident", String, primary_key=True),
    Column("said_at", BigInteger, nullable=False),  # the newest word, city us
    Column("body", Text, nullable=False),  # the whole hand, as JSON
    Index("watch_hand_by_age", "said_at"),
)

STANDING = Table(
    "standing",
    METADATA,
    Column("device", String, primary_key=True),
    Column("trust", Double, nullable=False),
    Column("state", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("because", Text, nullable=False),  # a JSON list of findings
)

ALERT = Table(
    "alert",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Index("alert_once", "channel", "incident", "stage", unique=True),
    Index("alert_by_state", "state", "next_at"),
    sqlite_autoincrement=True,
)
