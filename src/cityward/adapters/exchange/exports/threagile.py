"""A place as a Threagile 1.0 model: datasets as data assets, things and parties as technical assets, flows as communication
links.

The format has no place for much that a declaration knows (owners, jurisdictions, agreements, accesses, keys); what fits a tag
becomes one. It demands statements that a declaration does not make; those stand at the value that raises no alarm and no
praise, and say so in their justification. What the declaration does not know becomes an open question of the report.

Source: Threagile `support/schema.json`, version 1.0.0.
"""

from __future__ import annotations

from typing import Any

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.ends import ends_of
from cityward.adapters.exchange.exports.texts import as_yaml, unique
from cityward.place.checks.whole import Word
from cityward.place.data import Dataset, Flow, Protection
from cityward.place.record import UNKNOWN
from cityward.reach.chains import Edge, NodeKind, flow_graph

FORMAT = Format("threagile", "Threagile 1.0", ".threagile.yaml", "application/yaml", ("at",))

CONFIDENTIALITY = {
    "public": "public",
    "internal": "internal",
    "restricted": "restricted",
    "secret": "strictly-confidential",
}
_RANK = tuple(CONFIDENTIALITY)

TECHNOLOGY = {
    "platform": "application-server",
    "gateway": "gateway",
    "broker": "message-queue",
    "control": "application-server",
    "vms": "stream-processing",
    "storage": "file-server",
    "analytics": "batch-processing",
    "update-server": "artifact-registry",
    "vendor-cloud": "web-service-rest",
    "network": "unknown-technology",
    "portal": "web-application",
    "directory": "identity-provider",
}
"""The kind of a system -> the nearest word of the format; the kind itself is kept as a tag."""

_PROTOCOLS = {  # protocol -> (in the clear, protected)
    "mqtt": ("mqtt", "mqtt"),
    "http": ("http", "https"),
    "ngsi-ld": ("http", "https"),
    "sftp": ("sftp", "sftp"),
    "rtsp": ("binary", "binary-encrypted"),
    "command": ("mqtt", "mqtt"),
}

_RATED = "Confidentiality follows the declared sensitivity; integrity and availability are not declared."


def write(subject: Subject) -> bytes:
    """The whole place as one model."""
    place = subject.loaded.place
    model = _Model(subject)
    assets = model.technical_assets()
    essential = any(function.essential for function in place.functions.values())
    return as_yaml(
        {
            "threagile_version": "1.0.0",
            "title": place.name,
            **({"date": subject.at.date().isoformat()} if subject.at else {}),
            "author": {"name": model.ends.name(place.responsible), "homepage": ""},
            "business_criticality": "critical" if essential else "important",
            "business_overview": {"description": f"Declaration {subject.loaded.digest}", "images": []},
            "technical_overview": {"description": "", "images": []},
            "questions": _questions(subject),
            "abuse_cases": {},
            "security_requirements": {},
            "data_assets": model.data_assets(),
            "technical_assets": assets,
            "trust_boundaries": model.boundaries(),
            "shared_runtimes": {},
            "individual_risk_categories": {},
            "risk_tracking": {},
            "tags_available": sorted(model.tags),
        }
    )


def _questions(subject: Subject) -> dict[str, str]:
    """What is not known, as questions without an answer."""
    unknown = (one for one in subject.loaded.warnings if one.word is Word.UNKNOWN)
    return {f"What is {one.path}?": "" for one in unknown}


