"""The declaration, numbered: devices, channels and flows as small integers, so that the hot path works on columns.

A *unit* is one physical device (a member of a group, or a device that is no group). A *channel* is one observed property of
one unit: the thing that has a value. Every column of the running chain refers to these numbers, every store to the names.

INVARIANTS
- `unit_index[units[i].id] == i`; channel `c` belongs to unit `channel_unit[c]`.
- `channel_flow[c] == -1` exactly where no enforced flow carries the property: such a reading is refused, never guessed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES
from cityward.place.data import Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.things import Device, DeviceModel, DeviceStatus, Position

ENTRY_PROTOCOLS = frozenset({"mqtt", "http", "ngsi-ld"})
"""Protocols by which observations enter through a gate of ours."""

UNLIMITED = FlowLimits()

NEVER_REVOKED = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical device, with an identity of its own."""

    id: str
    group: str  # the declared device it is a member of; its own id where it is no group
    model: str
    format: str  # how its model writes observations: senml | json | ngsi-ld
    status: DeviceStatus
    area: str | None
    position: Position | None
    channels: tuple[int, ...]  # its channels, in the model's order
    credential: str  # what it proves itself with: password | certificate
    flow: int  # the flow that its messages are counted under; -1 where it has none


@dataclass(frozen=True, slots=True)
class Registry:
    """See the module. Arrays over channels have shape (C,), over units (U,), over flows (F,)."""

    units: tuple[Unit, ...]
    unit_index: dict[str, int]
    unit_active: NDArray[np.bool_]
    unit_revoked_at: NDArray[np.int64]  # city us from which on its credential is worth nothing; `NEVER_REVOKED`
    unit_flow: NDArray[np.int32]
    channel_unit: NDArray[np.int32]
    channel_property: tuple[str, ...]
    channel_name: NDArray[np.uint64]  # 64 bits of SHA-256(`unit/property`): the same under any numbering
    channel_area: tuple[str | None, ...]
    channel_unit_symbol: tuple[str, ...]  # the catalogue's unit
    channel_sent_unit: tuple[str, ...]  # the unit its model sends when it names none
    channel_low: NDArray[np.float64]
    channel_high: NDArray[np.float64]
    channel_flow: NDArray[np.int32]
    channel_by_key: dict[tuple[int, str], int]  # (unit, SenML name) -> channel
    channel_by_property: dict[tuple[int, str], int]  # (unit, observed property id) -> channel
    flows: tuple[str, ...]
    flow_limits: tuple[FlowLimits, ...]
    models: dict[str, DeviceModel]

    def channels_of(self, unit: int) -> tuple[int, ...]:
        """The channels of a unit."""
        return self.units[unit].channels


def members(device_id: str, device: Device) -> list[tuple[str, Position | None, str | None]]:
    """(id, position, area) of each unit of a declared device, in declared order."""
    if not device.positions:
        return [(device_id, device.position, device.area)]
    width = max(2, len(str(len(device.positions))))
    areas = device.areas or (device.area,) * len(device.positions)
    return [(f"{device_id}-{n:0{width}d}", where, areas[n - 1]) for n, where in enumerate(device.positions, start=1)]


def number(place: Place) -> Registry:
    """Number a checked place.

    Returns the same numbering for the same declaration: order is the declaration's own.
    """
    entry = {fid: flow for fid, flow in place.flows.items() if _enters(flow)}
    flow_index = {fid: i for i, fid in enumerate(entry)}
    units: list[Unit] = []
    rows: list[tuple[int, str, str | None, str, str, float, float, int]] = []
    by_key: dict[tuple[int, str], int] = {}
    by_property: dict[tuple[int, str], int] = {}
    for device_id, device in place.devices.items():
        model = place.device_models[device.model]
        for unit_id, position, area in members(device_id, device):
            carrying = [(fid, flow) for fid, flow in entry.items() if flow.from_ in (unit_id, device_id)]
            unit = len(units)
            channels: list[int] = []
            for prop, mapping in model.properties.items():
                known = PROPERTIES[prop]
                channel = len(rows)
                rows.append(
                    (
                        unit,
                        prop,
                        area,
                        known.unit,
                        mapping.unit or known.unit,
                        known.low if mapping.low is None else mapping.low,
                        known.high if mapping.high is None else mapping.high,
                        _flow_for(place, prop, carrying, flow_index),
                    )
                )
                by_key[(unit, mapping.key or prop)] = channel
                by_property[(unit, prop)] = channel
                channels.append(channel)
            units.append(
                Unit(
                    id=unit_id,
                    group=device_id,
                    model=device.model,
                    format=model.format,
                    status=device.status,
                    area=area,
                    position=position,
                    channels=tuple(channels),
                    credential=device.credential,
                    flow=flow_index[carrying[0][0]] if carrying else -1,
                )
            )
    return Registry(
        units=tuple(units),
        unit_index={u.id: i for i, u in enumerate(units)},
        unit_revoked_at=np.full(len(units), NEVER_REVOKED, dtype=np.int64),
        unit_active=np.array([u.status is DeviceStatus.ACTIVE for u in units], dtype=np.bool_),
        unit_flow=np.array([u.flow for u in units], dtype=np.int32),
        channel_unit=np.array([r[0] for r in rows], dtype=np.int32),
        channel_property=tuple(r[1] for r in rows),
        channel_name=np.array([_name64(units[r[0]].id, r[1]) for r in rows], dtype=np.uint64),
        channel_area=tuple(r[2] for r in rows),
        channel_unit_symbol=tuple(r[3] for r in rows),
        channel_sent_unit=tuple(r[4] for r in rows),
        channel_low=np.array([r[5] for r in rows], dtype=np.float64),
        channel_high=np.array([r[6] for r in rows], dtype=np.float64),
        channel_flow=np.array([r[7] for r in rows], dtype=np.int32),
        channel_by_key=by_key,
        channel_by_property=by_property,
        flows=tuple(entry),
        flow_limits=tuple(flow.limits for flow in entry.values()),
        models=dict(place.device_models),
    )


def _name64(unit: str, prop: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{unit}/{prop}".encode()).digest()[:8], "little")


def _enters(flow: Flow) -> bool:
    return flow.observability is Observability.ENFORCED and flow.protocol in ENTRY_PROTOCOLS


def _flow_for(place: Place, prop: str, carrying: list[tuple[str, Flow]], flow_index: dict[str, int]) -> int:
    for fid, flow in carrying:
        if any(prop in place.datasets[d].properties for d in flow.datasets):
            return flow_index[fid]
    return -1
