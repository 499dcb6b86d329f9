"""Sign-in: one-time links and the sessions they open, as SHA-256 hashes. Times are machine us.

INVARIANTS
- A link is redeemed by deleting it, so of any number of requests with the same token one finds it.
- A person has at most `MOST_SESSIONS` open sessions: the ninth ends the oldest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select, update

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.schema import LINK, SESSION
from cityward.runtime.people import SessionRow

MOST_SESSIONS = 8
IN_ONE = 500  # names in one question: SQLite takes some thousands

_COLUMNS = [SESSION.c[n] for n in ("session_sha256", "who", "expires_at", "opened_at", "proved_at", "source", "way")]


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

    def open(self, row: SessionRow) -> Sequence[bytes]:
        """Begin a session; the hashes of those that had to end for it."""
        older = select(SESSION.c.session_sha256).where(SESSION.c.who == row.who)
        older = older.order_by(SESSION.c.opened_at.desc(), SESSION.c.session_sha256).offset(MOST_SESSIONS)
        with self._db.writing("open a session") as link:
            link.execute(self._db.put(SESSION), asdict(row))
            ended = [bytes(one) for one in link.execute(older).scalars()]
            link.execute(delete(SESSION).where(SESSION.c.session_sha256.in_(ended)))
        return ended

    def find(self, session_sha256: bytes, now_us: int) -> SessionRow | None:
        """The session; None when unknown or expired."""
        mine = (SESSION.c.session_sha256 == session_sha256) & (SESSION.c.expires_at > now_us)
        with self._db.reading("find a session") as link:
            row = link.execute(select(*_COLUMNS).where(mine)).first()
        return None if row is None else _session(row)

    def find_all(self, sessions_sha256: Collection[bytes], now_us: int) -> Mapping[bytes, SessionRow]:
        """By hash, of these those that are known and not expired."""
        found = dict[bytes, SessionRow]()
        with self._db.reading("find sessions") as link:
            for some in _parts(sorted(set(sessions_sha256))):
                mine = SESSION.c.session_sha256.in_(some) & (SESSION.c.expires_at > now_us)
                rows = map(_session, link.execute(select(*_COLUMNS).where(mine)))
                found.update({row.session_sha256: row for row in rows})
        return found

    def sessions_of(self, who: str, now_us: int) -> Sequence[SessionRow]:
        """The open sessions of a person, newest first."""
        mine = (SESSION.c.who == who) & (SESSION.c.expires_at > now_us)
        wanted = select(*_COLUMNS).where(mine).order_by(SESSION.c.opened_at.desc()).limit(MOST_SESSIONS)
        with self._db.reading("give the sessions") as link:
            return [_session(row) for row in link.execute(wanted)]

    def prove(self, session_sha256: bytes, at: int) -> None:
        """The person has proved again who they are."""
        with self._db.writing("note a proof") as link:
            link.execute(update(SESSION).where(SESSION.c.session_sha256 == session_sha256).values(proved_at=at))

    def close(self, session_sha256: bytes) -> None:
        """End a session."""
        with self._db.writing("close a session") as link:
            link.execute(delete(SESSION).where(SESSION.c.session_sha256 == session_sha256))

    def close_all(self, who: str) -> None:
        """End every session of a person, and every link that would open one."""
        with self._db.writing("close the sessions of a person") as link:
            link.execute(delete(SESSION).where(SESSION.c.who == who))
            link.execute(delete(LINK).where(LINK.c.who == who))


def _session(row: Any) -> SessionRow:
    return SessionRow(bytes(row[0]), *row[1:])


def _parts(names: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (names[at : at + IN_ONE] for at in range(0, len(names), IN_ONE))
