"""What each device proves itself with, as hashes; which secrets are spent; and who is barred for a while.

INVARIANTS
- `version` grows in the same transaction as any change, so whoever sees a new version sees the change.
- A device whose credential is not active has an open bar of the same word, from the moment it was taken away.
- No secret is good twice: neither for two devices nor again after it was replaced (of each device `SPENT_KEPT` are known).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.doors_schema import BAR, CONNECTION, SPENT
from cityward.adapters.stores.schema import CREDENTIAL, TALLY
from cityward.runtime.ports import BarRow, ConnectionRow, CredentialRow
from cityward.time import DAY, SECOND

MOST_DEVICES = 200_000
MOST_BARS = 400_000
ACTIVE, REVOKED = "active", "revoked"
MISSING = ("lost", "stolen")
TAKEN_AWAY = ("revoked", "retired", *MISSING)
VERSION = "credentials"
SPENT_KEPT = 3
BARS_KEPT_US = 7 * DAY
"""An ended bar is known for so long: far longer than the log keeps what is judged again."""

NOTICED_WITHIN_US = 3 * SECOND
"""By then every process has surely noticed a change of who may speak. A bar is lifted so much later, for all at one moment."""

T = TypeVar("T")

_AT_ONCE = 500  # names in one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535
_COLUMNS = [
    CREDENTIAL.c[name]
    for name in ("device", "password_bcrypt", "key_sha256", "certificate_sha256", "state", "issued_at", "revoked_at")
]
_BAR_COLUMNS = [BAR.c[name] for name in ("device", "why", "from_us", "until_us", "by")]
_CONNECTION_COLUMNS = [CONNECTION.c[name] for name in ("device", "source", "client_id", "since", "until")]


class DeviceCredentials:
    """`runtime.ports.Credentials` and `Bars`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def version(self) -> int:
        """How often the credentials and bars have changed."""
        with self._db.reading("give the credentials' version") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == VERSION)).scalar() or 0

    def all(self) -> Sequence[CredentialRow]:
        """Every device's credential, by device, the revoked ones too."""
        with self._db.reading("give the credentials") as link:
            rows = link.execute(select(*_COLUMNS).order_by(CREDENTIAL.c.device).limit(MOST_DEVICES))
            return [CredentialRow(*row) for row in rows]

    def spent(self) -> dict[bytes, tuple[str, str]]:
        """SHA-256 of a replaced secret -> (device, what it was when it was replaced)."""
        with self._db.reading("give the spent secrets") as link:
            rows = link.execute(select(SPENT.c.key_sha256, SPENT.c.device, SPENT.c.state).limit(MOST_BARS))
            return {bytes(key): (device, state) for key, device, state in rows}

    def issue(self, rows: Sequence[CredentialRow]) -> None:
        """Replaces a device's row if it has one; its secret is spent, and with an active row the bar of its state ends.

        A device that is lost or stolen by now stays so: only `give_back` brings it back.

        Raises:
            ValueError: one of the secrets is, or was, a device's already.
        """
        self._take(rows, MISSING)

    def reissue(self, rows: Sequence[CredentialRow]) -> None:
        """As `issue`, in place of what devices have: one that was revoked, retired, lost or stolen by now stays so.

        Raises:
            ValueError: one of the secrets is, or was, a device's already.
        """
        self._take(rows, TAKEN_AWAY)

    def _take(self, rows: Sequence[CredentialRow], staying: Sequence[str]) -> None:
        if not rows:
            return
        with self._db.writing("take credentials") as link:
            self._refuse_used(link, rows)
            rows = self._still_so(link, rows, staying)
            for some in _chunks([row.device for row in rows]):
                self._spend(link, some, max(row.issued_at for row in rows))
            try:
                many(link, self._db.put(CREDENTIAL), [asdict(row) for row in rows])
            except IntegrityError:
                raise ValueError("a secret is issued to one device, once") from None
            back = {row.device: row.issued_at + NOTICED_WITHIN_US for row in rows if row.state == ACTIVE}
            for some in _chunks(list(back)):
                self._lift(link, some, None, min(back[device] for device in some))
            self._changed(link)

    def revoke(self, device: str, at_us: int) -> bool:
        """False when the device has no active credential."""
        return self.take_away(device, REVOKED, at_us, "operator")

    def take_away(self, device: str, state: str, at_us: int, by: str) -> bool:
        """The credential is worth nothing from now on, and the device is barred. False: it is in that state already, or has none.

        Args:
            state: revoked | lost | stolen | retired.
        """
        mine = (CREDENTIAL.c.device == device) & (CREDENTIAL.c.state != state)
        with self._db.writing("take a credential away") as link:
            done = link.execute(update(CREDENTIAL).where(mine).values(state=state, revoked_at=at_us)).rowcount > 0
            if done:
                self._lift(link, [device], None, at_us + NOTICED_WITHIN_US)
                many(link, self._db.insert(BAR), [asdict(BarRow(device, state, at_us, None, by))])
                self._changed(link)
        return done

    def give_back(self, device: str, at_us: int) -> bool:
        """The credential of a lost or stolen device is active again, its bar ends. False when there was nothing to give back."""
        mine = (CREDENTIAL.c.device == device) & (CREDENTIAL.c.state != ACTIVE)
        with self._db.writing("give a credential back") as link:
            values = {"state": ACTIVE, "revoked_at": None}
            done = link.execute(update(CREDENTIAL).where(mine).values(**values)).rowcount > 0
            if done:
                self._lift(link, [device], None, at_us + NOTICED_WITHIN_US)
                self._changed(link)
        return done

    def device_of_key(self, key_sha256: bytes) -> str | None:
        """The device with this active HTTP key; None also while the device is barred."""
        mine = (CREDENTIAL.c.key_sha256 == key_sha256) & (CREDENTIAL.c.state == ACTIVE)
        with self._db.reading("look up a key") as link:
            device = link.execute(select(CREDENTIAL.c.device).where(mine)).scalar()
            return None if device is None or link.execute(_barred_now(device)).first() else device

    def late_key(self, key_sha256: bytes) -> tuple[str, str] | None:
        """(device, why) of a key that was once good: of a barred device, or replaced by another. None: it never was one."""
        with self._db.reading("look up an old key") as link:
            mine = select(CREDENTIAL.c.device, CREDENTIAL.c.state).where(CREDENTIAL.c.key_sha256 == key_sha256)
            if (found := link.execute(mine).first()) is not None:
                barred = link.execute(_barred_now(found.device)).scalar()
                why = found.state if found.state != ACTIVE else barred
                return None if why is None else (found.device, why)
            old = link.execute(select(SPENT.c.device, SPENT.c.state).where(SPENT.c.key_sha256 == key_sha256)).first()
            return None if old is None else (old.device, "replaced" if old.state == ACTIVE else old.state)

    def bar(self, rows: Sequence[BarRow]) -> None:
        """Keep devices out, from each row's moment on."""
        if not rows:
            return
        with self._db.writing("bar devices") as link:
            link.execute(delete(BAR).where(BAR.c.until_us < min(r.from_us for r in rows) - BARS_KEPT_US))
            many(link, self._db.insert(BAR), [asdict(row) for row in rows])
            self._changed(link)

    def lift(self, devices: Sequence[str], why: str, until_us: int, instead: Sequence[BarRow] = ()) -> int:
        """End the open bars of this kind at a moment, in machine us, and set others in the same transaction; how many ended.

        The moment is to lie `NOTICED_WITHIN_US` ahead, so that no two judge differently.
        """
        with self._db.writing("lift bars") as link:
            lifted = sum(self._lift(link, some, why, until_us) for some in _chunks(devices))
            many(link, self._db.insert(BAR), [asdict(row) for row in instead])
            if lifted or instead:
                self._changed(link)
        return lifted

    def bars(self) -> Sequence[BarRow]:
        """All that are in force or ended lately, oldest first."""
        with self._db.reading("give the bars") as link:
            rows = link.execute(select(*_BAR_COLUMNS).order_by(BAR.c.ordinal).limit(MOST_BARS))
            return [BarRow(*row) for row in rows]

    def _lift(self, link: Connection, devices: Sequence[str], why: str | None, until_us: int) -> int:
        """Of every word but those that people end by name, where none is given."""
        words = BAR.c.why.not_in(["isolated", "penalty"]) if why is None else BAR.c.why == why
        open_ = and_(BAR.c.device.in_(devices), words, or_(BAR.c.until_us.is_(None), BAR.c.until_us > until_us))
        return link.execute(update(BAR).where(open_).values(until_us=until_us)).rowcount

    def _still_so(
        self, link: Connection, rows: Sequence[CredentialRow], staying: Sequence[str]
    ) -> Sequence[CredentialRow]:
        """SECURITY: whoever makes a new secret looked at the device before; it may have been taken away since."""
        missing: dict[str, str] = {}
        for some in _chunks([row.device for row in rows]):
            held = select(CREDENTIAL.c.device, CREDENTIAL.c.state)
            held = held.where(CREDENTIAL.c.device.in_(some), CREDENTIAL.c.state.in_(staying))
            missing |= {row.device: row.state for row in link.execute(held)}
        return [replace(row, state=missing.get(row.device, row.state)) for row in rows]

    def _refuse_used(self, link: Connection, rows: Sequence[CredentialRow]) -> None:
        keys = [row.key_sha256 for row in rows if row.key_sha256 is not None]
        for some in _chunks(keys):
            if link.execute(select(SPENT.c.key_sha256).where(SPENT.c.key_sha256.in_(some)).limit(1)).first():
                raise ValueError("a spent secret is never issued again")
            here = select(CREDENTIAL.c.device).where(CREDENTIAL.c.key_sha256.in_(some)).limit(1)
            if len(set(some)) < len(some) or link.execute(here).first():
                raise ValueError("a secret is issued to one device, once")

    def _spend(self, link: Connection, devices: Sequence[str], at_us: int) -> None:
        held = select(CREDENTIAL.c.key_sha256, CREDENTIAL.c.device, CREDENTIAL.c.state)
        rows = link.execute(held.where(CREDENTIAL.c.device.in_(devices), CREDENTIAL.c.key_sha256.is_not(None)))
        spent = [{"key_sha256": k, "device": d, "state": s, "spent_at": at_us} for k, d, s in rows]
        many(link, self._db.put(SPENT), spent)
        for row in spent:
            newest = select(SPENT.c.key_sha256).where(SPENT.c.device == row["device"])
            newest = newest.order_by(SPENT.c.spent_at.desc()).limit(SPENT_KEPT).scalar_subquery()
            mine = SPENT.c.device == row["device"]
            link.execute(delete(SPENT).where(mine, SPENT.c.key_sha256.not_in(newest)))

    def _changed(self, link: Connection) -> None:
        link.execute(self._db.add(TALLY), {"name": VERSION, "count": 1})


class ConnectionBook:
    """Where each device was last connected from."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put_connections(self, rows: Sequence[ConnectionRow]) -> None:
        """Replaces a device's row if it has one."""
        if rows:
            with self._db.writing("take connections") as link:
                many(link, self._db.put(CONNECTION), [asdict(row) for row in rows])

    def connections(self) -> dict[str, ConnectionRow]:
        """device -> its last connection."""
        with self._db.reading("give the connections") as link:
            rows = link.execute(select(*_CONNECTION_COLUMNS).order_by(CONNECTION.c.device).limit(MOST_DEVICES))
            return {row.device: ConnectionRow(*row) for row in rows}


def _barred_now(device: str) -> Select[Any]:
    now = time.time_ns() // 1000
    over = or_(BAR.c.until_us.is_(None), BAR.c.until_us > now)
    return select(BAR.c.why).where(BAR.c.device == device, BAR.c.from_us <= now, over).order_by(BAR.c.ordinal).limit(1)


def _chunks(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[n : n + _AT_ONCE] for n in range(0, len(items), _AT_ONCE)]
