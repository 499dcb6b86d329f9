"""Open Threat Model 0.1 and 0.2 (JSON or YAML).

| OTM | here |
|---|---|
| asset | dataset; its confidentiality (0 to 100) as sensitivity, and personal, are assumed |
| trust zone | zone; rating 0 to 100 as trust 0 to 5 |
| component | system; a device with a model where its type names one; kind by the words of its type |
| parent of a component | zone, through the components it lies in |
| assets stored | `stores` |
| data flow | a flow, a second one back where bidirectional; protocol assumed, protection and route unknown |
| project owner | not read: it is usually a person |
| threats, mitigations, representations, attributes, tags | counted as not carried over |
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.adapters.exchange.imports.documents import read_document
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_map, as_number, as_text, spellings
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

FORMAT = "otm"
TITLE = "Open Threat Model (JSON or YAML)"

MAX_NESTED = 64  # components and zones in one another
_WORD = re.compile(r"[a-z0-9]+")

KINDS = {
    word: kind
    for kind, words in {
        "gateway": "gateway",
        "broker": "queue broker kafka sqs mqtt pubsub bus eventhub",
        "control": "scada control scheduler hmi",
        "vms": "vms nvr dvr",
        "storage": "database db storage s3 bucket rds dynamodb blob disk filesystem cache redis postgresql mysql mongodb volume",
        "analytics": "analytics ai ml warehouse lake monitoring siem logging cloudwatch report",
        "update-server": "repository registry pipeline build update",
        "network": "vpc subnet network firewall proxy balancer router switch vpn waf cdn dns",
        "portal": "web browser portal client mobile frontend website",
        "directory": "directory identity ldap idp auth iam cognito oauth",
        "vendor-cloud": "cloud saas",
        "platform": "platform server service api lambda function ec2 container kubernetes application app microservice backend",
    }.items()
    for word in words.split()
}
"""A word of a component's type -> kind of system. Types are free words; the first word known decides."""

DEVICES = spellings("iot sensor camera actuator plc device lamp meter detector")

