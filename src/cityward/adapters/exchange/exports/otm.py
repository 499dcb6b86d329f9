"""A place as an Open Threat Model 0.2.0: zones, things and parties as components, flows, datasets as assets.

The format wants numbers where a declaration has words or nothing: the trust rating is the zone's rank times 20, confidentiality
follows the sensitivity; integrity and availability are not declared, stand at 50, and say so in their comment.

Source: the Open Threat Model specification and JSON schema, version 0.2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.ends import Ends, ends_of, route_words, words_of
from cityward.adapters.exchange.exports.texts import as_json
from cityward.place.data import Dataset
from cityward.place.record import Record
from cityward.reach.chains import Edge, Node, NodeKind, flow_graph

FORMAT = Format("otm", "Open Threat Model 0.2.0", ".otm.json", "application/json")

CONFIDENTIALITY = {"public": 0, "internal": 30, "restricted": 60, "secret": 100}
NOT_DECLARED = 50
TRUST_STEP = 20

_COMMENT = "Confidentiality follows the declared sensitivity. Integrity and availability are not declared."


def write(subject: Subject) -> bytes:
    """The whole place. Everything is a component, also what no flow touches."""
    loaded, place = subject.loaded, subject.loaded.place
    ends = ends_of(place)
    nowhere = _free("no-zone", place.zones)
    outside = _free("other-parties", place.zones)
    things = [
        _thing(subject, ends, kind, name, nowhere) for kind in ("devices", "systems") for name in _of(place, kind)
    ]
    parties = [_party(subject, ends, node, outside) for node in flow_graph(place).nodes if node.kind is NodeKind.PARTY]
    return as_json(
        {
            "otmVersion": "0.2.0",
            "project": {
                "name": place.name,
                "id": place.place,
                "owner": ends.name(place.responsible),
                "attributes": {"digest": loaded.digest},
            },
            "representations": [{"name": "The declaration", "id": "declaration", "type": "code"}],
            "assets": [_asset(ends, name, dataset) for name, dataset in place.datasets.items()],
            "trustZones": _zones(subject, nowhere, outside),
            "components": things + parties,
            "dataflows": [_dataflow(subject, ends, edge) for edge in flow_graph(place).edges],
        }
    )


def _of(place: Any, kind: str) -> Mapping[str, Any]:
    return getattr(place, kind)


def _free(name: str, taken: Mapping[str, object]) -> str:
    while name in taken:
        name += "-x"
    return name


def _attributes(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


def _described(record: Record) -> dict[str, str]:
    return {"description": record.note} if record.note else {}


def _asset(ends: Ends, name: str, dataset: Dataset) -> dict[str, Any]:
    own = {
        "personal": "true" if dataset.personal else "false",
        "sensitivity": dataset.sensitivity,
        "categories": " ".join(dataset.categories),
        "subjects": " ".join(dataset.subjects),
        "retention_days": str(dataset.retention_days),
        "allowed_jurisdictions": " ".join(map(ends.code, dataset.allowed_jurisdictions)),
    }
    return {
        "name": dataset.name or name,
        "id": name,
        **_described(dataset),
        "risk": {
            "confidentiality": CONFIDENTIALITY[dataset.sensitivity],
            "integrity": NOT_DECLARED,
            "availability": NOT_DECLARED,
            "comment": _COMMENT,
        },
        "attributes": _attributes(own),
    }


def _zones(subject: Subject, nowhere: str, outside: str) -> list[dict[str, Any]]:
    zones = [
        {
            "id": name,
            "name": zone.name or name,
            "type": name,
            **_described(zone),
            "risk": {"trustRating": zone.trust * TRUST_STEP},
            **({"parent": {"trustZone": zone.parent}} if zone.parent else {}),
        }
        for name, zone in subject.loaded.place.zones.items()
    ]
    made = ((nowhere, "No zone declared"), (outside, "Other parties"))
    return zones + [{"id": id_, "name": name, "type": id_, "risk": {"trustRating": 0}} for id_, name in made]


def _thing(subject: Subject, ends: Ends, kind: str, name: str, nowhere: str) -> dict[str, Any]:
    record = _of(subject.loaded.place, kind)[name]
    party = ends.party(name)
    own = {
        "party": party,
        "party_jurisdiction": ends.code(ends.incorporated_in(party)),
        "site": ends.site(name),
        "place_jurisdiction": ends.code(ends.stands_in(name)),
        **_own(subject, kind, name),
    }
    stored = list(record.stores) if kind == "systems" else []
    return {
        "id": name,
        "name": record.name or name,
        "type": record.kind if kind == "systems" else "device",
        **_described(record),
        "parent": {"trustZone": ends.zone(name) or nowhere},
        "representations": [_line(subject, f"{kind}.{name}", name)],
        "assets": {"processed": list(ends.passing(name)), "stored": stored},
        "attributes": _attributes(own),
    }


def _own(subject: Subject, kind: str, name: str) -> dict[str, str | None]:
    place = subject.loaded.place
    if kind == "systems":
        system = place.systems[name]
        return {
            "supplier": system.supplier,
            "maintained_by": words_of(system.maintained_by),
            "updates_from": system.updates_from,
            "critical": "true" if system.critical else None,
        }
    device = place.devices[name]
    model = place.device_models[device.model]
    return {
        "model": device.model,
        "maker": model.maker,
        "updates_from": model.updates_from,
        "owner": device.owner,
        "count": str(len(device.positions) or 1),
        "status": device.status.value,
    }


def _party(subject: Subject, ends: Ends, node: Node, outside: str) -> dict[str, Any]:
    own = {"party_jurisdiction": ends.code(ends.incorporated_in(node.id))}
    return {
        "id": node.id,
        "name": node.title,
        "type": "party",
        "parent": {"trustZone": outside},
        "representations": [_line(subject, f"parties.{node.id}", node.id)],
        "assets": {"processed": list(ends.passing(node.id)), "stored": []},
        "attributes": own,
    }


def _line(subject: Subject, path: str, name: str) -> dict[str, Any]:
    """Where the record stands in the declaration, as a representation of the kind `code`."""
    file, line = subject.loaded.origins.get(path, subject.loaded.origins[""])
    return {"representation": "declaration", "id": name, "file": file, "line": line}


def _dataflow(subject: Subject, ends: Ends, edge: Edge) -> dict[str, Any]:
    flow = subject.loaded.place.flows[edge.flow]
    own = {
        "purpose": flow.purpose,
        "protocol": flow.protocol,
        "protection": flow.protection.value,
        "route": " ".join(route_words(subject.loaded.place, flow)),
        "agreement": flow.agreement,
        "observability": flow.observability.value,
        "from_member": flow.from_ if ends.thing(flow.from_) != flow.from_ else None,
        "to_member": flow.to if ends.thing(flow.to) != flow.to else None,
    }
    return {
        "id": edge.flow,
        "name": edge.title,
        **_described(flow),
        "bidirectional": False,
        "source": edge.source,
        "destination": edge.target,
        "assets": list(flow.datasets),
        "tags": [flow.protocol],
        "attributes": _attributes(own),
    }
