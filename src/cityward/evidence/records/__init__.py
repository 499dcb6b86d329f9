"""The kinds of record. Each is one entry of the log, as canonical JSON (sorted keys, no spaces), tagged by `kind`.

Records carry counts, sequence ranges and digests, not the personal data itself: what is erased from history stays proven.

Each kind lives with those it is told together with: `admitting`, `acting`, `watching`, `leaving`, `showing`, `assuring`. Whoever
writes or reads entries takes them from here.
"""

from __future__ import annotations

import msgspec

from cityward.evidence.records.acting import (
    CommandIssued,
    CommandOutcome,
    CommandRefused,
    Consent,
    HoldRefused,
    OverrideBegun,
    OverrideEnded,
    PlanEnded,
    PlanIssued,
    PlanRefused,
)
from cityward.evidence.records.admitting import (
    Admission,
    AdmissionPart,
    DeviceLife,
    FeedJudged,
    Heartbeat,
    Lifecycle,
    Superseded,
)
from cityward.evidence.records.assuring import Attested, Exercised, Reported, RiskAccepted, Signing
from cityward.evidence.records.leaving import (
    Approval,
    Delivery,
    Erased,
    Granted,
    Postured,
    Read,
    RecipientLife,
    Release,
    ReleaseRefused,
)
from cityward.evidence.records.record import Record
from cityward.evidence.records.showing import (
    SegmentKept,
    SegmentsGone,
    VideoExported,
    ViewAsked,
    ViewEnded,
    ViewGranted,
    ViewRefused,
)
from cityward.evidence.records.watching import (
    Acknowledged,
    Alerted,
    Assigned,
    Contained,
    FileNoted,
    Found,
    Marked,
    Retracted,
    Snoozed,
    Standing,
)

__all__ = [
    "Acknowledged", "Admission", "AdmissionPart", "Alerted", "AnyRecord", "Approval", "Assigned", "Attested",
    "CommandIssued", "CommandOutcome", "CommandRefused", "Consent", "Contained", "Delivery", "DeviceLife", "Erased",
    "Exercised", "FeedJudged", "FileNoted", "Found", "Granted", "Heartbeat", "HoldRefused", "Lifecycle", "Marked",
    "OverrideBegun", "OverrideEnded", "PlanEnded", "PlanIssued", "PlanRefused", "Postured", "Read", "RecipientLife",
    "Record", "Release", "ReleaseRefused", "Reported", "Retracted", "RiskAccepted", "SegmentKept", "SegmentsGone",
    "Signing", "Snoozed", "Standing", "Superseded", "VideoExported", "ViewAsked", "ViewEnded", "ViewGranted",
    "ViewRefused", "decode", "encode",
]  # fmt: skip

AnyRecord = (
    Admission
    | AdmissionPart
    | Superseded
    | CommandIssued
    | CommandOutcome
    | CommandRefused
    | PlanIssued
    | PlanRefused
    | PlanEnded
    | OverrideBegun
    | OverrideEnded
    | Consent
    | Lifecycle
    | Signing
    | Found
    | Standing
    | Marked
    | Retracted
    | Acknowledged
    | Alerted
    | Contained
    | DeviceLife
    | Release
    | ReleaseRefused
    | Delivery
    | RecipientLife
    | Approval
    | Granted
    | Read
    | Postured
    | Erased
    | FeedJudged
    | SegmentKept
    | SegmentsGone
    | ViewAsked
    | ViewGranted
    | ViewRefused
    | ViewEnded
    | VideoExported
    | Attested
    | RiskAccepted
    | Exercised
    | Heartbeat
    | Reported
    | FileNoted
    | HoldRefused
    | Assigned
    | Snoozed
)

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(AnyRecord)


def encode(record: AnyRecord) -> bytes:
    """The record's one canonical form: what is hashed and kept."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> AnyRecord:
    """The inverse of `encode`.

    Raises:
        msgspec.DecodeError: not a record of a known kind.
    """
    try:
        return _DECODER.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:  # neither is msgspec's own, both come out of its decoder
        raise msgspec.DecodeError(f"no record: {type(error).__name__}") from error
