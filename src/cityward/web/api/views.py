"""The shapes the console reads, and how they come from the declaration, the state store and history. No I/O here.

Times named `_ms` are city time in ms since 1970 UTC; positions are longitude, latitude. `docs/api.md` shows each shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cityward.catalogue import PROPERTIES
from cityward.guard.reasons import MENDS, Reason
from cityward.insight.marks import Mark
from cityward.place.holdings import holdings
from cityward.place.model import Place
from cityward.place.registry import Registry, Unit
from cityward.place.things import Position
from cityward.reach.picture import Picture
from cityward.reach.telling.names import name_of
from cityward.runtime.ports import CredentialRow, ExpectedRow, HourlyRow, Latest, Quarantined
from cityward.web.accounts.sight import Sight
from cityward.web.ports import Doors

_MEND_OF = {reason.word: MENDS.get(reason, "") for reason in Reason}
EXCERPT = 256  # characters


class View(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A shape that is sent and never read."""


class PropertyView(View, frozen=True, kw_only=True):
    id: str
    title: str
    unit: str


class DeviceView(View, frozen=True, kw_only=True):
    """One unit."""

    id: str
    group: str
    model: str
    name: str
    area: str | None
    position: Position | None
    status: str
    actuator: bool
    properties: tuple[PropertyView, ...]


class AreaView(View, frozen=True, kw_only=True):
    id: str
    name: str
    centre: Position | None
    outline: tuple[Position, ...]


class FlowView(View, frozen=True, kw_only=True):
    id: str
    name: str
    from_: str
    to: str
    to_name: str
    purpose: str


class ServiceView(View, frozen=True, kw_only=True):
    id: str
    name: str
    kind: str
    operator: str
    operator_name: str
    actuators: tuple[str, ...]
    sources: tuple[str, ...]  # devices and groups whose readings it reads, as far as they are seen


class ClockView(View, frozen=True, kw_only=True):
    now_ms: int
    speed: float


class PlaceView(View, frozen=True, kw_only=True):
    id: str
    name: str
    position: Position
    timezone: str
    tiles: bool  # whether there is a map to draw it on
    clock: ClockView
    areas: tuple[AreaView, ...]
    devices: tuple[DeviceView, ...]
    flows: tuple[FlowView, ...]
    services: tuple[ServiceView, ...]


class ValueView(View, frozen=True, kw_only=True):
    property: str
    value: float
    observed_at_ms: int
    received_at_ms: int


class ExpectedView(View, frozen=True, kw_only=True):
    property: str
    hour: int
    low: float
    high: float
    count: int


class CredentialView(View, frozen=True, kw_only=True):
    state: str
    issued_at_ms: int | None
    revoked_at_ms: int | None


class RefusalView(View, frozen=True, kw_only=True):
    seq: int
    row: int
    device: str
    flow: str
    property: str
    reason: str
    mend: str
    value: float | None
    observed_at_ms: int | None
    received_at_ms: int
    excerpt: str


class ReasonView(View, frozen=True, kw_only=True):
    flow: str
    reason: str
    count: int
    mend: str


class DoorView(View, frozen=True, kw_only=True):
    reason: str
    count: int


class RefusalsView(View, frozen=True, kw_only=True):
    reasons: tuple[ReasonView, ...]
    recent: tuple[RefusalView, ...]
    door: tuple[DoorView, ...]


class DevicePageView(View, frozen=True, kw_only=True):
    device: DeviceView
    latest: tuple[ValueView, ...]
    expected: tuple[ExpectedView, ...]
    last_seen_ms: int | None
    flow: str | None
    chain: tuple[str, ...]
    credential: CredentialView
    refusals: tuple[RefusalView, ...]


class SeriesView(View, frozen=True, kw_only=True):
    property: str
    unit: str
    points: tuple[tuple[int, float], ...]


class MarkView(View, frozen=True, kw_only=True):
    """A span of the window that is not to be relied on. `properties`: none means all; `state`: suspect | retracted."""

    id: str
    state: str
    properties: tuple[str, ...]
    since_ms: int
    until_ms: int
    why: str


class WindowView(View, frozen=True, kw_only=True):
    since_ms: int
    until_ms: int
    series: tuple[SeriesView, ...]
    marks: tuple[MarkView, ...]


