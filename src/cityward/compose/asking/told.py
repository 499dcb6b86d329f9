"""Findings of every kind, said in the one form that exports take: the check, the house rules, the answers about reach.

INVARIANTS
- A finding that rests on a fact that is not known is `OPEN`, and its text names the fact.
- A waived finding is told, with the waiver.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cityward.adapters.exchange.exports.contract import Level, Spot, Statement, ToldStep
from cityward.compose.asking.reach import reach_of
from cityward.errors import PlaceError, PlaceErrors
from cityward.place.checks.whole import Finding as Warned
from cityward.place.checks.whole import Word
from cityward.place.house_rules import Weight
from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.reach.exposure.answers import Verdict
from cityward.reach.questions import Explain, Reach, Row, grounds
from cityward.reach.rules.judging import Finding, evaluate, standing_of
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.why import missing_of, sentences_of

CHECKS = {
    "check.error": "A declaration must hold together.",
    "check.unknown": "A fact that is not known is never taken for a pass.",
    "check.uncarried": "What a device observes is carried by a flow.",
    "check.no-agreement": "Data goes to another party's system under an agreement.",
    "check.no-conduit": "Zones are joined by conduits only.",
    "check.plain": "What enters is protected on its way.",
    "reach.read": "Data about people is read from jurisdictions only that its owner allows.",
}
"""What each rule asks, for formats that print it. House rules ask what their names say."""

_WEIGHTS = {Weight.DENY: Level.ERROR, Weight.CONDITION: Level.WARNING, Weight.NOTE: Level.NOTE}


def rules_asked(place: Place) -> dict[str, str]:
    """Rule -> what it asks, the house rules of a place included."""
    return CHECKS | {f"rule.{name}": rule.name or name for name, rule in place.rules.items()}


def told_of_errors(error: PlaceError) -> tuple[Statement, ...]:
    """Every error of a declaration that does not hold together."""
    errors = error.errors if isinstance(error, PlaceErrors) else (error,)
    return tuple(
        Statement("check.error", Level.ERROR, _mendable(one.what, one.mend), _spots(one.where)) for one in errors
    )


def told_of_check(loaded: Loaded) -> tuple[Statement, ...]:
    """The warnings of a check."""
    return tuple(_told_of_warning(warning) for warning in loaded.warnings)


def told_of_rules(loaded: Loaded, day: date) -> tuple[Statement, ...]:
    """The house rules that are broken, or possibly broken, on a day."""
    if not loaded.place.rules:
        return ()
    standing = standing_of(loaded.place, day)
    return tuple(_told_of_rule(loaded, standing, finding) for finding in evaluate(standing))


def told_of_reach(loaded: Loaded, day: date) -> tuple[Statement, ...]:
    """Which jurisdictions could, or possibly could, read what is about people, though the dataset does not allow them."""
    reach = reach_of(loaded, day)
    rows = (row for row in reach.overview(Explain(rows=0)).rows if row.allowed is False)
    asked = (row for row in rows if row.verdict in (Verdict.REACHABLE, Verdict.UNKNOWN))
    return tuple(_told_of_row(loaded, reach, row) for row in asked)


# --- one at a time


def _told_of_warning(warning: Warned) -> Statement:
    level = Level.OPEN if warning.word is Word.UNKNOWN else Level.WARNING
    text = f"{warning.path}: {warning.what}" if warning.word.told_by_path else warning.what
    return Statement(f"check.{warning.word.value}", level, _mendable(text, warning.mend), _spots(warning.where))


def _told_of_rule(loaded: Loaded, standing: Standing, finding: Finding) -> Statement:
    rule = loaded.place.rules[finding.rule]
    facts = [ToldStep(fact.text, *_spots(*map(loaded.where, fact.paths[:1]))) for fact in finding.held.facts]
    sentences = sentences_of(standing, finding)
    broken = "is broken" if finding.certain else "is possibly broken"
    text = f"The rule `{finding.rule}` ({rule.name or finding.rule}) {broken} by {finding.subject}."
    missing = missing_of(standing, finding.held) if not finding.certain else ()
    return Statement(
        f"rule.{finding.rule}",
        _WEIGHTS[finding.weight] if finding.certain else Level.OPEN,
        text + _not_known(missing),
        _spots(loaded.where(finding.subject), loaded.where(f"rules.{finding.rule}")),
        (*facts, *(_step(said.text, [loaded.where(path) for path in said.paths]) for said in sentences)),
        waived=f"{finding.waiver.by}, until {finding.waiver.until}: {finding.waiver.why}" if finding.waiver else "",
    )


def _told_of_row(loaded: Loaded, reach: Reach, row: Row) -> Statement:
    reason = reach.reason(*grounds(row))
    ended = reason.conclusion if reason else f"{row.who_name}: {row.mode} {row.item_name}"
    steps = tuple(_step(said.text, said.where) for said in reason.sentences) if reason else ()
    level = Level.WARNING if row.verdict is Verdict.REACHABLE else Level.OPEN
    text = (
        f"{ended} Verdict: {row.verdict}, on the axis of the {row.axis}. The dataset does not allow this jurisdiction."
    )
    spots = _spots(loaded.where(f"datasets.{row.item}"))
    return Statement(f"reach.{row.mode}", level, text + _not_known(row.missing), spots, steps)


def _step(text: str, where: Sequence[str]) -> ToldStep:
    """A sentence at its first line; the others are named in it."""
    spots = _spots(*where)
    further = ", ".join(f"{spot.file}:{spot.line}" for spot in spots[1:])
    return ToldStep(f"{text} (also {further})" if further else text, spots[0] if spots else None)


def _mendable(what: str, mend: str) -> str:
    return f"{what}. Mend: {mend}." if mend else f"{what}."


def _not_known(missing: Sequence[str]) -> str:
    return f" Not known: {', '.join(missing)}." if missing else ""


def _spots(*where: str) -> tuple[Spot, ...]:
    """Each `file:line  path`, as errors and findings say it."""
    return tuple(_spot(one) for one in where if one)


def _spot(where: str) -> Spot:
    at, _, path = where.partition("  ")
    file, _, line = at.rpartition(":")
    return Spot(file, int(line), path) if file and line.isdigit() else Spot(at, 0, path)
