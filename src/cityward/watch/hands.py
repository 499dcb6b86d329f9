"""Whose an incident is, and until when it may wait: what people say of one beside its state.

Does not live here: the state itself (`incidents`), where hands are kept (`adapters.stores.watch_hands`).

INVARIANTS
- A snooze has an end, and ends by itself: whether one is in force follows from the time alone.
- A snooze never hides a rise: it holds for the severity that the person saw, and no higher one.
- What nobody has said anything of is nobody's, and waits for nothing.
"""

from __future__ import annotations

import msgspec

from cityward.errors import PlaceError
from cityward.time import HOUR, MINUTE
from cityward.watch.findings import Incident, IncidentState

LONGEST_SNOOZE_US = 7 * 24 * HOUR  # beyond a week nobody remembers what was put off
SHORTEST_SNOOZE_US = MINUTE


class Hand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people said of one incident. Times city us. assigned_to: "": nobody. snoozed_until: 0: it does not wait.

    snoozed_rank: of the severity that whoever put it off had seen.
    """

    incident: str
    assigned_to: str = ""
    assigned_by: str = ""
    assigned_at: int = 0
    snoozed_until: int = 0
    snoozed_rank: int = -1
    snoozed_by: str = ""
    why: str = ""


def waits(hand: Hand | None, incident: Incident, now: int) -> bool:
    """Whether an incident is put off at this moment (city us)."""
    if hand is None or incident.state is IncidentState.CLOSED:
        return False
    return now < hand.snoozed_until and incident.severity.rank <= hand.snoozed_rank


def assigned(hand: Hand, *, to: str, by: str, at: int) -> Hand:
    """The hand with another person in it; `to` "": nobody's again."""
    return msgspec.structs.replace(hand, assigned_to=to, assigned_by=by, assigned_at=at)


def snoozed(hand: Hand, incident: Incident, *, until: int, by: str, why: str, now: int) -> Hand:
    """The hand with the incident put off; `until` no later than now: taken up again.

    Raises:
        PlaceError: it is closed, or it would wait for too long or for nothing.
    """
    if until <= now:
        return msgspec.structs.replace(hand, snoozed_until=0, snoozed_rank=-1, snoozed_by=by, why=why)
    if incident.state is IncidentState.CLOSED:
        raise PlaceError(f"the incident `{incident.id}` is closed", mend="there is nothing to put off")
    if not SHORTEST_SNOOZE_US <= until - now <= LONGEST_SNOOZE_US:
        hours = (until - now) / HOUR
        raise PlaceError(f"{hours:.2g} h is no time to put an incident off", mend="say one minute to seven days")
    return msgspec.structs.replace(
        hand, snoozed_until=until, snoozed_rank=incident.severity.rank, snoozed_by=by, why=why
    )
