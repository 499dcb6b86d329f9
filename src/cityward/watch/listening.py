"""Detectors of events from their parts: those that count how often something happened, and those with a memory of their own.

Lives here: `Counting` (rules with leaky buckets are all it knows), `Listening` (a function with a state), and what both share.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from cityward.watch.contract import Card, Held, Phase, Sign, Step
from cityward.watch.episodes import Buckets, Rule, Turn, drain, pour
from cityward.watch.events import Event
from cityward.watch.world import World

_HAS_KIND = re.compile(r"[a-z]+:")


@dataclass(frozen=True, slots=True)
class Listening:
    """A `Detector` that only hears. `listen` changes the state that `new_state` made."""

    card: Card
    new_state: Callable[[World], Any]
    listen: Callable[[Any, Sequence[Event], int, World], Sequence[Sign]]

    def begin(self, world: World) -> Any:
        """The state before the first event."""
        return self.new_state(world)

    def rows(self, state: Any, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: Any, step: Step, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: Any, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """What these events show."""
        return self.listen(state, events, now, world)


def number_in(event: Event, name: str, *, least: int = 0, most: int = 1_000_000_000) -> int:
    """A number of the event's detail, within bounds; `least` where it is none."""
    text = event.detail.get(name, "")
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else least
    return min(max(value, least), most)


def times(event: Event) -> int:
    """How many things of its kind an event stands for."""
    return number_in(event, "count", least=1, most=1_000_000)


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing that is counted: whose bucket an event fills ("" for none of this rule's) and by how much."""

    rule: Rule
    key: Callable[[Event, World], str]
    amount: Callable[[Event], float] = times
    what: str = "seen"


def counting(card: Card, counted: Sequence[Counted]) -> Listening:
    """A detector that counts, and does nothing else."""

    def listen(state: Buckets, events: Sequence[Event], now: int, world: World) -> list[Sign]:
        out: list[Sign] = []
        for event in events:
            for thing in counted:
                if key := thing.key(event, world):
                    turns = pour(state, thing.rule, key, thing.amount(event), event.at)
                    out += _signs(thing, turns, world, event)
        for thing in counted:
            out += _signs(thing, drain(state, thing.rule, now), world, None)
        return out

    return Listening(card, lambda _: Buckets(), listen)


def _signs(thing: Counted, turns: Iterable[Turn], world: World, event: Event | None) -> list[Sign]:
    return [sign_of(thing.rule.kind, turn, world, _facts(thing, turn, event), _records(event)) for turn in turns]


def _facts(thing: Counted, turn: Turn, event: Event | None) -> dict[str, str]:
    """What was seen and what is tolerated; of the event that completed it, its details."""
    facts = {thing.what: f"{turn.poured:.0f}", "tolerated": tolerated(thing.rule)}
    if event is not None:
        facts |= {name: text for name, text in event.detail.items() if name != "count"}
        facts |= {"from": event.source} if event.source else {}
    return facts


def _records(event: Event | None) -> tuple[str, ...]:
    return (event.record,) if event is not None and event.record else ()


def tolerated(rule: Rule) -> str:
    """In words."""
    minutes = rule.drains_us / 60_000_000
    within = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    return "none" if rule.threshold <= 1 else f"fewer than {rule.threshold:.0f} in {within}"


def sign_of(kind: str, turn: Turn, world: World, facts: Mapping[str, str], records: tuple[str, ...] = ()) -> Sign:
    """The sign of a turn in an episode. Its key is a unit's id, or `kind:id`. An end has no facts: nothing happened then."""
    unit = world.registry.unit_index.get(turn.key, -1)
    ended = turn.phase is Phase.ENDED
    return Sign(
        kind=kind,
        unit=unit,
        channel=-1,
        began_at=turn.began_at,
        at=turn.at,
        score=turn.score,
        phase=turn.phase,
        about="" if unit >= 0 else named(turn.key),
        facts={} if ended else facts,
        records=() if ended else records,
    )


def named(key: str) -> str:
    """A key as a sign's `about`: with its kind in front. Who is told of may have any name at all."""
    return key if _HAS_KIND.match(key) else f"device:{key}"


def address_of(event: Event) -> str:
    """The key of an event's source; "" where it has none. IPv6 by its /64: whoever has one address of it has all."""
    if ":" not in event.source:
        return f"address:{event.source}" if event.source else ""
    try:
        address = IPv6Address(event.source)
    except ValueError:
        return f"address:{event.source}"
    if address.ipv4_mapped is not None:
        return f"address:{address.ipv4_mapped}"
    return f"address:{IPv6Address(int(address) >> 64 << 64)}/64"


def parameters_of(*rules: Rule) -> dict[str, float | int | str]:
    """The thresholds of rules, as a card tells them."""
    return {f"{rule.kind}: tolerated": tolerated(rule) for rule in rules}
