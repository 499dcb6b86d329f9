"""Says when the devices that have a maker, model, owner, operator, site or zone in common move together, and the others do not.

Theory of operation
-------------------
A *fellowship* is the channels of one property whose units have one such thing in common, where at least `FEWEST` channels do
and at least `FEWEST` do not. Each half-hour, its members' mean deviation from their seasons (each clipped) less the median of
the others is one number (as far as the members themselves moved), in its own usual size. What all the city does is in both;
what one device does is diluted; what a supplier's update, or whoever holds its cloud, does to all of them stands out though
each device alone stays within its noise. The numbers go into clipped sums with heights of their own past (`excursions`). One
sign names the fellowship, and as `others` the units that lean its way. Where without the one that leans furthest the members do
not lean, that one alone is named: in a small fellowship one device can move the mean by itself, and its fellows, who lean by
chance, would lose trust for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.excursions import UP, Excursions, Rule, Turn, begin_excursions, feed, forget, running
from cityward.watch.season import Floats, Season, Slots, begin_season, begin_slots, expected, gather, learn, middle_of
from cityward.watch.world import World

RULE = Rule(allowance=1.0, clip=4.0, least=16.0, per_day=48.0)
FEWEST = 4
MOST = 4096
"""Fellowships at most; those found first (by maker, then model, ...) stay."""
CLIP = 1.5
"""Low: many that move a little count for more than one that moves far."""
MEMORY = 1 / (14 * 48)
RECENT = 1 / 12
LEANS = 0.3
"""A unit is named where its own deviation of the last hours leans so far the fellowship's way, in spreads."""
WARM = 96.0
SUSPECT_FROM = 0.5
ADOPTED_US = 14 * DAY
SHARED = {"maker": "party", "model": "model", "owner": "party", "operator": "party", "site": "site", "zone": "zone"}
"""What units may have in common, and the kind of thing that a sign names it as."""

CARD = Card(
    id="coordinated",
    title="Coordinated change",
    reads="steps",
    sees="A change that the devices of one maker, model, owner, operator, site or zone make together and others do not.",
    fails_when=(
        "all devices of a property are of one maker: there is nobody to compare with",
        "fewer than four channels take part, or they have nothing declared in common",
        "two of few members move alike: then fellows who lean that way by chance are named with them",
        "the members move up and down in equal parts: their mean stays",
        "the fellowship stands in one district and something happens there (works, an event)",
    ),
    source="Page, Biometrika 41 (1954), on the difference of group means; scenarios of supplier compromise and of staged crowds",
    kinds=(
        Kind(
            id="coordinated",
            title="Coordinated change of devices that have something in common",
            severity=Severity.HIGH,
            weight=0.6,
            todo="Ask the supplier what was changed when; see what else it can reach (`cityward reach`); consider to isolate it.",
            delay_us=24 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "allowance": RULE.allowance,
        "clip": RULE.clip,
        "least height": RULE.least,
        "fewest": FEWEST,
        "leans": LEANS,
        "passed once in days": RULE.once_in_days,
        "adopted after days": ADOPTED_US // DAY,
    },
)


@dataclass(slots=True)
class State:
    """member: (G, C) whether a channel is in a fellowship; other: (G, C) whether it is of the property, and not in it.

    what: (G,) number of `SHARED`; name: (G,) of what is shared; pool: (G,) as `what`. usual, size: (G,) mean and mean absolute
    deviation of the difference; n: (G,). lean: (C,) recent deviation from the rest of the city.
    """

    slots: Slots
    season: Season
    member: NDArray[np.bool_]
    other: NDArray[np.bool_]
    what: NDArray[np.int32]
    name: NDArray[np.int32]
    size: Floats
    n: Floats
    lean: Floats
    runs: Excursions


@dataclass(frozen=True, slots=True)
class Coordinated:
    """See the module."""

    card: Card = CARD

    def begin(self, world: World) -> State:
        """The state before the first step."""
        member, other, what, name = _fellowships(world)
        g = len(what)
        return State(
            slots=begin_slots(world),
            season=begin_season(world.channels),
            member=member,
            other=other,
            what=what,
            name=name,
            size=np.zeros(g),
            n=np.zeros(g),
            lean=np.zeros(world.channels),
            runs=begin_excursions(g),
        )

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        slot = gather(state.slots, step)
        if slot is None or not len(state.what):
            return ()
        level, spread = expected(state.season, slot)
        with np.errstate(invalid="ignore", over="ignore"):
            z = np.clip((slot.mean - level) / spread, -CLIP, CLIP)
        suspect = running(state.runs, SUSPECT_FROM) & (not step.learning)
        x, against = _differences(state, z, suspect)
        turns = feed(state.runs, x, slot.at, RULE, state.what, learning=step.learning)
        _lean(state, z, against)
        learn(state.season, slot, np.bitwise_or.reduce(state.member & suspect[:, None], axis=0))
        return [_sign(state, turn, world) for turn in turns]


def _fellowships(world: World) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int32], NDArray[np.int32]]:
    """(member, other, what, name), each set of members once."""
    members: list[NDArray[np.bool_]] = []
    others: list[NDArray[np.bool_]] = []
    known: set[bytes] = set()
    what: list[int] = []
    names: list[int] = []
    for number, field in enumerate(SHARED):
        of_channel = getattr(world, field)[world.registry.channel_unit]
        for prop in range(int(world.observed.max(initial=-1)) + 1):
            same = (world.observed == prop) & ~world.state
            for name in np.unique(of_channel[same & (of_channel >= 0)]).tolist():
                mine = same & (of_channel == name)
                rest = same & ~mine
                key = mine.tobytes()
                if min(mine.sum(), rest.sum()) < FEWEST or key in known or len(known) >= MOST:
                    continue
                known.add(key)
                members.append(mine)
                others.append(rest)
                what.append(number)
                names.append(name)
    shape = (len(members), world.channels)
    return (
        np.array(members, dtype=np.bool_).reshape(shape),
        np.array(others, dtype=np.bool_).reshape(shape),
        np.array(what, dtype=np.int32),
        np.array(names, dtype=np.int32),
    )


