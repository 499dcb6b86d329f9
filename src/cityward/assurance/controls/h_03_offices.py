"""H-03: somebody answers for the place, may accept risks, and is there at night."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, attested
from cityward.assurance.results import Judged, Severity
from cityward.assurance.statements.checklist import OFFICES
from cityward.assurance.statements.judging import to_be_stated


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each thing to be stated, of each place, role or office it is asked about."""
    return to_be_stated(dossier, OFFICES)


CONTROL = Control(
    id="H-03",
    title="The offices that a connected place needs are held, and by people who can",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N3",), "NPSA": ("governance",)},
    check=check,
    false_positives="It rests on one person's word, until its end; nothing here looks behind it.",
    avoid=Example(
        TOWN,
        (("statements:1", attested("H-03", "*", "nobody is on duty at night", word="does-not-hold")),),
        NOW_US,
    ),
    prefer=Example(TOWN, (("statements:1", attested("H-03", "*", "written down on 3 May")),), NOW_US),
    says="what is to be stated of the offices",
    attestable=True,
)
