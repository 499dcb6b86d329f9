"""A net's signals as junctions of the declaration: groups, conflicts, stages and plans out of links, foes and programmes.

Theory
------
The programme is what an engineer signed, so it is believed: links that always show the same are one group (for each
approach); what it shows green together may be green together, and of such a pair the one yields that the net's right of way bids
(`yields_to`). Links that meet (`foes`) and are never green together conflict. Its phases without amber are the stages; its change
from one green to the next gives amber and intergreen; for a change that it never makes, the longest one that it gives the group
that ends; where it gives none at all, 3 s and a clearing time of 0-2 s.

Does not live here: which vehicles a lane's detector sees, and where traffic goes next (`lanes`).

INVARIANTS
- A link that the programme never shows green is in no group: it stays red.
- Every group is green in a stage of the plan.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cityward.adapters.sumo.net import Connection, Net, Phase, Programme
from cityward.ids import ID_LENGTH, is_id
from cityward.place.junctions import Conflict, Junction, PlanStep, SignalGroup

GREENS = frozenset("Gg")
AMBERS = frozenset("yYu")
SHORTEST_STAGE_S = 5.0  # a green phase that is shorter is a part of a change, unless it is some link's only green
AMBER_S = 3.0  # PRECEDENT: German RiLSA 2015, 3 s up to 50 km/h
LONGEST_CHANGE_S = 10.0  # a longer gap between two greens held something else
MIN_GREEN_S = 5.0  # PRECEDENT: RiLSA and the tables of `actuated` runs (minDur 5)
CLEARING_M_S, ENTERING_M_S, VEHICLE_M = 10.0, 11.1, 6.0  # PRECEDENT: RiLSA's clearing and entering speeds, its car
WALKING_M_S = 1.2  # PRECEDENT: RiLSA, 1.0 to 1.5
LONGEST_INTERGREEN_S = 30.0
MAX_RED_S, MARGIN_S = 180.0, 30.0

Kind = Literal["vehicle", "bus", "cycle", "pedestrian"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of the net. groups: link index -> its group, None where it is none.

    yields: link index -> the links that it gives way to while they are green; resting: the letter that it shows when it is not
    green ("s": may turn after a stop)."""

    tl: str
    junction: Junction
    groups: tuple[str | None, ...]
    yields: tuple[tuple[int, ...], ...]
    resting: str


@dataclass(frozen=True, slots=True)
class _Links:
    """The links of one signal by index: their connections, columns over the phases, what they meet and yield to."""

    joins: tuple[tuple[Connection, ...], ...]
    columns: tuple[str, ...]
    foes: tuple[frozenset[int], ...]
    response: tuple[frozenset[int], ...]


def names_of(signals: Sequence[str]) -> dict[str, str]:
    """A junction's id for each signal's name of the net; the same whatever else is in the net, where it can be."""
    found: dict[str, str] = {}
    for tl in sorted(signals):
        plain = re.sub(r"[^a-z0-9]+", "-", tl.lower()).strip("-") or "signal"
        if len(plain) > ID_LENGTH - 16 or plain in found.values() or not is_id(plain):
            plain = f"{plain[: ID_LENGTH - 26].strip('-')}-{zlib.crc32(tl.encode()):08x}"
        found[tl] = plain
    return found


def derive(net: Net, programme: Programme, name: str) -> Signal | None:
    """The signal as a junction, without detectors and links; None where it has no green to give."""
    links = _links(net, programme)
    groups = _groups(net, links)
    members = {group: [n for n, of in enumerate(groups) if of == group] for group in groups if group is not None}
    if not members or programme.cycle <= 0:
        return None
    stages, plan, offset = _stages(programme, members)
    amber = {group: _amber(links, programme, those[0], _kind(net, links, those)) for group, those in members.items()}
    conflicts, yielding = _conflicts(net, links, programme, members, amber)
    junction = Junction(
        name=programme.tl,
        device=name,
        groups={
            group: _signal_group(net, links, programme, those, amber[group], yielding[group])
            for group, those in members.items()
        },
        conflicts=conflicts,
        stages=stages,
        plan=plan,
        offset_s=offset,
    )
    return Signal(
        tl=programme.tl,
        junction=junction,
        groups=groups,
        yields=tuple(tuple(sorted(links.response[n])) for n in range(len(groups))),
        resting="".join("s" if "s" in column else "r" for column in links.columns),
    )


