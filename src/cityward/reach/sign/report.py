"""The answer to `may we sign this` as records that can be printed, sent and kept.

INVARIANT: what is cut for reading is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.redundancy import Redundancy
from cityward.reach.exposure.answers import NEXUS, Bound
from cityward.reach.questions import Told
from cityward.reach.rules.judging import Finding
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.told import ToldFinding, Where, told_finding
from cityward.reach.rules.truth import Asked
from cityward.reach.rules.why import derivation_of
from cityward.reach.sign.difference import Group, Reach, grouped
from cityward.reach.sign.facts import FactChange, take_over
from cityward.reach.sign.whatif import Inputs, Judgement, Verdict
from cityward.reach.telling.sentences import DONE, name_of, subject_of, tell

MOST_ITEMS = 8  # of one group of reaches
MOST_GROUPS = 200
EXPLAINED = 5  # new groups that are told with the way to their first item


class ToldChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to ask for."""

    told: str
    where: str


class ToldFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that the proposal changes, with `file:line  path` before and after. `source`: where the proposal has it from."""

    path: str
    before: str | None
    after: str | None
    where_before: str | None
    where_after: str | None
    source: str | None


class ToldGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one party or jurisdiction newly reaches, or no longer does. `items`: the first of `count`.

    `why`: the way to the first item, for the first few groups. `under_law`: it is no jurisdiction without an instrument for it.
    """

    who: str
    scenario: str
    mode: str
    sentence: str
    certain: bool
    brought: bool
    under_law: bool
    count: int
    items: tuple[str, ...]
    why: tuple[Told, ...] = ()


class SigningReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer, whole. Counts are of answers: a scenario, an item and a mode."""

    verdict: Verdict
    inputs: Inputs
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    facts: tuple[ToldFact, ...]
    broken: tuple[ToldFinding, ...]
    possibly: tuple[ToldFinding, ...]
    notes: tuple[ToldFinding, ...]
    broken_before: int  # cases, as `check` counts them
    waived_before: int
    repaired: tuple[str, ...]  # `rule subject`
    conditions: tuple[ToldChange, ...]
    search: str
    tried: int
    accept: tuple[str, ...]
    refused: tuple[str, ...]
    find_out: tuple[str, ...]
    new: tuple[ToldGroup, ...]
    gone: tuple[ToldGroup, ...]
    new_certain: int
    new_possible: int
    gone_certain: int
    gone_possible: int
    citizens: Citizens
    possible_citizens: Citizens
    redundancy: Redundancy | None


def report_of(judgement: Judgement, where: Where, where_before: Where) -> SigningReport:
    """A judgement in words and places.

    Args:
        judgement: as judged.
        where: dotted path of the proposed place -> `file:line  path`.
        where_before: likewise, of the place as it is.
    """
    standing, reach, before = judgement.standing, judgement.reach, judgement.before
    return SigningReport(
        verdict=judgement.verdict,
        inputs=judgement.inputs,
        added=judgement.changes.added,
        replaced=judgement.changes.replaced,
        removed=judgement.changes.removed,
        facts=tuple(_fact(fact, where, where_before) for fact in judgement.facts),
        broken=_told(standing, judgement.broken, where),
        possibly=_told(standing, judgement.possibly, where),
        notes=_told(standing, judgement.notes, where),
        broken_before=sum(finding.certain and finding.waiver is None for finding in before),
        waived_before=sum(finding.waiver is not None for finding in before),
        repaired=keys_of(judgement.repaired),
        conditions=_conditions(judgement, where, where_before),
        search=judgement.search,
        tried=judgement.tried,
        accept=keys_of(judgement.accept),
        refused=keys_of(judgement.refused),
        find_out=tuple(where(path) for path in judgement.find_out),
        new=_explained(standing, _groups(standing.place, reach.new), reach.new, where),
        gone=_groups(standing.place, reach.gone),
        new_certain=reach.new_certain,
        new_possible=reach.new_possible,
        gone_certain=reach.gone_certain,
        gone_possible=reach.gone_possible,
        citizens=judgement.citizens,
        possible_citizens=judgement.possible_citizens,
        redundancy=judgement.redundancy,
    )


def _fact(fact: FactChange, where: Where, where_before: Where) -> ToldFact:
    return ToldFact(
        path=fact.path,
        before=fact.before,
        after=fact.after,
        where_before=None if fact.before is None else where_before(fact.path),
        where_after=None if fact.after is None else where(fact.path),
        source=fact.source,
    )


def _conditions(judgement: Judgement, where: Where, where_before: Where) -> tuple[ToldChange, ...]:
    """What comes before a signature: facts that the proposal changes first, then what is to be asked for."""
    asked = tuple(ToldChange(told=change.told, where=where(change.path)) for change in judgement.conditions)
    if not judgement.facts:
        return asked
    first = judgement.facts[0]
    at = where(first.path) if first.after is not None else where_before(first.path)
    return (ToldChange(told=take_over(judgement.facts), where=at), *asked)


def keys_of(findings: Collection[Finding]) -> tuple[str, ...]:
    """`rule subject` of each."""
    return tuple(f"{finding.rule} {finding.subject}" for finding in findings)


def _told(standing: Standing, findings: Sequence[Finding], where: Where) -> tuple[ToldFinding, ...]:
    return tuple(told_finding(standing, finding, where) for finding in findings)


def _explained(
    standing: Standing, groups: tuple[ToldGroup, ...], reaches: Sequence[Reach], where: Where
) -> tuple[ToldGroup, ...]:
    """The first few groups with the way to their first item."""
    first: dict[tuple[str, str, str, str], Reach] = {}
    for reach in reaches:
        key = (reach.scenario.subject, reach.scenario.predicate, reach.item.detail, reach.item.subject)
        first.setdefault(key, reach)
    told: list[ToldGroup] = []
    left = EXPLAINED
    for group in groups:
        reach = first.get((group.who, group.scenario, group.mode, group.items[0]))
        if left and reach is not None and group.under_law and not group.brought:
            left -= 1
            told.append(msgspec.structs.replace(group, why=_way(standing, reach, where)))
        else:
            told.append(group)
    return tuple(told)


def _way(standing: Standing, reach: Reach, where: Where) -> tuple[Told, ...]:
    model = standing.exposure.model
    derivation = derivation_of(standing, Asked(reach.scenario, reach.item, reach.bound))
    said = tell(standing.place, model, derivation) if derivation is not None else ()
    return tuple(Told(text=one.text, where=tuple(map(where, one.paths)), missing=one.missing) for one in said)


def _groups(place: Place, reaches: Sequence[Reach]) -> tuple[ToldGroup, ...]:
    """Over what was there before first, then over what the proposal brings; parties and instruments before mere nexus."""
    found: list[ToldGroup] = []
    for brought in (False, True):
        those = [_group(place, g, brought) for g in grouped([reach for reach in reaches if reach.brought is brought])]
        found += sorted(those, key=lambda group: (not group.certain, not group.under_law))
    return tuple(found[:MOST_GROUPS])


def _group(place: Place, group: Group, brought: bool) -> ToldGroup:
    names = [name_of(place, item) for item in group.items]
    shown = ", ".join(names[:MOST_ITEMS]) + (f" and {len(names) - MOST_ITEMS} more" if len(names) > MOST_ITEMS else "")
    could = "could" if group.bound is Bound.CERTAIN else "could, if what is not known is so,"
    verb = DONE[group.kind, group.mode].format(shown)
    return ToldGroup(
        who=group.scenario.subject,
        scenario=group.scenario.predicate,
        mode=group.mode,
        sentence=f"{subject_of(place, group.scenario)} {could} {verb}",
        certain=group.bound is Bound.CERTAIN,
        brought=brought,
        under_law=group.scenario.predicate not in NEXUS.values(),
        count=len(group.items),
        items=group.items[:MOST_ITEMS],
    )
