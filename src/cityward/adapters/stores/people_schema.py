"""The tables of people: accounts, passkeys, grants of roles, and what waits for a second person. Times are machine us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, Text, false

from cityward.adapters.stores.schema import METADATA

PERSON = Table(
    "person",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("party", String, nullable=False),
    Column("state", String, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("issuer", String, nullable=False, server_default=""),
    Column("subject", String, nullable=False, server_default=""),
    Index("person_by_subject", "issuer", "subject"),
)

PASSKEY = Table(
    "passkey",
    METADATA,
    Column("credential", LargeBinary, primary_key=True),
    Column("person", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("host", String, nullable=False),
    Column("name", String, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("passkey_by_person", "person"),
)

GRANT = Table(
    "role_grant",
    METADATA,
    Column("id", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("role", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("given_by", String, nullable=False, server_default=""),
    Column("since", BigInteger, nullable=False, server_default="0"),
    Column("until", BigInteger, nullable=False, server_default="0"),
    Column("seconds", BigInteger, nullable=False, server_default="0"),
    Column("glass", Boolean, nullable=False, server_default=false()),
    Column("reviewed_by", String, nullable=False, server_default=""),
    Column("ended_by", String, nullable=False, server_default=""),
    Index("role_grant_by_person", "person", "asked_at"),
)

SECOND = Table(
    "second_person",
    METADATA,
    Column("id", String, primary_key=True),
    Column("act", String, nullable=False),
    Column("about", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("by", String, nullable=False, server_default=""),
    Index("second_person_by_state", "state", "asked_at"),
)
