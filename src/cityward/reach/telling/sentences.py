"""A derivation in words: sentences a council officer can read, each with the lines it rests on.

Wording is neutral: a stake below half is never called control, and no sentence says that somebody does something, only what the
declaration says and what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.place.model import Place
from cityward.reach.exposure.clauses import Model, Paths
from cityward.reach.exposure.derive import Derivation, Step
from cityward.reach.exposure.nodes import Mode, Node, Predicate, Rule
from cityward.reach.telling.data import DATA
from cityward.reach.telling.law import LAW
from cityward.reach.telling.names import Said, Template, name_of
from cityward.reach.telling.things import THINGS

TEMPLATES: dict[Rule, Template] = {**LAW, **THINGS, **DATA}
"""Rules without a template only hand a statement on."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One step. `missing` names the fact that is not known, where the step is only possible."""

    text: str
    rule: str
    paths: Paths
    missing: str | None = None


def tell(place: Place, model: Model, derivation: Derivation) -> tuple[Sentence, ...]:
    """The steps of a derivation, in order. Steps that only hand a statement on are left out."""
    told: list[Sentence] = []
    for step in derivation.steps:
        rule = model.rule_of(step.clause)
        text = TEMPLATES[rule](_said(place, model, step)) if rule in TEMPLATES else ""
        if text:
            told.append(Sentence(text, rule.value, model.paths_of(step.clause), model.missing_of(step.clause)))
    return tuple(told)


def conclusion(place: Place, scenario: Node, item: Node, *, certain: bool) -> str:
    """The last sentence: what follows for whom."""
    if item.detail == Mode.NEAR:
        near = f"could address somebody who has to do with {name_of(place, item.subject)}"
        return f"So {subject_of(place, scenario)} {near}; by what is declared, it is not reached that way."
    verb = DONE[item.predicate, Mode(item.detail)].format(name_of(place, item.subject))
    if not certain:
        return f"So, if what is not known is so, {subject_of(place, scenario)} could {verb}."
    return f"So {subject_of(place, scenario)} could {verb}."


def subject_of(place: Place, scenario: Node) -> str:
    """Who a scenario is about, in words."""
    who = name_of(place, scenario.subject)
    return {
        Predicate.PARTY: who,
        Predicate.LAW_PARTY: f"{who}, through parties,",
        Predicate.LAW_PLACE: f"{who}, through what lies or passes there,",
        Predicate.NEXUS_PARTY: f"{who}, had it an instrument over its parties,",
        Predicate.NEXUS_PLACE: f"{who}, had it an instrument over what lies or passes there,",
    }.get(scenario.predicate, who)


DONE: Mapping[tuple[Predicate, Mode], str] = {
    (Predicate.DATASET, Mode.READ): "read {}",
    (Predicate.DATASET, Mode.WRITE): "falsify {}",
    (Predicate.DATASET, Mode.HOLD): "hold {}, perhaps sealed",
    (Predicate.THING, Mode.READ): "read what is in {}",
    (Predicate.THING, Mode.WRITE): "change what is in {}",
    (Predicate.THING, Mode.COMMAND): "command {}",
    (Predicate.THING, Mode.UPDATE): "change the software of {}",
    (Predicate.THING, Mode.PHYSICAL): "lay hands on {}",
    (Predicate.THING, Mode.STOP): "stop {}",
    (Predicate.SERVICE, Mode.COMMAND): "command what {} commands",
    (Predicate.SERVICE, Mode.MISLEAD): "mislead {}",
    (Predicate.FUNCTION, Mode.STOP): "stop this: {}",
}
"""What a mode means, as a verb of an item's name."""


def _said(place: Place, model: Model, step: Step) -> Said:
    known = model.nodes.known
    return Said(place, known[step.head], tuple(known[i] for i in step.premises), model.paths_of(step.clause))
