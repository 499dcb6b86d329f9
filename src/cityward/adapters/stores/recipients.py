"""What recipients prove themselves with, as hashes, and the agreements as they were approved.

INVARIANT: `version` grows in the same transaction as any change, so whoever sees a new version sees the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.release_schema import APPROVAL, RECIPIENT
from cityward.adapters.stores.schema import TALLY
from cityward.runtime.releasing.ports import ApprovalRow, RecipientRow

VERSION = "releases"
BEGUN = "approvals-begun"
MOST = 100_000
ACTIVE, REVOKED = "active", "revoked"

_LINES = msgspec.json.Decoder(tuple[str, ...])
_ROW = tuple(RecipientRow.__slots__)


class RecipientBook:
    """Credentials and approvals. Of any number of threads and processes."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def version(self) -> int:
        """How often a credential or an approval has changed."""
        with self._db.reading("give the recipients' version") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == VERSION)).scalar() or 0

    def recipients(self) -> Mapping[str, RecipientRow]:
        """Every credential, the revoked ones too."""
        with self._db.reading("give the recipients") as link:
            rows = link.execute(
                select(*(RECIPIENT.c[name] for name in _ROW)).order_by(RECIPIENT.c.recipient).limit(MOST)
            )
            return {row.recipient: RecipientRow(*row) for row in rows}

    def issue_to(self, row: RecipientRow) -> None:
        """Replaces what the recipient had: that is worth nothing from now on."""
        with self._db.writing("take a recipient's credential") as link:
            link.execute(self._db.put(RECIPIENT), asdict(row))
            self._changed(link)

    def revoke(self, recipient: str) -> bool:
        """False when it has no active credential."""
        mine = (RECIPIENT.c.recipient == recipient) & (RECIPIENT.c.state == ACTIVE)
        with self._db.writing("revoke a recipient") as link:
            done = link.execute(update(RECIPIENT).where(mine).values(state=REVOKED)).rowcount > 0
            if done:
                self._changed(link)
        return done

    def approvals(self) -> Mapping[str, ApprovalRow]:
        """Agreement -> how it was approved last."""
        with self._db.reading("give the approvals") as link:
            rows = link.execute(select(APPROVAL).order_by(APPROVAL.c.agreement).limit(MOST)).mappings()
            return {row["agreement"]: _approval(dict(row)) for row in rows}

    def approve(self, row: ApprovalRow) -> None:
        """The agreement holds as it is from now on."""
        told: dict[str, Any] = {name: getattr(row, name) for name in ApprovalRow.__slots__}
        told |= {name: msgspec.json.encode(told[name]).decode() for name in ("control_lines", "scope_lines")}
        with self._db.writing("take an approval") as link:
            link.execute(self._db.put(APPROVAL), told)
            self._changed(link)

    def begin(self) -> bool:
        """True once in the life of a city: nobody has approved anything yet."""
        with self._db.writing("begin its approvals") as link:
            once = self._db.insert(TALLY).on_conflict_do_nothing().returning(TALLY.c.name)
            return link.execute(once, {"name": BEGUN, "count": 1}).first() is not None

    def _changed(self, link: Connection) -> None:
        link.execute(self._db.add(TALLY), {"name": VERSION, "count": 1})


def _approval(row: dict[str, Any]) -> ApprovalRow:
    lines: dict[str, Any] = {name: _LINES.decode(row[name]) for name in ("control_lines", "scope_lines")}
    return ApprovalRow(**(row | lines))
