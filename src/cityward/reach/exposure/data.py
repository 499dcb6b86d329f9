"""Data: who can read and write a dataset, where it is kept, on its way, and with which keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cityward.place.data import Flow, Protection
from cityward.place.model import Place
from cityward.place.parties import Instrument
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.clauses import ClauseList
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.nodes import Mode, Node, Predicate, Rule, Use, uses_of
from cityward.reach.exposure.parties import has_nexus, live

DEFEATS = (("customer-held-key", "at-rest"), ("end-to-end", "end-to-end"))
"""What an instrument says defeats it, and the kind of key that is then out of its reach."""


@dataclass(slots=True)
class At:
    """A dataset at a thing, by one line of the declaration or several: when one is cut, the others still put it there."""

    stored: list[str] = field(default_factory=list[str])
    sent: list[str] = field(default_factory=list[str])
    brought: list[str] = field(default_factory=list[str])

    @property
    def lines(self) -> list[str]:
        """Every line that puts it there."""
        return list(dict.fromkeys([*self.stored, *self.sent, *self.brought]))

    @property
    def is_origin(self) -> bool:
        """Whether it is made there: sent, and brought by no flow."""
        return bool(self.sent) and not self.brought


@dataclass(slots=True)
class Keys:
    """The keys that protect a thing that is named: id -> keys, by kind."""

    by_kind: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])

    def of(self, kind: str, *protected: str) -> list[str]:
        """The keys of a kind that protect any of these."""
        known = self.by_kind.get(kind, {})
        return list(dict.fromkeys(key for name in protected for key in known.get(name, ())))


def keys_of(place: Place) -> Keys:
    """Which key protects what."""
    keys = Keys()
    for name, key in place.keys.items():
        for protected in key.protects:
            keys.by_kind.setdefault(key.kind, {}).setdefault(protected, []).append(name)
    return keys


def carried(declared: Declared, flow: Flow) -> list[str]:
    """The datasets of a flow that are there: one whose record is gone is not."""
    return [dataset for dataset in flow.datasets if dataset in declared.place.datasets]


def whereabouts(declared: Declared) -> dict[str, dict[str, At]]:
    """Thing -> dataset -> how it comes to be there."""
    found: dict[str, dict[str, At]] = {}
    for name, system in declared.place.systems.items():
        for k, dataset in enumerate(system.stores):
            if dataset in declared.place.datasets:
                found.setdefault(name, {}).setdefault(dataset, At()).stored.append(f"systems.{name}.stores[{k}]")
    speakers = _speakers(declared)
    for name, flow in declared.place.flows.items():
        for dataset in carried(declared, flow):
            for system, line in speakers.get(declared.group_of.get(flow.from_, flow.from_), ()):
                found.setdefault(system, {}).setdefault(dataset, At()).brought.append(line)
            if declared.is_thing(flow.from_):
                found.setdefault(flow.from_, {}).setdefault(dataset, At()).sent.append(f"flows.{name}")
            if declared.is_thing(flow.to):
                found.setdefault(flow.to, {}).setdefault(dataset, At()).brought.append(f"flows.{name}")
    return found


def _speakers(declared: Declared) -> dict[str, list[tuple[str, str]]]:
    """Device or group -> (system, line): who passes on what it says, and so can read and falsify it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, system in declared.place.systems.items():
        for k, device in enumerate(system.speaks_for):
            group = declared.group_of.get(device, device)
            if not declared.is_device(group):
                continue  # its record is gone: there is nothing to pass on
            found.setdefault(group, []).append((name, f"systems.{name}.speaks_for[{k}]"))
    return found


