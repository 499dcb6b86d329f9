"""H-01: cabinets, rooms and what stands on the street are looked after, and somebody says so."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, TOWN, attested
from cityward.assurance.results import Judged, Severity
from cityward.assurance.statements.checklist import PLACES
from cityward.assurance.statements.judging import to_be_stated


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each thing to be stated, of each place, role or office it is asked about."""
    return to_be_stated(dossier, PLACES)


CONTROL = Control(
    id="H-01",
    title="Cabinets, rooms and devices are guarded, and somebody who saw it says so",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N7",), "NPSA": ("physical",)},
    check=check,
    false_positives="It rests on one person's word, until its end; nothing here looks behind it.",
    avoid=Example(
        TOWN,
        (("statements:1", attested("H-01", "*", "no key is missing, and nobody counts them", word="does-not-hold")),),
        NOW_US,
    ),
    prefer=Example(TOWN, (("statements:1", attested("H-01", "*", "seen on the round of 3 May")),), NOW_US),
    says="what is to be stated of sites",
    attestable=True,
)
