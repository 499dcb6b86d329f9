"""A junction's doubt of the centre: how many vehicles its wishes have cost, by the junction's own look.

Theory of operation
-------------------
Each second the local programme says at what pace the best stage would let vehicles go (`could`), and how much of that the stage
which was wished gives away (`lost`), both in vehicles a second. Whoever looks ahead, or sees more, differs from that rule now and
then: `ALLOWED` of what could go (`ALLOWED_LINKED`), and `FREE_VEH_S` beside it, is nobody's fault. What is lost beyond that is
added up, and what is less is taken off again, never below nothing. At `MOST_LOST` vehicles the centre is not heard for a while
(`waste.Ban`), at half of them the second time, at a third the third. So wishes that do much harm are found out within a minute
or two, and those that do little within several.

Source: Page 1954 (the cumulative sum test). Fails against who loses just less than what is allowed, and costs little more then.

INVARIANT: total: what is no number was not lost.
"""

from __future__ import annotations

import math

from cityward.guard.signals.waste import Ban

ALLOWED, FREE_VEH_S = 0.25, 0.05
ALLOWED_LINKED = 0.5  # where junctions depend on each other: a cabinet does not see whether the next one has room
MOST_LOST = 45.0  # vehicles; our own control never comes to 35 in any scenario measured


class Doubt:
    """See the module. One per junction."""

    def __init__(self, *, linked: bool) -> None:
        self._allowed = ALLOWED_LINKED if linked else ALLOWED
        self._lost = 0.0
        self._ban = Ban()

    def count(self, lost: float, could: float, passed_s: float, now_s: float) -> None:
        """Some time in which the centre's wish was obeyed; with nothing lost of nothing, in which it was not."""
        more = (lost - self._allowed * could - FREE_VEH_S) * passed_s
        self._lost = max(self._lost + more, 0.0) if math.isfinite(more) else self._lost
        if self._lost >= MOST_LOST / (1 + self._ban.remembered(now_s)):
            self._lost = 0.0
            self._ban.begin(now_s)

    def holds(self, now_s: float) -> bool:
        """Whether the centre is not to be heard now."""
        return self._ban.holds(now_s)
