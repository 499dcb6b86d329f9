"""The answers that are scored: a detector fed as the watch would feed it, hour by hour, and what most would write instead.

INVARIANT: nothing is chosen on a labelled file: ours and PCA's thresholds come from the clean year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.batadal.corpus import Hours, Scada
from cityward.place.loader import load
from cityward.place.registry import number
from cityward.time import HOUR
from cityward.watch.contract import STEP_US, Detector, Phase, Step
from cityward.watch.world import World, world_of

PCA_PARTS, PCA_HOURS, PCA_QUANTILE = 8, 6, 0.999


def by_pca(clean: Scada, file: Scada) -> Hours:
    """What most would write: largest residual of 8 principal components, mean of 6 hours, beyond 999 in 1,000 clean hours."""
    moves = clean.value.std(axis=0) > 0
    mean, sd = clean.value[:, moves].mean(axis=0), clean.value[:, moves].std(axis=0)
    parts = np.linalg.svd((clean.value[:, moves] - mean) / sd, full_matrices=False)[2][:PCA_PARTS]

    def left(value: NDArray[np.float64]) -> NDArray[np.float64]:
        z = (value[:, moves] - mean) / sd
        largest = np.abs(z - z @ parts.T @ parts).max(axis=1)
        return np.convolve(largest, np.full(PCA_HOURS, 1 / PCA_HOURS))[: len(largest)]

    alarm: Hours = left(file.value) > np.quantile(left(clean.value), PCA_QUANTILE)
    return alarm


@dataclass(slots=True)
class Watched:
    """A detector under way: open episodes by key."""

    detector: Detector
    world: World
    state: object
    open: set[tuple[str, int, int]]


def watched(detector: Detector, world: World) -> Watched:
    """Before the first hour."""
    return Watched(detector, world, detector.begin(world), set())


def alarms(run: Watched, file: Scada, *, learning: bool) -> Hours:
    """(N,) whether an episode was open when each hour's readings were in; each hour is a step with readings and eleven
    without."""
    nothing = np.full(run.world.channels, np.nan)
    none = np.zeros(run.world.channels, dtype=np.int32)
    out = np.zeros(len(file), dtype=np.bool_)
    for i, at in enumerate(file.at.tolist()):
        for before in range(HOUR // STEP_US - 1, 0, -1):
            tell(run, Step(at - before * STEP_US, nothing, nothing, none, learning))
        value = file.value[i]
        tell(run, Step(at, value, value, np.isfinite(value).astype(np.int32), learning))
        out[i] = bool(run.open)
    return out


def tell(run: Watched, step: Step) -> None:
    """A step more: what it begins and ends."""
    for sign in run.detector.step(run.state, step, run.world):
        key = (sign.kind, sign.channel, sign.began_at)
        if sign.phase is Phase.ENDED:
            run.open.discard(key)
        else:
            run.open.add(key)


def one_site(columns: Sequence[str]) -> World:
    """The place as the watch is told of it: one site, one device for each column of the file."""
    devices = {_id(name): {"model": "gauge", "site": "works", "owner": "utility", "zone": "plant"} for name in columns}
    flows = {
        f"{device}-in": {
            "from": device, "to": "scada", "datasets": ["readings"], "purpose": "supply", "protocol": "mqtt",
            "observability": "enforced",
        }
        for device in devices
    }  # fmt: skip
    declared = {
        "place": "water-town",
        "name": "Water town",
        "position": [2.3, 54.9],
        "responsible": "utility",
        "platform": "scada",
        "jurisdictions": {"xa": {"code": "XA", "home": True}},
        "parties": {"utility": {"kind": "public-body", "incorporated_in": "xa"}},
        "purposes": {"supply": {}},
        "sites": {"works": {"jurisdiction": "xa"}},
        "zones": {"plant": {"trust": 4}},
        "systems": {"scada": {"kind": "platform", "site": "works", "zone": "plant", "operator": "utility"}},
        "device_models": {"gauge": {"maker": "utility", "properties": {"water-level": {}}}},
        "devices": devices,
        "datasets": {
            "readings": {
                "personal": False,
                "sensitivity": "internal",
                "retention_days": 365,
                "properties": ["water-level"],
            }
        },
        "flows": flows,
    }
    place = load("place.yaml", lambda _: msgspec.yaml.encode(declared)).place
    assert place is not None
    return world_of(place, number(place))


def _id(column: str) -> str:
    return column.lower().replace("_", "-")
