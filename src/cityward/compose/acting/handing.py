"""Giving an incident of the watch to a person, and putting it off for a time: the same act for the console and the terminal.

One word at a time is taken, in all processes: whoever says one holds the log `operator` from its first look to the book. Evidence
comes first; a word that a crash cut short is said again by saying it again.

INVARIANT: an incident is given to active accounts of the city's own party only: whoever is to act must be let in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cityward.compose.setting import Setting
from cityward.compose.watching.told import incident_named
from cityward.errors import PlaceError
from cityward.evidence.records import AnyRecord, Assigned, Snoozed
from cityward.place.hints import did_you_mean
from cityward.runtime.people import Stance
from cityward.text import harmless
from cityward.watch.findings import Incident
from cityward.watch.hands import Hand, assigned, snoozed

ROLE = "operator"
MOST_NOTE = 500
MOST_PERSON = 128


@dataclass(frozen=True, slots=True)
class HandDesk:
    """`web.ports.Handing`, and what `cityward watch assign` and `snooze` use."""

    setting: Setting

    def hands(self, incidents: Collection[str]) -> Mapping[str, Hand]:
        """What people said of these."""
        return self.setting.state.hands.hands(incidents)

    def people(self) -> Mapping[str, str]:
        """Whom an incident may be given to: id -> name."""
        home = self.setting.loaded.place.responsible
        found = (one for one in self.setting.state.people() if one.state is Stance.ACTIVE and one.party == home)
        return {one.id: one.name for one in found}

    def assign(self, incident: str, to: str, person: str, note: str = "") -> Hand:
        """Give it to somebody; `to` "": to nobody any more.

        Raises:
            PlaceError: there is no such incident, or no such person of the city.
            LinkError: a store does not answer.
        """
        known = self.people()
        if to and to not in known:
            mend = "see `cityward person list`; it is to be an active account of the city's own party"
            raise PlaceError(f"`{to[:MOST_PERSON]}` is nobody of this city{did_you_mean(to, known)}", mend=mend)
        by, words = harmless(person)[:MOST_PERSON], harmless(note)[:MOST_NOTE]

        def act(found: Incident, hand: Hand, now: int) -> tuple[Hand, AnyRecord]:
            record = Assigned(at=now, by=ROLE, incident=found.id, person=by, to=to, note=words)
            return assigned(hand, to=to, by=by, at=now), record

        return self._said(incident, act)

    def snooze(self, incident: str, for_us: int, person: str, why: str = "") -> Hand:
        """Put it off for so long of city time; 0 or less: take it up again.

        Raises:
            PlaceError: there is no such incident, it is closed, or it is put off for too long.
            LinkError: a store does not answer.
        """
        by, words = harmless(person)[:MOST_PERSON], harmless(why)[:MOST_NOTE]

        def act(found: Incident, hand: Hand, now: int) -> tuple[Hand, AnyRecord]:
            until = now + for_us
            held = snoozed(hand, found, until=until, by=by, why=words, now=now)
            severity = found.severity.value
            record = Snoozed(
                at=now, by=ROLE, incident=found.id, person=by, until=held.snoozed_until, severity=severity, why=words
            )
            return held, record

        return self._said(incident, act)

    def _said(self, name: str, act: Callable[[Incident, Hand, int], tuple[Hand, AnyRecord]]) -> Hand:
        hands = self.setting.state.hands
        with self.setting.ledger_when_free(ROLE) as ledger:
            found, now = incident_named(self.setting.state.watch, name), self.setting.now_us()
            hand, record = act(found, hands.hand(found.id), now)
            ledger.append([record])
            hands.put_hand(hand, now)
        return hand
