"""Threagile models (YAML or JSON; data model 1), also as older and newer versions of the tool and its forks spell them.

| Threagile | here |
|---|---|
| technical asset | system; a device with a model where its technology is one of the street |
| its owner | party; operator of the system (assumed), owner of the device |
| its technology | kind of the system |
| data assets stored | `stores` |
| encryption other than none | key at rest, holder unknown |
| availability critical or more | `critical` |
| data asset | dataset; confidentiality as sensitivity; personal is assumed |
| communication link | a flow for what is sent, a second one for what is received; protocol, protection; route unknown |
| trust boundary | zone; its rank is assumed 0 |
| shared runtime | system that those running on it need |
| risks, tracking, diagrams, texts | counted as not carried over |
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.adapters.exchange.imports.contract import File, Record, refusal
from cityward.adapters.exchange.imports.documents import read_document
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_map, as_text, spellings, squash
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

FORMAT = "threagile"
TITLE = "Threagile model (YAML)"


def _words(rows: dict[str, str]) -> dict[str, str]:
    """Words of the format in any spelling -> ours. A row is our word and theirs."""
    return {squash(word): ours for ours, words in rows.items() for word in words.split()}


KINDS = _words(
    {
        "platform": "application-server app-server web-service-rest rest-api web-service-soap soap-api ejb erp function task job "
        "tool utility cli library mainframe container-platform container docker kubernetes service-registry mail-server "
        "email-server vault hashicorp-vault hsm hardware-security-module service-discovery",
        "gateway": "gateway jump-host jump-server jump-box",
        "broker": "message-queue mq event-listener",
        "control": "scada scheduler cron hmi human-machine-interface",
        "storage": "database db file-server file-storage block-storage san local-file-system local-storage data-lake "
        "big-data-platform big-data search-index operational-historian historian",
        "analytics": "ai artificial-intelligence machine-learning deep-learning neural-network ml dl report-engine reporting "
        "batch-processing stream-processing search-engine monitoring siem",
        "update-server": "artifact-registry build-pipeline ci continuous-integration sourcecode-repository git "
        "code-inspection-platform code-inspection code-analysis",
        "network": "reverse-proxy load-balancer lb waf web-application-firewall ids intrusion-detection-system ips "
        "intrusion-prevention-system service-mesh",
        "portal": "web-application web-app web-server cms content-management-system browser web-browser desktop desktop-system "
        "mobile-app client-system client devops-client",
        "directory": "identity-provider idp identity-store-ldap identity-store-database identity-store ldap-server ldap",
    }
)
"""technology -> kind of system."""

DEVICES = spellings(
    "iot-device iot industrial-control-actor industrial-control-sensor plc programmable-logic-controller"
)

SENSITIVITY = _words(
    {
        "public": "public",
        "internal": "internal",
        "restricted": "restricted confidential",
        "secret": "strictly-confidential",
    }
)

PROTOCOLS = _words(
    {
        "http tls": "https wss reverse-proxy-web-protocol-encrypted",
        "http none": "http ws reverse-proxy-web-protocol",
        "mqtt none": "mqtt",
        "sftp tls": "sftp scp",
        "proprietary tls": "jdbc-encrypted odbc-encrypted sql-access-protocol-encrypted nosql-access-protocol-encrypted "
        "binary-encrypted text-encrypted ssh ssh-tunnel smtp-encrypted pop3-encrypted imap-encrypted ftps ldaps smb-encrypted "
        "iiop-encrypted jrmp-encrypted",
        "proprietary none": "jdbc odbc sql-access-protocol nosql-access-protocol binary text smtp pop3 imap ftp ldap jms nfs smb "
        "nrpe xmpp iiop jrmp",
        "proprietary local": "in-process-library-call inter-process-communication local-file-access container-spawning",
        "proprietary unknown": "unknown-protocol",
    }
)
"""protocol -> ours, and how it protects. `local`: it leaves no machine."""

ENCRYPTED = spellings(
    """transparent data-with-symmetric-shared-key data-with-asymmetric-shared-key data-with-enduser-individual-key"""
)
MAX_NESTED = 64  # boundaries in one another
LOW = spellings("archive operational important") | {""}
HIGH = spellings("critical mission-critical")

ASSET_FIELDS = spellings(
    """id type usage used_as_client_by_human out_of_scope justification_out_of_scope size tags internet machine machines
    confidentiality integrity availability justification_cia_rating multi_tenant redundant custom_developed_parts
    data_assets_processed data_formats_accepted diagram_tweak_order"""
)
LINK_FIELDS = spellings(
    """authorization tags ip_filtered readonly diagram_tweak_weight diagram_tweak_constraint authentication"""
)
DATA_FIELDS = spellings("usage tags origin owner quantity integrity availability justification_cia_rating")
MODEL_FIELDS = spellings(
    """author contributors management_summary_comment business_criticality business_overview technical_overview
    application_description questions abuse_cases security_requirements tags_available individual_risk_categories
    custom_risk_categories risk_tracking diagram_tweak_suppress_edge_labels diagram_tweak_layout_left_to_right
    diagram_tweak_edge_layout diagram_tweak_nodesep diagram_tweak_ranksep includes
    diagram_tweak_invisible_connections_between_assets diagram_tweak_same_rank_assets"""
)


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from models.

    Raises:
        DecodeError: a file is no mapping, or cannot be read.
    """
    for file in files:
        document = read_document(file)
        if not isinstance(document, dict):
            mend = "name a Threagile model: a mapping with `technical_assets`"
            raise refusal(Reason.WRONG_SHAPE, "the file is not a mapping", file.name, mend)
        _Model(Fields(document, file.name), draft).read()


