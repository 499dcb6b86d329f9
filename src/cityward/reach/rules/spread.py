"""Conditions that look beyond the subject: what is reached, where paths lead, how long chains are, how much one party has.

INVARIANT: an answer of the exposure is never judged here again; it is asked for, and its derivation is the path.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from cityward.place.house_rules import About, ChainIs, Concentration, PathTo, ReachedBy, ReachedFrom
from cityward.place.record import UNKNOWN
from cityward.reach.chain_facts import ChainFacts, facts_of
from cityward.reach.chains import chains_by_start, flow_graph
from cityward.reach.exposure.answers import LAW, NEXUS, Axis, Bound
from cityward.reach.exposure.nodes import ANSWERED, Mode, Node, Predicate
from cityward.reach.rules.holders import holders
from cityward.reach.rules.ownership import parents
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import MOST_ASKED, MOST_TOLD, NO, Asked, Fact, Held, Truth, any_of, possibly, yes
from cityward.reach.telling.sentences import conclusion, name_of

MOST_CHAINS = 200  # of one device; a rule about longer ones is then possibly broken, and says why

_ITEMS = {
    About.DATASETS: Predicate.DATASET, About.SYSTEMS: Predicate.THING, About.DEVICES: Predicate.THING,
    About.SERVICES: Predicate.SERVICE, About.FUNCTIONS: Predicate.FUNCTION,
}  # fmt: skip


# --- reached


def reached_from(standing: Standing, asked: ReachedFrom, about: About, name: str) -> Held:
    """A jurisdiction could reach the subject, on one axis."""
    kind = (LAW if asked.under == "instruments" else NEXUS)[Axis(asked.axis)]
    found: list[Held] = []
    for item, dataset in _items(standing, about, name, asked.modes):
        lands = frozenset(lands_meant(standing, asked, dataset))
        found += _reaching(standing, item, kind, lands)
    return any_of(found)


def lands_meant(standing: Standing, asked: ReachedFrom, dataset: str | None) -> list[str]:
    """The jurisdictions a condition means, for a dataset where it depends on that."""
    every = standing.place.jurisdictions
    if not isinstance(asked.jurisdictions, str):
        return [land for land in asked.jurisdictions if land in every]
    if asked.jurisdictions == "any":
        return list(every)
    if asked.jurisdictions == "not-home":
        return [land for land in every if land not in standing.homes]
    allowed = standing.place.datasets[dataset].allowed_jurisdictions if dataset in standing.place.datasets else ()
    inside = standing.within(allowed)
    return [land for land in every if land not in inside] if allowed else []


def reached_by(standing: Standing, asked: ReachedBy, about: About, name: str) -> Held:
    """A party could reach the subject."""
    found: list[Held] = []
    for item, dataset in _items(standing, about, name, asked.modes):
        parties = frozenset(_parties_meant(standing, asked, dataset))
        found += _reaching(standing, item, Predicate.PARTY, parties)
    return any_of(found)


def _parties_meant(standing: Standing, asked: ReachedBy, dataset: str | None) -> list[str]:
    place = standing.place
    if not isinstance(asked.parties, str):
        return [party for party in asked.parties if party in place.parties]
    agreed = {place.responsible}
    if asked.parties == "not-agreed":
        agreed.update(standing.agreed.get(dataset or "", ()))
    return [party for party in place.parties if party not in agreed]


def _items(standing: Standing, about: About, name: str, modes: Iterable[str]) -> Iterator[tuple[Node, str | None]]:
    """(answer, dataset) of a subject; a flow is judged by what it carries."""
    wanted = [Mode(mode) for mode in modes]
    if about is About.FLOWS:
        for dataset in standing.place.flows[name].datasets:
            yield from _items(standing, About.DATASETS, dataset, modes)
        return
    kind = _ITEMS[about]
    dataset = name if about is About.DATASETS else None
    yield from ((Node(kind, name, mode), dataset) for mode in wanted if mode in ANSWERED[kind])


def _reaching(standing: Standing, item: Node, kind: Predicate, meant: Container[str]) -> list[Held]:
    """Those meant, of one kind of scenario, that reach an item: certainly, and possibly."""
    everybody = {
        bound: [who for who in standing.exposure.who(item, bound) if who.predicate is kind and who.subject in meant]
        for bound in Bound
    }
    certain = everybody[Bound.CERTAIN]
    known = {who.subject for who in certain}
    possible = [who for who in everybody[Bound.POSSIBLE] if who.subject not in known]
    both = ((certain, Truth.YES, Bound.CERTAIN), (possible, Truth.POSSIBLY, Bound.POSSIBLE))
    return [_reached(standing, those, item, truth, bound) for those, truth, bound in both if those]


def _reached(standing: Standing, those: list[Node], item: Node, truth: Truth, bound: Bound) -> Held:
    """All of them as one: the first few in words, and not more asked after than can be looked into."""
    ending = f"{item.detail} {item.subject}"
    witnesses = tuple([f"{who.predicate} {who.subject} {ending}" for who in those])

    def narrowed(known: frozenset[str]) -> Held:
        new = [who for who, witness in zip(those, witnesses, strict=True) if witness not in known]
        return _reached(standing, new, item, truth, bound)

    facts = tuple(_reach(standing, who, item, truth) for who in those[:MOST_TOLD])
    asked = tuple(Asked(who, item, bound) for who in those[:MOST_ASKED])
    return Held(truth, facts, (), asked, witnesses, narrowed=narrowed)


def _reach(standing: Standing, who: Node, item: Node, truth: Truth) -> Fact:
    text = conclusion(standing.place, who, item, certain=truth is Truth.YES)
    return Fact(text.removeprefix("So ").removeprefix("So, ").rstrip("."))


# --- paths


@dataclass(frozen=True, slots=True)
class Way:
    """Where each node goes next towards the nearest target: (next node, the line of the declaration)."""

    onward: dict[str, tuple[str, str]]
    targets: dict[str, None]


def path_to(standing: Standing, asked: PathTo, about: About, name: str) -> Held:
    """From the subject a path leads to a system that is meant."""
    begins = _beginnings(standing, about, name)
    if asked.by == "conduits":
        begins = [zone for zone in (_zone(standing, thing) for thing in begins) if zone is not None]
    way = standing.memo(asked, lambda: _ways(standing, asked))
    return any_of(_path(standing, way, begin) for begin in dict.fromkeys(begins))


def _beginnings(standing: Standing, about: About, name: str) -> list[str]:
    if about is About.DATASETS:
        held = standing.stored_at.get(name, []) + [flow.to for _, flow in standing.carrying.get(name, ())]
        return [standing.group(thing) for thing in held]
    if about is About.FLOWS:
        return [standing.group(standing.place.flows[name].to)]
    return [standing.group(standing.place.accesses[name].target if about is About.ACCESSES else name)]


def _zone(standing: Standing, thing: str) -> str | None:
    record = standing.thing(thing)
    return record.zone if record is not None else None


def _path(standing: Standing, way: Way, begin: str) -> Held:
    here, lines, names = begin, list[str](), [name_of(standing.place, begin)]
    while here not in way.targets:
        if here not in way.onward:
            return NO
        here, line = way.onward[here]
        lines.append(line)
        names.append(name_of(standing.place, here))
    text = f"a path leads {' -> '.join(names)}" if len(names) > 1 else f"{names[0]} is itself in what is meant"
    return yes(text, *lines, witness=f"path {here}")


def _ways(standing: Standing, asked: PathTo) -> Way:
    """Breadth first, backwards from the targets, in the declaration's order."""
    place = standing.place
    targets = dict.fromkeys(name for name in (*place.systems, *place.devices) if _meant(standing, asked, name))
    if asked.by == "conduits":
        targets = dict.fromkeys(zone for name in targets if (zone := _zone(standing, name)) is not None)
        targets.update(dict.fromkeys(zone for zone in asked.zones if zone in place.zones))
    onward: dict[str, tuple[str, str]] = {}
    pending = list(targets)
    for here in pending:
        for before, line in _before(standing, asked, here):
            if before not in onward and before not in targets:
                onward[before] = (here, line)
                pending.append(before)
    return Way(onward, targets)


