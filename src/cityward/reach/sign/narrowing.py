"""What a change takes from a compiled model, and the little it adds: for trying many changes with one compiling.

Theory of operation. A change that only narrows leaves most clauses as they are. `narrowing` compares two places, record by
record, and says by which lines' clauses the second has fewer, and which plain links it has besides (an access is used from home
instead of from anywhere: the links from anywhere go, one from home comes). The links of all changes that may be tried are put
into the model once, and left out until they are tried; a try is then a closing with other clauses left out.

INVARIANTS
- What is reached is what compiling the second place would say (a test compiles each); the steps between may differ.
- Where a change does more than that, `narrowing` is None, and the place is to be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.place.data import Access, Flow, Key, Protection
from cityward.place.model import Place
from cityward.place.parties import Agreement, Party
from cityward.place.record import UNKNOWN
from cityward.place.things import System
from cityward.reach.exposure.answers import Exposure
from cityward.reach.exposure.clauses import Clauses, Model
from cityward.reach.exposure.closure import close_by
from cityward.reach.exposure.nodes import RULE_NUMBER, Mode, Node, Predicate, Rule, Use
from cityward.reach.exposure.plan import plan_of
from cityward.reach.exposure.things import GRANTED
from cityward.reach.sign.cutting import Cutting, Lines


class Link(NamedTuple):
    """A plain clause: the head holds where the premise does."""

    head: Node
    premise: Node
    rule: Rule
    path: str


class Narrowing(NamedTuple):
    """Lines whose clauses go, and links that come. Of an answer nothing else differs."""

    cuts: tuple[str, ...]
    links: tuple[Link, ...]


Piece = str | Link


class NotNarrowError(Exception):
    """A change that is more than a narrowing. Never leaves this module."""


def narrowing(before: Place, after: Place, cutting: Cutting) -> Narrowing | None:
    """How the second place's model differs from the first's; None where it is to be compiled.

    Args:
        before: the place whose model there is.
        after: the same with changes.
        cutting: of `before`.
    """
    try:
        pieces = list(_pieces(before, after, cutting))
    except NotNarrowError:
        return None
    cuts = (piece for piece in pieces if isinstance(piece, str))
    links = (piece for piece in pieces if isinstance(piece, Link))
    return Narrowing(tuple(dict.fromkeys(cuts)), tuple(dict.fromkeys(links)))


def _pieces(before: Place, after: Place, cutting: Cutting) -> Iterator[Piece]:
    for kind in before.__struct_fields__:
        was, now = getattr(before, kind), getattr(after, kind)
        if was is now:
            continue
        if not isinstance(was, dict) or now.keys() - was.keys():
            raise NotNarrowError
        for name, record in was.items():
            if name not in now:
                yield from _removed(kind, name, cutting)
            elif record is not now[name]:
                yield from _changed(before, after, kind, name)


def _removed(kind: str, name: str, cutting: Cutting) -> Iterator[Piece]:
    if kind not in ("accesses", "flows") or not cutting.separable(kind, name):
        raise NotNarrowError
    yield f"{kind}.{name}"


def _changed(before: Place, after: Place, kind: str, name: str) -> Iterator[Piece]:
    was, now = getattr(before, kind)[name], getattr(after, kind)[name]
    for field in was.__struct_fields__:
        if getattr(was, field) != getattr(now, field):
            if (kind, field) not in _FIELDS:
                raise NotNarrowError
            yield from _FIELDS[kind, field](before, after, name, was, now)


# --- accesses


def _nothing(before: Place, after: Place, name: str, was: Any, now: Any) -> Iterator[Piece]:
    """No rule of reach reads the field."""
    yield from ()


def _modes(before: Place, after: Place, name: str, was: Access, now: Access) -> Iterator[Piece]:
    """What a mode that is left out gives goes with its line, if no other gives it too."""
    kept = {given for mode in now.modes for given in GRANTED[mode]}
    for k, mode in enumerate(was.modes):
        if mode not in now.modes:
            if kept & set(GRANTED[mode]):
                raise NotNarrowError
            yield f"accesses.{name}.modes[{k}]"
    if set(now.modes) - set(was.modes):
        raise NotNarrowError


def _from_places(before: Place, after: Place, name: str, was: Access, now: Access) -> Iterator[Piece]:
    if now.from_places == UNKNOWN or not set(now.from_places) <= after.jurisdictions.keys():
        raise NotNarrowError
    path = f"accesses.{name}.from_places"
    yield path
    for land in now.from_places:
        for use in _uses(was):
            yield Link(Node(Predicate.USED, name, use), Node(Predicate.SITS, land, use), Rule.FROM_THERE, path)


def _uses(access: Access) -> dict[Use, None]:
    return dict.fromkeys(use for mode in access.modes for use, _ in GRANTED[mode])


def _subcontracting(before: Place, after: Place, name: str, was: Agreement, now: Agreement) -> Iterator[Piece]:
    """Forbidden: what was done for a party by those it hands work to is now done by itself alone."""
    if now.subcontracting != "forbidden" or any(
        flow.agreement == name and flow.to in before.parties for flow in before.flows.values()
    ):
        raise NotNarrowError
    for access_name, access in before.accesses.items():
        if access.agreement == name:
            path = f"accesses.{access_name}.party"
            yield path
            for use in _uses(access):
                acts = Node(Predicate.ACTS, access.party, use)
                yield Link(Node(Predicate.USED, access_name, use), acts, Rule.ACCESS, path)


def _subprocessors(before: Place, after: Place, name: str, was: Party, now: Party) -> Iterator[Piece]:
    if now.subprocessors:
        raise NotNarrowError
    yield f"parties.{name}.subprocessors"


# --- flows, keys, systems


def _protection(before: Place, after: Place, name: str, was: Flow, now: Flow) -> Iterator[Piece]:
    if now.protection in (Protection.NONE, Protection.UNKNOWN):
        raise NotNarrowError
    yield f"flows.{name}.protection"


def _route(before: Place, after: Place, name: str, was: Flow, now: Flow) -> Iterator[Piece]:
    if not was.route or now.route == UNKNOWN or not set(now.route) <= after.jurisdictions.keys():
        raise NotNarrowError
    path = f"flows.{name}.route"
    yield path
    for land in now.route:
        yield Link(Node(Predicate.TAP, name), Node(Predicate.PASSES, land), Rule.HOP, path)
        yield Link(Node(Predicate.MEDDLE, name), Node(Predicate.IN_PLACE, land, Use.ALTER), Rule.HOP, path)


def _holder(before: Place, after: Place, name: str, was: Key, now: Key) -> Iterator[Piece]:
    if now.holder not in after.parties:
        raise NotNarrowError
    path = f"keys.{name}.holder"
    yield path
    acts = Node(Predicate.ACTS, now.holder, Use.DISCLOSE)
    yield Link(Node(Predicate.KEY, name), acts, Rule.KEY_HOLDER, path)


def _updates_from(before: Place, after: Place, name: str, was: System, now: System) -> Iterator[Piece]:
    if now.updates_from not in after.systems:
        raise NotNarrowError
    path = f"systems.{name}.updates_from"
    yield path
    for mode, by in ((Mode.UPDATE, Mode.WRITE), (Mode.SHAPE, Mode.SHAPE)):
        source = Node(Predicate.THING, now.updates_from, by)
        yield Link(Node(Predicate.THING, name, mode), source, Rule.UPDATES, path)


_FIELDS: dict[tuple[str, str], Callable[[Place, Place, str, Any, Any], Iterator[Piece]]] = {
    ("accesses", "standing"): _nothing,
    ("accesses", "modes"): _modes,
    ("accesses", "from_places"): _from_places,
    ("agreements", "exit_days"): _nothing,
    ("agreements", "subcontracting"): _subcontracting,
    ("parties", "subprocessors"): _subprocessors,
    ("flows", "protection"): _protection,
    ("flows", "route"): _route,
    ("keys", "holder"): _holder,
    ("systems", "updates_from"): _updates_from,
}
"""The fields of which a change can be told in lines and links."""


# --- one model for all of them


class Trying:
    """A model with the links of every narrowing that may be tried. As it is, none of them counts."""

    def __init__(self, model: Model, narrowings: Iterable[Narrowing]) -> None:
        links = list(dict.fromkeys(link for one in narrowings for link in one.links))
        self._own = len(model.clauses)
        self.model = _with(model, links) if links else model
        self._number = {link: self._own + i for i, link in enumerate(links)}
        self._lines = Lines(model)
        self._spare = np.zeros(len(links), dtype=np.bool_)
        self._plan = plan_of(self.model.clauses, len(self.model.nodes))

    def exposed(self, scenarios: Sequence[Node], enabled: NDArray[np.bool_]) -> Exposure:
        """The model closed for some scenarios, with the clauses that count in a try."""
        seeds = [self.model.nodes.number.get(scenario, -1) for scenario in scenarios]
        lower = close_by(self._plan, seeds, self.model.clauses.certain & enabled)
        return Exposure(self.model, self._plan, tuple(scenarios), lower, close_by(self._plan, seeds, enabled))

    def clauses(self, narrowed: Narrowing) -> NDArray[np.bool_] | None:
        """Which clauses count in a try; None where it has links that were not foreseen. Shape (C,)."""
        if not self._number.keys() >= set(narrowed.links):
            return None
        enabled = np.append(self._lines.without(narrowed.cuts), self._spare)
        enabled[[self._number[link] for link in narrowed.links]] = True
        return enabled


def _with(model: Model, links: list[Link]) -> Model:
    """A model with further clauses. Nodes that it did not have are added to it."""
    clauses, many = model.clauses, len(links)
    paths = [link.path for link in links]
    number = {path: len(model.origins) + i for i, path in enumerate(dict.fromkeys(paths))}
    ones, end = np.ones(many, dtype=np.int32), clauses.starts[-1]
    more = Clauses(
        head=_joined(clauses.head, [model.nodes.of(*link.head) for link in links]),
        need=np.append(clauses.need, ones),
        starts=np.append(clauses.starts, end + 1 + np.arange(many)),
        body=_joined(clauses.body, [model.nodes.of(*link.premise) for link in links]),
        weight=np.append(clauses.weight, ones),
        rule=_joined(clauses.rule, [RULE_NUMBER[link.rule] for link in links]),
        origin=_joined(clauses.origin, [number[path] for path in paths]),
        missing=_joined(clauses.missing, [-1] * many),
    )
    return Model(model.nodes, more, (*model.origins, *((path,) for path in number)), model.missing)


def _joined(column: NDArray[Any], more: list[int]) -> NDArray[Any]:
    return np.append(column, np.array(more, dtype=column.dtype))
