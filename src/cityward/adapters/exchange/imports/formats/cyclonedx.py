"""CycloneDX 1.4 to 1.7, JSON. (XML: convert it first; a BOM tool does that without loss.)

| CycloneDX | here |
|---|---|
| service | system; kind is assumed `platform` |
| its provider | party; operator of the system |
| component: application, platform, container, operating system | system; supplier (or manufacturer); operator unknown |
| component: device | device model; manufacturer (or supplier) as maker; a device where data flows from or to it |
| component: data; data of a service | dataset; personal, sensitivity and retention are not given: the first two assumed |
| data of a service: inbound, outbound, both, with source or destination | flows; route unknown, protection by the address |
| an address that is nothing in the file | system known by its host name; all else unknown |
| trust zone | zone; its rank is assumed 0 |
| depends on, between systems | `needs` |
| country in an organisation's address, a two-letter code | `presence` (an address is no incorporation) |
| all other components | counted: parts of software are no systems of their own |
| licences, hashes, vulnerabilities, external references, ... | counted as not carried over |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.adapters.exchange.imports.documents import read_json
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_list, as_map, as_text, spellings, squash
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

FORMAT = "cyclonedx"
TITLE = "CycloneDX 1.4 to 1.7 (JSON)"

VERSIONS = ("1.4", "1.5", "1.6", "1.7")
SYSTEMS = {"application": "platform", "platform": "platform", "container": "platform", "operatingsystem": "platform"}
PARTS = spellings("""framework library device-driver firmware file machine-learning-model cryptographic-asset""")
MODEL_FIELDS = spellings(
    """externalReferences compositions vulnerabilities annotations
    formulation declarations definitions properties signature citations"""
)
PART_FIELDS = spellings(
    """type description
    mime-type author authors publisher group version versionRange isExternal scope hashes licenses copyright cpe purl
    omniborId swhid swid modified pedigree externalReferences evidence releaseNotes modelCard cryptoProperties properties tags
    signature patentAssertions"""
)
SERVICE_FIELDS = spellings(
    """group version authenticated x-trust-boundary licenses externalReferences releaseNotes properties tags signature
    patentAssertions"""
)
SENSITIVITY = {"public": "public", "internal": "internal", "restricted": "restricted", "confidential": "restricted",
               "secret": "secret"}  # fmt: skip
_UNKNOWN_SYSTEM = {"site": UNKNOWN, "operator": UNKNOWN, "maintained_by": UNKNOWN, "updates_from": UNKNOWN}


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from bills of materials.

    Raises:
        DecodeError: a file is no CycloneDX JSON, or cannot be read.
    """
    for file in files:
        if file.raw[:64].lstrip().startswith((b"<", b"\xef\xbb\xbf<")):
            raise refusal(Reason.NOT_JSON, "the file is XML", file.name, "convert it to CycloneDX JSON first")
        document = as_map(read_json(file))
        if document.get("bomFormat") != "CycloneDX":
            mend = "name a CycloneDX file: an object with `bomFormat: CycloneDX`"
            raise refusal(Reason.WRONG_SHAPE, "no `bomFormat` of CycloneDX", file.name, mend)
        _Bom(Fields(document, file.name), draft).read()


