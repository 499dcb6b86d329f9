"""What an actor could do here, what stops it, and when that was last tried. From a dossier: the same one gives the same answer.

Theory of operation
-------------------
Each capability of a profile is held against three things. What it would reach: where it comes by a law or a party that the
profile names, the exposures that `reach` finds for that law or party, certainly and possibly, by kind. What stands in its way:
the controls of the capability and those that its scenarios try, each with its result of now. When it was tried: the newest
exercise of each scenario on record, with what was missed.

Does not live here: words (`cli/actor.py`), judging of actors: a capability is taken as the profile says it.

INVARIANTS
- A capability whose ways the profile does not name reaches *nobody knows what*: unknown, never nothing.
- What was never tried is said to be never tried; a control without a result is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cityward.assurance.actors.abilities import ABILITIES, Ability, Way
from cityward.assurance.actors.profile import Actor, Capability
from cityward.assurance.concluding import conclude
from cityward.assurance.control import TRIED_LASTS_US, Control, Dossier
from cityward.assurance.results import Result
from cityward.assurance.trail import Entry
from cityward.evidence.records import Exercised
from cityward.reach.exposure.answers import LAW, Bound, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Mode, Node, Predicate

MOST_NAMED = 12  # things of one kind, by name; the rest is counted


@dataclass(frozen=True, slots=True)
class Reached:
    """Things of one kind that can be used in one way (`thing`, `command`). certain, possible: how many; named: the first."""

    predicate: str
    mode: str
    certain: int
    possible: int
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stops:
    """A control in the way. result: of now; tries: the scenarios that say they try it."""

    control: str
    title: str
    result: Result
    why: str
    tried_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A scenario that begins as the capability does. at: city us of the newest exercise, 0: never; fresh: within a year."""

    scenario: str
    title: str
    at: int
    fresh: bool
    entry: str
    met: tuple[str, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Could:
    """One capability here. known: whether the profile names a law or party by which it comes; ways: which ones."""

    capability: Capability
    said: str
    rests_on: str
    known: bool
    ways: tuple[str, ...]
    reaches: tuple[Reached, ...]
    stops: tuple[Stops, ...]
    tried: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The whole answer. not_here: jurisdictions and parties of the profile that this declaration does not name."""

    id: str
    actor: Actor
    declaration: str
    now_us: int
    with_evidence: bool
    not_here: tuple[str, ...]
    could: tuple[Could, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is asked: the controls, and scenario -> (title, the controls that it tries)."""

    controls: Mapping[str, Control]
    scenarios: Mapping[str, tuple[str, tuple[str, ...]]]


def outlook_of(name: str, actor: Actor, dossier: Dossier, catalogue: Catalogue, with_evidence: bool) -> Outlook:
    """What an actor could do in a city. with_evidence: whether the dossier has a log at all, as it is told."""
    place = dossier.place
    lands = [land for land in actor.jurisdictions if land in place.jurisdictions]
    parties = [party for party in actor.parties if party in place.parties]
    seeds = {
        Way.LAW: [Node(predicate, land) for land in lands for predicate in LAW.values()],
        Way.PARTIES: [Node(Predicate.PARTY, party) for party in parties],
        Way.NONE: [],
    }
    scenarios = [node for nodes in seeds.values() for node in nodes]
    exposure = expose(compile_place(place), scenarios) if scenarios else None
    results = _Results(dossier, catalogue)
    return Outlook(
        id=name,
        actor=actor,
        declaration=dossier.loaded.digest,
        now_us=dossier.now_us,
        with_evidence=with_evidence,
        not_here=tuple(one for one in (*actor.jurisdictions, *actor.parties) if one not in {*lands, *parties}),
        could=tuple(
            _could(capability, rests_on, seeds, exposure, results)
            for capability, rests_on in actor.capabilities.items()
        ),
    )


class _Results:
    """Each control asked once, and each scenario's newest exercise."""

    def __init__(self, dossier: Dossier, catalogue: Catalogue) -> None:
        self._dossier, self._catalogue = dossier, catalogue
        self._asked: dict[str, tuple[Result, str]] = {}
        self._newest: Mapping[str, Entry[Exercised]] = dossier.trail.newest(Exercised, lambda one: one.scenario)

    def stops(self, ability: Ability) -> Iterable[Stops]:
        of_scenarios = (c for s in ability.scenarios for c in self._catalogue.scenarios.get(s, ("", ()))[1])
        for name in dict.fromkeys([*ability.controls, *of_scenarios]):
            control = self._catalogue.controls.get(name)
            if control is None:
                yield Stops(name, "(not built)", Result.UNKNOWN, "this control is not there", ())
                continue
            result, why = self._ask(control)
            tries = tuple(s for s in ability.scenarios if name in self._catalogue.scenarios.get(s, ("", ()))[1])
            yield Stops(name, control.title, result, why, tries)

    def _ask(self, control: Control) -> tuple[Result, str]:
        if control.id not in self._asked:
            verdict = conclude(control, self._dossier)
            self._asked[control.id] = verdict.result, verdict.why
        return self._asked[control.id]

    def tried(self, ability: Ability) -> Iterable[Tried]:
        for name in ability.scenarios:
            title, run = self._catalogue.scenarios.get(name, ("(not built)", ()))[0], self._newest.get(name)
            if run is None:
                yield Tried(name, title, 0, False, "", (), ())
            else:
                fresh = self._dossier.now_us - run.record.at <= TRIED_LASTS_US
                yield Tried(name, title, run.record.at, fresh, run.id, run.record.met, run.record.missed)


def _could(
    capability: Capability,
    rests_on: str,
    seeds: Mapping[Way, Sequence[Node]],
    exposure: Exposure | None,
    results: _Results,
) -> Could:
    ability = ABILITIES[capability]
    nodes = [node for way in ability.ways for node in seeds[way]]
    return Could(
        capability=capability,
        said=ability.said,
        rests_on=rests_on,
        known=bool(nodes),
        ways=tuple(dict.fromkeys(node.subject for node in nodes)),
        reaches=_reaches(exposure, nodes, ability.modes) if exposure is not None else (),
        stops=tuple(results.stops(ability)),
        tried=tuple(results.tried(ability)),
    )


def _reaches(exposure: Exposure, nodes: Sequence[Node], modes: Sequence[Mode]) -> tuple[Reached, ...]:
    bounds = {
        bound: {item for node in nodes for item in exposure.reached(node, bound) if item.detail in modes}
        for bound in Bound
    }
    certain, possible = bounds[Bound.CERTAIN], bounds[Bound.POSSIBLE]
    kinds = Counter((item.predicate, item.detail) for item in sorted(certain | possible))
    return tuple(_kind(predicate, mode, certain, possible - certain) for predicate, mode in kinds)


def _kind(predicate: str, mode: str, certain: set[Node], possible: set[Node]) -> Reached:
    sure, perhaps = (
        sorted(item.subject for item in items if (item.predicate, item.detail) == (predicate, mode))
        for items in (certain, possible)
    )
    return Reached(str(predicate), str(mode), len(sure), len(perhaps), tuple([*sure, *perhaps][:MOST_NAMED]))
