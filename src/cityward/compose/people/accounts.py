"""Who may sign in, and by what: accounts, links that work once, passkeys, names at a provider."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from cityward.compose.people.book import Book
from cityward.compose.people.wishing import active, check_text, known_person, now_us
from cityward.errors import PlaceError
from cityward.place.hints import listed
from cityward.runtime.people import Passkey, Person, Stance, Standing
from cityward.time import SECOND as SECOND_US

LINK_S = 15 * 60
MOST_PASSKEYS = 10

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?\Z")


class Accounts(Book):
    """INVARIANT: a locked or removed person has no session and no link from that moment on."""

    __slots__ = ()

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


def _check_name(id_: str) -> None:
    if not _NAME.match(id_):
        raise PlaceError("a person's id is 1 to 64 of a-z, 0-9, `-` and `.`", mend="choose another one")
