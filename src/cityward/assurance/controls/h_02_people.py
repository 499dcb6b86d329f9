"""H-02: whoever has power over the city was checked, and leaves with empty hands."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, attested, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.statements.checklist import PEOPLE
from cityward.assurance.statements.judging import to_be_stated


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each thing to be stated, of each place, role or office it is asked about."""
    return to_be_stated(dossier, PEOPLE)


_ROLE = changed(("services:", "roles:\n  lamps: {party: council, rights: [look, operate]}\nservices:"))

CONTROL = Control(
    id="H-02",
    title="Whoever has power over the city's things was checked, and gives it back on leaving",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N11",), "NPSA": ("personnel",)},
    check=check,
    false_positives="It rests on one person's word, until its end; nothing here looks behind it.",
    avoid=Example(
        _ROLE,
        (("statements:1", attested("H-02", "*", "two who left still had their cards", word="does-not-hold")),),
        NOW_US,
    ),
    prefer=Example(_ROLE, (("statements:1", attested("H-02", "*", "the list of 3 May was gone through")),), NOW_US),
    says="what is to be stated of roles and suppliers' people",
    attestable=True,
)
