"""Sign-in: one-time links and the sessions they open, as SHA-256 hashes. Times are machine us.

INVARIANT: a link is redeemed by deleting it, so of any number of requests with the same token one finds it.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.schema import LINK, SESSION


class SignIns:
    """`runtime.ports.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add_link(self, token_sha256: bytes, who: str, expires_at: int) -> None:
        """Make a link work once, until it expires."""
        with self._db.writing("make a sign-in link") as link:
            link.execute(self._db.put(LINK), {"token_sha256": token_sha256, "who": who, "expires_at": expires_at})

    def redeem_link(self, token_sha256: bytes, now_us: int) -> str | None:
        """Who it was for; None when unknown, expired or used. Forgets every link and session that has expired."""
        mine = delete(LINK).where(LINK.c.token_sha256 == token_sha256, LINK.c.expires_at > now_us)
        with self._db.writing("redeem a sign-in link") as link:
            who = link.execute(mine.returning(LINK.c.who)).scalar()
            for table in (LINK, SESSION):
                link.execute(delete(table).where(table.c.expires_at <= now_us))
        return who

    def open(self, session_sha256: bytes, who: str, expires_at: int) -> None:
        """Begin a session."""
        with self._db.writing("open a session") as link:
            link.execute(
                self._db.put(SESSION), {"session_sha256": session_sha256, "who": who, "expires_at": expires_at}
            )

    def find(self, session_sha256: bytes, now_us: int) -> str | None:
        """Whose session it is; None when unknown or expired."""
        mine = (SESSION.c.session_sha256 == session_sha256) & (SESSION.c.expires_at > now_us)
        with self._db.reading("find a session") as link:
            return link.execute(select(SESSION.c.who).where(mine)).scalar()

    def close(self, session_sha256: bytes) -> None:
        """End a session."""
        with self._db.writing("close a session") as link:
            link.execute(delete(SESSION).where(SESSION.c.session_sha256 == session_sha256))
