"""The declaration, numbered: devices, channels and flows as small integers, so that the hot path works on columns.

A *unit* is one physical device (a member of a group, or a device that is no group). A *channel* is one observed property of
one unit: the thing that has a value. Every column of the running chain refers to these numbers, every store to the names.

INVARIANTS
- `unit_index[units[i].id] == i`; channel `c` belongs to unit `channel_unit[c]`.
- `channel_flow[c] == -1` exactly where no enforced flow carries the property: such a reading is refused, never guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES
from cityward.place.budgets import Sender, SharedBudget, own, shared
from cityward.place.data import Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.priority import priorities
from cityward.place.record import UNKNOWN
from cityward.place.services import Priority
from cityward.place.things import Device, DeviceModel, DeviceStatus, Hardware, Polled, Position

ENTRY_PROTOCOLS = frozenset({"mqtt", "http", "ngsi-ld", "gtfs-realtime", "modbus", "files", "talq"})
"""Protocols by which observations enter through a gate of ours."""

UNLIMITED = FlowLimits()

NEVER_BARRED = np.iinfo(np.int64).max

CONNECTIONS = 4
"""Connections of a device at one time, each under a client id of its own, where its budget does not say otherwise: more than one,
because the broker holds a lost one until its keep-alive is over."""

BARS = 4
"""So many bars of a unit the gate knows, the newest: older ones ended before anything that is judged again."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical device, with an identity of its own."""

    id: str
    group: str  # the declared device it is a member of; its own id where it is no group
    model: str
    format: str  # how its model writes observations: senml | json | ngsi-ld | lorawan | gtfs-rt | modbus
    status: DeviceStatus
    area: str | None
    position: Position | None
    channels: tuple[int, ...]  # its channels, in the model's order
    credential: str  # what it proves itself with: password | certificate
    flow: int  # the flow that its messages are counted under; -1 where it has none
    hardware: Hardware | None = None  # what its radio is known by, where that is declared
    polled: Polled | None = None  # where it is asked, where it does not speak by itself


@dataclass(frozen=True, slots=True)
class Registry:
    """See the module. Arrays over channels have shape (C,), over units (U,), over flows (F,)."""

    units: tuple[Unit, ...]
    unit_index: dict[str, int]
    unit_active: NDArray[np.bool_]
    unit_barred_from: NDArray[np.int64]  # (U, BARS) city us from which on nothing of it is taken; `NEVER_BARRED`
    unit_barred_until: NDArray[np.int64]  # (U, BARS) city us until which, exclusive; `NEVER_BARRED`: until it is lifted
    unit_flow: NDArray[np.int32]
    unit_priority: NDArray[np.uint8]  # (U,) `Priority`
    unit_limits: NDArray[np.int64]  # (U, 2) messages and bytes a minute, of the unit alone
    unit_connections: NDArray[np.int32]  # (U,) connections at one time
    budgets: tuple[SharedBudget, ...]  # what units use up together, narrow ones first
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
    leaving = _by_source(entry)
    units: list[Unit] = []
    channels: list[_Channel] = []
    for device_id, device in place.devices.items():
        for nth, (unit_id, position, area) in enumerate(members(device_id, device)):
            carrying = [*leaving.get(unit_id, ()), *(leaving.get(device_id, ()) if unit_id != device_id else ())]
            mine = _channels(place, device, len(units), area, carrying)
            units.append(
                Unit(
                    id=unit_id,
                    group=device_id,
                    model=device.model,
                    format=place.device_models[device.model].format,
                    status=device.status,
                    area=area,
                    position=position,
                    channels=tuple(range(len(channels), len(channels) + len(mine))),
                    credential=device.credential,
                    flow=min((n for n, _ in carrying), default=-1),
                    hardware=device.hardware[nth] if nth < len(device.hardware) else None,
                    polled=device.polled[nth] if nth < len(device.polled) else None,
                )
            )
            channels += mine
    return _registry(place, entry, units, channels)


@dataclass(frozen=True, slots=True)
class _Channel:
    """One row of the registry's channel columns."""

    unit: int
    property: str
    key: str
    area: str | None
    symbol: str
    sent: str
    low: float
    high: float
    flow: int


def _channels(
    place: Place, device: Device, unit: int, area: str | None, carrying: Sequence[tuple[int, Flow]]
) -> list[_Channel]:
    """A unit's channels, in its model's order."""
    out: list[_Channel] = []
    for prop, mapping in place.device_models[device.model].properties.items():
        known = PROPERTIES[prop]
        out.append(
            _Channel(
                unit=unit,
                property=prop,
                key=mapping.key or prop,
                area=area,
                symbol=known.unit,
                sent=mapping.unit or known.unit,
                low=known.low if mapping.low is None else mapping.low,
                high=known.high if mapping.high is None else mapping.high,
                flow=_flow_for(place, prop, carrying),
            )
        )
    return out


