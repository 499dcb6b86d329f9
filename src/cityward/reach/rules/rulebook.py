"""Every house rule of a place, and whether it is kept: the whole book, not only what is broken.

INVARIANTS
- A rule broken only where it is waived is not kept: it is told as waived, with by whom, why and until when.
- Possibly broken is neither kept nor broken; the facts to be found out are named.
- A waiver that excuses nobody, because it ran out or what it excuses is no longer so, is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum

import msgspec

from cityward.place.house_rules import HouseRule, Waiver, Weight
from cityward.place.model import Place
from cityward.reach.rules.judging import Finding, evaluate, standing_of
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.told import ToldFinding, Where, told_briefly, told_finding


class Kept(StrEnum):
    """How a rule stands. In the order in which rules are told."""

    BROKEN = "broken"
    POSSIBLY = "possibly broken"
    WAIVED = "broken only where it is waived"
    KEPT = "kept"


class Use(StrEnum):
    """What a waiver does on the day."""

    IN_USE = "in use"
    RAN_OUT = "ran out"
    NOT_NEEDED = "not needed"


class ToldWaiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One waiver of a rule. `where`: its line."""

    subject: str
    by: str
    why: str
    until: date
    use: Use
    where: str


class ToldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. The cases are told in the order of the declaration; those that count come before those that are waived."""

    rule: str
    name: str
    about: str
    weight: Weight
    source: str | None
    where: str
    kept: Kept
    cases: tuple[ToldFinding, ...]
    waivers: tuple[ToldWaiver, ...]


class RuleCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules by how they stand, and cases: a rule and a subject. `possible_cases` rest on a fact that is not known.

    `waivers_ran_out`: waivers that excuse nothing any more, whether or not their rules are kept.
    """

    kept: int
    broken: int
    possibly: int
    waived: int
    cases: int
    possible_cases: int
    waived_cases: int
    waivers_ran_out: int


class Rulebook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. `unexplained`: cases told without the derivations they rest on."""

    place: str
    day: date
    digest: str
    counts: RuleCounts
    rules: tuple[ToldRule, ...]
    unexplained: int

    @property
    def refused(self) -> bool:
        """Whether a rule that weighs more than a note is broken."""
        return any(rule.kept is Kept.BROKEN and rule.weight is not Weight.NOTE for rule in self.rules)


def counts_of(place: Place, day: date) -> RuleCounts:
    """How many rules of a place are kept on a day, and how many are not."""
    standing = standing_of(place, day)
    return _counted(standing, [(_kept(own), own) for _, _, own in _by_rule(standing)])


def rulebook(place: Place, day: date, digest: str, where: Where, explain: int) -> Rulebook:
    """Every rule on a day, the broken ones first.

    Args:
        place: as loaded; what does not hold on the day is left out.
        digest: that of the declaration.
        where: dotted path -> `file:line  path`.
        explain: how many cases are told with the derivations they rest on.
    """
    standing = standing_of(place, day)
    judged = [(name, rule, _kept(own), own) for name, rule, own in _by_rule(standing)]
    judged.sort(key=lambda one: (list(Kept).index(one[2]), list(Weight).index(one[1].weight)))
    told: list[ToldRule] = []
    left = explain
    for name, rule, kept, own in judged:
        told.append(_told(standing, name, rule, kept, own, where, left))
        left = max(0, left - len(own))
    counts = _counted(standing, [(kept, own) for _, _, kept, own in judged])
    every = counts.cases + counts.possible_cases + counts.waived_cases
    return Rulebook(
        place=place.place,
        day=day,
        digest=digest,
        counts=counts,
        rules=tuple(told),
        unexplained=max(0, every - explain),
    )


def _by_rule(standing: Standing) -> Iterator[tuple[str, HouseRule, list[Finding]]]:
    found: dict[str, list[Finding]] = {}
    for finding in evaluate(standing):
        found.setdefault(finding.rule, []).append(finding)
    yield from ((name, rule, found.get(name, [])) for name, rule in standing.place.rules.items())


def _kept(own: Sequence[Finding]) -> Kept:
    counting = [finding for finding in own if finding.waiver is None]
    if any(finding.certain for finding in counting):
        return Kept.BROKEN
    if counting:
        return Kept.POSSIBLY
    return Kept.WAIVED if own else Kept.KEPT


def _counted(standing: Standing, judged: Sequence[tuple[Kept, Sequence[Finding]]]) -> RuleCounts:
    rules = [kept for kept, _ in judged]
    every = [finding for _, own in judged for finding in own]
    counting = [finding for finding in every if finding.waiver is None]
    return RuleCounts(
        kept=rules.count(Kept.KEPT),
        broken=rules.count(Kept.BROKEN),
        possibly=rules.count(Kept.POSSIBLY),
        waived=rules.count(Kept.WAIVED),
        cases=sum(finding.certain for finding in counting),
        possible_cases=sum(not finding.certain for finding in counting),
        waived_cases=len(every) - len(counting),
        waivers_ran_out=sum(
            _ran_out(waiver, standing.day) for rule in standing.place.rules.values() for waiver in rule.waivers
        ),
    )


def _ran_out(waiver: Waiver, day: date) -> bool:
    return waiver.until < day


def _told(
    standing: Standing, name: str, rule: HouseRule, kept: Kept, own: list[Finding], where: Where, explain: int
) -> ToldRule:
    ordered = sorted(own, key=lambda finding: (finding.waiver is not None, not finding.certain))
    cases = [
        (told_finding if i < explain else told_briefly)(standing, finding, where) for i, finding in enumerate(ordered)
    ]
    used = {finding.subject.partition(".")[2] for finding in own if finding.waiver is not None}
    return ToldRule(
        rule=name,
        name=rule.name or name,
        about=rule.about,
        weight=rule.weight,
        source=rule.source,
        where=where(f"rules.{name}"),
        kept=kept,
        cases=tuple(cases),
        waivers=tuple(
            _waiver(standing, waiver, used, where(f"rules.{name}.waivers[{i}]"))
            for i, waiver in enumerate(rule.waivers)
        ),
    )


def _waiver(standing: Standing, waiver: Waiver, used: set[str], where: str) -> ToldWaiver:
    use = Use.RAN_OUT if _ran_out(waiver, standing.day) else Use.IN_USE if waiver.subject in used else Use.NOT_NEEDED
    return ToldWaiver(subject=waiver.subject, by=waiver.by, why=waiver.why, until=waiver.until, use=use, where=where)
