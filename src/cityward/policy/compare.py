"""What changes for whom when one table takes another's place: the preview of a posture, a revocation, a new declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cityward.policy.contract import Decision
from cityward.policy.table import Key, Table


class Change(StrEnum):
    """What becomes of one key. A form is another when it asks for anything else, less or more."""

    STOPPED = "stopped"
    OPENED = "opened"
    OTHER_FORM = "other form"
    OTHER_TERM = "other term"  # or other addresses
    OTHER_REASONS = "other reasons"


@dataclass(frozen=True, slots=True)
class Changed:
    """One key and its answers, in term and from a declared address. None: the table has no such key."""

    key: Key
    change: Change
    before: Decision | None
    after: Decision | None


def compare(before: Table, after: Table) -> tuple[Changed, ...]:
    """Every key whose answer changes, in order; nothing where two tables say the same."""
    keys = dict.fromkeys((*before.rows, *after.rows))
    return tuple(changed for key in sorted(keys) for changed in _changed(key, before, after))


def _changed(key: Key, before: Table, after: Table) -> Iterator[Changed]:
    was, now = before.rows.get(key), after.rows.get(key)
    first, second = (row[3][0] if row is not None else None for row in (was, now))
    change = _between(first, second)
    if change is None and was is not None and now is not None and was[:3] != now[:3]:
        change = Change.OTHER_TERM
    if change is not None:
        yield Changed(key, change, first, second)


def _between(was: Decision | None, now: Decision | None) -> Change | None:
    before, after = was is not None and was.allowed, now is not None and now.allowed
    if before != after:
        return Change.STOPPED if before else Change.OPENED
    if before and was is not None and now is not None:
        return Change.OTHER_FORM if was.form != now.form else None
    reasons = tuple(one.reasons if one is not None else () for one in (was, now))
    return Change.OTHER_REASONS if reasons[0] != reasons[1] else None
