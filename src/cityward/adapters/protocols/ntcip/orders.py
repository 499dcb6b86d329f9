"""A wished stage as the control objects of a controller, and a controller's status objects as the colours of a junction's groups.

A group is a phase: `phases` says which. A stage is asked for by calls for its phases, a hold on those, a force-off of the phases
that are on and not in it, and an omission of all others, so that the controller serves nothing between. `PLAN` writes nought to
all: the controller runs by itself again. The controller keeps its own minimum greens, ambers and red clearances whatever is
written, and sets all these objects to nought when it hears nothing for `unitBackupTime`: that is `lost_after_s`.

SPEC: NTCIP 1202 v02, section 2.2.5 (phase control) and 2.4.3 (unitBackupTime).

Does not live here: whether a stage may be asked for (`guard.signals.gate`), and how varbinds are carried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cityward.adapters.protocols.ntcip.objects import oid_of
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.rules import PLAN
from cityward.place.controller_objects import COLOURS, WALKS, Instance, phase_bit
from cityward.place.junctions import Junction

NOT_FLASHING = 2  # of unitFlashStatus
CONTROLS = (
    "phaseControlGroupVehCall",
    "phaseControlGroupPedCall",
    "phaseControlGroupPhaseOmit",
    "phaseControlGroupPedOmit",
    "phaseControlGroupHold",
    "phaseControlGroupForceOff",
)

Phases = Mapping[str, int]
"""Group -> its phase, from 1."""


def phases_of(junction: Junction) -> Phases:
    """The groups numbered as they are declared: the first is phase 1. For controllers that were set up from the declaration."""
    return {group: nth for nth, group in enumerate(junction.groups, start=1)}


def orders_for(junction: Junction, phases: Phases, stage: int, on: Sequence[str]) -> list[tuple[Instance, int]]:
    """The varbinds to write for a stage, or for `PLAN`; `on`: the groups that are green now.

    Raises:
        ValueError: the junction has no such stage.
    """
    if not PLAN <= stage < len(junction.stages):
        raise ValueError(f"the junction has stages up to {len(junction.stages) - 1}")
    wanted = frozenset[str]() if stage == PLAN else frozenset(tuple(junction.stages.values())[stage])
    others = frozenset[str]() if stage == PLAN else junction.groups.keys() - wanted
    walking = {group for group, made in junction.groups.items() if made.kind == "pedestrian"}
    asked = (wanted - walking, wanted & walking, others - walking, others & walking, wanted, others & set(on))
    masks = [_masks(groups, phases) for groups in asked]
    rows = sorted({phase_bit(phases[group])[0] for group in junction.groups})
    return [((name, row), mask.get(row, 0)) for row in rows for name, mask in zip(CONTROLS, masks, strict=True)]


def backup_s(junction: Junction) -> tuple[Instance, int]:
    """What `unitBackupTime` must be, so that the controller forgets a centre that has fallen silent as the declaration says."""
    return ("unitBackupTime", 0), math.ceil(junction.lost_after_s)


def as_varbinds(orders: Sequence[tuple[Instance, int]]) -> dict[str, int]:
    """Orders as a message: number -> value."""
    return {oid_of(instance): value for instance, value in orders}


def lights_of(junction: Junction, phases: Phases, held: Mapping[Instance, int]) -> dict[str, Colour | None]:
    """What each group shows, for `guard.signals.monitor`; None: the objects do not say, or contradict each other."""
    if held.get(("unitFlashStatus", 0), NOT_FLASHING) != NOT_FLASHING:
        return dict.fromkeys(junction.groups, Colour.FLASHING)
    return {group: _shown(phases[group], made.kind == "pedestrian", held) for group, made in junction.groups.items()}


def _shown(phase: int, walks: bool, held: Mapping[Instance, int]) -> Colour | None:
    row, bit = phase_bit(phase)
    names = WALKS if walks else COLOURS
    meanings = (Colour.RED, Colour.RED, Colour.GREEN) if walks else (Colour.RED, Colour.AMBER, Colour.GREEN)
    lit = [meaning for name, meaning in zip(names, meanings, strict=True) if held.get((name, row), 0) & bit]
    return lit[0] if len(lit) == 1 else None


def _masks(groups: frozenset[str] | set[str], phases: Phases) -> dict[int, int]:
    masks: dict[int, int] = {}
    for group in groups:
        row, bit = phase_bit(phases[group])
        masks[row] = masks.get(row, 0) | bit
    return masks
