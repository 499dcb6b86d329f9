"""What suppliers showed: that each record says when it ends, and that a clause stands in a contract with its party."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.checks.whole import Problem, Whole
from cityward.place.hints import listed
from cityward.place.supplier_evidence import Clause, EvidenceKind, SupplierEvidence


def supplier_evidence_is_of_its_kind(whole: Whole) -> Iterator[Problem]:
    """A clause says what it is about and where it stands; nothing ends before it was issued."""
    for name, one in whole.place.supplier_evidence.items():
        path = f"supplier_evidence.{name}"
        if one.issued > one.ends:
            yield Problem(
                f"{path}.ends", f"it ends on {one.ends}, before it was issued on {one.issued}", "correct them"
            )
        if one.kind is EvidenceKind.CLAUSE:
            yield from _clause(whole, path, one)
        elif one.clause is not None:
            what = f"a {one.kind.value} is about no clause, and says `{one.clause.value}`"
            yield Problem(f"{path}.clause", what, "leave it out, or declare it with `kind: clause`")


def _clause(whole: Whole, path: str, one: SupplierEvidence) -> Iterator[Problem]:
    if one.clause is None:
        yield Problem(path, "what the clause is about is not said", f"add `clause`: one of {listed(Clause)}")
    if one.agreement is None:
        yield Problem(path, "in which agreement the clause stands is not said", "add `agreement`")
        return
    agreement = whole.place.agreements.get(one.agreement)
    if agreement is not None and one.party not in agreement.parties:
        what = f"`{one.agreement}` is with {listed(agreement.parties)}, not with `{one.party}`"
        yield Problem(f"{path}.agreement", what, f"name an agreement with `{one.party}`")
