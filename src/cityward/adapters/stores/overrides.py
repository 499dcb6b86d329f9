"""The book of overrides and consents. `runtime.overriding.Overrides` on the state database.

INVARIANT: at most `KEPT` settled consents are kept; evidence has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, select, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.override_schema import CONSENT, OVERRIDE
from cityward.runtime.overriding import MOST_CONSENTS, MOST_HOLDING, UNDER_WAY, ConsentRow, OverrideRow, OverrideState

MOST = 10_000
KEPT = 10_000

_UNDER_WAY = sorted(state.value for state in UNDER_WAY)
_OPEN = ["approved", "asked"]
_IDS = msgspec.json.Decoder(tuple[str, ...])
_CAUSE = msgspec.json.Decoder(dict[str, str])


class OverrideBook:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put_override(self, row: OverrideRow) -> None:
        """Add it, or replace the one of its id."""
        values = asdict(row) | {"state": row.state.value, "devices": msgspec.json.encode(row.devices).decode()}
        with self._db.writing("take an override") as link:
            many(link, self._db.put(OVERRIDE), [values])

    def overrides(self, most: int = 100, service: str | None = None) -> Sequence[OverrideRow]:
        """Those under way before those that ended; of each, the newest first."""
        order = (OVERRIDE.c.state.not_in(_UNDER_WAY), OVERRIDE.c.asked_at.desc(), OVERRIDE.c.id)
        wanted = _of(OVERRIDE, service).order_by(*order).limit(min(most, MOST))
        with self._db.reading("give the overrides") as link:
            return [_override(row) for row in link.execute(wanted)]

    def overrides_under_way(self) -> Sequence[OverrideRow]:
        """Asked or holding; oldest first."""
        wanted = select(OVERRIDE).where(OVERRIDE.c.state.in_(_UNDER_WAY)).order_by(OVERRIDE.c.asked_at, OVERRIDE.c.id)
        with self._db.reading("give the overrides under way") as link:
            return [_override(row) for row in link.execute(wanted.limit(MOST_HOLDING * 2))]

    def put_consents(self, rows: Sequence[ConsentRow]) -> None:
        """Add each, or replace the one of its id."""
        values = [
            asdict(row)
            | {
                "cause": msgspec.json.encode(dict(row.cause)).decode(),
                "sources": msgspec.json.encode(row.sources).decode(),
            }
            for row in rows
        ]
        with self._db.writing("take consents") as link:
            many(link, self._db.put(CONSENT), values)
            _forget_old(link)

    def settle_consent(self, id_: str, state: str, by: str) -> bool:
        """False when it is settled already: of two at a time one settles it."""
        waits = (CONSENT.c.id == id_) & (CONSENT.c.state == "asked")
        with self._db.writing("settle a consent") as link:
            return link.execute(update(CONSENT).where(waits).values(state=state, by=by)).rowcount == 1

    def consents(self, most: int = 100, service: str | None = None) -> Sequence[ConsentRow]:
        """Those that wait or are approved before the others; of each, the newest first."""
        order = (CONSENT.c.state.not_in(_OPEN), CONSENT.c.asked_at.desc(), CONSENT.c.id)
        wanted = _of(CONSENT, service).order_by(*order).limit(min(most, MOST))
        with self._db.reading("give the consents") as link:
            return [_consent(row) for row in link.execute(wanted)]

    def consents_under_way(self) -> Sequence[ConsentRow]:
        """Asked or approved; oldest first."""
        wanted = select(CONSENT).where(CONSENT.c.state.in_(_OPEN)).order_by(CONSENT.c.asked_at, CONSENT.c.id)
        with self._db.reading("give the consents under way") as link:
            return [_consent(row) for row in link.execute(wanted.limit(MOST_CONSENTS * 2))]


def _of(table: Table, service: str | None) -> Any:
    return select(table) if service is None else select(table).where(table.c.service == service)


def _forget_old(link: Connection) -> None:
    settled = CONSENT.c.state.not_in(_OPEN)
    newest = select(CONSENT.c.id).where(settled).order_by(CONSENT.c.asked_at.desc(), CONSENT.c.id).limit(KEPT)
    link.execute(delete(CONSENT).where(settled & CONSENT.c.id.not_in(newest)))


def _override(row: Any) -> OverrideRow:
    fields: dict[str, Any] = dict(row._mapping)
    fields["state"], fields["devices"] = OverrideState(row.state), _IDS.decode(row.devices)
    return OverrideRow(**fields)


def _consent(row: Any) -> ConsentRow:
    fields: dict[str, Any] = dict(row._mapping)
    fields["cause"], fields["sources"] = _CAUSE.decode(row.cause), _IDS.decode(row.sources)
    return ConsentRow(**fields)
