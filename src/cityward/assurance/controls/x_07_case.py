"""X-07: whoever is let in or given something has a case for it, with an end."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, SHARING
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.time import iso


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow and access that has a party other than the responsible one at its end."""
    place = dossier.place
    cases = {f"flows.{name}": flow.agreement for name, flow in place.flows.items() if flow.to in place.parties}
    cases |= {
        f"accesses.{name}": access.agreement
        for name, access in place.accesses.items()
        if access.party != place.responsible
    }
    for subject, agreement in cases.items():
        if agreement is None:
            yield wrong(subject, f"no agreement is named for `{subject}`", "name the agreement, or end it")
            continue
        ends, path = place.agreements[agreement].ends, (subject, f"agreements.{agreement}")
        if ends is None:
            yield unknown(subject, f"when `{agreement}` ends is not said", "an end of every agreement", *path)
        elif ends.isoformat() < iso(dossier.now_us)[:10]:
            yield wrong(subject, f"`{agreement}` ended on {ends}", "renew it, or close the connection", *path)
        else:
            yield stated(dossier, subject, f"`{agreement}` is its case, until {ends}", *path)


CONTROL = Control(
    id="X-07",
    title="Every connection to somebody else has a case and an end",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N6", "N7", "N12"), "OT-SC": ("1",)},
    check=check,
    false_positives="An agreement that goes on by itself, and is declared with its first end, looks as if it were over.",
    avoid=Example(SHARING.replace("ends: 2030-01-01", "ends: 2020-01-01"), now_us=NOW_US),
    prefer=Example(SHARING, now_us=NOW_US),
    says="flows and accesses of other parties",
)
