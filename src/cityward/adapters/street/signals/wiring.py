"""Which heads of a net belong to which group of a declared junction: `heads.yaml`, the cabinet's wiring.

INVARIANT: every head that the net's own programme lets go is wired to one group, and every group of the junction has a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from cityward.adapters.sumo.derive import Signal
from cityward.adapters.sumo.net import ScenarioError
from cityward.adapters.sumo.scenario import Scenario, read_scenario
from cityward.place.junctions import Junction

FILE = "heads.yaml"
MOST_BYTES = 1 << 20

Heads = dict[str, dict[str, tuple[int, ...]]]


def wired(folder: Path, junctions: Mapping[str, Junction]) -> Scenario:
    """The scenario of a folder, with the declared junctions in place of those that the net's programmes tell.

    Raises:
        ScenarioError: the folder cannot be read, or its wiring does not fit the declaration.
    """
    scenario, heads = read_scenario(folder), read_heads(folder / FILE)
    signals: dict[str, Signal] = {}
    for name, groups in heads.items():
        if name in junctions:
            signals[name] = _signal(scenario, name, junctions[name], groups)
    if not signals:
        raise ScenarioError(f"none of {', '.join(heads)} is declared", where=str(folder / FILE))
    return replace(scenario, signals=signals)


def read_heads(path: Path) -> Heads:
    """Junction -> group -> its heads.

    Raises:
        ScenarioError: the file is missing, too large or of another shape.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ScenarioError("the file is too large", where=str(path))
        return msgspec.yaml.decode(path.read_bytes(), type=Heads)
    except (OSError, msgspec.MsgspecError) as error:
        raise ScenarioError(f"the wiring cannot be read: {error}", where=str(path)) from error


def _signal(scenario: Scenario, name: str, junction: Junction, groups: Mapping[str, tuple[int, ...]]) -> Signal:
    known = scenario.signals.get(name)
    if known is None:
        raise ScenarioError(f"the net has no signal `{name}`", where=FILE, mend="name one of the net's signals")
    wiring: list[str | None] = [None] * len(known.groups)
    for group, heads in groups.items():
        for head in heads:
            if not 0 <= head < len(wiring) or wiring[head] is not None:
                raise ScenarioError(f"head {head} of `{name}` is none, or is wired twice", where=FILE)
            wiring[head] = group
    loose = [str(nth) for nth, group in enumerate(known.groups) if group is not None and wiring[nth] is None]
    if loose or set(groups) != set(junction.groups):
        what = (
            f"heads {', '.join(loose)} of `{name}` are not wired"
            if loose
            else f"`{name}` has other groups than declared"
        )
        raise ScenarioError(what, where=FILE, mend="name each group of the declaration with its heads")
    return Signal(tl=known.tl, junction=junction, groups=tuple(wiring), yields=known.yields, resting=known.resting)
