"""A place as a CycloneDX 1.7 bill of materials: systems and city services as services, devices, datasets and keys as
components.

The serial number is made from the digest of the declaration, so the same declaration gives the same document. A declaration
tells an attacker what to look for: the document bears TLP:AMBER.

Source: ECMA-424 / CycloneDX 1.7, JSON schema `bom-1.7`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cityward import __version__
from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.ends import Ends, ends_of, words_of
from cityward.adapters.exchange.exports.texts import as_json, stamp
from cityward.place.data import Flow
from cityward.place.record import UNKNOWN, Record
from cityward.place.things import Device, Need, System

FORMAT = Format(
    "cyclonedx", "CycloneDX 1.7: inventory", ".cdx.json", "application/vnd.cyclonedx+json; version=1.7", ("at",)
)

SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"


@dataclass(frozen=True, slots=True)
class _Bom:
    """What every part of the document looks up."""

    subject: Subject
    ends: Ends
    serial: uuid.UUID

    def ref(self, name: str) -> str:
        """The `bom-ref` of a thing; members stand for their group."""
        thing = self.ends.thing(name)
        place = self.subject.loaded.place
        kinds = (("device", place.devices), ("system", place.systems), ("dataset", place.datasets))
        kind = next((kind for kind, known in kinds if thing in known), "party")
        return f"{kind}:{thing}"

    def link(self, name: str) -> str:
        """A BOM-Link to a thing of this document, or a party's URN: parties are no elements of a bill of materials."""
        ref = self.ref(name)
        return f"urn:cityward:{ref}" if ref.startswith("party:") else f"urn:cdx:{self.serial}/1#{ref}"


def write(subject: Subject) -> bytes:
    """The inventory of the whole place."""
    bom = _Bom(subject, ends_of(subject.loaded.place), serial_of(subject.loaded.digest))
    place = subject.loaded.place
    components = [_device(bom, name, device) for name, device in place.devices.items()]
    components += [_dataset(bom, name) for name in place.datasets]
    components += [_key(bom, name) for name in place.keys]
    services = [_system(bom, name, system) for name, system in place.systems.items()]
    services += [_service(bom, name) for name in place.services]
    return as_json(
        {
            "$schema": SCHEMA,
            "bomFormat": "CycloneDX",
            "specVersion": "1.7",
            "serialNumber": f"urn:uuid:{bom.serial}",
            "version": 1,
            "metadata": _metadata(bom),
            "components": components,
            "services": services,
            "dependencies": _dependencies(bom),
        }
    )


