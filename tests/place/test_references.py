"""Every field that names something is looked up: the table is held to the record modules."""

from __future__ import annotations

import msgspec.inspect as mi
import pytest

from cityward.ids import ID_PATTERN
from cityward.place.model import Place
from cityward.place.reading.references import _NOUNS, HEADER, REFERENCES, may_be_unknown  # pyright: ignore[reportPrivateUsage]
from cityward.place.reading.shapes import shape_of
from declarations import TOWN, errors_of, loaded, town

NO_REFERENCES = {"place", "asserted_by"}


def id_fields(kind: mi.Type, path: str = "") -> set[str]:
    """The patterns of all fields of a type that hold ids."""
    if isinstance(kind, mi.StrType):
        return {path} if kind.pattern == ID_PATTERN else set()
    if isinstance(kind, mi.UnionType):
        return set().union(*(id_fields(option, path) for option in kind.types))
    if isinstance(kind, mi.VarTupleType):
        return id_fields(kind.item_type, f"{path}[]")
    if isinstance(kind, mi.TupleType):
        return set().union(*(id_fields(item, f"{path}[]") for item in kind.item_types))
    if isinstance(kind, mi.DictType):
        return id_fields(kind.value_type, f"{path}{{}}")
    if isinstance(kind, mi.StructType):
        return set().union(*(id_fields(f.type, f"{path}.{f.encode_name}".lstrip(".")) for f in kind.fields))
    return set()


def kinds() -> dict[str, mi.StructType]:
    info = shape_of(Place)
    assert isinstance(info, mi.StructType)
    dicts = {f.encode_name: f.type for f in info.fields if isinstance(f.type, mi.DictType)}
    return {name: kind.value_type for name, kind in dicts.items() if isinstance(kind.value_type, mi.StructType)}


LOOKED_UP_BY_CHECKS = {
    "budgets": {"of"},
    "device_models": {"commands{}.sets", "commands{}.by_itself"},
    "services": {"interlocks[].commands[]"},
    "junctions": {
        "groups{}.yields_to[]", "conflicts[].first", "conflicts[].then", "stages{}[]", "plan[].stage", "calls[].groups[]",
        "links[].group",
    },
}  # fmt: skip
"""Fields that may name kinds which share no namespace, and what is no record: `tests/place/test_budgets.py`, `test_checks.py`,
`test_acting.py` and `test_junction_checks.py` have them.
"""


@pytest.mark.parametrize("kind", kinds())
def test_every_field_that_holds_an_id_is_looked_up(kind: str):
    looked_up = {field for field in REFERENCES.get(kind, {}) if not field.endswith("{}")}
    assert id_fields(kinds()[kind]) - LOOKED_UP_BY_CHECKS.get(kind, set()) == looked_up


def test_every_header_field_that_holds_an_id_is_looked_up():
    info = shape_of(Place)
    assert isinstance(info, mi.StructType)
    own = [f for f in info.fields if not isinstance(f.type, mi.DictType)]
    assert {f.encode_name for f in own if id_fields(f.type)} - NO_REFERENCES == HEADER.keys()


def test_every_kind_a_field_may_name_is_a_kind():
    named = {kind for fields in REFERENCES.values() for wanted in fields.values() for kind in wanted}
    assert named - {"members", "properties"} <= kinds().keys()


def test_every_kind_a_field_may_name_has_a_word_for_people():
    named = {kind for fields in REFERENCES.values() for wanted in fields.values() for kind in wanted}
    assert named <= _NOUNS.keys()


ACCESS = "accesses:\n  way: {party: acme, target: cityward, modes: [read]}\n"
WAY_IN = ACCESS + "keys:\n  at-rest: {holder: council, protects: [counts]}\n"
"""An access and a key, which the small town has not."""

AS_A_WHOLE = {
    "owners": ("owners: [{party: acme-group, share: 60}]", "owners: [{party: unknown, share: 60}]"),
    "subprocessors": ("owners: [{party: acme-group, share: 60}]", "subprocessors: [acme-group, unknown]"),
    "maintained_by": ("site: yard, operator: acme}", "site: yard, operator: acme, maintained_by: [unknown]}"),
    "route": ("    protocol: http\n", "    protocol: http\n    route: [xb, unknown]\n"),
    "from_places": ("modes: [read]}", "modes: [read], from_places: [unknown]}"),
}
"""Lists of fields that may be unknown as a whole."""

NEVER = {
    "flow.to": ("    to: acme\n", "    to: unknown\n"),
    "needs of": ("{of: [lamps-01, lamps-02], k: 1}", "{of: [lamps-01, unknown], k: 1}"),
    "protects": ("protects: [counts]", "protects: [unknown]"),
    "allowed_jurisdictions": ("retention_days: 365", "retention_days: 365\n    allowed_jurisdictions: [xa, unknown]"),
    "access.party": ("{party: acme, target", "{party: unknown, target"),
    "device.model": ("model: counter,", "model: unknown,"),
    "properties": ("properties: [lamp-level]", "properties: [unknown]"),
    "mapped property": ("properties: {lamp-level: {}}", "properties: {unknown: {}}"),
    "responsible": ("responsible: council", "responsible: unknown"),
    "presence": ("{kind: group,", "{presence: [unknown], kind: group,"),
}
"""Fields that name something that is there."""


def said(change: tuple[str, str]) -> list[str]:
    before, after = change
    assert before in TOWN + WAY_IN
    return errors_of((TOWN + WAY_IN).replace(before, after))


@pytest.mark.parametrize("field", AS_A_WHOLE)
def test_unknown_inside_a_list_is_refused_where_the_whole_field_may_be_unknown(field: str):
    [error] = said(AS_A_WHOLE[field])
    assert "found `unknown`, which may not stand here" in error
    assert f"write `{field}: unknown`: a list that holds an unknown is not known" in error
    assert "where: place.yaml:" in error


@pytest.mark.parametrize("field", NEVER)
def test_unknown_is_refused_where_something_must_be_named(field: str):
    errors = said(NEVER[field])
    assert any("found `unknown`, which may not stand here" in error and "mend:  name a" in error for error in errors)


def test_a_house_rule_does_not_name_the_unknown():
    rule = "rules:\n  r: {about: parties, forbid: [{party: {as: [itself], named: [unknown]}}]}\n"
    [error] = errors_of(TOWN + rule)
    assert "rules.r.forbid[0].party.named[0]" in error and "name a party" in error


def test_unknown_as_a_whole_still_loads():
    owners = (AS_A_WHOLE["owners"][0], "owners: unknown")
    assert loaded(town(owners, ("site: yard, operator: acme}", "site: unknown, operator: unknown}"))).place


def test_what_may_be_unknown_follows_from_the_types():
    assert may_be_unknown("parties", "owners[].party") == "owners"
    assert may_be_unknown("systems", "site") == "site"
    assert may_be_unknown("systems", "needs[].of[]") is None
    assert may_be_unknown("", "responsible") is None


@pytest.mark.parametrize("kind", kinds())
def test_no_record_of_any_kind_is_called_unknown(kind: str):
    errors = errors_of(f"place: t\nname: T\nposition: [0, 0]\nresponsible: us\n{kind}:\n  unknown: {{}}\n")
    [error] = [error for error in errors if "is a reserved word" in error]
    assert f"where: place.yaml:6  {kind}.unknown" in error


def test_the_place_is_not_called_unknown():
    assert "is a reserved word" in errors_of(town(("place: tinytown", "place: unknown")))[0]
