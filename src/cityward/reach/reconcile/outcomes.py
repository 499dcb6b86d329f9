"""What comes out of a reconciliation, as it is sent and printed.

INVARIANTS
- Every sighting is in one bucket; every declared flow, device and access has one outcome.
- `not-observable` and `no-observer` are never a pass: nobody looked, and that is what is said.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from cityward.place.data import Observability
from cityward.reach.reconcile.seen import Given, Seen


class Bucket(StrEnum):
    """What became of one sighting."""

    AS_DECLARED = "as-declared"
    CHANGED = "changed"  # declared, but otherwise
    UNDECLARED = "undeclared"
    TURNED_AWAY = "turned-away"  # tried, and did not get through
    ASIDE = "aside"  # no business of the declaration: neither end is declared, to everybody, within one thing, too old


class Outcome(StrEnum):
    """What became of one declared record."""

    AS_DECLARED = "as-declared"
    CHANGED = "changed"
    SILENT = "silent"  # somebody looked where it should have been seen
    NOT_EXPECTED = "not-expected"  # planned, ended, on paper, or only inferred
    NO_OBSERVER = "no-observer"  # nothing that was given could have seen it
    NOT_OBSERVABLE = "not-observable"  # declared so


class Aspect(StrEnum):
    """In what something differs."""

    PROTOCOL = "protocol"
    PROTECTION = "protection"
    DATASET = "dataset"
    DIRECTION = "direction"
    STATUS = "status"
    OBSERVABILITY = "observability"
    VALIDITY = "validity"
    AGREEMENT = "agreement"
    PLACE = "place"


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, order=True):
    """One difference. `path` is the field of the declaration that says otherwise."""

    aspect: Aspect
    path: str
    declared: str
    found: str


class Sighting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was seen, its two ends as declared ids ("" where none), and what it was found to be.

    `matches` are paths of flows, accesses or devices; a log cannot tell apart flows of one protocol between the same two ends, so
    there may be several.
    """

    seen: Seen
    bucket: Bucket
    source: str = ""
    destination: str = ""
    matches: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    why: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a declared flow, device or access. `silent` are the members of a group that were not heard."""

    path: str
    outcome: Outcome
    why: str = ""
    where: str = ""
    observability: Observability | None = None  # of a flow
    differences: tuple[Difference, ...] = ()
    count: int = 0
    bytes: int = 0
    first_us: int | None = None
    last_us: int | None = None
    silent: tuple[str, ...] = ()


class FindingKind(StrEnum):
    """What a person is told of."""

    UNDECLARED = "undeclared"
    CHANGED = "changed"
    SILENT = "silent"


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to look into. `where`: lines of the declaration; `seen_at`: a few lines of logs, of `sightings` in all."""

    kind: FindingKind
    what: str
    paths: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    seen_at: tuple[str, ...] = ()
    sightings: int = 0
    mend: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The flows of one observability, by outcome."""

    observability: Observability
    declared: int
    outcomes: dict[Outcome, int]


class Reconciled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole answer. `from_us` and `until_us`: the first and the last thing seen in the window."""

    place: str
    digest: str
    given: Given
    from_us: int | None
    until_us: int | None
    findings: tuple[Finding, ...]
    flows: tuple[Verdict, ...]
    devices: tuple[Verdict, ...]
    accesses: tuple[Verdict, ...]
    shares: tuple[Share, ...]
    sightings: tuple[Sighting, ...]
    buckets: dict[Bucket, int]

    @property
    def clean(self) -> bool:
        """Nothing was seen that is undeclared or changed, and all that was seen was looked at. Silence alone is no drift.

        SECURITY: else whoever fills a log to its bound first could do the rest unseen.
        """
        return not self.given.beyond and all(finding.kind is FindingKind.SILENT for finding in self.findings)
