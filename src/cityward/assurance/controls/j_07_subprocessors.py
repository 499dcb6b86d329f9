"""J-07: to whom a supplier hands work is known."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, SHARING
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each agreement with somebody else: whether work is handed on as it says."""
    place = dossier.place
    for name, agreement in place.agreements.items():
        subject = f"agreements.{name}"
        others = [party for party in agreement.parties if party != place.responsible]
        silent = [party for party in others if place.parties[party].subprocessors == UNKNOWN]
        handing = [party for party in others if party not in silent and place.parties[party].subprocessors]
        path = (subject, *(f"parties.{party}" for party in (*handing, *silent)))
        if handing and agreement.subcontracting == "forbidden":
            said = f"`{name}` lets nobody hand work on, and `{handing[0]}` does"
            yield wrong(subject, said, "end the handing on, or agree to it", *path)
        elif silent:
            said = f"to whom `{silent[0]}` hands work is not known"
            yield unknown(subject, said, "the subprocessors of every supplier", *path)
        else:
            yield stated(dossier, subject, f"to whom work under `{name}` is handed is declared", *path)


_HANDED = SHARING.replace("incorporated_in: xa}\npurposes:", "incorporated_in: xa, subprocessors: [helper]}\n"
    "  helper: {kind: company, incorporated_in: xa}\npurposes:")  # fmt: skip

CONTROL = Control(
    id="J-07",
    title="To whom suppliers hand work is declared, and as agreed",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N12", "N4"), "NIS2": ("21.2.d",)},
    check=check,
    false_positives="A helper that a supplier keeps quiet about is not seen by a declaration.",
    avoid=Example(_HANDED.replace("kind: sharing,", "kind: sharing, subcontracting: forbidden,"), now_us=NOW_US),
    prefer=Example(_HANDED, now_us=NOW_US),
    says="agreements",
)
