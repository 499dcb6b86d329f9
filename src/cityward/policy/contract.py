"""The question whether something may leave, and its answer.

Lives here: what is asked and what is said. Does not live here: the rules (`compile`), the table they become (`table`), what is
done to the rows (`guard.release`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cityward.place.release import Form


class ReleaseReason(StrEnum):
    """Why the answer is no: one word, the same in counters, evidence and the console. Several may apply; all are told."""

    UNDECLARED = "undeclared"  # no declared flow takes this to this recipient for this purpose
    NOT_ENFORCED = "not-enforced"  # the flow is declared as one that does not pass here
    UNKNOWN_RECIPIENT = "unknown-recipient"
    REVOKED = "revoked"
    NO_AGREEMENT = "no-agreement"
    NOT_AGREED = "not-agreed"  # the agreement does not name the party, the dataset or the purpose
    OUT_OF_TERM = "out-of-term"
    PENDING = "pending"  # control, purpose or scope changed since it was approved
    NOT_ALLOWED_THERE = (
        "not-allowed-there"  # a jurisdiction that the dataset does not allow has power over the recipient
    )
    JURISDICTION_UNKNOWN = "jurisdiction-unknown"  # it may have; that cannot be said for certain
    FROM_ELSEWHERE = "from-elsewhere"  # asked from, or leading to, an address that is not declared
    NO_BASIS = "no-basis"  # personal or special data without a declared basis
    POSTURE = "posture"
    OVER_BUDGET = "over-budget"
    FAULT = "fault"  # a rule erred: that is a no


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the table. `origin`: the index of the declared address block it comes from or leads to; -1: none of them.

    at: city us.
    """

    recipient: str
    dataset: str
    purpose: str
    origin: int
    at: int


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a decision rests on: ids of the declaration, "" where there is none."""

    party: str = ""
    flow: str = ""
    agreement: str = ""
    dataset: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. Allowed exactly when `reasons` is empty. `form`: what is done to it first, the strictest of all that apply.

    rules: SHA-256 of the table it came from, hexadecimal.
    """

    allowed: bool
    reasons: tuple[ReleaseReason, ...]
    grounds: Grounds
    form: Form
    rules: str
    posture: str = ""

    def __post_init__(self) -> None:
        if self.allowed == bool(self.reasons):
            raise ValueError("a decision is allowed exactly when there is no reason against it")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the declaration cannot say, and changes while the city runs: an input of compiling.

    revoked: recipients without a valid credential. pending: agreements that must be approved again. posture: the one in force, by
    area ("" everywhere). lands: party -> (jurisdictions with power over it for certain, possibly), from `reach`.
    """

    revoked: frozenset[str]
    pending: frozenset[str]
    postures: frozenset[str]
    lands: Mapping[str, tuple[frozenset[str], frozenset[str]]]
