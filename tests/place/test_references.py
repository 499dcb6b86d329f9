"""Every field that names something is looked up: the table is held to the record modules."""

from __future__ import annotations

import msgspec.inspect as mi
import pytest

from cityward.place.model import Place
from cityward.place.reading.references import HEADER, REFERENCES
from cityward.place.reading.shapes import shape_of

NO_REFERENCES = {"place", "asserted_by"}


def id_fields(kind: mi.Type, path: str = "") -> set[str]:
    """The patterns of all fields of a type that hold ids."""
    if isinstance(kind, mi.StrType):
        return {path} if kind.pattern and "a-z0-9" in kind.pattern else set()
    if isinstance(kind, mi.UnionType):
        return set().union(*(id_fields(option, path) for option in kind.types))
    if isinstance(kind, mi.VarTupleType):
        return id_fields(kind.item_type, f"{path}[]")
    if isinstance(kind, mi.TupleType):
        return set().union(*(id_fields(item, f"{path}[]") for item in kind.item_types))
    if isinstance(kind, mi.StructType):
        return set().union(*(id_fields(f.type, f"{path}.{f.encode_name}".lstrip(".")) for f in kind.fields))
    return set()


def kinds() -> dict[str, mi.StructType]:
    info = shape_of(Place)
    assert isinstance(info, mi.StructType)
    dicts = {f.encode_name: f.type for f in info.fields if isinstance(f.type, mi.DictType)}
    return {name: kind.value_type for name, kind in dicts.items() if isinstance(kind.value_type, mi.StructType)}


@pytest.mark.parametrize("kind", kinds())
def test_every_field_that_holds_an_id_is_looked_up(kind: str):
    looked_up = {field for field in REFERENCES.get(kind, {}) if not field.endswith("{}")}
    assert id_fields(kinds()[kind]) == looked_up


def test_every_header_field_that_holds_an_id_is_looked_up():
    info = shape_of(Place)
    assert isinstance(info, mi.StructType)
    assert {f.encode_name for f in info.fields if id_fields(f.type)} - NO_REFERENCES == HEADER.keys()


def test_every_kind_a_field_may_name_is_a_kind():
    named = {kind for fields in REFERENCES.values() for wanted in fields.values() for kind in wanted}
    assert named - {"members", "properties"} <= kinds().keys()
