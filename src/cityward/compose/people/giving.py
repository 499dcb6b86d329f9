"""Giving and taking: who may sign in, which roles they hold, until when; what waits for a second person; glass that was broken.

Evidence comes first, then the book, then the watch is told. Whoever takes a step holds the ledger from its first look to the
book, so of two at a time one is first. Both doors (the console, the command line) come here; what a caller may do at all is
theirs to ask first, what may be done to whom is held here.

INVARIANTS
- Nobody gives, opens, approves or reviews for themselves; what may be given to whom at all is held in `wishing`.
- Where a second person is needed, nothing is given before another account than the giver's and the receiver's agrees.
- A locked or removed person has no session and no link from that moment on.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import msgspec

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.people.wishing import active, check_text, draft, known_person, new_id, now_us
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.evidence.records import Granted, Lifecycle
from cityward.place.hints import listed
from cityward.runtime.people import (
    Grant,
    Passkey,
    Person,
    Second,
    Stance,
    Standing,
    Step,
    Wish,
    held_now,
)
from cityward.runtime.ports import EventSink
from cityward.time import SECOND as SECOND_US
from cityward.watch.events import Event, EventKind, cut

ROLE = "people"
"""The ledger of people; its own, so that it can be written while the city runs."""
LINK_S = 15 * 60
WAITS_S = 24 * 3600
MOST_PASSKEYS = 10
GIVE, OPEN = "grant", "open"

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?\Z")


@dataclass(slots=True)
class PeopleDesk:
    """`web.ports.PeopleDesk`, and what `cityward person` and `cityward grant` use.

    acts: what is done once a second person has agreed, by the word of what was asked for; others put theirs here. It is called
    with the request and the name of the second person, and raises `PlaceError` where it may not be any more.
    """

    setting: Setting
    events: EventSink | None = None
    acts: dict[str, Callable[[Second, str], None]] | None = None

    # -- people ---------------------------------------------------------------------------------------------------------

    def people(self) -> Sequence[Person]:
        """Everybody."""
        return self.setting.state.people()

    def person(self, id_: str) -> Person:
        """One person.

        Raises:
            PlaceError: there is none of that name.
        """
        return known_person(self.setting, id_)

    def standing(self, id_: str) -> Standing | None:
        """All that is on file of one person."""
        return self.setting.state.standing(id_)

    def version(self) -> int:
        """Grows with every change."""
        return self.setting.state.people_version()

    def add(self, id_: str, name: str, party: str, by: str) -> Person:
        """A new account, which holds nothing yet.

        Raises:
            PlaceError: the name is taken or no name, or there is no such party.
        """
        _check_name(id_)
        check_text("name", name)
        if party not in self.setting.loaded.place.parties:
            raise PlaceError(f"there is no party `{party[:64]}`", mend="declare it, or name one that is declared")
        with self._alone() as ledger:
            if self.setting.state.person(id_) is not None:
                raise PlaceError(f"there is a `{id_}` already", mend="choose another name")
            row = Person(id_, name, party, Stance.ACTIVE, now_us())
            self._life(ledger, "person added", {"who": id_, "party": party, "by": by})
            self.setting.state.put_person(row)
        return row

    def stand(self, id_: str, to: Stance, by: str) -> Person:
        """Lock, unlock or remove an account. Who is removed stays on record and never comes back.

        Raises:
            PlaceError: nobody of that name, removed already, or oneself.
        """
        with self._alone() as ledger:
            row = self.person(id_)
            if row.state is Stance.REMOVED:
                raise PlaceError(f"`{id_}` is removed", mend="add a new account under another name")
            if id_ == by:
                raise PlaceError("nobody locks or removes themselves", mend="ask another one")
            changed = replace(row, state=to, **({"issuer": "", "subject": ""} if to is Stance.REMOVED else {}))
            self._life(ledger, f"person {to.value}", {"who": id_, "by": by})
            self.setting.state.put_person(changed)
            if to is not Stance.ACTIVE:
                self.setting.state.close_all(id_)
            if to is Stance.REMOVED:
                for key in self.setting.state.passkeys(id_):
                    self.setting.state.drop_passkey(id_, key.credential)
        return changed

    def know(self, id_: str, issuer: str, subject: str, by: str) -> Person:
        """By what name an OpenID provider knows them.

        Raises:
            PlaceError: nobody of that name, or somebody else is known so.
        """
        with self._alone() as ledger:
            row, other = active(self.setting, id_), self.setting.state.person_of_subject(issuer, subject)
            if other is not None and other.id != id_:
                raise PlaceError(f"`{other.id}` is known so already", mend="see `cityward person show`")
            self._life(ledger, "person known", {"who": id_, "issuer": issuer, "by": by})
            changed = replace(row, issuer=issuer, subject=subject)
            self.setting.state.put_person(changed)
        return changed

    def link_for_another(self, id_: str, by: str, *, alone: bool) -> str:
        """The same, asked for by a person of the city for another one, who has never proved themselves here.

        # SECURITY: whoever holds a link is its person. So nobody who gives roles becomes somebody who has a passkey, or whom
        # the provider knows; and, where giving needs a second person (not `alone`), nobody who holds a role. Who lost their
        # passkey is given a link at the machine.

        Raises:
            PlaceError: nobody of that name, not active, or they have more than a link to lose.
        """
        standing, mend = self.setting.state.standing(id_), f"at the machine: cityward person link {id_[:64]}"
        if standing is not None and standing.ways:
            raise PlaceError(f"`{id_[:64]}` proves who they are by {listed(sorted(standing.ways))}", mend=mend)
        if standing is not None and not alone and any(grant.holds(now_us()) for grant in standing.grants):
            raise PlaceError(f"`{id_[:64]}` holds roles, and these take two persons", mend=mend)
        return self.link(id_, by)

    def link(self, id_: str, by: str) -> str:
        """The token of a sign-in link that works once, for a quarter of an hour.

        Raises:
            PlaceError: nobody of that name, or not active.
        """
        token = secrets.token_urlsafe(32)
        with self._alone() as ledger:
            active(self.setting, id_)
            self._life(ledger, "sign-in link", {"who": id_, "by": by})
            expires = now_us() + LINK_S * SECOND_US
            self.setting.state.add_link(hashlib.sha256(token.encode()).digest(), id_, expires)
        return token

    # -- passkeys -------------------------------------------------------------------------------------------------------

    def passkeys(self, person: str) -> Sequence[Passkey]:
        """Those of one person."""
        return self.setting.state.passkeys(person)

    def passkey(self, credential: bytes) -> Passkey | None:
        """One passkey."""
        return self.setting.state.passkey(credential)

    def add_passkey(self, passkey: Passkey) -> None:
        """A new one.

        Raises:
            PlaceError: the person has too many, or it is somebody's already.
        """
        with self._alone() as ledger:
            active(self.setting, passkey.person)
            if len(self.setting.state.passkeys(passkey.person)) >= MOST_PASSKEYS:
                raise PlaceError(f"there are {MOST_PASSKEYS} passkeys already", mend="forget one first")
            if self.setting.state.passkey(passkey.credential) is not None:
                raise PlaceError("this passkey is known already", mend="use another one")
            self._life(ledger, "passkey added", {"who": passkey.person, "passkey": passkey.credential.hex()[:16]})
            self.setting.state.put_passkey(passkey)

    def drop_passkey(self, person: str, credential: bytes) -> bool:
        """Forget one; False when the person has none such."""
        with self._alone() as ledger:
            if not any(one.credential == credential for one in self.setting.state.passkeys(person)):
                return False
            self._life(ledger, "passkey forgotten", {"who": person, "passkey": credential.hex()[:16]})
            return self.setting.state.drop_passkey(person, credential)

    def use_passkey(self, credential: bytes, sign_count: int, at: int) -> bool:
        """Note a use; False when its count has gone back."""
        return self.setting.state.use_passkey(credential, sign_count, at)

    def person_of_subject(self, issuer: str, subject: str) -> Person | None:
        """Whom an OpenID provider calls so."""
        return self.setting.state.person_of_subject(issuer, subject)

    # -- grants ---------------------------------------------------------------------------------------------------------

    def grants(self, person: str | None = None) -> Sequence[Grant]:
        """Of one person or of all, the newest first."""
        return self.setting.state.grants(person)

    def give(self, wish: Wish, by: str) -> Grant:
        """Give a role now.

        Raises:
            PlaceError: it may not be given to them, or for so long.
        """
        with self._alone() as ledger:
            row = draft(self.setting, wish, by)
            return self._begin(ledger, row, by, "given")

    def ask(self, wish: Wish) -> Grant:
        """Ask for a role for a task: it waits until somebody opens it.

        Raises:
            PlaceError: it may not be given to them, or they wait for it already.
        """
        with self._alone() as ledger:
            row = replace(draft(self.setting, wish, ""), state=Step.ASKED)
            waiting = [g for g in self.setting.state.grants(wish.person) if g.state is Step.ASKED]
            if any(one.role == wish.role for one in waiting) or len(waiting) >= 5:
                raise PlaceError(f"`{wish.role}` is asked for already", mend="wait until it is opened or refused")
            self._granted(ledger, row, "asked", wish.person)
            self.setting.state.put_grant(row)
        return row

    def open(self, id_: str, by: str) -> Grant:
        """Open what a person asked for; its time begins now.

        Raises:
            PlaceError: there is none such, it does not wait, or it may not be given any more.
        """
        with self._alone() as ledger:
            row = self._known(id_, Step.ASKED)
            return self._begin(
                ledger, replace(draft(self.setting, _wish(row), by), id=id_, asked_at=row.asked_at), by, "given"
            )

    def ask_to_open(self, id_: str, by: str) -> Grant:
        """Open what a person asked for once a second person agrees; it waits as it is.

        Raises:
            PlaceError: there is none such, it does not wait, or it may not be given any more.
        """
        row = self._known(id_, Step.ASKED)
        draft(self.setting, _wish(row), by)
        if any(one.act == OPEN and one.state == "asked" and one.detail == id_ for one in self.seconds()):
            raise PlaceError(f"grant {id_} waits for a second person already", mend="let another one agree")
        self.ask_second(OPEN, f"{row.role} to {row.person}", id_, by)
        return row

    def refuse(self, id_: str, by: str) -> Grant:
        """It is not to be opened. Whoever asked may also take it back so."""
        return self._end(id_, Step.ASKED, Step.REFUSED, by)

    def take(self, id_: str, by: str) -> Grant:
        """Take a role away; it ends at once."""
        return self._end(id_, Step.GIVEN, Step.TAKEN, by)

    def break_glass(self, wish: Wish) -> Grant:
        """Take a role without anybody's leave.

        Raises:
            PlaceError: the role is not made for it, or the person holds no role of the place now.
        """
        with self._alone() as ledger:
            row = replace(draft(self.setting, wish, "", glass=True), glass=True)
            standing = self.setting.state.standing(wish.person)
            if standing is None or not held_now(self.setting.loaded.place, standing, now_us(), None).roles:
                raise PlaceError("who holds no role breaks no glass", mend="ask for the role")
            return self._begin(ledger, row, wish.person, "glass-broken")

    def review(self, id_: str, by: str) -> Grant:
        """Somebody has looked at why glass was broken.

        Raises:
            PlaceError: there is none such, or it was oneself.
        """
        with self._alone() as ledger:
            row = self._of_id(id_)
            if not row.glass or row.reviewed_by:
                raise PlaceError(f"grant {id_[:64]} waits for no review")
            if row.person == by:
                raise PlaceError("nobody reviews themselves", mend="let another one look at it")
            self._granted(ledger, row, "reviewed", by)
            reviewed = replace(row, reviewed_by=by)
            self.setting.state.put_grant(reviewed)
        return reviewed

    # -- a second person ------------------------------------------------------------------------------------------------

    def seconds(self) -> Sequence[Second]:
        """What waits for a second person, and what did."""
        return self.setting.state.seconds()

    def ask_second(self, act: str, about: str, detail: str, by: str) -> Second:
        """Let something wait for a second person; it is not done before.

        Raises:
            PlaceError: nobody knows how to do it.
        """
        if act not in self._acts():
            raise PlaceError(f"nothing is called `{act[:64]}`")
        now = now_us()
        row = Second(new_id(act, detail, by, str(now)), act, about, detail, by, now, now + WAITS_S * SECOND_US)
        with self._alone() as ledger:
            self._life(ledger, "second person asked", {"act": act, "about": about[:200], "by": by, "id": row.id})
            self.setting.state.put_second(row)
        return row

    def ask_to_give(self, wish: Wish, by: str) -> Second:
        """Give a role once a second person agrees. What may not be given is refused now.

        Raises:
            PlaceError: it may not be given to them.
        """
        draft(self.setting, wish, by)
        return self.ask_second(GIVE, f"{wish.role} to {wish.person}", _text(wish), by)

    def approve(self, id_: str, by: str) -> Second:
        """A second person agrees: it is done.

        Raises:
            PlaceError: there is none such, it waits no more, it is one's own, or it may not be done any more.
        """
        row = self._waiting(id_)
        if by in (row.asked_by, self._for_whom(row)):
            raise PlaceError(f"`{by}` cannot be the second person for this", mend="let another one agree")
        asker = self.setting.state.person(row.asked_by)  # None: somebody at the machine
        if asker is not None and asker.state is not Stance.ACTIVE:
            raise PlaceError(
                f"`{asker.id}`, who asked for this, is {asker.state.value}", mend="let another one ask for it"
            )
        self._settle(row, "approved", by)
        self._acts()[row.act](row, by)
        return replace(row, state="approved", by=by)

    def decline(self, id_: str, by: str) -> Second:
        """It is not to be done. Whoever asked may also take it back so."""
        row = self._waiting(id_)
        self._settle(row, "refused", by)
        return replace(row, state="refused", by=by)

    # -- how ------------------------------------------------------------------------------------------------------------

    def _acts(self) -> dict[str, Callable[[Second, str], None]]:
        return {GIVE: self._give_seconded, OPEN: self._open_seconded, **(self.acts or {})}

    def _give_seconded(self, row: Second, by: str) -> None:
        wish = msgspec.json.decode(row.detail, type=Wish)
        with self._alone() as ledger:
            self._begin(ledger, draft(self.setting, wish, row.asked_by), f"{row.asked_by}, {by}", "given")

    def _open_seconded(self, row: Second, by: str) -> None:
        with self._alone() as ledger:
            asked = self._known(row.detail, Step.ASKED)
            opened = replace(draft(self.setting, _wish(asked), row.asked_by), id=asked.id, asked_at=asked.asked_at)
            self._begin(ledger, opened, f"{row.asked_by}, {by}", "given")

    def _for_whom(self, row: Second) -> str:
        if row.act == OPEN:
            return self._of_id(row.detail).person
        return msgspec.json.decode(row.detail, type=Wish).person if row.act == GIVE else ""

    def _waiting(self, id_: str) -> Second:
        row = self.setting.state.second(id_)
        if row is None or row.state != "asked" or row.until <= now_us():
            raise PlaceError(f"nothing waits under `{id_[:64]}`")
        return row

    def _settle(self, row: Second, state: str, by: str) -> None:
        with self._alone() as ledger:
            self._life(ledger, f"second person {state}", {"act": row.act, "by": by, "id": row.id})
            if not self.setting.state.settle_second(row.id, state, by):
                raise PlaceError(f"nothing waits under `{row.id}`")

    def _begin(self, ledger: FileLedger, row: Grant, by: str, step: str) -> Grant:
        begun = replace(row, given_by=by)
        entry = self._granted(ledger, begun, step, by)
        self.setting.state.put_grant(begun)
        self._tell(begun, "yes", by, entry)
        return begun

    def _end(self, id_: str, state: Step, to: Step, by: str) -> Grant:
        with self._alone() as ledger:
            row = self._known(id_, state)
            ended = replace(row, state=to, ended_by=by, until=row.until if to is Step.REFUSED else now_us())
            entry = self._granted(ledger, ended, to.value, by)
            self.setting.state.put_grant(ended)
            self._tell(ended, "no", by, entry)
        return ended

    def _of_id(self, id_: str) -> Grant:
        row = self.setting.state.grant(id_)
        if row is None:
            raise PlaceError(f"there is no grant `{id_[:64]}`", mend="list them: cityward grant list")
        return row

    def _known(self, id_: str, state: Step) -> Grant:
        row = self._of_id(id_)
        if row.state is not state or (state is Step.GIVEN and not row.holds(now_us())):
            raise PlaceError(f"grant {id_} is not {state.value} now", mend="list them: cityward grant list")
        return row

    @contextmanager
    def _alone(self) -> Generator[FileLedger]:
        with self.setting.ledger_when_free(ROLE) as ledger:
            yield ledger

    def _life(self, ledger: FileLedger, event: str, detail: dict[str, str]) -> None:
        ledger.append([Lifecycle(at=self.setting.now_us(), by=ROLE, event=event, detail=detail)])

    def _granted(self, ledger: FileLedger, row: Grant, step: str, by: str) -> str:
        record = Granted(
            at=self.setting.now_us(),
            by=ROLE,
            grant=row.id,
            person=row.person,
            role=row.role,
            step=step,
            by_whom=by,
            reason=row.reason,
            until=self.setting.city.city_clock.to_city_us(row.until) if row.until else 0,
        )
        [entry] = ledger.append([record])
        return entry

    def _tell(self, row: Grant, given: str, by: str, entry: str) -> None:
        if self.events is None:
            return
        detail = {"what": "role", "to": cut(row.role), "given": given, "who": cut(by)}
        detail |= {"glass": "broken"} if row.glass else {}
        self.events.tell(
            Event(
                at=self.setting.now_us(),
                kind=EventKind.PRIVILEGE,
                by="web",
                subject=cut(f"person:{row.person}"),
                detail=detail,
                record=entry,
            )
        )


def _wish(row: Grant) -> Wish:
    return Wish(row.person, row.role, row.reason, row.seconds)


def _text(wish: Wish) -> str:
    return msgspec.json.encode(asdict(wish)).decode()


def _check_name(id_: str) -> None:
    if not _NAME.match(id_):
        raise PlaceError("a person's id is 1 to 64 of a-z, 0-9, `-` and `.`", mend="choose another one")
