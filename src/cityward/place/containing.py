"""How the place contains what turned against it: for what two persons are needed, and for how long it may last."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ContainedKind = Literal["device", "member", "party", "site", "zone", "jurisdiction"]


class Containing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """two_person: the kinds for which a second person must approve. longest_hours: what is contained is let back in after it."""

    two_person: tuple[ContainedKind, ...] = ("party", "site", "zone", "jurisdiction")
    longest_hours: Annotated[float, Meta(gt=0, le=24 * 366)] = 72.0
