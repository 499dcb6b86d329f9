"""One model on its way into the draft: what is referred to first, links last."""

from __future__ import annotations

from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_map, as_text, spellings, squash
from cityward.adapters.exchange.imports.formats.threagile.words import (
    ASSET_FIELDS,
    DATA_FIELDS,
    DEVICES,
    ENCRYPTED,
    HIGH,
    KINDS,
    LINK_FIELDS,
    LOW,
    MODEL_FIELDS,
    PROTOCOLS,
    SENSITIVITY,
)
from cityward.adapters.exchange.imports.threat_model import Parts
from cityward.place.record import UNKNOWN


class Model:
    """One model on its way into the draft."""

    def __init__(self, model: Fields, draft: Draft) -> None:
        self.model, self.draft = model, draft
        self.title = model.text("title") or "model"
        version, day = model.text("threagile_version"), as_date(model.get("date"))
        draft.source = ", ".join(filter(None, (f"Threagile model {self.title}", day)))
        draft.note(f"Threagile model `{self.title}`, version {version or 'not stated'}")
        self.parts = Parts(draft)
        self.owners: dict[str, str] = {}  # squashed -> as it is written first

    def read(self) -> None:
        """Carry everything over, what is referred to first."""
        assets = self._named("technical_assets")
        for title, fields in self._named("data_assets"):
            self._dataset(title, fields)
        self.owners = {squash(owner): owner for _, fields in reversed(assets) if (owner := fields.text("owner"))}
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

    def _new(self, kind: str, title: str, fields: Fields) -> str:
        """An id of ours for an entry; their id becomes ours where it can."""
        text = fields.text("id") or title
        return self.parts.new(kind, fields, text, text)

    def _dataset(self, title: str, fields: Fields) -> None:
        name = self._new("datasets", title, fields)
        word = fields.text("confidentiality")
        sensitivity = SENSITIVITY.get(squash(word))
        self.parts.dataset(name, title, fields.text("description"), sensitivity or "restricted")
        if sensitivity is None:
            why = "no confidentiality of Threagile" if word else "it is missing"
            self.draft.lose(f"{fields.where}.confidentiality", word, f"{why}; `restricted` was taken")
            self.draft.assume("datasets", name, "sensitivity", f"confidentiality: {why}")
        self.draft.leave_unread(fields, "data_assets.*", DATA_FIELDS)

    # --- technical assets

    def _asset(self, title: str, fields: Fields) -> None:
        words = fields.texts("technologies") or fields.texts("technology")
        device = any(squash(word) in DEVICES for word in words)
        kind, text = "devices" if device else "systems", fields.text("id") or title
        if squash(title) in self.owners:
            text = self.parts.apart(kind, self.draft.party(self.owners[squash(title)]), text)
        name = self.parts.new(kind, fields, fields.text("id") or title, text)
        owner = fields.text("owner")
        party = self.draft.party(owner) if owner else UNKNOWN
        if device:
            self._device(name, title, fields, party)
        else:
            self._system(name, title, fields, party, words)
        self._key(name, title, fields, device)

    def _device(self, name: str, title: str, fields: Fields, owner: str) -> None:
        self.parts.device(name, title, fields.text("description"), owner)
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
        return self.parts.datasets(f"{fields.where}.{field}", fields.texts(field), "data asset")

    # --- boundaries, runtimes, links

    def _boundaries(self) -> None:
        boundaries = self._named("trust_boundaries")
        for title, fields in boundaries:
            zone = self._new("zones", title, fields)
            self.draft.put("zones", zone, {"name": title, "note": fields.text("description"), "trust": 0})
            self.draft.assume("zones", zone, "trust", "the file gives no rank; 0 is the least trusted")
        for title, fields in boundaries:
            zone = self.parts.zones[fields.text("id") or title]
            for key in fields.texts("technical_assets_inside"):
                self._inside(key, zone, fields)
            for key in fields.texts("trust_boundaries_nested"):
                self._nested(key, zone, fields)
            self.draft.leave_unread(fields, "trust_boundaries.*", spellings("type tags"))

    def _inside(self, key: str, zone: str, fields: Fields) -> None:
        where = f"{fields.where}.technical_assets_inside"
        name = self.parts.things.get(key)
        if name is None:
            self.draft.lose(where, key, "no technical asset of the model has this id")
            return
        record = self.parts.thing(name)
        if record.setdefault("zone", zone) != zone:
            self.draft.lose(where, key, f"it is inside `{record['zone']}` already")

    def _nested(self, key: str, zone: str, fields: Fields) -> None:
        where = f"{fields.where}.trust_boundaries_nested"
        inner = self.parts.zones.get(key)
        if inner is None:
            self.draft.lose(where, key, "no trust boundary of the model has this id")
        else:
            self.parts.nest(where, key, inner, zone)

    def _runtime(self, title: str, fields: Fields) -> None:
        running = [
            self.parts.things[key] for key in fields.texts("technical_assets_running") if key in self.parts.things
        ]
        for key in fields.texts("technical_assets_running"):
            if key not in self.parts.things:
                self.draft.lose(f"{fields.where}.technical_assets_running", key, "no technical asset has this id")
        name = self._new("systems", title, fields)
        record = {"name": title, "note": fields.text("description"), "kind": "platform", "site": UNKNOWN}
        self.draft.put(
            "systems", name, {**record, "operator": UNKNOWN, "maintained_by": UNKNOWN, "updates_from": UNKNOWN}
        )
        for thing in dict.fromkeys(running):
            self.parts.thing(thing).setdefault("needs", []).append({"of": [name]})
        self.draft.leave_unread(fields, "shared_runtimes.*", spellings("tags"))

    def _links(self, title: str, fields: Fields) -> None:
        start = self.parts.things[fields.text("id") or title]
        links = fields.get("communication_links")
        for name, link in as_map(links).items():
            self._link(
                start, as_text(name, 200), Fields(link, f"{fields.where}.communication_links.{as_text(name, 80)}")
            )
        if links is not None and not isinstance(links, dict):
            self.draft.lose(f"{fields.where}.communication_links", links, "it is not a mapping")

    def _link(self, start: str, title: str, link: Fields) -> None:
        target = link.text("target")
        end = self.parts.things.get(target)
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