class _Model:
    """The parts of the model, and the tags they used: the format wants all of them listed."""

    def __init__(self, subject: Subject) -> None:
        self.place, self.ends = subject.loaded.place, ends_of(subject.loaded.place)
        self.graph = flow_graph(self.place)
        self.tags: set[str] = set()
        self.redundant = {
            self.ends.thing(name)
            for record in (*self.place.systems.values(), *self.place.devices.values(), *self.place.functions.values())
            for need in record.needs
            if need.k < len(need.of)
            for name in need.of
        }
        self.leaving: dict[str, list[Edge]] = {}
        for edge in self.graph.edges:
            self.leaving.setdefault(edge.source, []).append(edge)
        self.sealed = {name for key in self.place.keys.values() if key.kind == "at-rest" for name in key.protects}

    def _tagged(self, **words: str | None) -> list[str]:
        """`site: civic-dc` -> `site:civic-dc`; what is empty is left out."""
        tags = [f"{key.replace('_', '-')}:{value.lower()}" for key, value in words.items() if value]
        self.tags.update(tags)
        return tags

    def data_assets(self) -> dict[str, Any]:
        titles = unique({name: dataset.name for name, dataset in self.place.datasets.items()})
        return {titles[name]: self._data_asset(name, dataset) for name, dataset in self.place.datasets.items()}

    def _data_asset(self, name: str, dataset: Dataset) -> dict[str, Any]:
        return {
            "id": name,
            "description": dataset.note,
            "usage": "business",
            "tags": self._tagged(
                personal="true" if dataset.personal else "false", retention_days=str(dataset.retention_days)
            ),
            "origin": dataset.source or "",
            "owner": self.ends.name(self.place.responsible),
            "quantity": "many",
            "confidentiality": CONFIDENTIALITY[dataset.sensitivity],
            "integrity": "operational",
            "availability": "operational",
            "justification_cia_rating": _RATED,
        }

    def technical_assets(self) -> dict[str, Any]:
        """Devices, systems, and the parties that send or receive. Each stands under its title, made unique."""
        ids = [*self.place.devices, *self.place.systems]
        ids += [node.id for node in self.graph.nodes if node.kind is NodeKind.PARTY]
        named = {**self.place.parties, **self.place.systems, **self.place.devices}
        titles = unique({name: named[name].name for name in ids})
        return {titles[name]: self._technical_asset(name) for name in ids}

    def _technical_asset(self, name: str) -> dict[str, Any]:
        datasets = self.ends.passing(name)
        stored = self.place.systems[name].stores if name in self.place.systems else ()
        every = [*dict.fromkeys([*datasets, *stored])]
        rank = max((_RANK.index(self.place.datasets[d].sensitivity) for d in every), default=0)
        zone = self.ends.zone(name)
        return {
            "id": name,
            **self._kind(name),
            "usage": "business",
            "used_as_client_by_human": False,
            "internet": zone is not None and self.place.zones[zone].trust == 0,
            "encryption": "data-with-symmetric-shared-key" if name in self.sealed else "none",
            "owner": self.ends.name(self.ends.party(name)),
            "confidentiality": CONFIDENTIALITY[_RANK[rank]],
            "integrity": "operational",
            "justification_cia_rating": "Confidentiality is that of the most sensitive data here; the rest is not declared.",
            "multi_tenant": False,
            "redundant": name in self.redundant,
            "custom_developed_parts": False,
            "data_assets_processed": every,
            "data_assets_stored": list(stored),
            "data_formats_accepted": [],
            "communication_links": self._links(name),
        }

    def _kind(self, name: str) -> dict[str, Any]:
        """What differs between devices, systems and parties."""
        if name in self.place.devices:
            device = self.place.devices[name]
            own = {"type": "process", "technology": "iot-device", "machine": "physical", "size": "component"}
            own |= {"description": device.note, "availability": "operational"}
            tags = self._where(name, kind="device", count=str(len(device.positions) or 1))
        elif name in self.place.systems:
            system = self.place.systems[name]
            own = {"type": "datastore" if system.kind == "storage" else "process", "size": "system"}
            own |= {"technology": TECHNOLOGY[system.kind], "machine": self._machine(system.site)}
            own |= {"description": system.note, "availability": "critical" if system.critical else "operational"}
            tags = self._where(name, kind=system.kind)
        else:
            own = {
                "type": "external-entity",
                "technology": "unknown-technology",
                "machine": "virtual",
                "size": "system",
            }
            own |= {"description": self.place.parties[name].note, "availability": "operational"}
            tags = self._where(name, kind="party")
        outside = name in self.place.parties and name not in self.place.systems and name not in self.place.devices
        why = "What another party does inside is not declared." if outside else ""
        return {**own, "tags": tags, "out_of_scope": outside, "justification_out_of_scope": why}

    def _where(self, name: str, **words: str) -> list[str]:
        party = self.ends.party(name)
        return self._tagged(
            **words,
            party_jurisdiction=self.ends.code(self.ends.incorporated_in(party)),
            site=self.ends.site(name),
            place_jurisdiction=self.ends.code(self.ends.stands_in(name)),
        )

    def _machine(self, site: str) -> str:
        return "virtual" if site == UNKNOWN or "cloud" in self.place.sites[site].tags else "physical"

    def _links(self, name: str) -> dict[str, Any]:
        edges = self.leaving.get(name, [])
        titles = unique({edge.flow: edge.title for edge in edges})
        return {titles[edge.flow]: self._link(edge) for edge in edges}

    def _link(self, edge: Edge) -> dict[str, Any]:
        flow = self.place.flows[edge.flow]
        return {
            "target": edge.target,
            "description": flow.note,
            "protocol": _protocol(flow),
            **self._identified(edge, flow),
            "tags": self._tagged(
                flow=edge.flow,
                purpose=flow.purpose,
                protocol=flow.protocol,
                protection=flow.protection.value,
                observability=flow.observability.value,
            ),
            "vpn": False,
            "ip_filtered": False,
            "readonly": False,
            "usage": "devops" if flow.purpose == "maintenance" else "business",
            "data_assets_sent": list(flow.datasets),
            "data_assets_received": [],
        }

    def _identified(self, edge: Edge, flow: Flow) -> dict[str, str]:
        """How the sender proves itself, where that is declared: by mutual TLS, or a device by its credential."""
        if flow.protection is Protection.MUTUAL_TLS:
            return {"authentication": "client-certificate", "authorization": "technical-user"}
        device = self.place.devices.get(edge.source)
        if device is None:
            return {"authentication": "none", "authorization": "none"}
        known = {"password": "credentials", "certificate": "client-certificate"}
        return {"authentication": known[device.credential], "authorization": "technical-user"}

    def boundaries(self) -> dict[str, Any]:
        """The zones. A zone's things are inside; zones that name it as their parent are nested."""
        inside: dict[str | None, list[str]] = {}
        for name in (*self.place.devices, *self.place.systems):
            inside.setdefault(self.ends.zone(name), []).append(name)
        titles = unique({name: zone.name for name, zone in self.place.zones.items()})
        return {
            titles[name]: {
                "id": _clear_of(name, self.place.devices, self.place.systems, self.place.parties),
                "description": zone.note,
                "type": "network-on-prem",
                "tags": self._tagged(zone=name, trust=str(zone.trust)),
                "technical_assets_inside": inside.get(name, []),
                "trust_boundaries_nested": [
                    _clear_of(other, self.place.devices, self.place.systems, self.place.parties)
                    for other, candidate in self.place.zones.items()
                    if candidate.parent == name
                ],
            }
            for name, zone in self.place.zones.items()
        }


def _clear_of(name: str, *taken: dict[str, Any]) -> str:
    """The id of a zone; one that a thing has too gets a word more, for the format knows one space of ids."""
    return f"{name}-zone" if any(name in known for known in taken) else name


def _protocol(flow: Flow) -> str:
    """The format's protocol; what is not known to be protected is written as in the clear."""
    clear, protected = _PROTOCOLS.get(flow.protocol, ("unknown-protocol", "unknown-protocol"))
    known = flow.protection not in (Protection.NONE, Protection.UNKNOWN)
    return protected if known else clear
