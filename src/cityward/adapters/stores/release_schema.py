"""The tables of releasing, in the same database as the rest: credentials, approvals, receipts with what waits, counts, atoms.

Times are city us, but for credentials (machine us). Whole tables: they came with version 3 of the schema, or later by themselves.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text

from cityward.adapters.stores.schema import METADATA, ORDINAL

RECIPIENT = Table(
    "release_recipient",
    METADATA,
    Column("recipient", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("key_sha256", LargeBinary, unique=True),
    Column("certificate_sha256", LargeBinary),
    Column("subject", String, nullable=False),
    Column("state", String, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("by", String, nullable=False),
)

APPROVAL = Table(
    "release_approval",
    METADATA,
    Column("agreement", String, primary_key=True),
    Column("control", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("control_lines", Text, nullable=False),  # JSON lists of texts
    Column("scope_lines", Text, nullable=False),
    Column("person", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("record", String, nullable=False),
)

LANE = Table(
    "release_lane",
    METADATA,
    Column("recipient", String, primary_key=True),
    Column("lane", String, primary_key=True),
    Column("at", Text, nullable=False),  # a `LaneAt`, as JSON
)

RECEIPT = Table(
    "release_receipt",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("record", String, nullable=False, unique=True),
    Column("recipient", String, nullable=False),
    Column("party", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("agreement", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("way", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("units", Integer, nullable=False),
    Column("devices", LargeBinary, nullable=False),  # their ids, one a line, compressed
    Column("digest", String, nullable=False),
    Column("form", Text, nullable=False),
    Column("rules", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("body", LargeBinary),  # until it is settled
    Index("release_receipt_by_recipient", "recipient", "state", "ordinal"),
    Index("release_receipt_by_dataset", "dataset", "ordinal"),
    Index("release_receipt_by_time", "until", "since"),
    sqlite_autoincrement=True,
)

RELEASE_COUNT = Table(
    "release_count",
    METADATA,
    Column("recipient", String, primary_key=True),
    Column("triggered", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("queued", BigInteger, nullable=False),
    Column("shed", BigInteger, nullable=False),
    Column("withheld", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("last_sent_at", BigInteger, nullable=False),
    CheckConstraint("triggered = sent + queued + shed", name="release_balanced"),
)

GIVEN = Table(
    "release_day",
    METADATA,
    Column("recipient", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("party", String, primary_key=True),
    Column("flow", String, primary_key=True),
    Column("agreement", String, primary_key=True),
    Column("form", String, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("receipts", BigInteger, nullable=False),
)

GIVEN_OF = Table(
    "release_device",
    METADATA,
    Column("device", String, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # of the earliest observation
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("receipts", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

REFUSED = Table(
    "release_refused",
    METADATA,
    Column("ordinal", ORDINAL, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("recipient", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("source", String, nullable=False),
    Column("reasons", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("record", String, nullable=False),
    Index("release_refused_by_recipient", "recipient", "ordinal"),
    sqlite_autoincrement=True,
)

ATOM = Table(
    "release_atom",
    METADATA,
    Column("name", BigInteger, primary_key=True, autoincrement=False),  # uint64, as the int64 of the same bits
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("seen", BigInteger, nullable=False),
    Index("release_atom_by_time", "start"),
)