def _before(standing: Standing, asked: PathTo, here: str) -> Iterator[tuple[str, str]]:
    if asked.by == "conduits":
        for name, conduit in standing.place.conduits.items():
            if here in conduit.zones:
                yield conduit.zones[conduit.zones[0] == here], f"conduits.{name}"
        return
    for name, flow in standing.arriving.get(here, ()):
        yield standing.group(flow.from_), f"flows.{name}"


def _meant(standing: Standing, asked: PathTo, name: str) -> bool:
    record = standing.thing(name)
    if record is None:
        return False
    at = standing.place.sites.get(record.site)
    tagged = at is not None and bool(set(asked.site_tags) & set(at.tags))
    return record.zone in asked.zones or name in asked.systems or tagged


# --- chains


def chain(standing: Standing, asked: ChainIs, about: About, name: str) -> Held:
    """A chain that begins at the device is longer than this."""
    graph = standing.memo("flow graph", lambda: flow_graph(standing.place))
    walk = standing.memo("chains", lambda: chains_by_start(graph))
    found = walk(name, MOST_CHAINS)
    held = any_of(_long(standing, asked, facts_of(standing.place, graph, one)) for one in found)
    if held.truth is Truth.NO and len(found) == MOST_CHAINS:
        return possibly(f"more than {MOST_CHAINS} chains begin here; the others were not measured", f"devices.{name}")
    return held


