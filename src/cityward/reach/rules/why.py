"""What a finding rests on: the lines, the derivations in words, and the facts to find out.

Derivations are made only for what is shown, and for what is possible and new.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.reach.exposure.answers import Bound
from cityward.reach.exposure.derive import Derivation, by_head, derive
from cityward.reach.rules.judging import Finding
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import MOST_TOLD, Asked, Held, Truth
from cityward.reach.telling.sentences import Sentence, tell


def paths_of(finding: Finding) -> tuple[str, ...]:
    """The lines a finding rests on, without those of the derivations."""
    return tuple(dict.fromkeys(path for fact in finding.held.facts for path in fact.paths))


def derivation_of(standing: Standing, asked: Asked) -> Derivation | None:
    """The shortest way to an answer that a finding rests on."""
    model = standing.exposure.model
    seed, target = model.nodes.number.get(asked.scenario), model.nodes.number.get(asked.node)
    if seed is None or target is None:
        return None
    heads = standing.memo("clauses by head", lambda: by_head(model.clauses))
    return derive(model, seed, target, _holding(standing, asked), heads)


def _holding(standing: Standing, asked: Asked) -> NDArray[np.bool_]:
    """The clauses that a derivation can use: those whose head holds. So a search looks at little of a large place."""
    clauses = standing.exposure.model.clauses

    def make() -> NDArray[np.bool_]:
        holding = standing.exposure.column(asked.scenario, asked.bound)[clauses.head]
        if standing.closed.enabled is not None:
            holding &= standing.closed.enabled
        return holding & clauses.certain if asked.bound is Bound.CERTAIN else holding

    return standing.memo(("clauses that hold", asked.scenario, asked.bound), make)


def sentences_of(standing: Standing, finding: Finding) -> tuple[Sentence, ...]:
    """The derivations of a finding in words, in order, each sentence once."""
    told: dict[Sentence, None] = {}
    for asked in finding.held.asked[:MOST_TOLD]:
        derivation = derivation_of(standing, asked)
        if derivation is not None:
            told.update(dict.fromkeys(tell(standing.place, standing.exposure.model, derivation)))
    return tuple(told)


def missing_of(standing: Standing, held: Held) -> tuple[str, ...]:
    """The facts to find out before it is known whether the rule is broken, those of the derivations included."""
    found = dict.fromkeys(held.missing)
    for asked in held.asked if held.truth is Truth.POSSIBLY else ():
        derivation = derivation_of(standing, asked)
        for step in derivation.steps if derivation is not None else ():
            fact = standing.exposure.model.missing_of(step.clause)
            found.update({} if fact is None else {fact: None})
    return tuple(found)
