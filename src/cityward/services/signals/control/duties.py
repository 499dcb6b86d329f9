"""What comes before reckoning: who has waited too long, who called, who has proven that he goes first.

Lives here: the order of these, and their bounds. Does not live here: whether a request is proven (`guard.signals.priority`).

Order: a proven emergency, a wait that is overdue, a proven bus. Each kind of priority has an allowance of green
(`ALLOWANCE_S`) that comes back slowly: who asks without end, or with stolen keys, gets it once and then waits like others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cityward.services.signals.control.layout import Layout
from cityward.services.signals.control.queues import Queues
from cityward.services.signals.seen import JunctionSeen, PriorityAsked, Wish

PATIENCE_S = 150.0  # who is seen to wait; the sequencer's longest wait comes later still
CALLED_S = 60.0  # who called: about the longest that people on foot wait at red before they walk
UNSEEN_CYCLES = 1.25  # a lane that nobody sees: its plan's cycle, and a little
BEFORE_MAX_S = 15.0  # so long before the declared longest red at the latest
SOON_S: Mapping[str, float] = {"emergency": 30.0, "bus": 15.0, "cycle": 10.0, "pedestrian": 10.0}
ALLOWANCE_S: Mapping[str, float] = {"emergency": 60.0, "bus": 30.0, "cycle": 15.0, "pedestrian": 15.0}
REGAINS = 0.1  # of a second a second
KINDS = ("emergency", "bus", "cycle", "pedestrian")


def duty(layout: Layout, seen: JunctionSeen, queues: Queues, favoured: Mapping[str, float]) -> tuple[Wish | None, str]:
    """The wish that a duty asks for, and the kind of priority that it is charged to ("" where none is)."""
    urgent = _first_of(layout, seen, favoured, ("emergency",))
    if urgent is not None:
        return urgent, "emergency"
    late = _overdue(layout, seen, queues)
    if late is not None:
        return late, ""
    for kind in KINDS[1:]:
        wish = _first_of(layout, seen, favoured, (kind,))
        if wish is not None:
            return wish, kind
    return None, ""


def fade(favoured: Mapping[str, float], kind: str, passed_s: float) -> dict[str, float]:
    """The allowances that are used up, after some time more."""
    used = {name: max(0.0, one - REGAINS * passed_s) for name, one in favoured.items()}
    if kind:
        used[kind] = used.get(kind, 0.0) + passed_s
    return {name: one for name, one in used.items() if one > 0}


def _first_of(layout: Layout, seen: JunctionSeen, favoured: Mapping[str, float], kinds: tuple[str, ...]) -> Wish | None:
    asked = [one for one in seen.priority if one.kind in kinds and _counts(layout, one, favoured)]
    if not asked:
        return None
    first = min(asked, key=lambda one: (one.seconds, one.group))
    stage = _stage_with(layout, seen, first.group, np.zeros(len(layout.lanes)))
    return Wish(stage, f"{first.kind} in {max(first.seconds, 0.0):.0f} s", {"group": first.group, "by": first.by})


def _counts(layout: Layout, one: PriorityAsked, favoured: Mapping[str, float]) -> bool:
    used = favoured.get(one.kind, 0.0)
    return one.group in layout.groups and one.seconds <= SOON_S[one.kind] and used < ALLOWANCE_S[one.kind]


def _overdue(layout: Layout, seen: JunctionSeen, queues: Queues) -> Wish | None:
    """A stage for who has waited the longest beyond what is bearable, if anybody has."""
    unseen = UNSEEN_CYCLES * sum(seconds for _, seconds in layout.plan)
    weak = {*queues.blind, *queues.doubted}
    waits = (queues.queue >= 1).tolist()
    worst, whose, why = 0.0, "", ""
    for group, lanes in zip(layout.groups, layout.group_lanes, strict=True):
        red_s, declared = seen.red_s.get(group, 0.0), layout.junction.groups[group]
        bounds = [declared.max_red_s - BEFORE_MAX_S]
        if group in seen.calls:
            bounds.append(CALLED_S)
        if weak and any(layout.lanes[n] in weak for n in lanes):
            bounds.append(unseen)
        if any(waits[n] for n in lanes):
            bounds.append(PATIENCE_S)
        if len(bounds) > 1 and red_s - min(bounds) > worst:
            worst, whose = red_s - min(bounds), group
            why = f"`{group}` has been red for {red_s:.0f} s"
    if not whose or not np.isfinite(worst):
        return None
    return Wish(_stage_with(layout, seen, whose, queues.queue * queues.weight), why, {"group": whose})


def _stage_with(layout: Layout, seen: JunctionSeen, group: str, load: np.ndarray) -> int:
    """The best stage in which a group is green: the present one if it is, else the one that lets most others go with it."""
    member = layout.member[:, layout.groups.index(group)]
    if 0 <= seen.stage < len(member) and member[seen.stage]:
        return seen.stage
    stages = np.arange(len(member))
    gain = np.minimum(layout.flow[stages, stages] * 20.0, load).sum(axis=1) + 0.01 * layout.member.sum(axis=1)
    return int(np.where(member, gain, -1.0).argmax())