class _Model:
    """One model on its way into the draft."""

    def __init__(self, model: Fields, draft: Draft) -> None:
        self.model, self.draft = model, draft
        self.title = model.text("title") or "model"
        version, day = model.text("threagile_version"), as_date(model.get("date"))
        draft.source = ", ".join(filter(None, (f"Threagile model {self.title}", day)))
        draft.note(f"Threagile model `{self.title}`, version {version or 'not stated'}")
        self.ids: dict[str, str] = {}  # their id of a technical asset -> ours
        self.data: dict[str, str] = {}
        self.zones: dict[str, str] = {}

    def read(self) -> None:
        """Carry everything over, what is referred to first."""
        assets = self._named("technical_assets")
        for title, fields in self._named("data_assets"):
            self._dataset(title, fields)
        for title, fields in assets:
            self._asset(title, fields)
        self._boundaries()
        for title, fields in self._named("shared_runtimes"):
            self._runtime(title, fields)
        for title, fields in assets:
            self._links(title, fields)
        for _, fields in assets:
            self.draft.leave_unread(fields, "technical_assets.*", ASSET_FIELDS)
        self.draft.leave_unread(self.model, "model", MODEL_FIELDS)

    def _named(self, field: str) -> list[tuple[str, Fields]]:
        """(title, fields) of each entry of a section; forks write lists with titles."""
        value = self.model.get(field)
        entries = list(as_map(value).items())
        if isinstance(value, list):
            entries = [(as_text(as_map(item).get("title")) or as_text(as_map(item).get("id")), item) for item in value]
        found: list[tuple[str, Fields]] = []
        for title, entry in entries:
            where = f"{field}.{as_text(title, 80)}"
            if isinstance(entry, dict):
                found.append((as_text(title, 200), Fields(entry, where)))
            elif entry is not None:
                self.draft.lose(where, entry, "it is not a mapping")
        return found

    def _new(self, kind: str, title: str, fields: Fields, ids: dict[str, str]) -> str:
        """An id of ours for an entry; their id becomes ours where it can."""
        key = fields.text("id") or title
        name = self.draft.names.give(kind, f"{id(self)} {key}", fields.text("id") or title)
        if ids.setdefault(key, name) != name:
            self.draft.lose(f"{fields.where}.id", key, "given twice; what refers to it means the first")
        return name

    def _dataset(self, title: str, fields: Fields) -> None:
        name = self._new("datasets", title, fields, self.data)
        word = fields.text("confidentiality")
        sensitivity = SENSITIVITY.get(squash(word))
        self.draft.put(
            "datasets",
            name,
            {
                "name": title,
                "note": fields.text("description"),
                "personal": True,
                "sensitivity": sensitivity or "restricted",
                "retention_days": UNKNOWN,
            },
        )
        self.draft.assume("datasets", name, "personal", "the file does not say; taken as personal until somebody does")
        if sensitivity is None:
            why = "no confidentiality of Threagile" if word else "it is missing"
            self.draft.lose(f"{fields.where}.confidentiality", word, f"{why}; `restricted` was taken")
            self.draft.assume("datasets", name, "sensitivity", f"confidentiality: {why}")
        self.draft.leave_unread(fields, "data_assets.*", DATA_FIELDS)

    # --- technical assets

    def _asset(self, title: str, fields: Fields) -> None:
        words = fields.texts("technologies") or fields.texts("technology")
        device = any(squash(word) in DEVICES for word in words)
        name = self._new("devices" if device else "systems", title, fields, self.ids)
        owner = fields.text("owner")
        party = self.draft.party(owner) if owner else UNKNOWN
        if device:
            self._device(name, title, fields, party)
        else:
            self._system(name, title, fields, party, words)
        self._key(name, title, fields, device)

    def _device(self, name: str, title: str, fields: Fields, owner: str) -> None:
        model = self.draft.names.give("device_models", name, f"{name}-model")
        self.draft.put("device_models", model, {"name": f"Model of {title}", "maker": UNKNOWN, "updates_from": UNKNOWN})
        record = {"name": title, "note": fields.text("description"), "model": model, "site": UNKNOWN, "owner": owner}
        self.draft.put("devices", name, record)
        for stored in fields.texts("data_assets_stored"):
            self.draft.lose(f"{fields.where}.data_assets_stored", stored, "a device of a declaration stores nothing")

    def _system(self, name: str, title: str, fields: Fields, operator: str, words: list[str]) -> None:
        kind = next((KINDS[squash(word)] for word in words if squash(word) in KINDS), None)
        record = {
            "name": title,
            "note": fields.text("description"),
            "kind": kind or "platform",
            "site": UNKNOWN,
            "operator": operator,
            "maintained_by": UNKNOWN,
            "stores": self._data(fields, "data_assets_stored"),
            "updates_from": UNKNOWN,
        }
        self.draft.put("systems", name, record)
        availability = fields.text("availability")
        if squash(availability) in HIGH:
            self.draft.get("systems", name)["critical"] = True
        elif squash(availability) not in LOW:
            self.draft.lose(f"{fields.where}.availability", availability, "not a criticality of Threagile")
        if operator != UNKNOWN:
            self.draft.assume("systems", name, "operator", "the file names the owner, not who operates it")
        if kind is None:
            said = [word for word in words if squash(word) not in ("unknowntechnology", "unknown")]
            if said:
                self.draft.lose(f"{fields.where}.technology", ", ".join(said), "not a technology known here")
            self.draft.assume("systems", name, "kind", "the technology is not known")

    def _key(self, name: str, title: str, fields: Fields, device: bool) -> None:
        word = fields.text("encryption")
        if squash(word) in ("", "none"):
            return
        if device:
            self.draft.lose(
                f"{fields.where}.encryption", word, "a key of a declaration protects data, flows or systems"
            )
        elif squash(word) not in ENCRYPTED:
            self.draft.lose(f"{fields.where}.encryption", word, "not an encryption of Threagile; no key was declared")
        else:
            key = self.draft.names.give("keys", name, f"{name}-at-rest")
            record = {"name": f"Encryption of {title}", "note": word, "holder": UNKNOWN, "protects": [name]}
            self.draft.put("keys", key, {**record, "kind": "at-rest"})

    def _data(self, fields: Fields, field: str) -> list[str]:
        """The datasets a list of data assets names."""
        named = fields.texts(field)
        for missing in (key for key in named if key not in self.data):
            self.draft.lose(f"{fields.where}.{field}", missing, "no data asset of the model has this id")
        return list(dict.fromkeys(self.data[key] for key in named if key in self.data))

    # --- boundaries, runtimes, links

    def _boundaries(self) -> None:
        boundaries = self._named("trust_boundaries")
        for title, fields in boundaries:
            zone = self._new("zones", title, fields, self.zones)
            self.draft.put("zones", zone, {"name": title, "note": fields.text("description"), "trust": 0})
            self.draft.assume("zones", zone, "trust", "the file gives no rank; 0 is the least trusted")
        for title, fields in boundaries:
            zone = self.zones[fields.text("id") or title]
            for key in fields.texts("technical_assets_inside"):
                self._inside(key, zone, fields)
            for key in fields.texts("trust_boundaries_nested"):
                self._nested(key, zone, fields)
            self.draft.leave_unread(fields, "trust_boundaries.*", spellings("type tags"))

    def _inside(self, key: str, zone: str, fields: Fields) -> None:
        where = f"{fields.where}.technical_assets_inside"
        name = self.ids.get(key)
        if name is None:
            self.draft.lose(where, key, "no technical asset of the model has this id")
            return
        record = self._thing(name)
        if record.setdefault("zone", zone) != zone:
            self.draft.lose(where, key, f"it is inside `{record['zone']}` already")

    def _nested(self, key: str, zone: str, fields: Fields) -> None:
        where = f"{fields.where}.trust_boundaries_nested"
        inner = self.zones.get(key)
        if inner is None:
            self.draft.lose(where, key, "no trust boundary of the model has this id")
        elif self._lies_in(zone, inner):
            self.draft.lose(where, key, f"it would lie in itself, or {MAX_NESTED} deep")
        elif self.draft.get("zones", inner).setdefault("parent", zone) != zone:
            self.draft.lose(where, key, f"it is nested in `{self.draft.get('zones', inner)['parent']}` already")

    def _lies_in(self, zone: str, outer: str) -> bool:
        at: str | None = zone
        for _ in range(MAX_NESTED):
            if at is None or at == outer:
                return at == outer
            at = self.draft.get("zones", at).get("parent")
        return True

    def _runtime(self, title: str, fields: Fields) -> None:
        running = [self.ids[key] for key in fields.texts("technical_assets_running") if key in self.ids]
        for key in fields.texts("technical_assets_running"):
            if key not in self.ids:
                self.draft.lose(f"{fields.where}.technical_assets_running", key, "no technical asset has this id")
        name = self._new("systems", title, fields, self.ids)
        record = {"name": title, "note": fields.text("description"), "kind": "platform", "site": UNKNOWN}
        self.draft.put(
            "systems", name, {**record, "operator": UNKNOWN, "maintained_by": UNKNOWN, "updates_from": UNKNOWN}
        )
        for thing in dict.fromkeys(running):
            self._thing(thing).setdefault("needs", []).append({"of": [name]})
        self.draft.leave_unread(fields, "shared_runtimes.*", spellings("tags"))

    def _thing(self, name: str) -> Record:
        kind = "systems" if name in self.draft.records("systems") else "devices"
        return self.draft.get(kind, name)

    def _links(self, title: str, fields: Fields) -> None:
        start = self.ids[fields.text("id") or title]
        links = fields.get("communication_links")
        for name, link in as_map(links).items():
            self._link(
                start, as_text(name, 200), Fields(link, f"{fields.where}.communication_links.{as_text(name, 80)}")
            )
        if links is not None and not isinstance(links, dict):
            self.draft.lose(f"{fields.where}.communication_links", links, "it is not a mapping")

    def _link(self, start: str, title: str, link: Fields) -> None:
        target = link.text("target")
        end = self.ids.get(target)
        if end is None:
            self.draft.lose(f"{link.where}.target", target, "no technical asset of the model has this id")
            return
        record = {"name": title, "note": link.text("description"), **self._way(link)}
        record["purpose"] = self.draft.purpose(self.title, link.text("usage"))
        sent, received = self._data(link, "data_assets_sent"), self._data(link, "data_assets_received")
        if sent:
            self._flow(f"{start}-{title}", record | {"from": start, "to": end, "datasets": sent})
        if received:
            self._flow(f"{start}-{title}-back", record | {"from": end, "to": start, "datasets": received})
        if not sent and not received:
            self.draft.lose(link.where, target, "it names no data asset, and a flow carries at least one dataset")
        self.draft.leave_unread(link, "communication_links.*", LINK_FIELDS)

    def _flow(self, title: str, record: dict[str, object]) -> None:
        ends = {field: record.pop(field) for field in ("from", "to", "datasets", "purpose")}
        first = {field: record[field] for field in ("name", "note")}
        name = self.draft.names.give("flows", title, title)
        self.draft.put("flows", name, {**first, **ends, **record, "observability": "imported"})

    def _way(self, link: Fields) -> dict[str, object]:
        """Protocol, protection and route."""
        word = link.text("protocol")
        known = PROTOCOLS.get(squash(word))
        if known is None:
            why = "not a protocol known here" if word else "it is missing"
            self.draft.lose(f"{link.where}.protocol", word, f"{why}; imported as `proprietary`, protection unknown")
        protocol, _, protection = (known or "proprietary unknown").partition(" ")
        if protection == "local":
            return {"protocol": protocol, "protection": "none"}
        if protection == "none" and link.flag("vpn"):
            protection = UNKNOWN  # a tunnel protects a part of the way; the file does not say which
        elif protection == "tls" and squash(link.text("authentication")) == "clientcertificate":
            protection = "mutual-tls"
        return {"protocol": protocol, "protection": protection, "route": UNKNOWN}