def _links(net: Net, programme: Programme) -> _Links:
    size = max((len(phase.state) for phase in programme.phases), default=0)
    joins: list[list[Connection]] = [[] for _ in range(size)]
    for join in net.connections:
        if join.tl == programme.tl and 0 <= join.link < size:
            joins[join.link].append(join)
    foes: list[set[int]] = [set() for _ in range(size)]
    response: list[set[int]] = [set() for _ in range(size)]
    own = [(join, _request(net, join)) for those in joins for join in those]
    for one, first in own:
        node = net.nodes.get(one.node)
        if node is None or not 0 <= first < len(node.foes):
            continue
        for other, second in own:
            if other.node != one.node or second < 0 or other.link == one.link:
                continue
            if node.foes[first] >> second & 1:
                foes[one.link].add(other.link)
                foes[other.link].add(one.link)
            if node.response[first] >> second & 1:
                response[one.link].add(other.link)
    columns = tuple("".join(phase.state[n : n + 1] or "r" for phase in programme.phases) for n in range(size))
    return _Links(
        joins=tuple(map(tuple, joins)),
        columns=columns,
        foes=tuple(map(frozenset, foes)),
        response=tuple(map(frozenset, response)),
    )


def _request(net: Net, join: Connection) -> int:
    """The row of the right of way: the vehicles' links by number, then the crossings."""
    if join.index > -1000:
        return join.index
    node = net.nodes.get(join.node)
    crossings = {c.index for c in net.connections if c.node == join.node and c.index <= -900}
    return -1 if node is None else len(node.foes) - len(crossings) + (join.index + 1000)


def _groups(net: Net, links: _Links) -> tuple[str | None, ...]:
    names: dict[tuple[str, str], str] = {}
    found: list[str | None] = []
    for n, column in enumerate(links.columns):
        if not links.joins[n] or not GREENS & set(column):
            found.append(None)
            continue
        plain = column.replace("g", "G").replace("s", "r")
        first = links.joins[n][0]
        edge = net.lanes[first.source].edge if first.source in net.lanes else first.source
        found.append(names.setdefault((plain, edge), f"g{n}"))
    return tuple(found)


def _stages(
    programme: Programme, members: Mapping[str, Sequence[int]]
) -> tuple[dict[str, tuple[str, ...]], tuple[PlanStep, ...], float]:
    """The stages, the plan made of them, and when it begins: a step is wanted from the moment that the change to it begins."""
    runs = _runs(programme, members)
    names = {groups: f"s{nth}" for nth, groups in enumerate(dict.fromkeys(groups for _, _, groups in runs))}
    steps: list[PlanStep] = []
    for nth, (_, end, groups) in enumerate(runs):
        before = runs[nth - 1][1] - (programme.cycle if nth == 0 else 0.0)
        steps.append(PlanStep(stage=names[groups], seconds=round(end - before, 3)))
    begins = runs[-1][1] - programme.cycle + programme.offset
    return {name: groups for groups, name in names.items()}, tuple(steps), round(begins % programme.cycle, 3)


def _green(phase: Phase, members: Mapping[str, Sequence[int]]) -> tuple[str, ...] | None:
    """The groups of a phase that are green; None where it is a change, or nobody's."""
    if AMBERS & set(phase.state):
        return None
    return tuple(g for g, those in members.items() if phase.state[those[0] : those[0] + 1] in GREENS) or None


_Run = tuple[float, float, tuple[str, ...]]  # begin and end in the cycle, groups