def data(declared: Declared, to: ClauseList) -> None:
    """Every clause about datasets, flows and keys."""
    keys = keys_of(declared.place)
    _holders(declared, to)
    _undefeated(declared, to)
    for thing, datasets in whereabouts(declared).items():
        for dataset, at in datasets.items():
            for line in at.lines:
                _inside(thing, dataset, at, line, keys, to)
                _falsified(thing, dataset, at, line, keys, to)
            for line in [*at.stored, *(at.sent if declared.is_device(thing) else ())]:
                _kept(thing, dataset, at, line, keys, to)
    for name, flow in declared.place.flows.items():
        _ends(declared, name, flow, keys, to)
        _way(declared, name, flow, keys, to)


def _dataset(to: ClauseList, dataset: str, mode: Mode) -> int:
    return to.nodes.of(Predicate.DATASET, dataset, mode)


def _with_keys(
    to: ClauseList,
    head: int,
    premise: int,
    keys: list[str],
    rule: Rule,
    lines: tuple[str, ...],
    missing: str | None = None,
) -> None:
    """head <- premise, every key."""
    cited = (*lines, *(f"keys.{key}" for key in keys))
    to.all_of(head, [premise, *(to.nodes.of(Predicate.KEY, key) for key in keys)], rule, cited, missing)


# --- at a thing


def _inside(thing: str, dataset: str, at: At, line: str, keys: Keys, to: ClauseList) -> None:
    reads = to.nodes.of(Predicate.THING, thing, Mode.READ)
    to.edge(_dataset(to, dataset, Mode.HOLD), reads, Rule.INSIDE, (line,))
    seals = [] if at.is_origin else keys.of("end-to-end", dataset)
    _with_keys(to, _dataset(to, dataset, Mode.READ), reads, seals, Rule.INSIDE, (line,))
    _opened(to, dataset, reads, ["end-to-end"] if seals else [], line)


def _kept(thing: str, dataset: str, at: At, line: str, keys: Keys, to: ClauseList) -> None:
    holds = to.nodes.of(Predicate.THING, thing, Mode.HOLD)
    to.edge(_dataset(to, dataset, Mode.HOLD), holds, Rule.KEPT, (line,))
    locks, seals = keys.of("at-rest", thing, dataset), [] if at.is_origin else keys.of("end-to-end", dataset)
    _with_keys(to, _dataset(to, dataset, Mode.READ), holds, [*locks, *seals], Rule.KEPT, (line,))
    kinds = [kind for kind, those in (("at-rest", locks), ("end-to-end", seals)) if those]
    _opened(to, dataset, holds, kinds, line)


def _opened(to: ClauseList, dataset: str, premise: int, kinds: list[str], line: str) -> None:
    if kinds:
        opens = [to.nodes.of(Predicate.OPENS, kind) for kind in kinds]
        to.all_of(_dataset(to, dataset, Mode.READ), [premise, *opens], Rule.OPENED, (line,))


def _falsified(thing: str, dataset: str, at: At, line: str, keys: Keys, to: ClauseList) -> None:
    signing = [] if at.is_origin else keys.of("signing", dataset)
    writes = to.nodes.of(Predicate.THING, thing, Mode.WRITE)
    _with_keys(to, _dataset(to, dataset, Mode.WRITE), writes, signing, Rule.FALSIFIED, (line,))


# --- on its way


def _ends(declared: Declared, name: str, flow: Flow, keys: Keys, to: ClauseList) -> None:
    of, path = to.nodes.of, f"flows.{name}"
    if flow.to in declared.place.parties:
        who = Predicate.ACTS if declared.forbids_handing_on(flow.agreement) else Predicate.HANDS
        receives = of(who, flow.to, Use.DISCLOSE)
        for dataset in carried(declared, flow):
            to.edge(_dataset(to, dataset, Mode.HOLD), receives, Rule.RECEIVES, (path,))
            seals = keys.of("end-to-end", dataset)
            _with_keys(to, _dataset(to, dataset, Mode.READ), receives, seals, Rule.RECEIVES, (path,))
    if flow.from_ in declared.place.parties:
        for dataset in carried(declared, flow):
            for mode in (Mode.READ, Mode.HOLD):
                disclosed = of(Predicate.ACTS, flow.from_, Use.DISCLOSE)
                to.edge(_dataset(to, dataset, mode), disclosed, Rule.SENDS, (path,))
            altered = of(Predicate.ACTS, flow.from_, Use.ALTER)
            to.edge(_dataset(to, dataset, Mode.WRITE), altered, Rule.SENDS, (path,))