MODEL_FIELDS = spellings("threats mitigations representations attributes tags")
PART_FIELDS = MODEL_FIELDS | {"type"}


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from models.

    Raises:
        DecodeError: a file is no model, or cannot be read.
    """
    for file in files:
        document = read_document(file)
        if not isinstance(document, dict):
            mend = "name an Open Threat Model: a mapping with `otmVersion`, `components` and `dataflows`"
            raise refusal(Reason.WRONG_SHAPE, "the file is not a mapping", file.name, mend)
        _Model(Fields(document, file.name), draft).read()


class _Model:
    """One model on its way into the draft."""

    def __init__(self, model: Fields, draft: Draft) -> None:
        self.model, self.draft = model, draft
        project = Fields(model.map("project"), "project")
        self.title = project.text("name") or project.text("id") or "model"
        draft.source = f"Open Threat Model {self.title}"
        draft.note(f"Open Threat Model `{self.title}`, version {model.text('otmVersion') or 'not stated'}")
        self.zones: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.things: dict[str, str] = {}
        self.parents: dict[str, dict[str, object]] = {}  # their id of a component -> its parent

    def read(self) -> None:
        """Carry everything over, what is referred to first."""
        for fields in self._entries("assets"):
            self._dataset(fields)
        self._all_zones()
        components = self._entries("components")
        for fields in components:
            self.parents.setdefault(fields.text("id"), fields.map("parent"))
        for fields in components:
            self._component(fields)
        for fields in self._entries("dataflows"):
            self._flow(fields)
        for field in ("threats", "mitigations", "representations"):
            self.draft.leave(f"{field}[]", count=len(self.model.list(field)))
        self.draft.leave_unread(self.model, "model", MODEL_FIELDS)

    def _entries(self, field: str) -> list[Fields]:
        found: list[Fields] = []
        for i, item in enumerate(self.model.list(field)):
            if isinstance(item, dict):
                found.append(Fields(item, f"{field}[{i}]"))
            else:
                self.draft.lose(f"{field}[{i}]", item, "it is not a mapping")
        return found

    def _new(self, kind: str, fields: Fields, ids: dict[str, str]) -> str:
        key, title = fields.text("id"), fields.text("name")
        # their ids are often UUIDs: the name makes the better id
        name = self.draft.names.give(kind, f"{id(self)} {key}", title or key)
        if key and ids.setdefault(key, name) != name:
            self.draft.lose(f"{fields.where}.id", key, "given twice; what refers to it means the first")
        return name

    def _dataset(self, fields: Fields) -> None:
        name = self._new("datasets", fields, self.data)
        risk = Fields(fields.map("risk"), fields.where)
        rating = risk.number("confidentiality")
        record = {"name": fields.text("name"), "note": fields.text("description"), "personal": True}
        self.draft.put("datasets", name, {**record, "sensitivity": sensitivity_of(rating), "retention_days": UNKNOWN})
        self.draft.assume("datasets", name, "personal", "the file does not say; taken as personal until somebody does")
        why = "there is none" if rating is None else f"{rating:g} of 100"
        self.draft.assume("datasets", name, "sensitivity", f"by the rating of confidentiality: {why}")
        self.draft.leave_unread(fields, "assets[]", PART_FIELDS)

    def _all_zones(self) -> None:
        entries = self._entries("trustZones")
        for fields in entries:
            name = self._new("zones", fields, self.zones)
            rating = as_number(fields.map("risk").get("trustRating"))
            trust = 0 if rating is None else min(max(round(rating / 20), 0), 5)
            self.draft.put(
                "zones", name, {"name": fields.text("name"), "note": fields.text("description"), "trust": trust}
            )
            if rating is None or not 0 <= rating <= 100:
                self.draft.assume("zones", name, "trust", "there is no rating from 0 to 100")
        for fields in entries:
            self._parent_zone(fields)
            self.draft.leave_unread(fields, "trustZones[]", PART_FIELDS)

    def _parent_zone(self, fields: Fields) -> None:
        parent, where = fields.map("parent"), f"{fields.where}.parent"
        inner, outer = self.zones.get(fields.text("id")), self.zones.get(as_text(parent.get("trustZone")))
        if not parent or inner is None:
            return
        if outer is None:
            self.draft.lose(where, as_text(next(iter(parent.values()))), "no trust zone of the model has this id")
        elif self._lies_in(outer, inner):
            self.draft.lose(where, outer, f"it would lie in itself, or {MAX_NESTED} deep")
        else:
            self.draft.get("zones", inner).setdefault("parent", outer)

    def _lies_in(self, zone: str, outer: str) -> bool:
        at: str | None = zone
        for _ in range(MAX_NESTED):
            if at is None or at == outer:
                return at == outer
            at = self.draft.get("zones", at).get("parent")
        return True

    # --- components

    def _component(self, fields: Fields) -> None:
        words = _WORD.findall(fields.text("type").lower())
        device = any(word in DEVICES for word in words)
        name = self._new("devices" if device else "systems", fields, self.things)
        common = {"name": fields.text("name"), "note": fields.text("description")}
        stored = self._data(fields, as_map(fields.get("assets")).get("stored"))
        if device:
            model = self.draft.names.give("device_models", f"{id(self)} {name}", f"{name}-model")
            record = {"name": f"Model of {common['name']}", "maker": UNKNOWN, "updates_from": UNKNOWN}
            self.draft.put("device_models", model, record)
            self.draft.put("devices", name, {**common, "model": model, "site": UNKNOWN, "owner": UNKNOWN})
            self.draft.leave(f"{fields.where}.assets.stored", "a device of a declaration stores nothing", len(stored))
        else:
            self._system(name, fields, common, words, stored)
        zone = self._zone(fields)
        if zone is not None:
            self.draft.get("devices" if device else "systems", name)["zone"] = zone
        self.draft.leave_unread(fields, "components[]", PART_FIELDS)

    def _system(self, name: str, fields: Fields, common: dict[str, str], words: list[str], stored: list[str]) -> None:
        kind = next((KINDS[word] for word in words if word in KINDS), None)
        record = {"kind": kind or "platform", "site": UNKNOWN, "operator": UNKNOWN, "maintained_by": UNKNOWN}
        self.draft.put("systems", name, {**common, **record, "stores": stored, "updates_from": UNKNOWN})
        if kind is None:
            self.draft.lose(
                f"{fields.where}.type", fields.text("type"), "no word of it is known; imported as `platform`"
            )
            self.draft.assume("systems", name, "kind", "no word of the component's type is known")

    def _zone(self, fields: Fields) -> str | None:
        """The zone a component lies in, through the components around it."""
        parent, where = fields.map("parent"), f"{fields.where}.parent"
        for _ in range(MAX_NESTED):
            if parent.get("trustZone") is not None:
                zone = self.zones.get(as_text(parent["trustZone"]))
                if zone is None:
                    self.draft.lose(where, parent["trustZone"], "no trust zone of the model has this id")
                return zone
            inside = as_text(parent.get("component"))
            if not inside:
                return None
            if inside not in self.parents:
                self.draft.lose(where, inside, "no component of the model has this id")
                return None
            parent = self.parents[inside]
        self.draft.lose(where, fields.text("id"), f"its parents run in a circle, or {MAX_NESTED} deep")
        return None

    def _data(self, fields: Fields, value: object) -> list[str]:
        named = Fields({"assets": value}, "").texts("assets")
        for missing in (key for key in named if key not in self.data):
            self.draft.lose(f"{fields.where}.assets", missing, "no asset of the model has this id")
        return list(dict.fromkeys(self.data[key] for key in named if key in self.data))

    # --- flows

    def _flow(self, fields: Fields) -> None:
        ends: list[str] = []
        for field in ("source", "destination"):
            end = self.things.get(fields.text(field))
            if end is None:
                self.draft.lose(f"{fields.where}.{field}", fields.text(field), "no component of the model has this id")
            else:
                ends.append(end)
        data = self._data(fields, fields.get("assets"))
        if len(ends) < 2:
            return
        if not data:
            why = "it names no asset, and a flow carries at least one dataset"
            self.draft.lose(fields.where, fields.text("name") or fields.text("id"), why)
            return
        self._one_way(fields, ends[0], ends[1], data, "")
        if fields.flag("bidirectional"):
            self._one_way(fields, ends[1], ends[0], data, "-back")
        self.draft.leave_unread(fields, "dataflows[]", PART_FIELDS)

    def _one_way(self, fields: Fields, start: str, end: str, data: list[str], suffix: str) -> None:
        title = fields.text("name") or fields.text("id")
        name = self.draft.names.give("flows", f"{id(self)} {fields.text('id')}{suffix}", f"{title[:60]}{suffix}")
        record = {"name": title, "note": fields.text("description"), "from": start, "to": end, "datasets": data}
        way = {"protocol": "proprietary", "protection": UNKNOWN, "route": UNKNOWN, "observability": "imported"}
        self.draft.put("flows", name, {**record, "purpose": self.draft.purpose(self.title, ""), **way})
        self.draft.assume("flows", name, "protocol", "the format has no protocols")


def sensitivity_of(rating: float | None) -> str:
    """A rating of confidentiality from 0 to 100 in our four words. None is restricted."""
    if rating is None:
        return "restricted"
    if rating <= 0:
        return "public"
    return "internal" if rating <= 33 else "restricted" if rating <= 66 else "secret"
