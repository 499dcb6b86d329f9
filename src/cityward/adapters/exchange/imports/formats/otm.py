"""Open Threat Model 0.1 and 0.2 (JSON or YAML).

| OTM | here |
|---|---|
| asset | dataset; its confidentiality (0 to 100) as sensitivity, and personal, are assumed |
| trust zone | zone; rating 0 to 100 as trust 0 to 5 |
| component | system; a device with a model where its type names one; kind by the words of its type |
| component of the type `party` | party, and a system that it operates |
| parent of a component | zone, through the components it lies in |
| assets stored | `stores` |
| data flow | a flow, a second one back where bidirectional; protocol assumed, protection and route unknown |
| project owner | not read: it is usually a person |
| threats, mitigations, representations, attributes, tags | counted as not carried over |
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields, as_map, as_number, as_text, spellings
from cityward.adapters.exchange.imports.threat_model import MAX_NESTED, Parts, models_of
from cityward.ids import is_id
from cityward.place.record import UNKNOWN

FORMAT = "otm"
TITLE = "Open Threat Model (JSON or YAML)"
_MARKS = ("otmVersion", "assets", "trustZones", "components", "dataflows")

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\Z")
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
    mend = "name an Open Threat Model: a mapping with `otmVersion`, `components` and `dataflows`"
    for model in models_of(files, "an Open Threat Model", _MARKS, mend):
        _Model(model, draft).read()


class _Model:
    """One model on its way into the draft."""

    def __init__(self, model: Fields, draft: Draft) -> None:
        self.model, self.draft = model, draft
        project = Fields(model.map("project"), "project")
        self.title = project.text("name") or project.text("id") or "model"
        draft.source = f"Open Threat Model {self.title}"
        draft.note(f"Open Threat Model `{self.title}`, version {model.text('otmVersion') or 'not stated'}")
        self.parts = Parts(draft)
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

    def _new(self, kind: str, fields: Fields) -> str:
        key, title = fields.text("id"), fields.text("name")
        return self.parts.new(kind, fields, key, _text(key, title))

    def _dataset(self, fields: Fields) -> None:
        name = self._new("datasets", fields)
        risk = Fields(fields.map("risk"), fields.where)
        rating = risk.number("confidentiality")
        self.parts.dataset(name, fields.text("name"), fields.text("description"), sensitivity_of(rating))
        why = "there is none" if rating is None else f"{rating:g} of 100"
        self.draft.assume("datasets", name, "sensitivity", f"by the rating of confidentiality: {why}")
        self.draft.leave_unread(fields, "assets[]", PART_FIELDS)

    def _all_zones(self) -> None:
        entries = self._entries("trustZones")
        for fields in entries:
            name = self._new("zones", fields)
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
        inner, outer = self.parts.zones.get(fields.text("id")), self.parts.zones.get(as_text(parent.get("trustZone")))
        if not parent or inner is None:
            return
        if outer is None:
            self.draft.lose(where, as_text(next(iter(parent.values()))), "no trust zone of the model has this id")
        else:
            self.parts.nest(where, outer, inner, outer)

    # --- components

    def _component(self, fields: Fields) -> None:
        words = _WORD.findall(fields.text("type").lower())
        device = any(word in DEVICES for word in words)
        party = self._party(fields) if words == ["party"] else None
        kind, key = "devices" if device else "systems", fields.text("id")
        text = _text(key, fields.text("name"))
        name = self.parts.new(kind, fields, key, self.parts.apart(kind, party, text) if party else text)
        common = {"name": fields.text("name"), "note": fields.text("description")}
        stored = self._data(fields, as_map(fields.get("assets")).get("stored"))
        if device:
            self.parts.device(name, common["name"], common["note"], UNKNOWN)
            self.draft.leave(f"{fields.where}.assets.stored", "a device of a declaration stores nothing", len(stored))
        else:
            self._system(name, fields, {**common, "operator": party or UNKNOWN}, words, stored)
        zone = self._zone(fields)
        if zone is not None:
            self.draft.get(kind, name)["zone"] = zone
        self.draft.leave_unread(fields, "components[]", PART_FIELDS)

    def _party(self, fields: Fields) -> str:
        """The party that a component stands for; what is there is run by it."""
        title = fields.text("name") or fields.text("id")
        return self.draft.party(title, _text(fields.text("id"), title))

    def _system(self, name: str, fields: Fields, common: dict[str, str], words: list[str], stored: list[str]) -> None:
        kind = next((KINDS[word] for word in words if word in KINDS), None)
        operator = common.pop("operator")
        record = {"kind": kind or "platform", "site": UNKNOWN, "operator": operator, "maintained_by": UNKNOWN}
        self.draft.put("systems", name, {**common, **record, "stores": stored, "updates_from": UNKNOWN})
        if kind is None and operator == UNKNOWN:
            self.draft.lose(
                f"{fields.where}.type", fields.text("type"), "no word of it is known; imported as `platform`"
            )
        if kind is None:
            self.draft.assume("systems", name, "kind", "no word of the component's type is known")

    def _zone(self, fields: Fields) -> str | None:
        """The zone a component lies in, through the components around it."""
        parent, where = fields.map("parent"), f"{fields.where}.parent"
        for _ in range(MAX_NESTED):
            if parent.get("trustZone") is not None:
                zone = self.parts.zones.get(as_text(parent["trustZone"]))
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
        return self.parts.datasets(f"{fields.where}.assets", Fields({"assets": value}, "").texts("assets"), "asset")

    # --- flows

    def _flow(self, fields: Fields) -> None:
        ends: list[str] = []
        for field in ("source", "destination"):
            end = self.parts.things.get(fields.text(field))
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
        name = self.draft.names.give(
            "flows", f"{id(self)} {fields.text('id')}{suffix}", f"{_text(fields.text('id'), title)[:60]}{suffix}"
        )
        record = {"name": title, "note": fields.text("description"), "from": start, "to": end, "datasets": data}
        way = {"protocol": "proprietary", "protection": UNKNOWN, "route": UNKNOWN, "observability": "imported"}
        self.draft.put("flows", name, {**record, "purpose": self.draft.purpose(self.title, ""), **way})
        self.draft.assume("flows", name, "protocol", "the format has no protocols")


def _text(key: str, title: str) -> str:
    """What an id of ours is made from: their id where it is one and no UUID, else the name."""
    return key if is_id(key) and not _UUID.match(key) else title or key


def sensitivity_of(rating: float | None) -> str:
    """A rating of confidentiality from 0 to 100 in our four words. None is restricted."""
    if rating is None:
        return "restricted"
    if rating <= 0:
        return "public"
    return "internal" if rating <= 33 else "restricted" if rating <= 66 else "secret"