def _way(declared: Declared, name: str, flow: Flow, keys: Keys, to: ClauseList) -> None:
    """Who is on a flow's way, and what that gives where it goes unprotected."""
    if not flow.route:
        return
    of, path = to.nodes.of, f"flows.{name}"
    tap, meddle = of(Predicate.TAP, name), of(Predicate.MEDDLE, name)
    for listens, alters, line, missing in _hops(declared, flow, f"{path}.route"):
        to.edge(tap, of(*listens), Rule.HOP, (line,), missing)
        to.edge(meddle, of(*alters), Rule.HOP, (line,), missing)
    for dataset in carried(declared, flow):
        to.edge(_dataset(to, dataset, Mode.HOLD), tap, Rule.TAPPED, (path,))
        if flow.protection not in (Protection.NONE, Protection.UNKNOWN):
            continue
        line = f"{path}.protection"
        missing = line if flow.protection is Protection.UNKNOWN else None
        sealed = [*keys.of("in-transit", name), *keys.of("end-to-end", dataset)]
        _with_keys(to, _dataset(to, dataset, Mode.READ), tap, sealed, Rule.TAPPED, (path, line), missing)
        if not keys.of("signing", dataset):
            to.edge(_dataset(to, dataset, Mode.WRITE), meddle, Rule.TAPPED, (path, line), missing)


Hop = tuple[Node, Node, str, str | None]
"""(who listens, who alters, line, missing)."""


def _hops(declared: Declared, flow: Flow, route: str) -> Iterator[Hop]:
    if flow.route == UNKNOWN:
        yield Node(Predicate.ANYONE, "", Use.INTERCEPT), Node(Predicate.ANYONE, "", Use.ALTER), route, route
        yield Node(Predicate.PASSES_ANYWHERE, ""), Node(Predicate.ANYWHERE, "", Use.ALTER), route, route
        return
    for k, hop in enumerate(flow.route):
        line = f"{route}[{k}]"
        if hop in declared.place.parties:
            yield Node(Predicate.ACTS, hop, Use.INTERCEPT), Node(Predicate.ACTS, hop, Use.ALTER), line, None
        else:
            yield Node(Predicate.PASSES, hop), Node(Predicate.IN_PLACE, hop, Use.ALTER), line, None


# --- keys


def _holders(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, key in declared.place.keys.items():
        path, node = f"keys.{name}.holder", of(Predicate.KEY, name)
        if key.holder == UNKNOWN:
            to.edge(node, of(Predicate.ANYONE, "", Use.DISCLOSE), Rule.KEY_HOLDER, (path,), path)
        else:
            to.edge(node, of(Predicate.ACTS, key.holder, Use.DISCLOSE), Rule.KEY_HOLDER, (path,))


def _undefeated(declared: Declared, to: ClauseList) -> None:
    """An instrument that does not say a key defeats it may reach what the key protects."""
    for name, instrument in live(declared):
        for power in _reading(name, instrument, to):
            path = f"instruments.{name}.defeated_by"
            for defeat, kind in DEFEATS:
                if defeat not in instrument.defeated_by:
                    to.edge(to.nodes.of(Predicate.OPENS, kind), power, Rule.UNDEFEATED, (path,), path)


def _reading(name: str, instrument: Instrument, to: ClauseList) -> list[int]:
    if not {Use.DISCLOSE, Use.ASSIST} & set(uses_of(instrument)):
        return []
    place = [to.nodes.of(Predicate.PLACE_POWER, name)] if has_nexus(instrument, "data-located-in") else []
    return [to.nodes.of(Predicate.POWER, name), *place]
