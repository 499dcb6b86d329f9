"""Devices as NGSI-LD entities, on the way out: pure, the web door asks who may see them and sends them.

SPEC: ETSI GS CIM 009 V1.8.1 4.5.2 (normalized), 4.5.4 (simplified), 4.7 (GeoProperty), 4.8 (UTC with `Z`, at most ms here).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from cityward.adapters.protocols.ngsi_ld.identity import entity_id, entity_type
from cityward.adapters.protocols.ngsi_ld.streetlight import SHAPES
from cityward.adapters.protocols.ngsi_ld.units import unit_code
from cityward.catalogue import PROPERTIES
from cityward.place.registry import Registry
from cityward.runtime.ports import Latest
from cityward.time import iso

CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"


class Form(StrEnum):
    """How an entity is written; the values are those of the `format` parameter."""

    NORMALIZED = "normalized"
    SIMPLIFIED = "simplified"


def entity(registry: Registry, unit: int, latest: Iterable[Latest], form: Form = Form.NORMALIZED) -> dict[str, object]:
    """One device as an entity, without `@context`: id, type, its newest values by the model's keys, and where it stands.

    Properties that the model does not declare (any more) are left out; so are those never heard.
    """
    known = registry.units[unit]
    mappings = registry.models[known.model].properties
    kind = entity_type(registry, unit)
    body: dict[str, object] = {"id": entity_id(registry, unit), "type": kind}
    newest = [reading for reading in latest if reading.property in mappings]
    if kind in SHAPES:
        for name, (value, reading) in SHAPES[kind]({reading.property: reading for reading in newest}).items():
            at = iso(reading.observed_at)
            body[name] = value if form is Form.SIMPLIFIED else {"type": "Property", "value": value, "observedAt": at}
    for reading in newest:
        name = mappings[reading.property].key or reading.property
        body[name] = reading.value if form is Form.SIMPLIFIED else _property(reading)
    if known.position is not None and "location" not in body:
        point: dict[str, object] = {"type": "Point", "coordinates": list(known.position)}
        body["location"] = point if form is Form.SIMPLIFIED else {"type": "GeoProperty", "value": point}
    return body


def _property(reading: Latest) -> dict[str, object]:
    found: dict[str, object] = {"type": "Property", "value": reading.value, "observedAt": iso(reading.observed_at)}
    code = unit_code(PROPERTIES[reading.property].unit)
    return found if code is None else found | {"unitCode": code}
