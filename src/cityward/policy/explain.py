"""An answer in sentences: what was decided, what speaks against it and by which lines of the declaration, and what mends it.

The rules are asked once more, for their words; the table keeps only their reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from cityward.place.hints import did_you_mean, listed
from cityward.place.model import Place
from cityward.policy.case import Against, Case, Facts, cases
from cityward.policy.compile import term_of
from cityward.policy.contract import Decision, ReleaseReason, Request, Standing
from cityward.policy.forms import words_of
from cityward.policy.rules import RULES
from cityward.policy.table import ALWAYS
from cityward.time import iso


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a person reads. `against`: every reason, most of them with the lines they stand on, as dotted paths.

    grounds: the lines that a yes rests on. form: what is done to it first, by what it asks for.
    """

    answer: str
    against: tuple[Against, ...]
    grounds: tuple[str, ...]
    form: dict[str, str]


def explain(
    request: Request, decision: Decision, place: Place, standing: Standing, today: date, zone: tzinfo = UTC
) -> Explanation:
    """Why a decision is what it is.

    Args:
        request, decision: what was asked, and what was said.
        place, standing, today, zone: what the table was compiled from.
    """
    mine = [case for case in cases(Facts(place, standing, today)) if _is_of(case, request)]
    said = [against for case in mine for against in _against(case)]
    said += _by_the_request(request, place, mine, zone)
    told = tuple(dict.fromkeys(against for against in said if against.reason in decision.reasons))
    untold = [reason for reason in decision.reasons if reason not in {against.reason for against in told}]
    asked = f"`{request.dataset}` to `{request.recipient}` for `{request.purpose}`"
    return Explanation(
        answer=f"{asked} may leave." if decision.allowed else f"{asked} may not leave.",
        against=(*told, *(Against(reason, *_BY_ITSELF[reason]) for reason in untold)),
        grounds=_grounds(decision),
        form=words_of(decision.form),
    )


def _is_of(case: Case, request: Request) -> bool:
    asked = (request.recipient, request.dataset, request.purpose)
    return (case.recipient_id, case.dataset_id, case.flow.purpose) == asked


def _against(case: Case) -> Iterator[Against]:
    for rule in RULES:
        try:
            yield from rule(case)
        except Exception as error:  # INVARIANT: as in `compile`: a rule that errs is a no, and is told as one
            what = f"rule `{rule.__name__}` erred: {type(error).__name__}"
            yield Against(ReleaseReason.FAULT, what, (f"flows.{case.flow_id}",), "report it; nothing leaves until then")


def _by_the_request(request: Request, place: Place, mine: list[Case], zone: tzinfo) -> Iterator[Against]:
    recipient = place.recipients.get(request.recipient)
    if recipient is None:
        what = f"there is no recipient `{request.recipient}`{did_you_mean(request.recipient, place.recipients)}"
        yield Against(ReleaseReason.UNKNOWN_RECIPIENT, what, ("recipients",), "declare it under `recipients`")
        return
    path = f"recipients.{request.recipient}"
    if not mine:
        what = f"no flow of `{request.recipient}` carries `{request.dataset}` for `{request.purpose}`"
        mend = f"declare one, or ask for what its flows {listed(recipient.flows)} carry"
        yield Against(ReleaseReason.UNDECLARED, what, (f"{path}.flows",), mend)
    if not 0 <= request.origin < len(recipient.addresses):
        what = f"it was asked from, or leads to, none of the addresses {listed(recipient.addresses)}"
        yield Against(ReleaseReason.FROM_ELSEWHERE, what, (f"{path}.addresses",), "add the address, if it is theirs")
    for case in mine:
        yield from _out_of_term(case, request.at, zone)


def _out_of_term(case: Case, at: int, zone: tzinfo) -> Iterator[Against]:
    starts, ends = term_of(case, zone)
    if starts <= at < ends:
        return
    began = "always" if starts == ALWAYS[0] else f"from {iso(starts)}"
    ended = "without end" if ends == ALWAYS[1] else f"until {iso(ends)}"
    what = f"the term runs {began} {ended}"
    paths = (f"agreements.{case.flow.agreement}", f"flows.{case.flow_id}", f"recipients.{case.recipient_id}")
    yield Against(ReleaseReason.OUT_OF_TERM, what, paths, "agree on it anew, and declare `starts` and `ends`")


def _grounds(decision: Decision) -> tuple[str, ...]:
    known = decision.grounds
    named = (
        ("flows", known.flow),
        ("agreements", known.agreement),
        ("datasets", known.dataset),
        ("parties", known.party),
    )
    return tuple(f"{kind}.{name}" for kind, name in named if name)


_Words = tuple[str, tuple[str, ...], str]

_BY_ITSELF: dict[ReleaseReason, _Words] = {
    ReleaseReason.UNDECLARED: ("no declared flow carries it", (), "declare the flow, and name it in the recipient"),
    ReleaseReason.NOT_ENFORCED: (
        "its flow does not pass here",
        (),
        "mark it `enforced`, if it leaves by this platform",
    ),
    ReleaseReason.UNKNOWN_RECIPIENT: ("there is no such recipient", (), "declare it under `recipients`"),
    ReleaseReason.REVOKED: ("the recipient has no credential that holds", (), "`cityward recipient add` gives it one"),
    ReleaseReason.NO_AGREEMENT: ("its flow names no agreement", (), "declare what was agreed, and name it in the flow"),
    ReleaseReason.NOT_AGREED: ("the agreement does not grant it", (), "add it to the agreement, if that was agreed"),
    ReleaseReason.OUT_OF_TERM: ("the agreement does not run then", (), "agree on it anew, and declare the term"),
    ReleaseReason.PENDING: ("the agreement is pending", (), "look at what changed, and approve it anew"),
    ReleaseReason.NOT_ALLOWED_THERE: ("it may not be there", (), "send it elsewhere, or allow that jurisdiction"),
    ReleaseReason.JURISDICTION_UNKNOWN: ("under which law it would be is not known", (), "find out, and declare it"),
    ReleaseReason.FROM_ELSEWHERE: ("the address is not declared", (), "add the address, if it is theirs"),
    ReleaseReason.NO_BASIS: (
        "it has no declared basis",
        (),
        "declare `basis`, and `special_basis` where it is special",
    ),
    ReleaseReason.POSTURE: ("a posture in force stops it", (), "wait until it ends"),
    ReleaseReason.OVER_BUDGET: ("its rows of today are used up", (), "ask tomorrow, or raise `rows_per_day`"),
    ReleaseReason.FAULT: ("a rule erred", (), "report it; nothing leaves until then"),
}
"""What is told of a reason where no rule has more to say: the place may have changed since, or the gate itself gave it."""