def _long(standing: Standing, asked: ChainIs, facts: ChainFacts) -> Held:
    lands = len(set(facts.party_lands) - {UNKNOWN})
    counts = (
        (asked.more_flows_than, len(facts.flows), "flows"),
        (asked.more_parties_than, len(facts.parties), "parties"),
        (asked.more_jurisdictions_than, lands, "jurisdictions of parties"),
    )
    told = [f"{count} {noun}" for most, count, noun in counts if most is not None and count > most]
    doubts = [path for path in facts.unresolved if path.endswith(_OF_PARTIES)]
    closest = [count for most, count, _ in counts[1:] if most is not None and count + len(doubts) > most]
    if not told and not (doubts and closest):
        return NO
    way = " -> ".join(name_of(standing.place, node) for node in facts.nodes)
    if not told:
        return possibly(f"{way}: not every party on it is known", doubts[0])
    return yes(
        f"{way}: {', '.join(told)}", *(f"flows.{flow}" for flow in facts.flows), witness=f"chain {facts.nodes[-1]}"
    )


_OF_PARTIES = (".operator", ".owner", ".route", ".incorporated_in")
"""Ends of the paths of facts that would add a party, or the jurisdiction of one."""


# --- shares


def concentration(standing: Standing, asked: Concentration, about: About, name: str) -> Held:
    """The party, or the jurisdiction, has more than a share."""
    counted = standing.memo((asked, about), lambda: _counted(standing, asked, about))
    total = len(_things(standing, asked))
    certain, possible = counted.get(name, ((), ()))
    who, noun = name_of(standing.place, name), asked.of.replace("-", " ")
    verb = f"is {' or '.join(asked.as_)} of" if asked.as_ else "could stop"
    most, doubted = tuple(dict.fromkeys(certain)), tuple(dict.fromkeys((*certain, *possible)))
    if total and 100 * len(most) > asked.over_percent * total:
        text = f"{who} {verb} {len(most)} of {total} {noun}"
        return yes(text, *(f"{_kind(asked)}.{thing}" for thing in most), witness=f"{len(most)} of {total}")
    if total and 100 * len(doubted) > asked.over_percent * total:
        text = f"{who} possibly {verb} {len(doubted)} of {total} {noun}"
        unsure = [f"{_kind(asked)}.{thing}" for thing in doubted if thing not in most]
        return Held(Truth.POSSIBLY, (Fact(text, tuple(unsure)),), tuple(unsure), (), (f"{len(doubted)} of {total}",))
    return NO