def _differences(state: State, z: Floats, suspect: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(G,) members' mean less the others' median in its usual size, NaN where not judged; (G,) that median."""
    there = np.isfinite(z)
    value = np.where(there, z, 0.0)
    mine, rest = state.member @ there.astype(np.float64), state.other @ there.astype(np.float64)
    others = np.array([_median(z[of]) for of in state.other])
    own = (state.member @ value) / np.maximum(mine, 1)
    way = np.sign(own - others)
    # as far as the members themselves left their season: of two halves the one that moved is named, not the one that stayed
    difference = way * np.minimum(np.abs(own - others), np.maximum(way * own, 0.0))
    seen = (mine >= FEWEST) & (rest >= FEWEST)
    floor = 0.6 / np.sqrt(np.maximum(np.minimum(mine, rest), 1))
    x = np.where(seen & (state.n >= WARM), difference / np.maximum(state.size * 1.2533, floor), np.nan)
    rate = np.where(seen & ~suspect, np.maximum(1 / (state.n + 1), MEMORY), 0.0)
    state.size += rate * (np.abs(difference) - state.size)
    state.n += seen
    return x, others


def _median(z: Floats) -> float:
    """Of what is there; 0 of nothing."""
    there = z[np.isfinite(z)]
    return middle_of(there) if len(there) else 0.0


def _lean(state: State, z: Floats, others: Floats) -> None:
    """How each channel stands to the rest of its city, over the last hours."""
    common = np.zeros(len(z))
    for g in range(len(state.what) - 1, -1, -1):
        common[state.member[g]] = others[g]
    away = np.where(np.isfinite(z), z - common, state.lean)
    state.lean += RECENT * (away - state.lean)


def _leaning(member: NDArray[np.bool_], lean: Floats, world: World) -> list[int]:
    """The units that lean far enough; only the furthest one where the others together do not."""
    unit = world.registry.channel_unit
    leaning = np.unique(unit[member & (lean >= LEANS)]).tolist()
    if not leaning:
        return leaning
    furthest = int(unit[np.argmax(np.where(member, lean, -np.inf))])
    rest = member & (unit != furthest)
    return leaning if rest.any() and lean[rest].mean() >= LEANS else [furthest]


def _sign(state: State, turn: Turn, world: World) -> Sign:
    g = turn.index
    field = list(SHARED)[int(state.what[g])]
    name = world.names[field][int(state.name[g])]
    side = 1.0 if turn.side == UP else -1.0
    units = _leaning(state.member[g], side * state.lean, world)
    facts = {
        "shared": f"{field} {name}",
        "property": world.registry.channel_property[int(np.flatnonzero(state.member[g])[0])],
        "seen": f"{len(units)} of {int(state.member[g].sum())} channels lean {'up' if turn.side == UP else 'down'}",
        "expected": f"the {int(state.other[g].sum())} others do not",
    }
    if turn.phase is Phase.GOES_ON and turn.at - turn.began_at >= ADOPTED_US:
        forget(state.runs, g)
        turn = Turn(g, turn.side, Phase.ENDED, turn.began_at, turn.at, turn.score)
    return Sign(
        kind="coordinated",
        unit=-1,
        channel=-1,
        began_at=turn.began_at,
        at=turn.at,
        score=turn.score,
        phase=turn.phase,
        about=f"{SHARED[field]}:{name}",
        others=tuple(units),
        facts=facts,
    )


DETECTOR = Coordinated()
