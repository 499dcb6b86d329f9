"""Findings of house rules as records that can be printed, sent and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec

from cityward.reach.questions import Told
from cityward.reach.rules.judging import Finding
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.why import missing_of, sentences_of

Where = Callable[[str], str]
"""Dotted path -> `file:line  path`, as `Loaded.where`."""


class Waived(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By whom, why and until when."""

    by: str
    why: str
    until: date


class ToldFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule that is broken, or possibly so. `why`: the derivations of what the facts rest on; `missing`: `file:line  path`."""

    rule: str
    name: str
    weight: str
    subject: str
    subject_name: str
    certain: bool
    facts: tuple[Told, ...]
    why: tuple[Told, ...] = ()
    missing: tuple[str, ...] = ()
    waiver: Waived | None = None


def told_finding(standing: Standing, finding: Finding, where: Where) -> ToldFinding:
    """A finding with its facts and their reasons."""
    why = (
        Told(text=said.text, where=tuple(map(where, said.paths)), missing=said.missing)
        for said in sentences_of(standing, finding)
    )
    return msgspec.structs.replace(told_briefly(standing, finding, where), why=tuple(why))


def told_briefly(standing: Standing, finding: Finding, where: Where) -> ToldFinding:
    """A finding with its facts and what is not known, without the derivations that it rests on."""
    kind, _, name = finding.subject.partition(".")
    record, waiver = getattr(standing.place, kind).get(name), finding.waiver
    facts = (Told(text=fact.text, where=tuple(map(where, fact.paths))) for fact in finding.held.facts)
    return ToldFinding(
        rule=finding.rule,
        name=standing.place.rules[finding.rule].name or finding.rule,
        weight=finding.weight,
        subject=where(finding.subject),
        subject_name=record.name or name if record is not None else name,
        certain=finding.certain,
        facts=tuple(facts),
        missing=tuple(map(where, missing_of(standing, finding.held))),
        waiver=None if waiver is None else Waived(by=waiver.by, why=waiver.why, until=waiver.until),
    )
