"""The declaration and its standing, compiled to the table of releases.

Every case (a dataset, by a flow, to a recipient) is put to every rule, and every reason is kept. Where several flows of one
recipient carry the same dataset for the same purpose, all of them must be fine, their forms hold together, and their terms
overlap: one flow more never opens anything.

INVARIANTS
- Whatever errs here (a rule, a form that is not declared, a date) makes its rows a no (`fault`).
- With no rules at all, every row is a no.
- What a recipient's rows say hangs on no other recipient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cityward.place.model import Place
from cityward.place.release import Aggregate, Form
from cityward.policy.case import Case, Facts, cases
from cityward.policy.contract import Grounds, ReleaseReason, Standing
from cityward.policy.forms import strictest
from cityward.policy.rules import RULES, Rule, postures_of
from cityward.policy.table import ALWAYS, Draft, Key, Table, tabulate
from cityward.time import to_us


def compile_table(
    place: Place, standing: Standing, today: date, zone: tzinfo = UTC, rules: Sequence[Rule] = RULES
) -> Table:
    """The table of a checked place, as things stand.

    Args:
        place: the declaration.
        standing: what it cannot say; `lands` are those of `reach.effective.lands_of` on the same place and day.
        today: sites whose record does not hold on this day count as not known. Make the table anew when the day changes.
        zone: the dates of agreements and records are days there: give the place's own `timezone`. They are turned into
            microseconds once, so that a term ends at midnight without a new table.
        rules: others than the usual, for tests.
    """
    facts = Facts(place, standing, today)
    rows: dict[Key, Draft] = {}
    for case in cases(facts):
        key, draft = (case.recipient_id, case.dataset_id, case.flow.purpose), _draft(case, zone, rules)
        rows[key] = _both(rows[key], draft) if key in rows else draft
    return tabulate(rows, {name: _undeclared(place, standing, name) for name in place.recipients})


def _draft(case: Case, zone: tzinfo, rules: Sequence[Rule]) -> Draft:
    reasons = reasons_of(case, rules)
    draft = Draft(reasons | {ReleaseReason.FAULT}, _grounds(case), addresses=len(case.recipient.addresses))
    try:
        draft = replace(draft, term=term_of(case, zone))
        posture = ",".join(name for name, _ in postures_of(case))
        return replace(draft, reasons=reasons, form=form_of(case), posture=posture)
    except Exception:  # INVARIANT: whatever errs is a no
        return draft


def reasons_of(case: Case, rules: Sequence[Rule] = RULES) -> frozenset[ReleaseReason]:
    """What speaks against a case, whatever the request."""
    found = set[ReleaseReason]() if rules else {ReleaseReason.FAULT}
    for rule in rules:
        try:
            found.update(against.reason for against in rule(case))
        except Exception:  # INVARIANT: a rule that errs is a no
            found.add(ReleaseReason.FAULT)
    return frozenset(found)


def _grounds(case: Case) -> Grounds:
    agreement = case.flow.agreement or ""
    return Grounds(case.recipient.party, case.flow_id, agreement, case.dataset_id, case.flow.purpose)


def _both(one: Draft, other: Draft) -> Draft:
    """What holds where two flows carry the same."""
    postures = sorted({name for draft in (one, other) for name in draft.posture.split(",") if name})
    return Draft(
        reasons=one.reasons | other.reasons,
        grounds=one.grounds,
        form=strictest((one.form, other.form)),
        term=(max(one.term[0], other.term[0]), min(one.term[1], other.term[1])),
        addresses=one.addresses,
        posture=",".join(postures),
    )


def _undeclared(place: Place, standing: Standing, recipient: str) -> Draft:
    reasons = {ReleaseReason.UNDECLARED} | ({ReleaseReason.REVOKED} if recipient in standing.revoked else set())
    known = place.recipients[recipient]
    return Draft(frozenset(reasons), Grounds(party=known.party), addresses=len(known.addresses))


# --- form and term


SPECIAL = Form(aggregate=Aggregate())
"""What special categories are held to where their `release_form` does not say otherwise."""


def form_of(case: Case) -> Form:
    """The strictest of all forms that apply.

    Raises:
        KeyError: a form or posture is named that is not declared.
    """
    forms = case.place.forms
    agreement = case.agreement
    named = [case.dataset.release_form, case.flow.form, case.recipient.form, agreement.form if agreement else None]
    named += [posture.form for _, posture in postures_of(case)]
    floor = (SPECIAL,) if case.dataset.special and case.dataset.release_form is None else ()
    return strictest((*(forms[name] for name in named if name is not None), *floor))


def term_of(case: Case, zone: tzinfo) -> tuple[int, int]:
    """(from, until) in us: while the agreement runs, and the records of dataset, flow, recipient and agreement hold."""
    starts, ends = ALWAYS
    for first, last in _dates(case):
        starts = starts if first is None else max(starts, _midnight(first, zone))
        ends = ends if last is None or last == date.max else min(ends, _midnight(last + timedelta(days=1), zone))
    return starts, ends


def _dates(case: Case) -> Iterator[tuple[date | None, date | None]]:
    agreement = case.agreement
    if agreement is not None:
        yield agreement.starts, agreement.ends
        yield agreement.valid_from, agreement.valid_to
    for record in (case.dataset, case.flow, case.recipient):
        yield record.valid_from, record.valid_to


def _midnight(day: date, zone: tzinfo) -> int:
    return to_us(datetime.combine(day, time(), zone))
