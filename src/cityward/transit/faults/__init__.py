"""What is wrong with a timetable: its files, its fields, what they point to, and the plan they make.

Lives here: one function per kind of fault, and `find_faults`, which runs them all. Does not live here: reading a feed (`archive`,
`building`).

INVARIANTS
- Total and pure; bounded: at most `MOST_TOLD` of a kind are told one by one, all are counted.
- A fault names the file, the line and the column.

SPEC: GTFS Schedule reference (presence, types, foreign keys); warnings are of practice, not of the reference.
"""

from cityward.transit.faults.fault import Fault, Faults, Kind
from cityward.transit.faults.finding import KINDS, find_faults

__all__ = ["KINDS", "Fault", "Faults", "Kind", "find_faults"]
