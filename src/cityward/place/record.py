"""What every record of the declaration carries: where the statement comes from and how long it holds."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

import msgspec

UNKNOWN: Literal["unknown"] = "unknown"
"""The honest value: not known. Always counted, never shown as a pass."""
Unknown = Literal["unknown"]


class Evidence(StrEnum):
    """On what a statement rests."""

    DECLARED = "declared"
    OBSERVED = "observed"
    REGISTRY = "registry"
    UNKNOWN = "unknown"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields common to every record; each kind adds its own."""

    name: str = ""
    note: str = ""
    evidence: Evidence = Evidence.DECLARED
    source: str | None = None
    asserted_by: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
