"""What a posture would take, and what it would leave, before anybody switches it: two tables compared, in sentences.

Lives here: which declared ways of data change between two tables at a moment, and their words. Does not live here: how much
leaves by each (the book of releases knows), nor what stands in force (`compose`).

INVARIANT: whatever may leave before is told once: as stopped, as told in another form, or as staying.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cityward.policy.compare import Change, Changed, compare
from cityward.policy.contract import Decision, ReleaseReason
from cityward.policy.forms import words_of
from cityward.policy.table import Key, Table

Taken = Callable[[str, str], int | None]
"""(recipient, dataset) -> rows that leave a day, by the last two; None: not known."""


@dataclass(frozen=True, slots=True)
class Way:
    """One declared way of a dataset to a recipient for a purpose, and what becomes of it.

    form: in which form it leaves then, by what that asks for. form_before: now, where that is another one. rows_a_day: what
    leaves by it; None where nobody counts. reasons: why it is stopped.
    """

    recipient: str
    party: str
    dataset: str
    purpose: str
    form: dict[str, str]
    form_before: dict[str, str]
    rows_a_day: int | None
    reasons: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What changes when one table takes another's place, of what is in term now. opened: what may leave then and may not now."""

    stopped: tuple[Way, ...]
    other_form: tuple[Way, ...]
    opened: tuple[Way, ...]
    stays: tuple[Way, ...]
    rows_a_day: int | None  # that stop
    sentence: str


def preview_of(before: Table, after: Table, now: int, taken: Taken) -> Preview:
    """The preview of one table after another.

    Args:
        before, after: the tables of now and of then.
        now: city us; what is out of term then changes nothing.
        taken: how much leaves now.
    """
    changes = {one.key: one for one in compare(before, after)}
    ways = [
        (changes.get(key), _way(key, before, after, changes.get(key), taken)) for key in _in_term(before, after, now)
    ]
    by_change = {change: tuple(way for one, way in ways if _is(one, change)) for change in Change}
    told_apart = (Change.STOPPED, Change.OTHER_FORM, Change.OPENED)
    stays = tuple(way for one, way in ways if (one is None or one.change not in told_apart) and _leaves(before, way))
    stopped = by_change[Change.STOPPED]
    known = [way.rows_a_day for way in stopped if way.rows_a_day is not None]
    total = sum(known) if len(known) == len(stopped) else None
    told = stopped, by_change[Change.OTHER_FORM], by_change[Change.OPENED], stays
    return Preview(*told, total, _summary(*told, total))


def _is(one: Changed | None, change: Change) -> bool:
    return one is not None and one.change is change


def _leaves(table: Table, way: Way) -> bool:
    return table.rows[way.recipient, way.dataset, way.purpose][3][0].allowed


def _in_term(before: Table, after: Table, now: int) -> Iterator[Key]:
    for key in sorted({*before.rows, *after.rows}):
        if any(row is not None and row[0] <= now < row[1] for row in (before.rows.get(key), after.rows.get(key))):
            yield key


def _way(key: Key, before: Table, after: Table, changed: Changed | None, taken: Taken) -> Way:
    recipient, dataset, purpose = key
    was, then = (_answer(table, key) for table in (before, after))
    form, form_before = (words_of(one.form) if one is not None and one.allowed else {} for one in (then, was))
    rows = taken(recipient, dataset)
    party = (was or then).grounds.party if (was or then) else ""  # pyright: ignore[reportOptionalMemberAccess]
    reasons = tuple(reason.value for reason in then.reasons) if then is not None else (ReleaseReason.UNDECLARED.value,)
    change = None if changed is None else changed.change
    return Way(
        recipient=recipient,
        party=party,
        dataset=dataset,
        purpose=purpose,
        form=form,
        form_before=form_before if change is Change.OTHER_FORM else {},
        rows_a_day=rows,
        reasons=reasons,
        sentence=_sentence(key, party, change, form, form_before, rows),
    )


def _answer(table: Table, key: Key) -> Decision | None:
    row = table.rows.get(key)
    return None if row is None else row[3][0]


def _sentence(
    key: Key, party: str, change: Change | None, form: dict[str, str], before: dict[str, str], rows: int | None
) -> str:
    recipient, dataset, purpose = key
    many = "" if rows is None else f" ({rows:,} rows a day)"
    who = f"`{recipient}` of `{party}`"
    if change is Change.STOPPED:
        return f"{who} gets no `{dataset}` any more for `{purpose}`{many}."
    if change is Change.OPENED:
        return f"{who} gets `{dataset}` for `{purpose}` again{_form(form)}."
    if change is Change.OTHER_FORM:
        return f"{who} still gets `{dataset}` for `{purpose}`{_form(form)}; until now{_form(before)}{many}."
    return f"{who} goes on getting `{dataset}` for `{purpose}`{_form(form)}{many}."


def _form(form: dict[str, str]) -> str:
    return f": {'; '.join(form.values())}" if form else ": as it is held"


def _summary(
    stopped: tuple[Way, ...],
    other_form: tuple[Way, ...],
    opened: tuple[Way, ...],
    stays: tuple[Way, ...],
    rows: int | None,
) -> str:
    if not (stopped or other_form or opened):
        return "Nothing changes for anybody."
    recipients, datasets = len({way.recipient for way in stopped}), len({way.dataset for way in stopped})
    many = "" if rows is None else f", {rows:,} rows a day"
    hit = f"{_said(recipients, 'recipient', 'recipients')}, {_said(datasets, 'dataset', 'datasets')}{many}"
    parts = [
        f"{_said(len(opened), 'way out opens', 'ways out open')} again" if opened else "",
        f"{_said(len(stopped), 'way out stops', 'ways out stop')} ({hit})" if stopped else "",
        f"{_said(len(other_form), 'goes', 'go')} on in another form" if other_form else "",
        f"{_said(len(stays), 'stays as it is', 'stay as they are')}",
    ]
    return f"{'; '.join(part for part in parts if part)}."


def _said(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
