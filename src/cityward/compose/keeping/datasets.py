"""What goes with a dataset here: its channels, and which refused rows, hours and marks go when its rows go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry
from cityward.runtime.undoing.erasure import Due
from cityward.runtime.undoing.erasure_ports import Scope

FOR_GOOD = 1_000_000  # days: longer than any that can be declared


def due_of(place: Place, registry: Registry) -> Sequence[Due]:
    """The datasets of observations whose retention is declared."""
    of = dataset_of_channels(place, registry)
    out: list[Due] = []
    for name, dataset in place.datasets.items():
        days = days_kept(place, name)
        if days is not None and dataset.properties and not dataset.made_of:
            mine: NDArray[np.bool_] = np.array([one == name for one in of], dtype=np.bool_)
            out.append(Due(scope_of(place, registry, name, of), mine, days))
    return out


def dataset_of_channels(place: Place, registry: Registry) -> Sequence[str]:
    """(C,) the dataset that says how long a channel's rows are kept; "" where none does.

    Of several on its flow: the one that is kept longest, so that none loses what it is declared to have.
    """
    out: list[str] = []
    for channel, property_ in enumerate(registry.channel_property):
        flow = int(registry.channel_flow[channel])
        among = place.flows[registry.flows[flow]].datasets if flow >= 0 else tuple(place.datasets)
        of = {name: place.datasets[name] for name in among}
        mine = [name for name, one in of.items() if property_ in one.properties and not one.made_of]
        out.append(max(mine, key=lambda name: _long(place, name), default=""))
    return out


def scope_of(place: Place, registry: Registry, name: str, of: Sequence[str]) -> Scope:
    """What goes with a dataset's rows, beside history."""
    channels = [c for c, one in enumerate(of) if one == name]
    units = {int(registry.channel_unit[c]) for c in channels}
    marked = [u for u in units if _last_of(place, registry, u, of) == name]
    return Scope(
        dataset=name,
        channels=[(registry.units[int(registry.channel_unit[c])].id, registry.channel_property[c]) for c in channels],
        flows=[flow for flow in registry.flows if _first_of(place, flow) == name],
        hourly=_hourly(place, name),
        marked=sorted(registry.units[u].id for u in marked),
    )


def _hourly(place: Place, name: str) -> Sequence[str]:
    """Hours are kept for good, but those of personal data, where no dataset that is not personal has the property too."""
    if not place.datasets[name].personal:
        return ()
    others = [one for other, one in place.datasets.items() if other != name]
    longer = [one for one in others if not one.personal or one.retention_days == UNKNOWN]
    return [p for p in place.datasets[name].properties if not any(p in one.properties for one in longer)]


def _first_of(place: Place, flow: str) -> str:
    """A refused row's excerpt may hold all that its flow carries: it goes with what goes first."""
    return min(place.flows[flow].datasets, key=lambda name: _long(place, name))


def _last_of(place: Place, registry: Registry, unit: int, of: Sequence[str]) -> str:
    mine = [of[c] for c in registry.channels_of(unit) if of[c]]
    return max(mine, key=lambda name: _long(place, name))


def _long(place: Place, name: str) -> int:
    days = days_kept(place, name)
    return FOR_GOOD if days is None else days


def days_kept(place: Place, name: str) -> int | None:
    """So many days a dataset is kept as declared; None where nobody knows."""
    days = place.datasets[name].retention_days
    return None if isinstance(days, str) else days