class IndicatorView(View, frozen=True, kw_only=True):
    property: str
    area: str
    hour_ms: int
    count: int
    mean: float
    low: float
    high: float
    total: float


class IndicatorsView(View, frozen=True, kw_only=True):
    rows: tuple[IndicatorView, ...]


class NodeView(View, frozen=True, kw_only=True):
    id: str
    kind: str
    title: str
    subtitle: str
    x: float
    y: float
    w: float
    h: float
    flows: tuple[str, ...]
    party: str = ""  # that runs it; `unknown` where nobody has said


class EdgeView(View, frozen=True, kw_only=True):
    flow: str
    title: str
    from_: str
    to: str
    points: tuple[tuple[float, float], ...]
    datasets: tuple[str, ...]
    purpose: str
    protection: str
    observability: str


class ChainView(View, frozen=True, kw_only=True):
    width: float
    height: float
    nodes: tuple[NodeView, ...]
    edges: tuple[EdgeView, ...]


class RestView(View, frozen=True, kw_only=True):
    """A reading that a command rests on: the newest of it that the service was shown."""

    device: str
    property: str
    at_ms: int


class CommandView(View, frozen=True, kw_only=True):
    id: str
    service: str
    device: str
    command: str
    value: float
    state: str
    sent_at_ms: int
    settled_at_ms: int | None
    cause: dict[str, str]
    because: str  # the cause path, in one line
    record: str
    rests: tuple[RestView, ...] = ()  # what it rests on, as far as who asks may see it
    more_rests: int = 0


class CommandsView(View, frozen=True, kw_only=True):
    commands: tuple[CommandView, ...]