def serial_of(digest: str) -> uuid.UUID:
    """The serial number of a declaration: a UUID of version 5 over its digest."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:cityward:declaration:{digest}")


def _metadata(bom: _Bom) -> dict[str, Any]:
    place, at = bom.subject.loaded.place, bom.subject.at
    return {
        **({"timestamp": stamp(at)} if at else {}),
        "lifecycles": [{"phase": "operations"}],
        "tools": {"components": [{"type": "application", "name": "Cityward", "version": __version__}]},
        "component": {"type": "platform", "bom-ref": f"place:{place.place}", "name": place.name},
        "supplier": _organisation(bom.ends, place.responsible),
        "properties": _properties({"digest": bom.subject.loaded.digest}),
        "distributionConstraints": {"tlp": "AMBER"},
    }


def _organisation(ends: Ends, party: str) -> dict[str, Any]:
    """A party. What is unknown is written out: an organisation that is left out would read as "none"."""
    if party == UNKNOWN:
        return {"name": UNKNOWN}
    return {"name": ends.name(party), "address": {"country": ends.code(ends.incorporated_in(party))}}


def _properties(values: dict[str, str | None]) -> list[dict[str, str]]:
    return [{"name": f"cityward:{name}", "value": value} for name, value in values.items() if value]


def _record(record: Record) -> dict[str, str | None]:
    """Where a statement comes from."""
    return {"evidence": record.evidence.value, "source": record.source, "asserted_by": record.asserted_by}


def _place_of(bom: _Bom, name: str) -> dict[str, str | None]:
    return {
        "party": bom.ends.party(name),
        "party_jurisdiction": bom.ends.code(bom.ends.incorporated_in(bom.ends.party(name))),
        "site": bom.ends.site(name),
        "place_jurisdiction": bom.ends.code(bom.ends.stands_in(name)),
    }


def _described(record: Record) -> dict[str, str]:
    return {"description": record.note} if record.note else {}


def _device(bom: _Bom, name: str, device: Device) -> dict[str, Any]:
    model = bom.subject.loaded.place.device_models[device.model]
    own = {
        "model": device.model,
        "count": str(len(device.positions) or 1),
        "status": device.status.value,
        "owner": device.owner,
        "zone": device.zone,
        **_place_of(bom, name),
        **_record(device),
    }
    return {
        "type": "device",
        "bom-ref": bom.ref(name),
        "manufacturer": _organisation(bom.ends, model.maker),
        "group": model.name or device.model,
        "name": device.name or name,
        **_described(device),
        **_updates(bom, model.updates_from),
        "properties": _properties(own),
    }


def _updates(bom: _Bom, source: str | None) -> dict[str, Any]:
    """Where the software of a thing comes from, as a link to the system that gives it."""
    if source is None:
        return {}
    if source == UNKNOWN:
        return {"externalReferences": [{"type": "distribution", "url": "urn:cityward:unknown", "comment": UNKNOWN}]}
    return {"externalReferences": [{"type": "distribution", "url": bom.link(source)}]}


def _dataset(bom: _Bom, name: str) -> dict[str, Any]:
    dataset = bom.subject.loaded.place.datasets[name]
    days = dataset.retention_days
    own = {
        "personal": "true" if dataset.personal else "false",
        "subjects": " ".join(dataset.subjects),
        "retention_days": str(days),
        "allowed_jurisdictions": " ".join(map(bom.ends.code, dataset.allowed_jurisdictions)),
        **_record(dataset),
    }
    data: dict[str, Any] = {"type": "dataset", "name": dataset.name or name, "classification": dataset.sensitivity}
    if dataset.personal:
        data["sensitiveData"] = list(dataset.categories)
    return {
        "type": "data",
        "bom-ref": f"dataset:{name}",
        "name": dataset.name or name,
        **_described(dataset),
        "data": [data],
        "properties": _properties(own),
    }


def _key(bom: _Bom, name: str) -> dict[str, Any]:
    key = bom.subject.loaded.place.keys[name]
    own = {"kind": key.kind, "holder": key.holder, "protects": " ".join(key.protects), **_record(key)}
    return {
        "type": "cryptographic-asset",
        "bom-ref": f"key:{name}",
        "name": key.name or name,
        **_described(key),
        "cryptoProperties": {
            "assetType": "related-crypto-material",
            "relatedCryptoMaterialProperties": {"type": "key"},
        },
        "properties": _properties(own),
    }


def _system(bom: _Bom, name: str, system: System) -> dict[str, Any]:
    own = {
        "kind": system.kind,
        "critical": "true" if system.critical else None,
        "supplier": system.supplier,
        "maintained_by": words_of(system.maintained_by),
        "stores": " ".join(system.stores),
        **_place_of(bom, name),
        **_record(system),
    }
    return {
        "bom-ref": bom.ref(name),
        "provider": _organisation(bom.ends, system.operator),
        "group": system.kind,
        "name": system.name or name,
        **_described(system),
        "x-trust-boundary": _crosses(bom, name),
        **({"trustZone": system.zone} if system.zone else {}),
        "data": list(_data(bom, name)),
        **_updates(bom, system.updates_from),
        "properties": _properties(own),
    }


def _crosses(bom: _Bom, name: str) -> bool:
    """Whether a flow of the system begins or ends in another zone, or outside any."""
    ends, own = bom.ends, bom.ends.zone(name)
    flows = (bom.subject.loaded.place.flows[flow] for flow in ends.flows_at.get(name, ()))
    return any(ends.zone(end) != own for flow in flows for end in (flow.from_, flow.to))


def _data(bom: _Bom, name: str) -> Iterable[dict[str, Any]]:
    """One entry for each dataset of each flow that enters or leaves."""
    for flow_id in bom.ends.flows_at.get(name, ()):
        flow = bom.subject.loaded.place.flows[flow_id]
        for end, other, direction, side in (
            (flow.to, flow.from_, "inbound", "source"),
            (flow.from_, flow.to, "outbound", "destination"),
        ):
            if bom.ends.thing(end) == name:
                for dataset in flow.datasets:
                    yield _flow(bom, flow_id, flow, dataset, direction) | {side: [bom.link(other)]}


def _flow(bom: _Bom, flow_id: str, flow: Flow, dataset: str, direction: str) -> dict[str, Any]:
    words = f"flow {flow_id} for {flow.purpose} by {flow.protocol}, protection {flow.protection.value}"
    classification = bom.subject.loaded.place.datasets[dataset].sensitivity
    return {"flow": direction, "classification": classification, "name": dataset, "description": words}


def _service(bom: _Bom, name: str) -> dict[str, Any]:
    service = bom.subject.loaded.place.services[name]
    return {
        "bom-ref": f"service:{name}",
        "provider": _organisation(bom.ends, service.operator),
        "group": service.kind,
        "name": service.name or name,
        **_described(service),
        "properties": _properties({"kind": service.kind, "reads": " ".join(service.reads), **_record(service)}),
    }


def _dependencies(bom: _Bom) -> list[dict[str, Any]]:
    """What needs what: `needs` (whatever k is) and where software comes from. Parties are no elements, and left out."""
    place = bom.subject.loaded.place
    needs: dict[str, list[str]] = {f"place:{place.place}": [f"service:{name}" for name in place.services]}
    for name, device in place.devices.items():
        needs[bom.ref(name)] = _needed(bom, device.needs, place.device_models[device.model].updates_from)
    for name, system in place.systems.items():
        needs[bom.ref(name)] = _needed(bom, system.needs, system.updates_from)
    for name, service in place.services.items():
        functions = [function for function in place.functions.values() if function.service == name]
        things = [ref for function in functions for ref in _needed(bom, function.needs, None)]
        needs[f"service:{name}"] = [*dict.fromkeys([*things, *map(bom.ref, service.actuators)])]
    return [{"ref": ref, **({"dependsOn": on} if on else {})} for ref, on in needs.items()]


def _needed(bom: _Bom, needs: Iterable[Need], updates_from: str | None) -> list[str]:
    names = [name for need in needs for name in need.of]
    names += [updates_from] if updates_from and updates_from != UNKNOWN else []
    return [ref for ref in dict.fromkeys(map(bom.ref, names)) if not ref.startswith("party:")]