def _runs(programme: Programme, members: Mapping[str, Sequence[int]]) -> list[_Run]:
    """The stages in the cycle, those that follow each other and show the same in one."""
    shown = [_green(phase, members) for phase in programme.phases]
    at, runs = 0.0, list[_Run]()
    for phase, groups in zip(programme.phases, shown, strict=True):
        if groups is not None and runs and runs[-1][2] == groups and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + phase.seconds, groups)
        elif groups is not None:
            runs.append((at, at + phase.seconds, groups))
        at += phase.seconds
    if len(runs) > 1 and runs[0][0] == 0.0 and runs[-1][1] == at and runs[0][2] == runs[-1][2]:
        first = runs.pop(0)
        runs[-1] = (runs[-1][0], at + first[1], first[2])
    chosen = [run for run in runs if run[1] - run[0] >= SHORTEST_STAGE_S]
    for run in sorted((*runs, *_beside(programme, members)), key=lambda run: run[0] - run[1]):
        if set(run[2]) - {group for kept in chosen for group in kept[2]}:
            chosen.append(run)
    return sorted(chosen)


def _beside(programme: Programme, members: Mapping[str, Sequence[int]]) -> list[_Run]:
    """The phases with some amber in them, for groups that are green in no other."""
    at, found = 0.0, list[_Run]()
    for phase in programme.phases:
        groups = tuple(g for g, those in members.items() if phase.state[those[0] : those[0] + 1] in GREENS)
        if groups:
            found.append((at, at + phase.seconds, groups))
        at += phase.seconds
    return found


def _amber(links: _Links, programme: Programme, link: int, kind: Kind) -> float:
    """The longest amber after the group's green; where the programme has none, `AMBER_S`, and none for who walks."""
    column, phases = links.columns[link], programme.phases
    longest = 0.0
    for n, letter in enumerate(column):
        if letter in AMBERS and column[n - 1] in GREENS:
            seconds, at = 0.0, n
            while column[at % len(column)] in AMBERS and at < n + len(column):
                seconds += phases[at % len(column)].seconds
                at += 1
            longest = max(longest, seconds)
    return longest or (0.0 if kind == "pedestrian" else AMBER_S)


def _conflicts(
    net: Net, links: _Links, programme: Programme, members: Mapping[str, Sequence[int]], amber: Mapping[str, float]
) -> tuple[tuple[Conflict, ...], dict[str, set[str]]]:
    found: list[tuple[str, str]] = []
    yielding: dict[str, set[str]] = {group: set() for group in members}
    names = list(members)
    for n, first in enumerate(names):
        for then in names[n + 1 :]:
            one, other = members[first], members[then]
            if not any(links.foes[a] & set(other) for a in one):
                continue
            if not _together(links, one[0], other[0]):
                found.append((first, then))
                continue
            gives = any(links.response[a] & set(other) for a in one)
            given = any(links.response[b] & set(one) for b in other)
            if gives or not given:
                yielding[first].add(then)
            if given:
                yielding[then].add(first)
    seconds = _intergreens(net, links, programme, members, amber, found)
    made = (Conflict(first=a, then=b, intergreen_s=seconds[a, b], back_s=seconds[b, a]) for a, b in found)
    return tuple(made), yielding


def _intergreens(
    net: Net,
    links: _Links,
    programme: Programme,
    members: Mapping[str, Sequence[int]],
    amber: Mapping[str, float],
    pairs: Sequence[tuple[str, str]],
) -> dict[tuple[str, str], float]:
    """From the end of one group's green to the beginning of the other's.

    The programme's own change where it makes it; else the longest that it gives the group that ends, else anybody; else clearing.
    """
    ways = [way for a, b in pairs for way in ((a, b), (b, a))]
    walking = {group for group, those in members.items() if _kind(net, links, those) == "pedestrian"}
    known = {(a, b): _change(links, programme, members[a][0], members[b], a in walking) for a, b in ways}
    of_group: dict[str, float] = {}
    for (a, _), seconds in known.items():
        if seconds is not None:
            of_group[a] = max(of_group.get(a, 0.0), seconds)
    found: dict[tuple[str, str], float] = {}
    for (a, b), seconds in known.items():
        instead = of_group.get(a, max(of_group.values(), default=0.0)) or _clearing(net, links, members[a], members[b])
        if seconds is None and a in walking:
            instead = max(_ways(net, links, members[a])) / WALKING_M_S
        found[a, b] = min(max(instead if seconds is None else seconds, amber[a]), LONGEST_INTERGREEN_S)
    return found


