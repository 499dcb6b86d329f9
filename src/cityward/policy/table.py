"""The finite table that the rules become, and the decision: one lookup in it.

A row is what holds of (recipient, dataset, purpose) whatever the request: its term, how many addresses are declared, and four
answers made beforehand: in term or not, from a declared address or not. Nothing is made while deciding.

INVARIANTS
- `decide` raises nothing; what it cannot read is a no.
- What has no row is a no.
- A table never changes; the same rows give the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from cityward.place.release import Form
from cityward.policy.contract import Decision, Grounds, ReleaseReason, Request
from cityward.policy.forms import RAW

RULES_VERSION = "cityward-release-1"
"""Part of the digest: other rules over the same declaration are another table."""

ALWAYS = (-(1 << 63), (1 << 63) - 1)
"""The term of what has none, in us."""

Key = tuple[str, str, str]
"""(recipient, dataset, purpose)."""

_REASON_ORDER = {reason: n for n, reason in enumerate(ReleaseReason)}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the rules say of one key. `reasons`: those that hold whatever the request; `term`: from us, until us (exclusive)."""

    reasons: frozenset[ReleaseReason]
    grounds: Grounds
    form: Form = RAW
    term: tuple[int, int] = ALWAYS
    addresses: int = 0
    posture: str = ""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How big a table is. `allowed`: the rows that say yes to somebody at some time."""

    recipients: int
    rows: int
    allowed: int


Answers = tuple[Decision, Decision, Decision, Decision]
"""By (out of term) * 2 + (from elsewhere)."""

_Row = tuple[int, int, int, Answers]


@dataclass(frozen=True, slots=True)
class Table:
    """Every answer there is. `digest`: SHA-256, hexadecimal, over the canonical form of its drafts.

    rows: by key. others: by recipient, for what no flow of it carries. stranger: for whom no recipient is declared. fault: for
    what is no request.
    """

    digest: str
    sizes: Sizes
    rows: Mapping[Key, _Row]
    others: Mapping[str, _Row]
    stranger: Decision
    fault: Decision


def decide(request: Request, table: Table) -> Decision:
    """The answer to a request. Below a microsecond; total.

    >>> decide(Request("nobody", "anything", "for-nothing", 0, 0), tabulate({}, {})).allowed
    False
    """
    try:
        recipient = request.recipient
        row = table.rows.get((recipient, request.dataset, request.purpose)) or table.others.get(recipient)
        if row is None:
            return table.stranger
        starts, ends, addresses, answers = row
        if starts <= request.at < ends:
            return answers[0] if 0 <= request.origin < addresses else answers[1]
        return answers[2] if 0 <= request.origin < addresses else answers[3]
    except Exception:  # INVARIANT: what is no request (an `at` that is no number) gets the answer no
        return table.fault


def tabulate(rows: Mapping[Key, Draft], others: Mapping[str, Draft]) -> Table:
    """The table of some drafts.

    Args:
        rows: by key, what the rules say of it.
        others: by recipient, what is said of all it has no flow for; each holds a reason.
    """
    digest = _digest(rows, others)
    made = {key: _row(draft, digest) for key, draft in rows.items()}
    allowed = sum(row[3][0].allowed and row[0] < row[1] and row[2] > 0 for row in made.values())
    stranger = frozenset((ReleaseReason.UNDECLARED, ReleaseReason.UNKNOWN_RECIPIENT))
    return Table(
        digest=digest,
        sizes=Sizes(recipients=len(others), rows=len(made), allowed=allowed),
        rows=MappingProxyType(made),
        others=MappingProxyType({name: _row(draft, digest) for name, draft in others.items()}),
        stranger=_decision(Draft(stranger, Grounds()), (), digest),
        fault=_decision(Draft(frozenset((ReleaseReason.FAULT,)), Grounds()), (), digest),
    )


def _row(draft: Draft, digest: str) -> _Row:
    late, elsewhere = ReleaseReason.OUT_OF_TERM, ReleaseReason.FROM_ELSEWHERE
    answers = (
        _decision(draft, (), digest),
        _decision(draft, (elsewhere,), digest),
        _decision(draft, (late,), digest),
        _decision(draft, (late, elsewhere), digest),
    )
    return (*draft.term, draft.addresses, answers)


def _decision(draft: Draft, more: tuple[ReleaseReason, ...], digest: str) -> Decision:
    reasons = in_order({*draft.reasons, *more})
    return Decision(not reasons, reasons, draft.grounds, draft.form, digest, draft.posture)


def in_order(reasons: set[ReleaseReason] | frozenset[ReleaseReason]) -> tuple[ReleaseReason, ...]:
    """Reasons in the order of their declaration."""
    return tuple(sorted(reasons, key=_REASON_ORDER.__getitem__))


def _digest(rows: Mapping[Key, Draft], others: Mapping[str, Draft]) -> str:
    said = (RULES_VERSION, _canonical(rows), _canonical(others))
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _canonical(drafts: Mapping[Key, Draft] | Mapping[str, Draft]) -> Sequence[object]:
    return [[key, _told(draft)] for key, draft in sorted(drafts.items())]


def _told(draft: Draft) -> Sequence[object]:
    return [in_order(draft.reasons), draft.grounds, draft.form, draft.term, draft.addresses, draft.posture]
