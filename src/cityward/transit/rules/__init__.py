"""The published rules of GTFS-Realtime, E001 to E052 and W001 to W009, each a small function over one case.

Lives here: the rules, by what they look at, and `judge`, which runs them all. Does not live here: what becomes of a feed that
breaks one (`guard.feeds`); rules of timetables (`transit.faults`).

INVARIANTS
- Total and pure: any case gives a report; the same case gives the same one.
- A rule that cannot be checked for want of a timetable, a feed before, or a clock is said to be not checked; it never passes.
- What one rule tells of a feed is bounded (`MOST_TOLD`), what it counts is not.

SPEC: RULES.md of the GTFS-Realtime validator (numbers, titles, thresholds). Where two readings are open, the function says which.
"""

from cityward.transit.rules.case import Breach, Case, Memory, Need, Report, Rule, Severity
from cityward.transit.rules.judging import RULES, find, judge, remember

__all__ = ["RULES", "Breach", "Case", "Memory", "Need", "Report", "Rule", "Severity", "find", "judge", "remember"]
