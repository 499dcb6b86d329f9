"""Giving and taking: who may sign in, which roles they hold, until when; what waits for a second person; glass that was broken.

Evidence comes first, then the book, then the watch is told. Whoever takes a step holds the ledger from its first look to the
book, so of two at a time one is first. Both doors (the console, the command line) come here; what a caller may do at all is
theirs to ask first, what may be done to whom is held here.

INVARIANTS
- Nobody gives, opens, approves or reviews for themselves.
- A role goes to people of its own party; nobody who gives roles (`people`) also holds `operate`, `contain` or `data`.
- What is not standing ends by itself, after the role's `longest_hours` at most.
- Where a second person is needed, nothing is given before another account than the giver's and the receiver's agrees.
- A locked or removed person has no session and no link from that moment on.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import msgspec

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.evidence.records import Granted, Lifecycle
from cityward.place.hints import listed
from cityward.place.roles import Right, Role
from cityward.runtime.people import (
    NEVER_WITH_PEOPLE,
    Grant,
    Passkey,
    Person,
    Second,
    Stance,
    Standing,
    Step,
    Wish,
    held_now,
    longest_s,
    roles_of,
)
from cityward.runtime.ports import EventSink
from cityward.time import SECOND as SECOND_US
from cityward.watch.events import Event, EventKind, cut

ROLE = "people"
"""The ledger of people; its own, so that it can be written while the city runs."""
FIRST = "operator"
LINK_S = 15 * 60
WAITS_S = 24 * 3600
LONGEST_TEXT = 500
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
        found = self.setting.state.person(id_)
        if found is None:
            raise PlaceError(f"there is nobody `{id_[:64]}`", mend="see `cityward person list`")
        return found

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
        _check_text("name", name)
        if party not in self.setting.loaded.place.parties:
            raise PlaceError(f"there is no party `{party[:64]}`", mend="declare it, or name one that is declared")
        with self._alone() as ledger:
            if self.setting.state.person(id_) is not None:
                raise PlaceError(f"there is a `{id_}` already", mend="choose another name")
            row = Person(id_, name, party, Stance.ACTIVE, _now())
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
            row, other = self._active(id_), self.setting.state.person_of_subject(issuer, subject)
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
        if standing is not None and not alone and any(grant.holds(_now()) for grant in standing.grants):
            raise PlaceError(f"`{id_[:64]}` holds roles, and these take two persons", mend=mend)
        return self.link(id_, by)

    def link(self, id_: str, by: str) -> str:
        """The token of a sign-in link that works once, for a quarter of an hour.

        Raises:
            PlaceError: nobody of that name, or not active.
        """
        token = secrets.token_urlsafe(32)
        with self._alone() as ledger:
            self._active(id_)
            self._life(ledger, "sign-in link", {"who": id_, "by": by})
            expires = _now() + LINK_S * SECOND_US
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
            self._active(passkey.person)
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
            row = self._draft(wish, by)
            return self._begin(ledger, row, by, "given")

    def ask(self, wish: Wish) -> Grant:
        """Ask for a role for a task: it waits until somebody opens it.

        Raises:
            PlaceError: it may not be given to them, or they wait for it already.
        """
        with self._alone() as ledger:
            row = replace(self._draft(wish, ""), state=Step.ASKED)
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
            return self._begin(ledger, replace(self._draft(_wish(row), by), id=id_, asked_at=row.asked_at), by, "given")

    def ask_to_open(self, id_: str, by: str) -> Grant:
        """Open what a person asked for once a second person agrees; it waits as it is.

        Raises:
            PlaceError: there is none such, it does not wait, or it may not be given any more.
        """
        row = self._known(id_, Step.ASKED)
        self._draft(_wish(row), by)
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
            row = replace(self._draft(wish, "", glass=True), glass=True)
            standing = self.setting.state.standing(wish.person)
            if standing is None or not held_now(self.setting.loaded.place, standing, _now(), None).roles:
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
        now = _now()
        row = Second(_id(act, detail, by, str(now)), act, about, detail, by, now, now + WAITS_S * SECOND_US)
        with self._alone() as ledger:
            self._life(ledger, "second person asked", {"act": act, "about": about[:200], "by": by, "id": row.id})
            self.setting.state.put_second(row)
        return row

    def ask_to_give(self, wish: Wish, by: str) -> Second:
        """Give a role once a second person agrees. What may not be given is refused now.

        Raises:
            PlaceError: it may not be given to them.
        """
        self._draft(wish, by)
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
            self._begin(ledger, self._draft(wish, row.asked_by), f"{row.asked_by}, {by}", "given")

    def _open_seconded(self, row: Second, by: str) -> None:
        with self._alone() as ledger:
            asked = self._known(row.detail, Step.ASKED)
            opened = replace(self._draft(_wish(asked), row.asked_by), id=asked.id, asked_at=asked.asked_at)
            self._begin(ledger, opened, f"{row.asked_by}, {by}", "given")

    def _for_whom(self, row: Second) -> str:
        if row.act == OPEN:
            return self._of_id(row.detail).person
        return msgspec.json.decode(row.detail, type=Wish).person if row.act == GIVE else ""

    def _waiting(self, id_: str) -> Second:
        row = self.setting.state.second(id_)
        if row is None or row.state != "asked" or row.until <= _now():
            raise PlaceError(f"nothing waits under `{id_[:64]}`")
        return row

    def _settle(self, row: Second, state: str, by: str) -> None:
        with self._alone() as ledger:
            self._life(ledger, f"second person {state}", {"act": row.act, "by": by, "id": row.id})
            if not self.setting.state.settle_second(row.id, state, by):
                raise PlaceError(f"nothing waits under `{row.id}`")

    def _draft(self, wish: Wish, by: str, *, glass: bool = False) -> Grant:
        """The grant that a wish would be, held to every rule. Nothing is written."""
        _check_text("reason", wish.reason)
        person, role = self._active(wish.person), self._role(wish.role)
        if by == wish.person:
            raise PlaceError("nobody gives a role to themselves", mend="let another one give it")
        if role.party != person.party:
            raise PlaceError(
                f"`{wish.role}` is for people of `{role.party}`, and `{person.id}` is of `{person.party}`",
                mend="choose a role of that party",
            )
        if glass and not role.break_glass:
            raise PlaceError(f"`{wish.role}` cannot be taken without leave", mend="ask for it")
        self._check_apart(person, role)
        seconds = _seconds(wish, role, glass)
        now = _now()
        until = now + seconds * SECOND_US if seconds else 0
        id_ = _id(wish.person, wish.role, by, str(now))
        return Grant(id_, wish.person, wish.role, Step.GIVEN, wish.reason, now, by, now, until, seconds)

    def _check_apart(self, person: Person, role: Role) -> None:
        roles, now = roles_of(self.setting.loaded.place), _now()
        held = {g.role for g in self.setting.state.grants(person.id) if g.holds(now) and g.role in roles}
        rights = {right for name in held for right in roles[name].rights} | set(role.rights)
        if Right.PEOPLE in rights and (other := rights & NEVER_WITH_PEOPLE):
            raise PlaceError(
                f"with this `{person.id}` would give roles and {', '.join(sorted(r.value for r in other))}",
                mend="let one person give roles and another one work with them",
            )

    def _begin(self, ledger: FileLedger, row: Grant, by: str, step: str) -> Grant:
        begun = replace(row, given_by=by)
        entry = self._granted(ledger, begun, step, by)
        self.setting.state.put_grant(begun)
        self._tell(begun, "yes", by, entry)
        return begun

    def _end(self, id_: str, state: Step, to: Step, by: str) -> Grant:
        with self._alone() as ledger:
            row = self._known(id_, state)
            ended = replace(row, state=to, ended_by=by, until=row.until if to is Step.REFUSED else _now())
            entry = self._granted(ledger, ended, to.value, by)
            self.setting.state.put_grant(ended)
            self._tell(ended, "no", by, entry)
        return ended

    def _role(self, name: str) -> Role:
        role = roles_of(self.setting.loaded.place).get(name)
        if role is None:
            raise PlaceError(f"there is no role `{name[:64]}`", mend="declare it, or name one that is declared")
        return role

    def _active(self, id_: str) -> Person:
        row = self.person(id_)
        if row.state is not Stance.ACTIVE:
            raise PlaceError(f"`{id_}` is {row.state.value}", mend="unlock the account first")
        return row

    def _of_id(self, id_: str) -> Grant:
        row = self.setting.state.grant(id_)
        if row is None:
            raise PlaceError(f"there is no grant `{id_[:64]}`", mend="list them: cityward grant list")
        return row

    def _known(self, id_: str, state: Step) -> Grant:
        row = self._of_id(id_)
        if row.state is not state or (state is Step.GIVEN and not row.holds(_now())):
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


def begin_people(setting: Setting, demo: bool) -> str:
    """Who the first sign-in link is for, with an account and roles where there were none; "" where people sign in without it.

    In the demonstration one click shows everything but what goes with giving roles. Anywhere else the first person gives roles.
    """
    desk, state = PeopleDesk(setting), setting.state
    if not state.people():
        desk.add(FIRST, "First person", setting.loaded.place.responsible, "machine")
    first = state.standing(FIRST)
    if first is None or first.person.state is not Stance.ACTIVE:
        return ""
    if not first.grants:
        for name in _first_roles(setting, demo):
            desk.give(Wish(FIRST, name, "the first person, at the first start"), "machine")
    enrolled = any(state.passkeys(p.id) or p.subject for p in state.people() if p.state is Stance.ACTIVE)
    return FIRST if demo or not enrolled else ""


def _first_roles(setting: Setting, demo: bool) -> Sequence[str]:
    place = setting.loaded.place
    mine = {
        n: r for n, r in roles_of(place).items() if r.party == place.responsible and r.standing and not r.break_glass
    }
    gives = [name for name, role in mine.items() if Right.PEOPLE in role.rights]
    if place.roles and not demo:
        return gives
    return [name for name in mine if name not in gives]


def _wish(row: Grant) -> Wish:
    return Wish(row.person, row.role, row.reason, row.seconds)


def _text(wish: Wish) -> str:
    return msgspec.json.encode(asdict(wish)).decode()


def _seconds(wish: Wish, role: Role, glass: bool) -> int:
    longest = round(longest_s(role, glass))
    if wish.seconds < 0 or (longest and wish.seconds > longest):
        raise PlaceError(f"{wish.seconds} s is longer than {longest} s", mend="ask for less")
    return wish.seconds or longest


def _check_name(id_: str) -> None:
    if not _NAME.match(id_):
        raise PlaceError("a person's id is 1 to 64 of a-z, 0-9, `-` and `.`", mend="choose another one")


def _check_text(name: str, text: str) -> None:
    if not 0 < len(text.strip()) <= LONGEST_TEXT or not text.isprintable():
        raise PlaceError(f"the {name} is no text of 1 to {LONGEST_TEXT} printable characters", mend=f"say the {name}")


def _id(*parts: str) -> str:
    return hashlib.sha256("\n".join((*parts, secrets.token_hex(8))).encode()).hexdigest()[:12]


def _now() -> int:
    return time.time_ns() // 1000
