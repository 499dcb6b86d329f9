"""The tables of the state database, the same on SQLite and PostgreSQL.

Times are int64 microseconds of city time, but for sign-in, which is machine time. Secrets are here as hashes only.
`VERSION` grows whenever a released table changes its shape, and only by columns that are added: `ADDED` says which, and an
older database is brought up to date as it is opened. One of a newer version is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

VERSION = 5

METADATA = MetaData()

ORDINAL = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in an INTEGER

POSITION = Table(
    "position",
    METADATA,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)
"""The last log sequence whose effects are here, for each partition."""

FLOW_COUNT = Table(
    "flow_count",
    METADATA,
    Column("flow", String, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("admitted", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("shed", BigInteger, nullable=False),
    CheckConstraint("received = admitted + refused + shed", name="balanced"),
)

REASON_COUNT = Table(
    "reason_count",
    METADATA,
    Column("flow", String, primary_key=True),
    Column("reason", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("seq", BigInteger, nullable=False),
    Column("row_in_batch", Integer, nullable=False),
    Column("device", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("property", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("value", Double),
    Column("observed_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Column("excerpt", LargeBinary, nullable=False),
    Index("quarantine_by_device", "device", "ordinal"),
    sqlite_autoincrement=True,
)

LATEST = Table(
    "latest",
    METADATA,
    Column("device", String, primary_key=True),
    Column("property", String, primary_key=True),
    Column("value", Double, nullable=False),
    Column("observed_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    # No index on `seq`: it would move with every reading (twice the cost of a batch) and spare a scan of the channels a second.
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

HOURLY = Table(
    "hourly",
    METADATA,
    Column("property", String, primary_key=True),
    Column("area", String, primary_key=True),
    Column("hour_us", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Index("hourly_by_hour", "hour_us"),
    sqlite_with_rowid=False,
)

SEEN = Table(
    "seen",
    METADATA,
    Column("device", String, primary_key=True),
    Column("last_seen", BigInteger, nullable=False),
    Column("minute", BigInteger, nullable=False),
    Column("in_minute", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

EXPECTED = Table(
    "expected",
    METADATA,
    Column("device", String, primary_key=True),
    Column("property", String, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

COMMAND = Table(
    "command",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("command_id", String, nullable=False, unique=True),
    Column("service", String, nullable=False),
    Column("device", String, nullable=False),
    Column("command", String, nullable=False),
    Column("value", Double, nullable=False),
    Column("cause", Text, nullable=False),  # a JSON object of strings
    Column("record", String, nullable=False),
    Column("state", String, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Index("command_by_device", "device", "ordinal"),
    Index("command_by_state", "state", "ordinal"),
    sqlite_autoincrement=True,
)

CREDENTIAL = Table(
    "credential",
    METADATA,
    Column("device", String, primary_key=True),
    Column("password_bcrypt", String),
    Column("key_sha256", LargeBinary, unique=True),
    Column("certificate_sha256", LargeBinary),
    Column("state", String, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

LINK = Table(
    "sign_in_link",
    METADATA,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("who", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

SESSION = Table(
    "session",
    METADATA,
    Column("session_sha256", LargeBinary, primary_key=True),
    Column("who", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False, server_default="0"),
    Column("proved_at", BigInteger, nullable=False, server_default="0"),
    Column("source", String, nullable=False, server_default=""),
    Column("way", String, nullable=False, server_default="link"),
)

TALLY = Table(
    "tally",
    METADATA,
    Column("name", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""Single numbers by name: the schema's and the credentials' version, and how many refused rows are kept no more."""

ADDED: Mapping[int, tuple[Column[Any], ...]] = {
    2: (),  # only whole tables: the watch's
    3: (
        SESSION.c.opened_at,
        SESSION.c.proved_at,
        SESSION.c.source,
        SESSION.c.way,
    ),  # and the tables of people and postures
    4: (),  # only whole tables: what is kept of the services
    5: (),  # only a whole table: segments of recordings
    6: (),  # only whole tables: views through cameras
}
"""Version -> the columns it added to tables of the version before. Each is nullable or has a `server_default`: rows are there."""
