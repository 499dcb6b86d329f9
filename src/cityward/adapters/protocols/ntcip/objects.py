"""The objects that are used here: name, number, and the largest value that the standard gives them.

SPEC: NTCIP 1202 v02, Annex A: asc = 1.3.6.1.4.1.1206.4.2.1; phase = asc.1, detector = asc.2, unit = asc.3. Objects in a table are
followed by their row, others by 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.place.controller_objects import Instance

ASC = "1.3.6.1.4.1.1206.4.2.1"
BYTE = 255


@dataclass(frozen=True, slots=True)
class ControllerObject:
    """One object. oid: without its row. rows: whether it stands in a table. most: values are 0 to this."""

    name: str
    oid: str
    rows: bool
    most: int = BYTE


def _table(oid: str, *columns: tuple[str, int]) -> list[ControllerObject]:
    return [ControllerObject(name, f"{oid}.{column}", rows=True) for name, column in columns]


OBJECTS: Mapping[str, ControllerObject] = {
    one.name: one
    for one in (
        *_table(
            f"{ASC}.1.4.1",
            ("phaseStatusGroupReds", 2),
            ("phaseStatusGroupYellows", 3),
            ("phaseStatusGroupGreens", 4),
            ("phaseStatusGroupDontWalks", 5),
            ("phaseStatusGroupPedClears", 6),
            ("phaseStatusGroupWalks", 7),
            ("phaseStatusGroupVehCalls", 8),
            ("phaseStatusGroupPedCalls", 9),
            ("phaseStatusGroupPhaseOns", 10),
            ("phaseStatusGroupPhaseNexts", 11),
        ),
        *_table(
            f"{ASC}.1.5.1",
            ("phaseControlGroupPhaseOmit", 2),
            ("phaseControlGroupPedOmit", 3),
            ("phaseControlGroupHold", 4),
            ("phaseControlGroupForceOff", 5),
            ("phaseControlGroupVehCall", 6),
            ("phaseControlGroupPedCall", 7),
        ),
        *_table(f"{ASC}.2.4.1", ("vehicleDetectorStatusGroupActive", 2), ("vehicleDetectorStatusGroupAlarms", 3)),
        *_table(f"{ASC}.2.5.4.1", ("detectorVolume", 1), ("detectorOccupancy", 2)),
        ControllerObject("unitBackupTime", f"{ASC}.3.3", rows=False, most=65_535),
        ControllerObject("unitControlStatus", f"{ASC}.3.5", rows=False),
        ControllerObject("unitFlashStatus", f"{ASC}.3.6", rows=False),
    )
}
"""By name."""

_BY_OID = {one.oid: one for one in OBJECTS.values()}
MOST_ROW = 255


def instance_of(text: str) -> Instance:
    """The object and row that a varbind's name means: `phaseStatusGroupGreens.1`, or the number with its row.

    Raises:
        ValueError: it is none that is known here.
    """
    head, _, row = text.lstrip(".").rpartition(".")
    known = OBJECTS.get(head) or _BY_OID.get(head)
    whole = row.isascii() and row.isdigit() and len(row) <= 3 and str(int(row)) == row
    if known is None or not whole or not (1 <= int(row) <= MOST_ROW if known.rows else int(row) == 0):
        raise ValueError("no object that is known here")
    return known.name, int(row)


def oid_of(instance: Instance) -> str:
    """The whole number of an object's row."""
    name, row = instance
    return f"{OBJECTS[name].oid}.{row}"
