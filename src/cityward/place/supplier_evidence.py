"""What a supplier showed for itself: answers, certificates, test reports, clauses of its contract, each with an end.

Held here is that it was handed in and until when it counts; the document itself lies with the city. Does not live here: what a
supplier must show (`assurance.suppliers`), and whether what it says is true: that is no machine's to tell.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from cityward.ids import Id
from cityward.place.record import Record


class EvidenceKind(StrEnum):
    """What was handed in."""

    QUESTIONNAIRE = "questionnaire"
    CERTIFICATE = "certificate"
    TEST_REPORT = "test-report"
    CLAUSE = "clause"


class Clause(StrEnum):
    """What a clause of a contract is about."""

    INCIDENT_NOTICE = "incident-notice"
    RIGHT_TO_AUDIT = "right-to-audit"
    CHANGE_OF_CONTROL = "change-of-control"
    SUBCONTRACTORS = "subcontractors"
    SUPPORT_PERIOD = "support-period"
    EXIT = "exit"


class SupplierEvidence(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a party showed for itself. It counts until `ends`; past that day nobody knows.

    says: in one sentence. clause, agreement: of a clause, what it is about and in which contract. document: SHA-256 of the
    document as it was handed in, hexadecimal.
    """

    party: Id
    kind: EvidenceKind
    says: Annotated[str, Meta(min_length=1, max_length=500)]
    issued: date
    ends: date
    clause: Clause | None = None
    agreement: Id | None = None
    document: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")] | None = None
