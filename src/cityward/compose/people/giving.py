"""Giving and taking: who may sign in, which roles they hold, until when; what waits for a second person; glass that was broken.

Evidence comes first, then the book, then the watch is told. Whoever takes a step holds the ledger from its first look to the
book, so of two at a time one is first. Both doors (the console, the command line) come here; what a caller may do at all is
theirs to ask first, what may be done to whom is held here.

INVARIANTS
- Where a second person is needed, nothing is given before another account than the giver's and the receiver's agrees.
- Those of `accounts` and `grants`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import msgspec

from cityward.compose.people.accounts import Accounts
from cityward.compose.people.book import ROLE
from cityward.compose.people.grants import Grants, wish_of
from cityward.compose.people.wishing import draft, new_id, now_us
from cityward.errors import PlaceError
from cityward.runtime.people import Grant, Second, Stance, Step, Wish
from cityward.time import SECOND as SECOND_US

__all__ = ["ROLE", "PeopleDesk"]

WAITS_S = 24 * 3600
GIVE, OPEN = "grant", "open"


@dataclass(slots=True)
class PeopleDesk(Accounts, Grants):
    """`web.ports.PeopleDesk`, and what `cityward person` and `cityward grant` use.

    acts: what is done once a second person has agreed, by the word of what was asked for; others put theirs here. It is called
    with the request and the name of the second person, and raises `PlaceError` where it may not be any more.
    """

    acts: dict[str, Callable[[Second, str], None]] | None = None

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

    def ask_to_open(self, id_: str, by: str) -> Grant:
        """Open what a person asked for once a second person agrees; it waits as it is.

        Raises:
            PlaceError: there is none such, it does not wait, or it may not be given any more.
        """
        row = self._known(id_, Step.ASKED)
        draft(self.setting, wish_of(row), by)
        if any(one.act == OPEN and one.state == "asked" and one.detail == id_ for one in self.seconds()):
            raise PlaceError(f"grant {id_} waits for a second person already", mend="let another one agree")
        self.ask_second(OPEN, f"{row.role} to {row.person}", id_, by)
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

    def _acts(self) -> dict[str, Callable[[Second, str], None]]:
        return {GIVE: self._give_seconded, OPEN: self._open_seconded, **(self.acts or {})}

    def _give_seconded(self, row: Second, by: str) -> None:
        wish = msgspec.json.decode(row.detail, type=Wish)
        with self._alone() as ledger:
            self._begin(ledger, draft(self.setting, wish, row.asked_by), f"{row.asked_by}, {by}", "given")

    def _open_seconded(self, row: Second, by: str) -> None:
        with self._alone() as ledger:
            asked = self._known(row.detail, Step.ASKED)
            opened = replace(draft(self.setting, wish_of(asked), row.asked_by), id=asked.id, asked_at=asked.asked_at)
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


def _text(wish: Wish) -> str:
    return msgspec.json.encode(asdict(wish)).decode()