def _together(links: _Links, one: int, other: int) -> bool:
    """Whether the programme lets both go at once: both green, or one that yields ("g") while the other's amber ends."""
    pairs = zip(links.columns[one], links.columns[other], strict=True)
    allowed = {"GG", "Gg", "gG", "gg", "gy", "yg"}
    return any(a + b in allowed for a, b in pairs)


def _change(links: _Links, programme: Programme, one: int, other: Sequence[int], walking: bool) -> float | None:
    """The programme's shortest change from a link's green to a group's.

    None where it never makes it, or waits for a third one in it (walking: who walks clears while vehicles beside them still go).
    """
    ends, begins = links.columns[one], links.columns[other[0]]
    foes = [links.columns[foe] for foe in sorted(frozenset().union(*(links.foes[link] for link in other)))]
    shortest: float | None = None
    for n in range(len(ends)):
        if ends[n - 1] not in GREENS or ends[n] in GREENS:
            continue
        seconds, at, alone = 0.0, n, True
        while begins[at % len(begins)] not in GREENS and ends[at % len(ends)] not in GREENS and at < n + len(ends):
            seconds += programme.phases[at % len(begins)].seconds
            alone = alone and (walking or not any(foe[at % len(begins)] in GREENS for foe in foes))
            at += 1
        if alone and begins[at % len(begins)] in GREENS and seconds <= LONGEST_CHANGE_S:
            shortest = seconds if shortest is None else min(shortest, seconds)
    return shortest


def _clearing(net: Net, links: _Links, one: Sequence[int], other: Sequence[int]) -> float:
    """Amber, and 0-2 s in which the last one leaves before the first one comes; they meet half way, more or less."""
    clearing = (max(_ways(net, links, one)) / 2 + VEHICLE_M) / CLEARING_M_S
    entering = min(_ways(net, links, other)) / 2 / ENTERING_M_S
    return AMBER_S + float(round(min(max(clearing - entering, 0.0), 2.0)))


def _ways(net: Net, links: _Links, those: Sequence[int]) -> list[float]:
    """The lengths of the group's ways over the junction, m; of a foot crossing its own."""
    joins = [join for n in those for join in links.joins[n]]
    inner = [join.via or join.target for join in joins if join.via or join.target.startswith(":")]
    return [net.lanes[lane].length for lane in inner if lane in net.lanes] or [15.0]


def _signal_group(
    net: Net, links: _Links, programme: Programme, those: Sequence[int], amber: float, yielding: set[str]
) -> SignalGroup:
    sources = dict.fromkeys(join.source for n in those for join in links.joins[n])
    targets = dict.fromkeys(join.target for n in those for join in links.joins[n])
    lanes = (lane for lane in sources if not lane.startswith(":"))
    leads = (lane for lane in targets if not lane.startswith(":"))
    return SignalGroup(
        kind=_kind(net, links, those),
        lanes=tuple(lanes),
        leads_to=tuple(leads),
        min_green_s=MIN_GREEN_S,
        amber_s=amber,
        max_red_s=max(MAX_RED_S, _longest_red(links.columns[those[0]], programme) + MARGIN_S),
        yields_to=tuple(sorted(yielding)),
    )


def _kind(net: Net, links: _Links, those: Sequence[int]) -> Kind:
    """Whom the links are for: who is let go on the lanes before them, or walks over what they lead to."""
    joins = [join for n in those for join in links.joins[n]]
    before = {net.lanes[join.source].users for join in joins if join.source in net.lanes}
    behind = {net.lanes[join.target].users for join in joins if join.target in net.lanes}
    if before == {"pedestrian"} or behind == {"pedestrian"}:
        return "pedestrian"
    if before == {"bus"}:
        return "bus"
    return "cycle" if before == {"cycle"} else "vehicle"


def _longest_red(column: str, programme: Programme) -> float:
    longest = seconds = 0.0
    for letter, phase in zip(column * 2, programme.phases * 2, strict=True):
        seconds = 0.0 if letter in GREENS else seconds + phase.seconds
        longest = max(longest, seconds)
    return min(longest, 570.0)
