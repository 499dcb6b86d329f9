"""House rules, judged over a place on a day.

INVARIANTS
- Findings come in the order of rules, then of subjects, as declared.
- A waiver hides nothing: its finding is there, with the waiver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from cityward.place.house_rules import (
    About,
    Concentration,
    Condition,
    HouseRule,
    ReachedBy,
    ReachedFrom,
    Waiver,
    Weight,
    given,
)
from cityward.place.model import Place
from cityward.reach.exposure.answers import LAW, NEXUS, Axis
from cityward.reach.exposure.compile import place_on
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.rules import conditions, granted_conditions, party_conditions, spread
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import Held, Truth, all_of, unless

Judge = Callable[[Standing, Any, About, str], Held]

JUDGES: dict[str, Judge] = {
    "thing": conditions.thing,
    "data": conditions.data,
    "agreement": granted_conditions.agreement,
    "protection": granted_conditions.protection,
    "site": conditions.site,
    "access": granted_conditions.access,
    "route": conditions.route,
    "party": party_conditions.party,
    "path_to": spread.path_to,
    "concentration": spread.concentration,
    "reached_from": spread.reached_from,
    "reached_by": spread.reached_by,
    "chain": spread.chain,
}
"""What judges each part of a condition, the cheapest first: one that does not hold spares the others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a subject breaks, or possibly breaks. `subject` is the path of its record."""

    rule: str
    weight: Weight
    subject: str
    held: Held
    waiver: Waiver | None = None

    @property
    def certain(self) -> bool:
        """Whether it is broken on known facts alone."""
        return self.held.truth is Truth.YES


def standing_of(place: Place, day: date, rules: Iterable[HouseRule] | None = None) -> Standing:
    """A place on a day, with the scenarios that rules ask about."""
    valid = place_on(place, day)
    asked = valid.rules.values() if rules is None else rules
    return Standing(valid, day, scenarios_asked(valid, asked))


def evaluate(standing: Standing, only: Mapping[str, Collection[str]] | None = None) -> tuple[Finding, ...]:
    """Every rule that is broken or possibly broken, by each subject that breaks it.

    Args:
        standing: the place on the day; its `rules` are judged.
        only: rule -> the subjects to judge, by id; all of all where left out.
    """
    found: list[Finding] = []
    for name, rule in standing.place.rules.items():
        subjects = standing.records(rule.about)
        if only is not None:
            subjects = [subject for subject in only.get(name, ()) if subject in subjects]
        found += _judged(standing, name, rule, subjects)
    return tuple(found)


def _judged(standing: Standing, name: str, rule: HouseRule, subjects: Iterable[str]) -> Iterator[Finding]:
    waived = {waiver.subject: waiver for waiver in rule.waivers if waiver.until >= standing.day}
    parts = [part for condition in rule.forbid for part in _parts(condition)]
    parts.sort(key=lambda part: _COST[part[0]])  # stable: as declared among equals
    for subject in subjects:
        held = all_of(JUDGES[what](standing, asked, rule.about, subject) for what, asked in parts)
        if held.truth is not Truth.NO and rule.unless:
            held = unless(held, (_holds(standing, condition, rule.about, subject) for condition in rule.unless))
        if held.truth is not Truth.NO:
            yield Finding(name, rule.weight, f"{rule.about}.{subject}", held, waived.get(subject))


_COST = {name: rank for rank, name in enumerate(JUDGES)}


def _parts(condition: Condition) -> list[tuple[str, msgspec.Struct]]:
    return list(given(condition).items())


def _holds(standing: Standing, condition: Condition, about: About, subject: str) -> Held:
    return all_of(JUDGES[what](standing, asked, about, subject) for what, asked in _parts(condition))


# --- what has to be closed


def scenarios_asked(place: Place, rules: Iterable[HouseRule]) -> tuple[Node, ...]:
    """The scenarios whose exposure the rules ask about, each once."""
    found: dict[Node, None] = {}
    for rule in rules:
        for condition in (*rule.forbid, *rule.unless):
            found.update(dict.fromkeys(_scenarios(place, rule.about, condition)))
    return tuple(found)


def _scenarios(place: Place, about: About, condition: Condition) -> Iterator[Node]:
    if condition.party is not None:
        known = (place.instruments.get(name) for name in condition.party.addressee_of)
        yield from (Node(LAW[Axis.PARTY], law.jurisdiction) for law in known if law is not None)
    if condition.reached_from is not None:
        yield from _lands(place, condition.reached_from)
    if condition.reached_by is not None:
        yield from _parties(place, condition.reached_by)
    if condition.concentration is not None and not condition.concentration.as_:
        yield from _stopping(place, about, condition.concentration)


def _lands(place: Place, asked: ReachedFrom) -> Iterator[Node]:
    kind = (LAW if asked.under == "instruments" else NEXUS)[Axis(asked.axis)]
    named = place.jurisdictions if isinstance(asked.jurisdictions, str) else asked.jurisdictions
    yield from (Node(kind, land) for land in named)


def _parties(place: Place, asked: ReachedBy) -> Iterator[Node]:
    named = place.parties if isinstance(asked.parties, str) else asked.parties
    yield from (Node(Predicate.PARTY, party) for party in named)


def _stopping(place: Place, about: About, asked: Concentration) -> Iterator[Node]:
    if about is About.PARTIES:
        yield from (Node(Predicate.PARTY, party) for party in place.parties)
    else:
        yield from (Node(LAW[Axis(asked.axis)], land) for land in place.jurisdictions)


def digest_of_rules(place: Place) -> str:
    """SHA-256, hexadecimal, over the canonical JSON of a place's rules."""
    return hashlib.sha256(msgspec.json.encode(place.rules, order="sorted")).hexdigest()
