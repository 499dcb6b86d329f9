"""What a supplier must show, by its tier, and what of that is on file and in force on a day.

PRECEDENT: the clauses are those that the procurement guidance for connected places and the Five-Eyes guide ask for; the words
are ours. INVARIANT: what ran out does not count, and is told apart from what never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cityward.assurance.suppliers.touching import Tier
from cityward.place.model import Place
from cityward.place.supplier_evidence import Clause, EvidenceKind, SupplierEvidence


class Held(StrEnum):
    """Whether something asked for is on file."""

    IN_FORCE = "in force"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is asked for: any of these kinds, of a clause the one it is about."""

    said: str
    kinds: tuple[EvidenceKind, ...]
    clause: Clause | None = None

    def met_by(self, one: SupplierEvidence) -> bool:
        """Whether a record is what is asked for."""
        return one.kind in self.kinds and one.clause == self.clause


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that is asked for, and the record that answers it longest; "" and None: there is none."""

    wanted: Wanted
    held: Held
    record: str = ""
    ends: date | None = None


def _clause(clause: Clause, said: str) -> Wanted:
    return Wanted(said, (EvidenceKind.CLAUSE,), clause)


_ANSWERS = Wanted("its answers to the city's questions", (EvidenceKind.QUESTIONNAIRE,))
_LOOKED_AT = Wanted("a certificate or a test report", (EvidenceKind.CERTIFICATE, EvidenceKind.TEST_REPORT))
_NOTICE = _clause(Clause.INCIDENT_NOTICE, "a clause on telling the city of incidents")

ASKED: Mapping[Tier, tuple[Wanted, ...]] = {
    Tier.HIGH: (
        _ANSWERS,
        _LOOKED_AT,
        _NOTICE,
        _clause(Clause.RIGHT_TO_AUDIT, "a clause on the right to look"),
        _clause(Clause.CHANGE_OF_CONTROL, "a clause on telling the city of a new owner"),
        _clause(Clause.SUBCONTRACTORS, "a clause on whom it hands work to"),
        _clause(Clause.EXIT, "a clause on giving everything back"),
    ),
    Tier.STANDARD: (_ANSWERS, _NOTICE),
}


def shown_by(place: Place, party: str, tier: Tier, day: date) -> tuple[Shown, ...]:
    """Everything that is asked of a party, with what it shows for it on a day."""
    mine = [(name, one) for name, one in place.supplier_evidence.items() if one.party == party]
    return tuple(_shown(wanted, mine, day) for wanted in ASKED[tier])


def _shown(wanted: Wanted, mine: list[tuple[str, SupplierEvidence]], day: date) -> Shown:
    fitting = [(one.ends, name) for name, one in mine if wanted.met_by(one) and one.issued <= day]
    if not fitting:
        return Shown(wanted, Held.MISSING)
    ends, name = max(fitting)
    return Shown(wanted, Held.IN_FORCE if ends >= day else Held.EXPIRED, name, ends)