class _Bom:
    """One bill of materials on its way into the draft."""

    def __init__(self, bom: Fields, draft: Draft) -> None:
        self.bom, self.draft = bom, draft
        metadata = bom.map("metadata")
        subject = as_text(as_map(metadata.get("component")).get("name"))
        self.title = subject or bom.text("serialNumber") or "bill of materials"
        version = bom.text("specVersion")
        draft.source = ", ".join(filter(None, (f"CycloneDX {version}", subject, as_date(metadata.get("timestamp")))))
        if version not in VERSIONS:
            draft.note(
                f"version {version or 'not stated'} of CycloneDX is not one of {', '.join(VERSIONS)}; read as if it were"
            )
        self.subject = as_map(metadata.get("component"))
        self.refs: dict[str, str] = {}  # bom-ref -> id of a system
        self.addresses: dict[str, str] = {}  # endpoint of a service -> id of its system
        self.models: dict[str, tuple[str, str]] = {}  # bom-ref -> id and name of a device model
        self.hosts: dict[str, str] = {}
        self.data: dict[str, str] = {}

    def read(self) -> None:
        """Carry everything over: systems first, then what flows and what depends."""
        components = [("metadata.component", self.subject)] if self.subject else []
        components += list(_nested(self.bom.list("components"), "components"))
        services = list(_nested(self.bom.list("services"), "services"))
        for where, part in components:
            self._component(Fields(part, where))
        told = [(self._service(fields), fields) for fields in (Fields(part, where) for where, part in services)]
        for name, fields in told:
            for i, item in enumerate(fields.list("data")):
                self._service_data(name, Fields(item, f"{fields.where}.data[{i}]"))
            self.draft.leave_unread(fields, "services[]", SERVICE_FIELDS)
        for i, item in enumerate(self.bom.list("dependencies")):
            self._depends(Fields(item, f"dependencies[{i}]"))
        for field in ("$schema", "bomFormat", "serialNumber", "version"):
            self.bom.get(field)  # the envelope
        self.draft.leave_unread(self.bom, "bom", MODEL_FIELDS)

    # --- parties

    def _party(self, value: object, where: str) -> str | None:
        fields = Fields(value, where)
        name = fields.text("name")
        if not name:
            return None
        known = self.draft.names.of(name, "parties")
        party = known or self.draft.party(name)
        country = as_text(fields.map("address").get("country"))
        if country:
            place = self.draft.jurisdiction(country)
            record = self.draft.get("parties", party)
            if place is None:
                self.draft.lose(f"{where}.address.country", country, "no ISO 3166 code")
            elif place not in record.setdefault("presence", []):
                record["presence"].append(place)
        return party

    def _maker(self, fields: Fields, first: str, second: str) -> str:
        """The organisation in the first of two fields that names one. Both are parties."""
        parties = [self._party(fields.get(field), f"{fields.where}.{field}") for field in (first, second)]
        return next((party for party in parties if party), UNKNOWN)

    # --- components and services

    def _component(self, fields: Fields) -> None:
        kind, ref = squash(fields.text("type")), fields.text("bom-ref")
        fields.get("components")
        if kind in SYSTEMS:
            self._system(fields, ref, SYSTEMS[kind])
        elif kind == "device":
            name = self.draft.names.give("device_models", f"{id(self)} {ref or fields.where}", fields.text("name"))
            maker = self._maker(fields, "manufacturer", "supplier")
            record = {"name": fields.text("name"), "note": fields.text("description"), "maker": maker}
            self.draft.put("device_models", name, {**record, "updates_from": UNKNOWN})
            self.models.setdefault(ref, (name, fields.text("name")))
        elif kind == "data":
            self._data_component(fields)
        elif kind in PARTS:
            self._maker(fields, "supplier", "manufacturer")
            self.draft.leave(f"components[] of type {kind}", "a part of software is no system of its own")
            return
        else:
            self.draft.lose(f"{fields.where}.type", fields.text("type"), "not a type of component known here; left out")
            return
        self.draft.leave_unread(fields, "components[]", PART_FIELDS)

    def _system(self, fields: Fields, ref: str, kind: str) -> None:
        name = self._new("systems", fields, ref)
        supplier = self._maker(fields, "supplier", "manufacturer")
        record = {"name": fields.text("name"), "note": fields.text("description"), "kind": kind, **_UNKNOWN_SYSTEM}
        self.draft.put("systems", name, {**record, "supplier": supplier})
        self.draft.assume("systems", name, "kind", "the format does not say what the software is for")

    def _new(self, kind: str, fields: Fields, ref: str) -> str:
        name = self.draft.names.give(kind, f"{id(self)} {ref or fields.where}", fields.text("name") or ref)
        if ref and self.refs.setdefault(ref, name) != name:
            self.draft.lose(f"{fields.where}.bom-ref", ref, "given twice; what refers to it means the first")
        return name

    def _service(self, fields: Fields) -> str:
        name = self._new("systems", fields, fields.text("bom-ref"))
        fields.get("services")
        provider = self._party(fields.get("provider"), f"{fields.where}.provider")
        record = {
            "name": fields.text("name"),
            "note": fields.text("description"),
            "kind": "platform",
            **_UNKNOWN_SYSTEM,
        }
        self.draft.put("systems", name, record | {"operator": provider or UNKNOWN, "zone": self._zone(fields)})
        self.draft.assume("systems", name, "kind", "the format does not say what a service is for")
        for endpoint in fields.texts("endpoints"):
            self.addresses.setdefault(endpoint, name)
        return name

    def _zone(self, fields: Fields) -> str | None:
        title = fields.text("trustZone")
        if not title:
            return None
        zone = self.draft.names.of(title, "zones")
        if zone is None:
            zone = self.draft.names.give("zones", title, title)
            self.draft.put("zones", zone, {"name": title, "trust": 0})
            self.draft.assume("zones", zone, "trust", "the file gives no rank; 0 is the least trusted")
        return zone

    # --- data

    def _data_component(self, fields: Fields) -> None:
        entries, title = fields.list("data"), fields.text("name")
        for i, item in enumerate(entries):
            entry = Fields(item, f"{fields.where}.data[{i}]")
            self._dataset(entry.text("name") or title, entry.text("classification"), entry.texts("sensitiveData"))
        if not entries:
            self._dataset(title, "", [])

    def _dataset(self, title: str, classification: str, sensitive: list[str]) -> str:
        key = title or classification or "data"
        if key in self.data:
            return self.data[key]
        name = self.data[key] = self.draft.names.give("datasets", f"{id(self)} {key}", key)
        known = SENSITIVITY.get(squash(classification))
        record = {"name": key, "categories": list(dict.fromkeys(filter(None, [classification, *sensitive])))}
        record |= {"personal": True, "sensitivity": known or "restricted", "retention_days": UNKNOWN}
        self.draft.put("datasets", name, record)
        self.draft.assume("datasets", name, "personal", "the file does not say; taken as personal until somebody does")
        if known is None:
            self.draft.assume("datasets", name, "sensitivity", "its classification is none of our words")
        return name

    def _service_data(self, name: str, fields: Fields) -> None:
        data = self._dataset(fields.text("name"), fields.text("classification"), [])
        flow = squash(fields.text("flow"))
        sources, ends = fields.texts("source"), fields.texts("destination")
        if flow not in ("inbound", "outbound", "bidirectional", "unknown"):
            self.draft.lose(f"{fields.where}.flow", fields.text("flow"), "not a direction of CycloneDX")
        used = False
        if flow in ("inbound", "bidirectional", "unknown"):
            for address in sources:
                used |= self._flow(fields, self._at(address), name, data, address)
        if flow in ("outbound", "bidirectional", "unknown"):
            for address in ends:
                used |= self._flow(fields, name, self._at(address), data, address)
        if not used:
            self.draft.lose(fields.where, data, f"the other end of the {flow or 'unstated'} flow is not given")
        self.draft.leave_unread(fields, "services[].data[]", spellings("governance description"))

    def _at(self, address: str) -> str:
        """What a reference or address means: a thing of the file, or a system known by its host name alone."""
        ref = address.rpartition("#")[2]
        known = self.refs.get(address) or self.refs.get(ref) or self.addresses.get(address)
        if known is not None:
            return known
        if ref in self.models:
            return self._device(ref)
        host = _host(address)
        if host not in self.hosts:
            self.hosts[host] = self.draft.names.give("systems", f"{id(self)} host {host}", host)
            record = {"name": host, "kind": "platform", **_UNKNOWN_SYSTEM}
            self.draft.put("systems", self.hosts[host], record)
            self.draft.assume("systems", self.hosts[host], "kind", "known only as the other end of a flow")
        return self.hosts[host]

    def _device(self, ref: str) -> str:
        """A device of a model: the file has one, for data flows from or to it."""
        model, title = self.models[ref]
        name = self.refs[ref] = self.draft.names.give("devices", f"{id(self)} {ref}", title)
        self.draft.put("devices", name, {"name": title, "model": model, "site": UNKNOWN, "owner": UNKNOWN})
        return name

    def _flow(self, fields: Fields, start: str, end: str, data: str, address: str) -> bool:
        if start == end:
            return False
        title = f"{start}-to-{end}"
        name = self.draft.names.give("flows", f"{id(self)} {title} {data}", f"{data[:20]}-{title}")
        scheme = address.partition(":")[0].lower()
        record = {
            "name": fields.text("name"),
            "note": fields.text("description"),
            "from": start,
            "to": end,
            "datasets": [data],
        }
        way = {
            "protocol": "http"
            if scheme in ("http", "https")
            else "mqtt"
            if scheme in ("mqtt", "mqtts")
            else "proprietary"
        }
        way["protection"] = {"https": "tls", "mqtts": "tls", "http": "none", "mqtt": "none"}.get(scheme, UNKNOWN)
        record |= {"purpose": self.draft.purpose(self.title, ""), **way, "route": UNKNOWN, "observability": "imported"}
        self.draft.put("flows", name, record)
        if way["protocol"] == "proprietary":
            self.draft.assume("flows", name, "protocol", "the address names none")
        return True

    def _depends(self, fields: Fields) -> None:
        name = self.refs.get(fields.text("ref"))
        for ref in fields.texts("dependsOn"):
            needed = self.refs.get(ref)
            if name is None or needed is None or needed == name:
                self.draft.leave("dependencies[]", "an end is no system here")
                continue
            kind = "systems" if name in self.draft.records("systems") else "devices"
            needs = self.draft.get(kind, name).setdefault("needs", [])
            if {"of": [needed]} not in needs:
                needs.append({"of": [needed]})


def _nested(items: list[object], field: str) -> Iterator[tuple[str, object]]:
    """(where, entry) of entries and those inside them, outer ones first."""
    pending = [(f"{field}[{i}]", item) for i, item in reversed(list(enumerate(items)))]
    while pending:
        where, item = pending.pop()
        yield where, item
        inner = as_list(as_map(item).get(field))
        pending += [(f"{where}.{field}[{i}]", child) for i, child in reversed(list(enumerate(inner)))]


def _host(address: str) -> str:
    """The host of a URL, or the address itself."""
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address
