"""A plan as files that others read: GeoJSON for maps, GPX for what a crew drives by. Pure; texts are made harmless.

Source: RFC 7946 (GeoJSON), section 4: WGS 84, longitude first. GPX 1.1 (topografix.com/GPX/1/1): `rte` for the stops in their
order, `trk` for the way between them; extensions are not used.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import msgspec

from cityward.runtime.serving.kept import PlanRow, StopRow
from cityward.text import harmless, harmless_tree
from cityward.time import iso

GEOJSON, GPX = "application/geo+json", "application/gpx+xml"


def geojson_of(plan: PlanRow) -> bytes:
    """A feature for each stop, numbered from 1, then one for the way."""
    features: list[dict[str, object]] = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": stop.position},
            "properties": {"stop": order, "subject": stop.subject, "due": iso(stop.due), "why": stop.why},
        }
        for order, stop in enumerate(plan.stops, 1)
    ]
    if len(plan.way) > 1:
        way = {"type": "LineString", "coordinates": plan.way}
        features.append({"type": "Feature", "geometry": way, "properties": {"way": plan.plan_id}})
    told = {
        "type": "FeatureCollection",
        "plan": {
            "id": plan.plan_id,
            "service": plan.service,
            "kind": plan.kind,
            "crew": plan.crew,
            "issued_at": iso(plan.issued_at),
            "expires_at": iso(plan.expires_at),
            "record": plan.record,
        },
        "features": features,
    }
    return msgspec.json.encode(harmless_tree(told))


def gpx_of(plan: PlanRow) -> bytes:
    """The stops as a route, the way as a track."""
    name = f"{plan.kind}, {plan.crew}"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx version="1.1" creator="Cityward" xmlns="http://www.topografix.com/GPX/1/1">',
        f"<metadata><name>{_text(name)}</name><desc>{_text(plan.plan_id)}</desc>"
        f"<time>{iso(plan.issued_at)}</time></metadata>",
        f"<rte><name>{_text(name)}</name>",
        *(_route_point(order, stop) for order, stop in enumerate(plan.stops, 1)),
        "</rte>",
    ]
    if len(plan.way) > 1:
        points = "".join(f"<trkpt {_at(position)}/>" for position in plan.way)
        lines.append(f"<trk><name>{_text(name)}</name><trkseg>{points}</trkseg></trk>")
    return "\n".join([*lines, "</gpx>", ""]).encode()


def _route_point(order: int, stop: StopRow) -> str:
    words = f"{order}. {stop.subject}"
    return (
        f"<rtept {_at(stop.position)}><time>{iso(stop.due)}</time><name>{_text(words)}</name>"
        f"<desc>{_text(stop.why)}</desc></rtept>"
    )


def _at(position: tuple[float, float]) -> str:
    return f"lat={quoteattr(f'{position[1]:.7f}')} lon={quoteattr(f'{position[0]:.7f}')}"


def _text(text: str) -> str:
    return escape(harmless(text))
