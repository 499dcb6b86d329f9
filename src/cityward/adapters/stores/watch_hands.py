"""Whose the watch's incidents are, and which of them wait: one row for each that somebody said something of.

INVARIANT: bounded: of the newest `HANDS_KEPT` incidents that were given away or put off; evidence has them all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import delete, select

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.schema import TALLY
from cityward.adapters.stores.watch_schema import HAND, WATCH_VERSION
from cityward.watch.hands import Hand

HANDS_KEPT = 10_000
_HANDS = msgspec.json.Decoder(Hand)


class HandRecords:
    """What people said of incidents beside their state."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def hand(self, incident: str) -> Hand:
        """Of one incident; empty where nobody said anything."""
        return self.hands([incident]).get(incident, Hand(incident=incident))

    def hands(self, incidents: Collection[str]) -> Mapping[str, Hand]:
        """Of those of these incidents that somebody said something of."""
        if not incidents:
            return {}
        with self._db.reading("say whose incidents are") as link:
            rows = link.execute(select(HAND.c.incident, HAND.c.body).where(HAND.c.incident.in_(incidents)))
            return {row.incident: _HANDS.decode(row.body) for row in rows}

    def put_hand(self, hand: Hand, at: int) -> None:
        """Hold it. The caller puts it on record first (`evidence.records.Assigned`, `Snoozed`).

        Raises:
            LinkError: the database does not answer; nothing was changed.
        """
        row = {"incident": hand.incident, "said_at": at, "body": msgspec.json.encode(hand).decode()}
        with self._db.writing("note whose an incident is") as link:
            link.execute(self._db.put(HAND), row)
            link.execute(self._db.add(TALLY), {"name": WATCH_VERSION, "count": 1})
            oldest = select(HAND.c.said_at).order_by(HAND.c.said_at.desc()).offset(HANDS_KEPT).limit(1)
            beyond = link.execute(oldest).scalar()
            if beyond is not None:
                link.execute(delete(HAND).where(HAND.c.said_at <= beyond))
