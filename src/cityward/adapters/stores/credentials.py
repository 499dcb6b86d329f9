"""What each device proves itself with, as hashes.

INVARIANT: `version` grows in the same transaction as any change, so whoever sees a new version sees the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import CREDENTIAL, TALLY
from cityward.runtime.ports import CredentialRow

MOST_DEVICES = 200_000
ACTIVE, REVOKED = "active", "revoked"
VERSION = "credentials"

_COLUMNS = [
    CREDENTIAL.c[name]
    for name in ("device", "password_bcrypt", "key_sha256", "certificate_sha256", "state", "issued_at", "revoked_at")
]


class DeviceCredentials:
    """`runtime.ports.Credentials`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def version(self) -> int:
        """How often the credentials have changed."""
        with self._db.reading("give the credentials' version") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == VERSION)).scalar() or 0

    def all(self) -> Sequence[CredentialRow]:
        """Every device's credential, by device, the revoked ones too."""
        with self._db.reading("give the credentials") as link:
            rows = link.execute(select(*_COLUMNS).order_by(CREDENTIAL.c.device).limit(MOST_DEVICES))
            return [CredentialRow(*row) for row in rows]

    def issue(self, rows: Sequence[CredentialRow]) -> None:
        """Replaces a device's row if it has one."""
        if not rows:
            return
        with self._db.writing("take credentials") as link:
            many(link, self._db.put(CREDENTIAL), [asdict(row) for row in rows])
            self._changed(link)

    def revoke(self, device: str, at_us: int) -> bool:
        """False when the device has no active credential."""
        active = (CREDENTIAL.c.device == device) & (CREDENTIAL.c.state == ACTIVE)
        with self._db.writing("revoke a credential") as link:
            done = link.execute(update(CREDENTIAL).where(active).values(state=REVOKED, revoked_at=at_us)).rowcount > 0
            if done:
                self._changed(link)
        return done

    def device_of_key(self, key_sha256: bytes) -> str | None:
        """The device with this active HTTP key."""
        mine = (CREDENTIAL.c.key_sha256 == key_sha256) & (CREDENTIAL.c.state == ACTIVE)
        with self._db.reading("look up a key") as link:
            return link.execute(select(CREDENTIAL.c.device).where(mine)).scalar()

    def _changed(self, link: Connection) -> None:
        link.execute(self._db.add(TALLY), {"name": VERSION, "count": 1})
