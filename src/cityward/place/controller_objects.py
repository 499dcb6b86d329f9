"""How a property stands in the objects of a signal controller: `phase:2:colour`, `detector:3:volume`, read from the declaration.

| path | from | value |
|---|---|---|
| `phase:<n>:colour` | phaseStatusGroupReds, -Yellows, -Greens | 0 red, 2 amber, 3 green, as `guard.signals.colours` |
| `phase:<n>:walk` | phaseStatusGroupDontWalks, -PedClears, -Walks | 3 walk, 0 otherwise: clearing is not walking |
| `phase:<n>:on`, `phase:<n>:call` | phaseStatusGroupPhaseOns, phaseStatusGroupVehCalls | 0 or 1 |
| `detector:<n>:volume` | detectorVolume | vehicles in the controller's period |
| `detector:<n>:occupancy` | detectorOccupancy | per cent of it; sent in halves |
| `unit:control`, `unit:flash` | unitControlStatus, unitFlashStatus | the standard's number |

SPEC: NTCIP 1202 v02, sections 2.2.4 (phase status), 2.3.5 (volume and occupancy), 2.4 (unit): the names, their numbers below
1.3.6.1.4.1.1206.4.2.1, eight phases to a group, the lowest bit the lowest phase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Instance = tuple[str, int]
"""An object and its row: (`phaseStatusGroupGreens`, 1); 0 of an object that has no rows."""

MOST_PHASES, MOST_DETECTORS = 255, 255
RED, AMBER, GREEN = 0, 2, 3
MOST_VOLUME, MOST_OCCUPANCY = 254, 200  # above: the detector's faults

COLOURS = ("phaseStatusGroupReds", "phaseStatusGroupYellows", "phaseStatusGroupGreens")
WALKS = ("phaseStatusGroupDontWalks", "phaseStatusGroupPedClears", "phaseStatusGroupWalks")

Reading = Callable[[Sequence[int]], float | None]


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """Where one value stands: the objects it is made of. `value` of what they hold; None: they contradict, or report a fault."""

    objects: tuple[Instance, ...]
    value: Reading


def read_object_path(text: str) -> ObjectPath:
    """What a model's `path` names.

    Raises:
        ValueError: nothing; the text says why.
    """
    parts = text.split(":")
    if parts[0] == "unit" and len(parts) == 2 and parts[1] in _UNIT:
        return ObjectPath(((_UNIT[parts[1]], 0),), _as_it_is)
    known = {"phase": ("colour", "walk", "on", "call"), "detector": ("volume", "occupancy")}
    if len(parts) != 3 or parts[2] not in known.get(parts[0], ()):
        raise ValueError("it is written `phase:2:colour`, `detector:3:volume` or `unit:control`")
    most = MOST_PHASES if parts[0] == "phase" else MOST_DETECTORS
    if not parts[1].isascii() or not parts[1].isdigit() or not 1 <= int(parts[1][:4]) <= most:
        raise ValueError(f"a {parts[0]} has a number from 1 to {most}")
    return _phase(int(parts[1]), parts[2]) if parts[0] == "phase" else _detector(int(parts[1]), parts[2])


_UNIT: Mapping[str, str] = {"control": "unitControlStatus", "flash": "unitFlashStatus"}


def phase_bit(phase: int) -> tuple[int, int]:
    """(group, bit) of a phase: eight to a group, both from the lowest.

    >>> phase_bit(9)
    (2, 1)
    """
    group, bit = divmod(phase - 1, 8)
    return group + 1, 1 << bit


def _phase(phase: int, part: str) -> ObjectPath:
    group, bit = phase_bit(phase)
    if part in ("on", "call"):
        name = "phaseStatusGroupPhaseOns" if part == "on" else "phaseStatusGroupVehCalls"
        return ObjectPath(((name, group),), lambda held: float(bool(held[0] & bit)))
    meanings = (RED, AMBER, GREEN) if part == "colour" else (RED, RED, GREEN)
    names = COLOURS if part == "colour" else WALKS

    def shown(held: Sequence[int]) -> float | None:
        lit = [meaning for meaning, mask in zip(meanings, held, strict=True) if mask & bit]
        return float(lit[0]) if len(lit) == 1 else None

    return ObjectPath(tuple((name, group) for name in names), shown)


def _detector(number: int, part: str) -> ObjectPath:
    if part == "volume":
        return ObjectPath(
            (("detectorVolume", number),), lambda held: float(held[0]) if held[0] <= MOST_VOLUME else None
        )
    return ObjectPath((("detectorOccupancy", number),), lambda held: held[0] / 2 if held[0] <= MOST_OCCUPANCY else None)


def _as_it_is(held: Sequence[int]) -> float | None:
    return float(held[0])
