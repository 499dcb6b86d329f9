"""Which roles people hold, until when, and glass that was broken.

INVARIANTS
- Nobody gives, opens or reviews for themselves; what may be given to whom at all is held in `wishing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.people.book import ROLE, Book
from cityward.compose.people.wishing import draft, now_us
from cityward.errors import PlaceError
from cityward.evidence.records import Granted
from cityward.runtime.people import Grant, Step, Wish, held_now
from cityward.watch.events import Event, EventKind, cut


class Grants(Book):
    """Roles by their steps: asked, given, refused, taken; each on record."""

    __slots__ = ()

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
                ledger, replace(draft(self.setting, wish_of(row), by), id=id_, asked_at=row.asked_at), by, "given"
            )

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


def wish_of(row: Grant) -> Wish:
    """What was asked for, to be looked at anew."""
    return Wish(row.person, row.role, row.reason, row.seconds)
