"""From a sign to a finding: what a detector says of channels and units, as a person can read it and as the city weighs it.

A finding is as severe as its kind, and more so where more depends on its subject: one step up where an `essential` function needs
it, one step up where it stands in a zone of safety (trust 5). Its sentence says what was seen and what was expected, and no more.

INVARIANTS
- Neutral: a finding names what was observed, never a culprit or an intent.
- SECURITY: facts may quote what came from outside; every text of a finding is harmless, on one line and short.
- The same sign gives the same finding. A later sign of the same episode never makes it milder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.place.services import Priority
from cityward.text import harmless
from cityward.watch.contract import Card, Phase, Severity, Sign
from cityward.watch.events import cut
from cityward.watch.findings import Finding, finding_id
from cityward.watch.world import World

SAFETY_TRUST = 5
"""The zone rank that holds what keeps people from harm (`place.things.Zone`)."""

MOST_FACTS = 12
MOST_OTHERS = 64
MOST_RECORDS = 16
MOST_SCORE = 1e6


@dataclass(frozen=True, slots=True)
class Stakes:
    """raised: (U,) int8, by how many steps a finding about each unit is worse than its kind."""

    raised: NDArray[np.int8]


def stakes_of(place: Place, registry: Registry) -> Stakes:
    """What depends on each unit of a checked place."""
    safety = {name for name, zone in place.zones.items() if zone.trust >= SAFETY_TRUST}
    essential = registry.unit_priority == Priority.CRITICAL
    safe = np.array([place.devices[unit.group].zone in safety for unit in registry.units], dtype=np.bool_)
    return Stakes(essential.astype(np.int8) + safe.astype(np.int8))


def identity(sign: Sign, card: Card, world: World) -> str:
    """The id of the finding that a sign is about."""
    return finding_id(card.id, sign.kind, *_about(sign, world), sign.began_at)


def judge(sign: Sign, card: Card, world: World, stakes: Stakes, before: Finding | None = None) -> Finding:
    """What a sign means. `before`: the finding of the same episode, as it stood.

    Raises:
        KeyError: the detector's card has no such kind.
    """
    kind = card.kind(sign.kind)
    subject, property_ = _about(sign, world)
    facts = _facts(sign.facts) or (dict(before.facts) if before is not None else {})
    ended = sign.phase is Phase.ENDED
    finding = Finding(
        id=finding_id(card.id, kind.id, subject, property_, sign.began_at),
        detector=card.id,
        kind=kind.id,
        title=kind.title,
        subject=subject,
        property=property_,
        severity=_raised(kind.severity, sign, stakes),
        phase=sign.phase,
        began_at=sign.began_at,
        at=sign.at,
        ended_at=sign.at if ended else None,
        score=min(max(0.0, sign.score), MOST_SCORE) if np.isfinite(sign.score) else MOST_SCORE,
        words=_sentence(kind.title, subject, property_, facts),
        facts=facts,
        others=tuple(world.registry.units[u].id for u in sign.others[:MOST_OTHERS] if 0 <= u < world.units),
        records=tuple(cut(record) for record in sign.records[:MOST_RECORDS]),
        history=_rows_of(sign, subject, property_),
        technique=kind.technique,
        todo=kind.todo,
    )
    return finding if before is None else _after(before, finding)


def _about(sign: Sign, world: World) -> tuple[str, str]:
    """(subject, property): a unit and what it observes, or whatever else the sign names."""
    if 0 <= sign.channel < world.channels:
        return world.name_of(sign.channel)
    if 0 <= sign.unit < world.units:
        return world.registry.units[sign.unit].id, ""
    return cut(harmless(sign.about)) or "place:", ""


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    shown = list(facts.items())[:MOST_FACTS]
    return {cut(harmless(str(name))): cut(harmless(str(text))) for name, text in shown}


def _raised(severity: Severity, sign: Sign, stakes: Stakes) -> Severity:
    units = [unit for unit in (sign.unit, *sign.others) if 0 <= unit < len(stakes.raised)]
    steps = max((int(stakes.raised[unit]) for unit in units), default=0)
    return list(Severity)[min(severity.rank + steps, Severity.CRITICAL.rank)]


def _sentence(title: str, subject: str, property_: str, facts: Mapping[str, str]) -> str:
    what = f"`{property_}` of {subject}" if property_ else subject
    said = ", ".join(f"{name} {text}" for name, text in facts.items())
    return f"{title}: {what}; {said}." if said else f"{title}: {what}."


def _rows_of(sign: Sign, subject: str, property_: str) -> tuple[str, int, int] | None:
    if sign.unit < 0 and sign.channel < 0:
        return None
    return (f"{subject}/{property_}", sign.began_at, sign.at)


def _after(before: Finding, now: Finding) -> Finding:
    """The later word, with the worst of both."""
    worse = before if before.severity.rank > now.severity.rank else now
    records = dict.fromkeys((*before.records, *now.records))
    return msgspec.structs.replace(
        now,
        severity=worse.severity,
        score=max(before.score, now.score),
        words=now.words if now.ended_at is None else before.words,
        facts=now.facts if now.ended_at is None else before.facts,
        others=_joined(before.others, now.others),
        records=tuple(records)[:MOST_RECORDS],
        incident=before.incident,
    )


def _joined(some: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*some, *more}))[:MOST_OTHERS]
