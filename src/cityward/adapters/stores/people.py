"""The book of people. `runtime.people.People` on the state database.

INVARIANTS
- `people_version` grows in the same transaction as any change, so whoever sees a new version sees the change.
- A passkey's sign count only grows; who comes second with the same count is refused.
- A grant for good, or one that has not ended, is never left out of what is read of its person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, select, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.people_schema import GRANT, PASSKEY, PERSON, SECOND
from cityward.adapters.stores.schema import TALLY
from cityward.runtime.people import Grant, Passkey, Person, Second, Stance, Standing, Step

VERSION = "people"
MOST_PEOPLE = 10_000
MOST_GRANTS = 10_000
MOST_PASSKEYS = 20  # of one person


class PeopleBook:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def people_version(self) -> int:
        """How often anything here has changed."""
        with self._db.reading("give the version of the people") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == VERSION)).scalar() or 0

    def people(self) -> Sequence[Person]:
        """Everybody, the removed too, by id."""
        with self._db.reading("give the people") as link:
            return [_person(row) for row in link.execute(select(PERSON).order_by(PERSON.c.id).limit(MOST_PEOPLE))]

    def person(self, id_: str) -> Person | None:
        """One person."""
        with self._db.reading("give a person") as link:
            return _one_person(link, id_)

    def person_of_subject(self, issuer: str, subject: str) -> Person | None:
        """Whom an OpenID provider calls so."""
        if not issuer or not subject:
            return None
        mine = and_(PERSON.c.issuer == issuer, PERSON.c.subject == subject)
        with self._db.reading("find a person") as link:
            row = link.execute(select(PERSON).where(mine)).first()
        return None if row is None else _person(row)

    def put_person(self, person: Person) -> None:
        """Add them, or replace the one of this id."""
        self._put_of_people("take a person", PERSON, asdict(person) | {"state": person.state.value})

    def standing(self, id_: str) -> Standing | None:
        """All that is on file of one person, as of one moment."""
        with self._db.reading("give a person's standing") as link:
            person = _one_person(link, id_)
            if person is None:
                return None
            grants = tuple(_grant(row) for row in link.execute(_grants_of(id_, MOST_GRANTS)))
            has = link.execute(select(PASSKEY.c.person).where(PASSKEY.c.person == id_).limit(1)).first()
        ways = {"passkey"} if has is not None else set[str]()
        return Standing(person, grants, frozenset(ways | ({"oidc"} if person.subject else set())))

    def passkeys(self, person: str) -> Sequence[Passkey]:
        """Those of one person, oldest first."""
        mine = select(PASSKEY).where(PASSKEY.c.person == person).order_by(PASSKEY.c.added_at).limit(MOST_PASSKEYS)
        with self._db.reading("give the passkeys") as link:
            return [_passkey(row) for row in link.execute(mine)]

    def passkey(self, credential: bytes) -> Passkey | None:
        """One passkey."""
        with self._db.reading("give a passkey") as link:
            row = link.execute(select(PASSKEY).where(PASSKEY.c.credential == credential)).first()
        return None if row is None else _passkey(row)

    def put_passkey(self, passkey: Passkey) -> None:
        """Add one. One that is there already stays whose it is.

        Raises:
            IntegrityError: it is there already.
        """
        with self._db.writing("take a passkey") as link:
            many(link, self._db.insert(PASSKEY), [asdict(passkey)])
            self._people_changed(link)

    def drop_passkey(self, person: str, credential: bytes) -> bool:
        """Forget one; False when the person has none such."""
        mine = and_(PASSKEY.c.credential == credential, PASSKEY.c.person == person)
        with self._db.writing("forget a passkey") as link:
            gone = link.execute(delete(PASSKEY).where(mine)).rowcount > 0
            self._people_changed(link)
        return gone

    def use_passkey(self, credential: bytes, sign_count: int, at: int) -> bool:
        """Note a use; False when the count has gone back or stands still, but for authenticators that never count.

        SPEC: WebAuthn Level 3, 7.2 step 22.
        """
        count = PASSKEY.c.sign_count
        grows = count < sign_count if sign_count else count == 0
        mine = and_(PASSKEY.c.credential == credential, grows)
        with self._db.writing("note the use of a passkey") as link:
            done = link.execute(update(PASSKEY).where(mine).values(sign_count=sign_count, used_at=at))
            return done.rowcount > 0

    def grants(self, person: str | None = None, most: int = 1000) -> Sequence[Grant]:
        """Of one person or of all, the newest first."""
        wanted = select(GRANT).order_by(GRANT.c.asked_at.desc(), GRANT.c.id).limit(min(most, MOST_GRANTS))
        with self._db.reading("give the grants") as link:
            return [
                _grant(r) for r in link.execute(wanted if person is None else wanted.where(GRANT.c.person == person))
            ]

    def grant(self, id_: str) -> Grant | None:
        """One grant."""
        with self._db.reading("give a grant") as link:
            row = link.execute(select(GRANT).where(GRANT.c.id == id_)).first()
        return None if row is None else _grant(row)

    def put_grant(self, grant: Grant) -> None:
        """Add it, or replace the one of its id."""
        self._put_of_people("take a grant", GRANT, asdict(grant) | {"state": grant.state.value})

    def seconds(self, most: int = 200) -> Sequence[Second]:
        """Those that wait before those that are settled; of each, the newest first."""
        order = (SECOND.c.state != "asked", SECOND.c.asked_at.desc(), SECOND.c.id)
        with self._db.reading("give what waits for a second person") as link:
            return [Second(*row) for row in link.execute(select(SECOND).order_by(*order).limit(min(most, 1000)))]

    def second(self, id_: str) -> Second | None:
        """One of them."""
        with self._db.reading("give what waits for a second person") as link:
            row = link.execute(select(SECOND).where(SECOND.c.id == id_)).first()
        return None if row is None else Second(*row)

    def put_second(self, second: Second) -> None:
        """Add it, or replace the one of its id."""
        self._put_of_people("take what waits for a second person", SECOND, asdict(second))

    def settle_second(self, id_: str, state: str, by: str) -> bool:
        """False when it waits no more."""
        mine = and_(SECOND.c.id == id_, SECOND.c.state == "asked")
        with self._db.writing("settle what waits for a second person") as link:
            done = link.execute(update(SECOND).where(mine).values(state=state, by=by)).rowcount > 0
            self._people_changed(link)
        return done

    def _put_of_people(self, what: str, table: Table, row: dict[str, Any]) -> None:
        with self._db.writing(what) as link:
            many(link, self._db.put(table), [row])
            self._people_changed(link)

    def _people_changed(self, link: Connection) -> None:
        link.execute(self._db.add(TALLY), {"name": VERSION, "count": 1})


def _grants_of(person: str, most: int) -> Any:
    """Those in force or to come before those that are over: what is cut off is history."""
    over = GRANT.c.state != Step.GIVEN.value
    return select(GRANT).where(GRANT.c.person == person).order_by(over, GRANT.c.asked_at.desc()).limit(most)


def _one_person(link: Connection, id_: str) -> Person | None:
    row = link.execute(select(PERSON).where(PERSON.c.id == id_)).first()
    return None if row is None else _person(row)


def _person(row: Any) -> Person:
    return Person(row.id, row.name, row.party, Stance(row.state), row.added_at, row.issuer, row.subject)


def _passkey(row: Any) -> Passkey:
    return Passkey(
        credential=bytes(row.credential),
        person=row.person,
        public_key=bytes(row.public_key),
        sign_count=row.sign_count,
        host=row.host,
        name=row.name,
        added_at=row.added_at,
        used_at=row.used_at,
    )


def _grant(row: Any) -> Grant:
    return Grant(
        id=row.id,
        person=row.person,
        role=row.role,
        state=Step(row.state),
        reason=row.reason,
        asked_at=row.asked_at,
        given_by=row.given_by,
        since=row.since,
        until=row.until,
        seconds=row.seconds,
        glass=bool(row.glass),
        reviewed_by=row.reviewed_by,
        ended_by=row.ended_by,
    )
