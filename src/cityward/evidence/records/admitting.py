"""What came in: batches, feeds, and the roles that judge them."""

from __future__ import annotations

import msgspec

from cityward.evidence.records.record import Record


class Admission(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="admission"):
    """One batch went through the admit gate: log sequences `first_seq..last_seq`, and what became of their rows.

    `digest` is SHA-256 over the admitted columns (see `guard.admit.digest`), `refused` counts by reason word.
    Written before the batch is held: after a crash the same range is judged again and must give the same digest.
    """

    stream: str
    partitions: tuple[int, ...]
    first_seq: int
    last_seq: int
    received: int
    admitted: int
    shed: int
    refused: dict[str, int]
    by_flow: dict[str, tuple[int, int, int, int]]  # received, admitted, refused, shed
    by_reason: dict[str, dict[str, int]] = msgspec.field(
        default_factory=dict
    )  # flow -> reason word -> rows refused or shed
    digest: str
    declaration: str  # SHA-256 of the declaration it was judged by
    parts: int = 0  # so many `AdmissionPart`s stand right before it, with the flows that did not fit here


class AdmissionPart(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="admission-part"):
    """Further flows of the admission that follows; where none of this range does, it was never made."""

    stream: str
    first_seq: int
    last_seq: int
    by_flow: dict[str, tuple[int, int, int, int]]
    by_reason: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


class Superseded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="superseded"):
    """An admission that was written but never held, and could not be repeated alike (the declaration had changed)."""

    entry: int
    why: str


class Lifecycle(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lifecycle"):
    """The platform itself: started, stopped, device revoked, credential issued, sign-in, broker refusals (counted)."""

    event: str
    detail: dict[str, str]


class DeviceLife(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="device-life"):
    """A device's life changed: added | rotated | revoked | lost | stolen | retired | found, by whom."""

    device: str
    to: str
    person: str
    detail: dict[str, str]


class Heartbeat(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="heartbeat"):
    """A gate is alive: `beat` counts from 1 without a gap, `decided` is what it judged since. A missing beat shows.

    within: the next beat comes at most so long after this one, city us; 0: it does not say. state: `begun`, `alive` or
    `stopped` (in order, so that no beat is due until the gate begins again).
    """

    gate: str
    beat: int
    decided: dict[str, int]
    within: int = 0
    state: str = "alive"


class FeedJudged(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="feed"):
    """A document of a flow went through its gate. standing: `admitted`, `unchanged` or `refused`, the last one with `why`.

    digest: SHA-256 of its bytes as they came; seq: of the log, 0 of a document that is not in it. timestamp: what its own head
    says, POSIX s. refused: reason -> entities. left_out: stops of trip updates. not_checked: published rules that could not be.
    """

    flow: str
    seq: int
    standing: str
    why: str = ""
    digest: str
    size: int
    timestamp: int = 0
    entities: int = 0
    admitted: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    left_out: int = 0
    not_checked: tuple[str, ...] = ()
    declaration: str
