"""Follow a datum: every hop of one value of one device, to its last recipients, as a picture and as a list.

Cut to the person: whoever does not see a device finds none; hops are those of flows that are seen; what is on record of them is
for people of the city who may look into what left (`audit`); the value itself for whoever holds one of its datasets.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.reach.chains import Edge, FlowGraph
from cityward.reach.following.shapes import Facts, Followed
from cityward.reach.following.way import follow, only
from cityward.reach.picture import layout
from cityward.web.accounts.sight import Sight
from cityward.web.api.views import ChainView, View, chain_view
from cityward.web.identity import NOTHING
from cityward.web.problems import Problem
from cityward.web.routes import Call, route
from cityward.web.told import tell_read

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class DatumQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at`: city ms when it was observed; left out: the newest."""

    device: Name
    property: Name
    at: Annotated[int, Meta(ge=0, le=4_102_444_800_000)] | None = None


class DatumView(View, frozen=True, kw_only=True):
    """The way, and its picture: nodes and edges of the hops alone."""

    way: Followed
    picture: ChainView


@route(
    "GET",
    "/api/datum",
    summary="Every hop of one datum to its last recipients, and how each is known",
    right=Right.LOOK,
    query=DatumQuery,
    answer=DatumView,
)
async def datum(call: Call[DatumQuery]) -> object:
    unit, sight = _unit(call), _sight(call)
    held = call.caller.held if call.caller else NOTHING
    audits = held.of_the_city and Right.AUDIT in held.rights
    facts = await _facts(call, unit) if audits or sight.reading(unit.id, call.query.property) else None
    view = _view(call, unit, _cut(facts, sight.reading(unit.id, call.query.property)), audits)
    rows = sum(len(hop.entries) for hop in view.way.hops)
    call.desk.reads.note(call.caller, "datum", max(1, rows))
    tell_read(call.desk.doors, call.request, call.caller.id if call.caller else "", "datum", rows=rows, devices=1)
    return view


async def _facts(call: Call[DatumQuery], unit: Unit) -> Facts | None:
    ask, query = call.desk.doors.following, call.query
    if ask is None:
        return None
    # nothing is kept for the next: what is on record grows
    return await call.desk.following.take(call.who, object(), lambda: ask(unit.id, query.property, query.at))


def _cut(facts: Facts | None, reads: bool) -> Facts | None:
    return facts if facts is None or reads else msgspec.structs.replace(facts, value=None)


def _view(call: Call[DatumQuery], unit: Unit, facts: Facts | None, audits: bool) -> DatumView:
    doors, prop, sight = call.desk.doors, call.query.property, _sight(call)
    way = follow(
        doors.place,
        call.desk.graph,
        unit,
        prop,
        facts if audits else None,
        where=doors.where if sight.flows is None else str,
        digest=doors.digest,
    )
    if facts is not None and not audits:  # they hold the data: when it was measured is no secret of theirs
        moments = {"observed_at_us": facts.observed_at_us, "received_at_us": facts.received_at_us}
        told = {name.replace("_us", "_ms"): None if us is None else us // 1000 for name, us in moments.items()}
        way = msgspec.structs.replace(way, value=facts.value, **told)
    way = only(way, sight.flow)
    return DatumView(way=way, picture=chain_view(layout(_of(call.desk.graph, way))))


def _of(graph: FlowGraph, way: Followed) -> FlowGraph:
    """The part of the graph that is on the way."""
    flows = {hop.flow for hop in way.hops}
    edges: tuple[Edge, ...] = tuple(edge for edge in graph.edges if edge.flow in flows)
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    return FlowGraph(nodes=tuple(node for node in graph.nodes if node.id in ends), edges=edges)


def _sight(call: Call[Any]) -> Sight:
    return call.desk.sights.of(call.caller.held if call.caller else NOTHING)


def _unit(call: Call[DatumQuery]) -> Unit:
    """A device that the caller may see and that observes this: for others there is none."""
    registry, name, prop = call.desk.doors.registry, call.query.device, call.query.property
    number = registry.unit_index.get(name)
    if number is None or not _sight(call).unit(name):
        raise Problem(404, "not-found", f"no device `{name[:64]}`")
    unit = registry.units[number]
    if prop not in (registry.channel_property[c] for c in unit.channels):
        raise Problem(404, "not-found", f"`{name[:64]}` does not observe `{prop[:64]}`")
    return unit


ROUTES = (datum,)
