"""What the city could do by itself: controls of the place as it is, ranked by the answers each would remove.

A control is tried by closing the model again without what it takes away, so the ranking is exact for each control alone. Only
where a control does more than narrow is the place with it compiled. Two controls together may remove more than both alone, or
less; that is not said here.

An *answer* is counted for each scenario in which it holds, except those of the responsible party itself: what the city can do to
its own things is no exposure. Certain answers and possible ones are counted apart.

INVARIANT: what is not tried is counted in `untried`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from cityward.place.data import Key
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.things import Need
from cityward.reach.blast.points import failure_points
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.sign.changes import Apply, added, changed, our_site, without
from cityward.reach.sign.cutting import Cutting
from cityward.reach.sign.narrowing import Narrowing, Trying, narrowing
from cityward.reach.telling.names import name_of

MOST_TRIED = 400  # each is one closing of the model, and of some one compiling too


@dataclass(frozen=True, slots=True)
class Control:
    """One thing the city could do. `apply` makes the place with it; None where leaving clauses out says the same, and sooner."""

    told: str
    path: str
    apply: Apply | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gain:
    """What a control would remove. `certain`: answers no longer certain; `altogether`: answers no longer even possible."""

    control: Control
    certain: int
    altogether: int


@dataclass(frozen=True, slots=True)
class Spare:
    """A need that one more supplier would make to survive a single failure. `functions`: those it now fails alone."""

    told: str
    path: str
    functions: tuple[str, ...]
    essential: tuple[str, ...]
    affected: int


@dataclass(frozen=True, slots=True)
class Hardening:
    """Controls by what they remove, the best first; then the needs that hang on one thing. `certain`, `possible`: answers now."""

    gains: tuple[Gain, ...]
    spares: tuple[Spare, ...]
    certain: int
    possible: int
    tried: int
    untried: int


def harden(place: Place, most: int = MOST_TRIED) -> Hardening:
    """The controls that remove something.

    Args:
        place: the records valid on the day asked for.
        most: how many controls are tried; the kinds in turn, each in the order of the declaration.
    """
    scenarios = tuple(s for s in scenarios_of(place) if s != Node(Predicate.PARTY, place.responsible))
    controls = list(candidates(place))
    bench = _Bench.of(place, scenarios, controls[:most])
    gains = [bench.gain(place, control) for control in controls[:most]]
    kept = sorted(
        (gain for gain in gains if gain.certain or gain.altogether), key=lambda g: (-g.certain, -g.altogether)
    )
    return Hardening(tuple(kept), tuple(_spares(place)), *bench.now, len(gains), max(0, len(controls) - most))


@dataclass(frozen=True, slots=True)
class _Bench:
    """A place made ready for trying controls. `narrowed`: those that only narrow, by their path."""

    trying: Trying
    scenarios: tuple[Node, ...]
    narrowed: dict[str, Narrowing]
    now: tuple[int, int]

    @staticmethod
    def of(place: Place, scenarios: tuple[Node, ...], controls: Sequence[Control]) -> _Bench:
        """With what the controls need."""
        cutting, narrowed = Cutting(place), dict[str, Narrowing]()
        for control in controls:
            made = control.apply(place) if control.apply is not None else None
            found = Narrowing((control.path,), ()) if made is None else narrowing(place, made, cutting)
            if found is not None:
                narrowed[control.path] = found
        model = compile_place(place)
        return _Bench(Trying(model, narrowed.values()), scenarios, narrowed, expose(model, scenarios).counts)

    def gain(self, place: Place, control: Control) -> Gain:
        """What one control removes."""
        after = self._counts(place, control)
        return Gain(control, self.now[0] - after[0], sum(self.now) - sum(after))

    def _counts(self, place: Place, control: Control) -> tuple[int, int]:
        narrowed = self.narrowed.get(control.path)
        enabled = self.trying.clauses(narrowed) if narrowed is not None else None
        if enabled is not None:
            return self.trying.exposed(self.scenarios, enabled).counts
        assert control.apply is not None
        return expose(compile_place(control.apply(place)), self.scenarios).counts


# --- candidates


def candidates(place: Place) -> Iterator[Control]:
    """Every control there is, in a fixed order: the kinds in turn, so that the first few are of every kind."""
    kinds = (_accesses(place), _keys(place), _maintainers(place), _updates(place), _flows(place))
    yield from (control for those in zip_longest(*kinds) for control in those if control is not None)


def _accesses(place: Place) -> Iterator[Control]:
    for name, access in place.accesses.items():
        if access.party != place.responsible:
            who, target = name_of(place, access.party), name_of(place, access.target)
            told = f"take the access of {who} to {target} away"
            yield Control(told, f"accesses.{name}", lambda p, n=name: without(p, "accesses", n))


def _keys(place: Place) -> Iterator[Control]:
    sealed = {protected for key in place.keys.values() if key.kind == "at-rest" for protected in key.protects}
    for name, system in place.systems.items():
        if system.stores and name not in sealed and system.operator != place.responsible:
            key = Key(holder=place.responsible, protects=(name,), kind="at-rest")
            told, new = f"seal what {name_of(place, name)} keeps with a key that we hold", f"{name[:58]}-ours"
            yield Control(told, f"systems.{name}.stores", lambda p, new=new, key=key: added(p, "keys", new, key))
    for name, key in place.keys.items():
        if key.holder != place.responsible:
            told, ours = f"hold the key `{name}` ourselves", place.responsible
            yield Control(told, f"keys.{name}.holder", lambda p, n=name, o=ours: changed(p, "keys", n, holder=o))


def _maintainers(place: Place) -> Iterator[Control]:
    for name, system in place.systems.items():
        if system.maintained_by == UNKNOWN:
            yield Control(
                f"find out who maintains {name_of(place, name)}, or maintain it ourselves",
                f"systems.{name}.maintained_by",
            )
            continue
        for k, party in enumerate(system.maintained_by):
            if party != place.responsible:
                told = f"let {name_of(place, party)} no longer maintain {name_of(place, name)}"
                yield Control(told, f"systems.{name}.maintained_by[{k}]")


def _updates(place: Place) -> Iterator[Control]:
    for kind in ("systems", "device_models"):
        for name, record in getattr(place, kind).items():
            source = record.updates_from
            known = place.systems.get(source) if source is not None else None
            if source is not None and (known is None or known.operator != place.responsible):
                what = record.name or name
                yield Control(f"test and hand out the software of {what} ourselves", f"{kind}.{name}.updates_from")


def _flows(place: Place) -> Iterator[Control]:
    for name, flow in place.flows.items():
        foreign = flow.to in place.parties and flow.to != place.responsible
        system = place.systems.get(flow.to)
        if foreign or (system is not None and system.operator != place.responsible):
            told = f"stop the flow {flow.name or name} to {name_of(place, flow.to)}"
            yield Control(told, f"flows.{name}", lambda p, n=name: without(p, "flows", n))
    site = our_site(place)
    for name, system in place.systems.items() if site is not None else ():
        if system.site == UNKNOWN and system.operator == place.responsible:
            told = f"keep {name_of(place, name)} at {name_of(place, site or '')}"
            yield Control(told, f"systems.{name}.site", lambda p, n=name: changed(p, "systems", n, site=site))


# --- what hangs on one thing


def _spares(place: Place) -> Iterator[Spare]:
    """Needs without a spare, of things whose end alone fails a function: those that fail most first."""
    points = {
        point.subjects[0].id: point
        for point in failure_points(place, compile_cascade(place)).singles
        if point.axis is None
    }
    found: list[Spare] = []
    for path, need in _needs(place):
        alone = [name for name in need.of if name in points] if len(need.of) == need.k else []
        for name in alone:
            point = points[name]
            told = f"have something to take the place of {name_of(place, name)}"
            found.append(Spare(told, path, point.functions, point.essential, point.affected))
    yield from sorted(found, key=lambda spare: (-len(spare.essential), -len(spare.functions), -spare.affected))


def _needs(place: Place) -> Iterator[tuple[str, Need]]:
    for kind in ("functions", "systems", "devices"):
        for name, record in getattr(place, kind).items():
            yield from ((f"{kind}.{name}.needs[{i}]", need) for i, need in enumerate(record.needs))