def place_view(doors: Doors, sight: Sight) -> PlaceView:
    """The declaration's extract that the console draws."""
    place = doors.place
    sources = _sources(place, doors.registry, sight)
    return PlaceView(
        id=place.place,
        name=place.name or place.place,
        position=place.position,
        timezone=place.timezone,
        tiles=doors.tiles is not None,
        clock=ClockView(now_ms=doors.city_now_us() // 1000, speed=doors.clock.speed),
        areas=tuple(
            AreaView(id=key, name=area.name or key, centre=area.centre, outline=area.outline)
            for key, area in place.areas.items()
        ),
        devices=tuple(device_view(place, doors.registry, unit) for unit in doors.registry.units if sight.unit(unit.id)),
        flows=tuple(
            FlowView(
                id=key,
                name=flow.name or key,
                from_=flow.from_,
                to=flow.to,
                to_name=name_of(place, flow.to),
                purpose=flow.purpose,
            )
            for key, flow in place.flows.items()
            if sight.flow(key)
        ),
        services=tuple(
            ServiceView(
                id=key,
                name=service.name or key,
                kind=service.kind,
                operator=service.operator,
                operator_name=name_of(place, service.operator),
                actuators=service.actuators,
                sources=sources[key],
            )
            for key, service in place.services.items()
            if sight.service(key)
        ),
    )


def _sources(place: Place, registry: Registry, sight: Sight) -> Mapping[str, tuple[str, ...]]:
    """Service -> the groups of devices that have readings in a dataset that it reads; of those that are seen."""
    held = holdings(place, registry).of
    groups: dict[str, list[str]] = {}
    for name, mask in held.items():
        units = (registry.units[unit] for unit in registry.channel_unit[mask].tolist())
        groups[name] = sorted({unit.group for unit in units if sight.unit(unit.id)})
    return {
        key: tuple(sorted({group for dataset in service.reads for group in groups.get(dataset, ())}))
        for key, service in place.services.items()
    }


def device_view(place: Place, registry: Registry, unit: Unit) -> DeviceView:
    """One unit; a member of a named group is called by the group's name and its number."""
    name = place.devices[unit.group].name
    number = unit.id.removeprefix(f"{unit.group}-").lstrip("0") if unit.id != unit.group else ""
    return DeviceView(
        id=unit.id,
        group=unit.group,
        model=unit.model,
        name=f"{name} {number}".strip() if name else unit.id,
        area=unit.area,
        position=unit.position,
        status=unit.status.value,
        actuator=bool(registry.models[unit.model].commands),
        properties=tuple(
            PropertyView(id=known.id, title=known.title, unit=known.unit)
            for known in (PROPERTIES[registry.channel_property[channel]] for channel in unit.channels)
        ),
    )


def value_view(row: Latest) -> ValueView:
    return ValueView(
        property=row.property,
        value=row.value,
        observed_at_ms=row.observed_at // 1000,
        received_at_ms=row.received_at // 1000,
    )


def expected_view(row: ExpectedRow) -> ExpectedView:
    return ExpectedView(property=row.property, hour=row.hour, low=row.low, high=row.high, count=row.count)


def credential_view(row: CredentialRow | None) -> CredentialView:
    """What may be shown of a credential: never its hashes."""
    if row is None:
        return CredentialView(state="none", issued_at_ms=None, revoked_at_ms=None)
    revoked = None if row.revoked_at is None else row.revoked_at // 1000
    return CredentialView(state=row.state, issued_at_ms=row.issued_at // 1000, revoked_at_ms=revoked)


def refusal_view(row: Quarantined) -> RefusalView:
    return RefusalView(
        seq=row.seq,
        row=row.row,
        device=row.device,
        flow=row.flow,
        property=row.property,
        reason=row.reason,
        mend=_MEND_OF.get(row.reason, ""),
        value=row.value,
        observed_at_ms=None if row.observed_at is None else row.observed_at // 1000,
        received_at_ms=row.received_at // 1000,
        excerpt=row.excerpt[:EXCERPT].decode("utf-8", "replace"),
    )


def refusals_view(
    reasons: Mapping[tuple[str, str], int], recent: Sequence[Quarantined], door: Mapping[str, int]
) -> RefusalsView:
    """Most frequent first."""
    by_count = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return RefusalsView(
        reasons=tuple(
            ReasonView(flow=flow, reason=reason, count=count, mend=_MEND_OF.get(reason, ""))
            for (flow, reason), count in by_count
        ),
        recent=tuple(refusal_view(row) for row in recent),
        door=tuple(DoorView(reason=word, count=count) for word, count in sorted(door.items())),
    )


def window_view(
    units: Mapping[str, str],
    rows: Sequence[tuple[str, int, float]],
    marks: Sequence[Mark],
    since_us: int,
    until_us: int,
    most: int,
) -> WindowView:
    """`units`: property -> its unit, in the order of the series. `rows` (property, observed_at us, value), oldest first.

    `marks`: of the device; those that meet the window are told, cut to it.
    """
    points: dict[str, list[tuple[int, float]]] = {property_id: [] for property_id in units}
    for property_id, observed_at, value in rows:
        points[property_id].append((observed_at // 1000, value))
    return WindowView(
        since_ms=since_us // 1000,
        until_ms=until_us // 1000,
        series=tuple(
            SeriesView(property=property_id, unit=units[property_id], points=tuple(series[-most:]))
            for property_id, series in points.items()
        ),
        marks=tuple(
            MarkView(
                id=mark.id,
                state=mark.state.value,
                properties=mark.properties,
                since_ms=max(mark.since, since_us) // 1000,
                until_ms=min(mark.until, until_us) // 1000,
                why=mark.why,
            )
            for mark in marks
            if mark.since < until_us and mark.until > since_us
        ),
    )


def indicator_view(row: HourlyRow) -> IndicatorView:
    return IndicatorView(
        property=row.property,
        area=row.area,
        hour_ms=row.hour_us // 1000,
        count=row.count,
        mean=row.total / row.count if row.count else 0.0,
        low=row.low,
        high=row.high,
        total=row.total,
    )


def chain_view(picture: Picture, parties: Mapping[str, str] | None = None) -> ChainView:
    """The laid-out picture, for the console to draw. `parties`: node -> who runs it."""
    run_by = parties or {}
    return ChainView(
        width=picture.width,
        height=picture.height,
        nodes=tuple(NodeView(**msgspec.structs.asdict(node), party=run_by.get(node.id, "")) for node in picture.nodes),
        edges=tuple(
            EdgeView(
                flow=edge.flow,
                title=edge.title,
                from_=edge.source,
                to=edge.target,
                points=edge.points,
                datasets=edge.datasets,
                purpose=edge.purpose,
                protection=edge.protection,
                observability=edge.observability,
            )
            for edge in picture.edges
        ),
    )