def _kind(asked: Concentration) -> str:
    return {"critical-systems": "systems", "essential-functions": "functions"}.get(asked.of, asked.of)


def _things(standing: Standing, asked: Concentration) -> list[str]:
    place = standing.place
    if asked.of == "functions":
        return list(place.functions)
    if asked.of == "essential-functions":
        return [name for name, function in place.functions.items() if function.essential]
    if asked.of == "devices":
        return list(place.devices)
    return [name for name, system in place.systems.items() if system.critical or asked.of == "systems"]


Counted = dict[str, tuple[list[str], list[str]]]
"""Who -> (things certainly, things possibly besides)."""


def _counted(standing: Standing, asked: Concentration, about: About) -> Counted:
    found: Counted = {}
    about_things = About(_kind(asked))
    for thing in _things(standing, asked):
        those = (
            _by_role(standing, asked, about, about_things, thing)
            if asked.as_
            else _by_reach(standing, asked, about, thing)
        )
        for who, truth in those:
            found.setdefault(who, ([], []))[0 if truth is Truth.YES else 1].append(thing)
    return found


def _by_reach(standing: Standing, asked: Concentration, about: About, thing: str) -> Iterator[tuple[str, Truth]]:
    kind = Predicate.PARTY if about is About.PARTIES else LAW[Axis(asked.axis)]
    stopped = Node(_ITEMS[About(_kind(asked))], thing, Mode.STOP)
    certain = {who.subject for who in standing.exposure.who(stopped, Bound.CERTAIN) if who.predicate is kind}
    for who in standing.exposure.who(stopped, Bound.POSSIBLE):
        if who.predicate is kind:
            yield who.subject, Truth.YES if who.subject in certain else Truth.POSSIBLY


def _by_role(
    standing: Standing, asked: Concentration, about: About, kind: About, thing: str
) -> Iterator[tuple[str, Truth]]:
    """Who has a thing: the holders and whoever holds half or more of them, or the jurisdictions of holders or of the site."""
    if about is About.JURISDICTIONS and asked.axis == "place":
        at = [standing.place.sites[site].jurisdiction for site, _ in standing.sites_of(kind, thing) if site != UNKNOWN]
        yield from ((land, Truth.YES if land in at else Truth.POSSIBLY) for land in _around(standing, at))
        return
    having = [holder for role in asked.as_ for holder, _ in holders(standing, role, kind, thing)]
    known = [holder for holder in dict.fromkeys(having) if holder in standing.place.parties]
    if about is About.JURISDICTIONS:
        lands = [standing.place.parties[holder].incorporated_in for holder in known]
        lands += [UNKNOWN] * (UNKNOWN in having)
        yield from ((land, Truth.YES) for land in _around(standing, [x for x in lands if x != UNKNOWN]))
        if UNKNOWN in lands:
            yield from ((land, Truth.POSSIBLY) for land in standing.place.jurisdictions)
        return
    above: dict[str, Truth] = dict.fromkeys(known, Truth.YES)
    for holder in known:
        for parent, truth, _ in parents(standing.place, holder, 50.0):
            above[parent] = max(truth, above.get(parent, Truth.NO))
    doubtful = UNKNOWN in having or UNKNOWN in above
    yield from ((who, truth) for who, truth in above.items() if who != UNKNOWN)
    yield from ((who, Truth.POSSIBLY) for who in standing.place.parties if doubtful and who not in above)


def _around(standing: Standing, lands: list[str]) -> list[str]:
    """These jurisdictions and those they lie in."""
    return [land for land in standing.place.jurisdictions if standing.within((land,)) & set(lands)]
