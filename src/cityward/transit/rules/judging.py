"""Running all rules over one case."""

from __future__ import annotations

from itertools import islice

from cityward.transit.rules import alerts, heads, stops, trips, vehicles
from cityward.transit.rules.case import Breach, Case, Found, Memory, Need, Report, Rule

MOST_TOLD = 200  # breaches of one rule that are told one by one

RULES: tuple[Rule, ...] = tuple(
    sorted((*heads.RULES, *trips.RULES, *stops.RULES, *vehicles.RULES, *alerts.RULES), key=lambda rule: rule.id)
)

_BY_ID = {rule.id: rule for rule in RULES}


def judge(case: Case) -> Report:
    """What the published rules say of a feed."""
    lacking = {need: need.value for need in Need if not _met(case, need)}
    breaches, counts, not_checked = list[Breach](), dict[str, int](), dict[str, str]()
    for rule in RULES:
        missing = [lacking[need] for need in rule.needs if need in lacking]
        if missing:
            not_checked[rule.id] = missing[0]
            continue
        found = iter(rule.find(case))
        told = [Breach(rule.id, what, path, entity) for entity, path, what in islice(found, MOST_TOLD)]
        breaches += told
        if told:
            counts[rule.id] = len(told) + sum(1 for _ in found)
    return Report(tuple(breaches), counts, not_checked)


def find(case: Case, rule: str) -> Found:
    """All that one rule finds; nothing where it cannot be checked."""
    mine = _BY_ID[rule]
    return mine.find(case) if all(_met(case, need) for need in mine.needs) else ()


def remember(case: Case) -> Memory:
    """What the next feed of the same kind is held against."""
    return Memory(case.feed.header.timestamp or 0, heads.content(case), case.received)


def _met(case: Case, need: Need) -> bool:
    match need:
        case Need.TIMETABLE:
            return case.timetable is not None
        case Need.BEFORE:
            return case.before is not None
        case Need.NOW:
            return case.now is not None
        case Need.RECEIVED:
            return case.received is not None
        case Need.BOTH:
            return any(True for _ in case.all_updates()) and any(True for _ in case.all_vehicles())
