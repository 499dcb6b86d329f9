"""Sign-ins: a person comes from where people of the city do not come from, or from two places at once.

Theory of operation
-------------------
The networks of the parties that run the city are declared (`addresses` of parties and systems). A sign-in from outside them is
told at once. So is a sign-in of somebody whose roles all hold from other addresses only (`from_addresses` of roles): the web door
says so. Where nothing is declared nobody can say; then the second source of one person within `APART` is all that is told.
Loopback is the machine itself and counts as declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, parameters_of, sign_of
from cityward.watch.world import World

UNDECLARED = Rule("undeclared-place", threshold=1, drains_us=12 * HOUR)
TWO_PLACES = Rule("two-places", threshold=1, drains_us=HOUR)
APART = 30 * MINUTE
MOST_PEOPLE = 10_000


@dataclass(slots=True)
class State:
    """last: person -> [source, when]."""

    last: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of the sign-ins among these events."""
    out: list[Sign] = []
    for event in events:
        if event.kind is EventKind.SIGN_IN and event.subject:
            out += _came(state, event, world)
    for rule in (UNDECLARED, TWO_PLACES):
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


def _came(state: State, event: Event, world: World) -> list[Sign]:
    out: list[Sign] = []
    if away := event.detail.get("elsewhere"):
        facts = {"from": event.source or "nowhere that could be told", "roles that hold elsewhere only": away}
        out += _signs(state, UNDECLARED, event, world, facts)
    elif world.home_networks and not _at_home(event.source, world.home_networks):
        facts = {"from": event.source or "nowhere that could be told", "declared": ", ".join(world.home_networks[:8])}
        out += _signs(state, UNDECLARED, event, world, facts)
    source, at = state.last.pop(event.subject, [event.source, "0"])
    state.last[event.subject] = [event.source, str(event.at)]
    if len(state.last) > MOST_PEOPLE:
        del state.last[next(iter(state.last))]
    if source != event.source and abs(event.at - int(at)) < APART:
        out += _signs(state, TWO_PLACES, event, world, {"from": event.source, "shortly before from": source})
    return out


def _signs(state: State, rule: Rule, event: Event, world: World, facts: dict[str, str]) -> list[Sign]:
    records = (event.record,) if event.record else ()
    turns = pour(state.buckets, rule, event.subject, 1, event.at)
    return [sign_of(rule.kind, turn, world, facts, records) for turn in turns]


def _at_home(source: str, networks: Sequence[str]) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped if mapped is not None else address
    if address.is_loopback:
        return True
    return any(address in ip_network(network) for network in networks)


CARD = Card(
    id="sign-ins",
    title="Sign-ins",
    reads="events",
    sees=(
        "a person who signs in from outside the declared networks of those who run the city, or from where none of their roles "
        "holds; or from two places at once"
    ),
    fails_when=(
        "neither networks of the parties that run the city nor addresses of the person's roles are declared",
        "the intruder works from inside a declared network, or through a machine there",
        "people work through a proxy whose address changes: that is told as two places",
    ),
    source="MITRE ATT&CK for ICS T0822; scenarios S-04 and S-06 (support staff from undeclared countries)",
    kinds=(
        Kind(
            id=UNDECLARED.kind,
            title="Signed in from an undeclared place",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0822",
            todo="ask the person; if it was not they, end the session and find out how the link was got",
        ),
        Kind(
            id=TWO_PLACES.kind,
            title="Signed in from two places",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0859",
            todo="ask the person; if only one of them was they, end the other session",
        ),
    ),
    parameters=parameters_of(UNDECLARED, TWO_PLACES) | {"two places: within minutes": APART // MINUTE},
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
