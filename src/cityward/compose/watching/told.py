"""What the command line asks of the watch: open incidents with their findings, and taking them in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.stores.watch_book import WatchRecords
from cityward.compose.home import Home
from cityward.compose.setting import open_setting
from cityward.compose.watching.watch import read_progress
from cityward.errors import PlaceError
from cityward.evidence.records import Acknowledged
from cityward.text import harmless
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState
from cityward.watch.hands import Hand, waits

FINDINGS_EACH = 20
PERSON = 128
NOTE = 2000


@dataclass(frozen=True, slots=True)
class ToldIncident:
    """An incident with its newest findings; whose it is, and whether it is put off now."""

    incident: Incident
    findings: Sequence[Finding]
    hand: Hand | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ToldWatch:
    """What the watch has in hand. up_to: city us until which it has watched; None: it never ran."""

    incidents: Sequence[ToldIncident]
    standings: Sequence[DeviceStanding]
    up_to: int | None


def watch_of(state: Path, *, closed: int = 0, most: int = 100) -> ToldWatch:
    """What is open or in hand in a city, running or not, and the newest `closed` of those that are not any more.

    Raises:
        LinkError: no city ran there, or its state does not answer.
    """
    home = Home(state)
    setting = open_setting(home)
    book, now = setting.state.watch, setting.now_us()
    incidents = [
        *book.incidents(IncidentState.OPEN, most),
        *book.incidents(IncidentState.ACKNOWLEDGED, most),
        *(book.incidents(IncidentState.CLOSED, closed) if closed else ()),
    ]
    progress = read_progress(home.root)
    hands = setting.state.hands.hands([one.id for one in incidents])
    return ToldWatch(
        incidents=[
            ToldIncident(
                one,
                book.findings(incident=one.id, most=FINDINGS_EACH),
                hand=(h := hands.get(one.id)),
                waits=waits(h, one, now),
            )
            for one in incidents
        ],
        standings=sorted(book.standings().values(), key=lambda s: (s.trust, s.device)),
        up_to=progress.now if progress is not None else None,
    )


def take_in_hand(state: Path, incident: str, person: str, note: str, to: IncidentState) -> Incident:
    """A person takes an incident in hand, or closes it: evidence first.

    Raises:
        PlaceError: there is no such incident, or more than one begins so.
        LinkError: a store does not answer.
    """
    setting = open_setting(Home(state))
    book = setting.state.watch
    found = incident_named(book, incident)
    person, note = harmless(person), harmless(note)
    record = Acknowledged(
        at=setting.now_us(), by="operator", incident=found.id, person=person[:PERSON], state=to.value, note=note[:NOTE]
    )
    with setting.ledger("operator") as ledger:
        ledger.append([record])
    book.acknowledge(found.id, person[:PERSON], note[:NOTE], to)
    return incident_named(book, found.id)


def incident_named(book: WatchRecords, name: str) -> Incident:
    """By its id, or the beginning of it.

    Raises:
        PlaceError: there is no such incident, or more than one begins so.
    """
    exact = book.incident(name)
    if exact is not None:
        return exact
    alike = [one for one in book.incidents(None, 1000) if name and one.id.startswith(name)]
    if len(alike) != 1:
        what = f"no incident is called `{name}`" if not alike else f"{len(alike)} incidents begin with `{name}`"
        raise PlaceError(what, mend="see `cityward watch` for their names")
    return alike[0]
