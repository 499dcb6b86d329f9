"""What our controller remembers from one second to the next. It starts empty and may be lost at any time."""

from __future__ import annotations

import msgspec

from cityward.guard.signals.usual import Usual


class LaneKept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One lane. rate: vehicles a second that come, over minutes; usual: who comes over hours, and who waits unseen.

    doubt: 0 believed .. 1 not at all; doubted_s: for how long more than not. mark: what it said last, as one number; same_s: how
    long it has said that.
    """

    rate: float = 0.0
    usual: Usual = Usual()
    doubt: float = 0.0
    doubted_s: float = 0.0
    mark: float = 0.0
    same_s: float = 0.0


class JunctionKept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One junction. heat: how crowded it is on ways that cannot go together, 0..1, a slow mean; crowded: it follows its own plan.

    favoured: kind of priority -> s of green that it was given lately (it fades).
    """

    lanes: dict[str, LaneKept] = {}
    heat: float = 0.0
    crowded: bool = False
    favoured: dict[str, float] = {}


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All junctions; at: the second it was written."""

    junctions: dict[str, JunctionKept] = {}
    at: float = 0.0