def _registry(place: Place, entry: Mapping[str, Flow], units: Sequence[Unit], channels: Sequence[_Channel]) -> Registry:
    """The rows turned into columns."""
    senders = _senders(place, entry, units)
    priority, limits, connections = _allowed(place, senders, units, tuple(entry.values()))
    return Registry(
        units=tuple(units),
        unit_index={u.id: i for i, u in enumerate(units)},
        unit_barred_from=np.full((len(units), BARS), NEVER_BARRED, dtype=np.int64),
        unit_barred_until=np.full((len(units), BARS), NEVER_BARRED, dtype=np.int64),
        unit_active=np.array([u.status is DeviceStatus.ACTIVE for u in units], dtype=np.bool_),
        unit_flow=np.array([u.flow for u in units], dtype=np.int32),
        unit_priority=priority,
        unit_limits=limits,
        unit_connections=connections,
        budgets=shared(place.budgets, senders, priority, limits),
        channel_unit=np.array([c.unit for c in channels], dtype=np.int32),
        channel_property=tuple(c.property for c in channels),
        channel_name=np.array([_name64(units[c.unit].id, c.property) for c in channels], dtype=np.uint64),
        channel_area=tuple(c.area for c in channels),
        channel_unit_symbol=tuple(c.symbol for c in channels),
        channel_sent_unit=tuple(c.sent for c in channels),
        channel_low=np.array([c.low for c in channels], dtype=np.float64),
        channel_high=np.array([c.high for c in channels], dtype=np.float64),
        channel_flow=np.array([c.flow for c in channels], dtype=np.int32),
        channel_by_key={(c.unit, c.key): i for i, c in enumerate(channels)},
        channel_by_property={(c.unit, c.property): i for i, c in enumerate(channels)},
        flows=tuple(entry),
        flow_limits=tuple(flow.limits for flow in entry.values()),
        models=dict(place.device_models),
    )


def _senders(place: Place, entry: Mapping[str, Flow], units: Sequence[Unit]) -> list[Sender]:
    """What a budget may be of, of each unit: the unit, its group, its flow, and who makes, owns or operates it."""
    flows = (*entry, "")
    out: list[Sender] = []
    for unit in units:
        device = place.devices[unit.group]
        who = (place.device_models[unit.model].maker, device.owner, device.operator)
        parties = tuple(dict.fromkeys(party for party in who if party is not None and party != UNKNOWN))
        out.append(Sender(id=unit.id, group=unit.group, flow=flows[unit.flow], parties=parties))
    return out


def _allowed(
    place: Place, senders: Sequence[Sender], units: Sequence[Unit], entry: Sequence[Flow]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
    """(priority, limits, connections) of each unit, as the columns of the registry."""
    by_name = priorities(place, {u.id: u.group for u in units} | {u.group: u.group for u in units})
    priority = [min(by_name.get(n, Priority.ROUTINE) for n in (u.id, u.group)) for u in units]
    limits = [(f.messages_per_minute, f.most_bytes) for f in (*(flow.limits for flow in entry), UNLIMITED)]
    mine = [limits[u.flow] for u in units]
    connections = [CONNECTIONS] * len(units)
    for n, budget in own(place.budgets, senders).items():
        messages, size = mine[n]
        mine[n] = (min(messages, budget.messages_per_minute or messages), min(size, budget.bytes_per_minute or size))
        connections[n] = budget.connections or CONNECTIONS
    columns = np.array(mine, dtype=np.int64).reshape(-1, 2)
    return np.array(priority, dtype=np.uint8), columns, np.array(connections, dtype=np.int32)


def _by_source(entry: Mapping[str, Flow]) -> dict[str, list[tuple[int, Flow]]]:
    """device or unit id -> the numbered entry flows that leave it."""
    out: dict[str, list[tuple[int, Flow]]] = {}
    for n, flow in enumerate(entry.values()):
        out.setdefault(flow.from_, []).append((n, flow))
    return out


def _name64(unit: str, prop: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{unit}/{prop}".encode()).digest()[:8], "little")


def _enters(flow: Flow) -> bool:
    return flow.observability is Observability.ENFORCED and flow.protocol in ENTRY_PROTOCOLS


def _flow_for(place: Place, prop: str, carrying: Sequence[tuple[int, Flow]]) -> int:
    """The first flow, in declared order, that carries the property; -1 where none does."""
    found = (n for n, flow in carrying if any(prop in place.datasets[d].properties for d in flow.datasets))
    return min(found, default=-1)
