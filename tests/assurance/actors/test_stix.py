"""STIX 2.1 bundles: what is read, what is left out and counted, and that no bytes do harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.assurance.actors import stix
from cityward.assurance.actors.profile import Capability
from cityward.assurance.actors.stix import read_stix
from cityward.errors import PlaceError


def id_(kind: str, number: int) -> str:
    return f"{kind}--00000000-0000-4000-8000-{number:012d}"


def actor(number: int = 1, kind: str = "threat-actor", **more: object) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": id_(kind, number), "name": "Tin Gull", **more}


def pattern(number: int, technique: str, source: str = "mitre-ics-attack") -> dict[str, Any]:
    references = [{"source_name": source, "external_id": technique}]
    return {"type": "attack-pattern", "id": id_("attack-pattern", number), "external_references": references}


def uses(number: int, source: str, target: str, how: str = "uses") -> dict[str, Any]:
    return {
        "type": "relationship", "id": id_("relationship", number), "relationship_type": how, "source_ref": source,
        "target_ref": target,
    }  # fmt: skip


def bundle(*objects: dict[str, Any]) -> bytes:
    return json.dumps({"type": "bundle", "id": id_("bundle", 1), "objects": objects}).encode()


def test_techniques_that_are_used_become_capabilities() -> None:
    gull = actor(modified="2026-08-11T09:00:00.000Z")
    patterns = (pattern(1, "T0859"), pattern(2, "T0883"), pattern(3, "T1498.001", "mitre-attack"))
    read = read_stix("b.json", bundle(gull, *patterns, *(uses(n, gull["id"], p["id"]) for n, p in enumerate(patterns))))
    (found,) = read.actors.values()
    assert found.capabilities == {
        Capability.CREDENTIALS: "uses T0859", Capability.REMOTE_ACCESS: "uses T0883", Capability.DDOS: "uses T1498.001",
    }  # fmt: skip
    assert (found.name, str(found.assessed), found.source) == ("Tin Gull", "2026-08-11", f"b.json, {gull['id']}")
    assert read.left_out == {}


def test_what_is_left_out_is_counted() -> None:
    gull, odd = actor(), pattern(1, "T0999")
    read = read_stix(
        "b.json",
        bundle(
            gull, odd, uses(1, gull["id"], odd["id"]), uses(2, gull["id"], odd["id"], "mitigates"),
            uses(3, gull["id"], id_("malware", 9)), pattern(2, "CAPEC-1"), {"type": "identity"}, {"no": "type"},
            actor(2, revoked=True), actor(3, spec_version="2.0"), actor(4, name=""), {**actor(5), "id": "threat-actor--x"},
        ),
    )  # fmt: skip
    assert read.left_out == {
        "actor: without a name": 1,
        "attack-pattern: of no catalogue that is known": 1,
        "identity: not read": 1,
        "no type: not read": 1,
        "relationship: between others": 1,
        "relationship: not `uses`": 1,
        "technique: of no capability here": 1,
        "threat-actor: its id is none": 1,
        "threat-actor: not of STIX 2.1": 1,
        "threat-actor: revoked": 1,
    }
    assert [one.techniques for one in read.actors.values()] == [("T0999",)]


def test_two_of_one_name_are_two() -> None:
    read = read_stix("b.json", bundle(actor(1), actor(2, "intrusion-set")))
    assert len(read.actors) == 2
    assert next(iter(read.actors)) == "tin-gull"


def test_texts_of_a_bundle_can_do_no_harm() -> None:
    read = read_stix("b.json", bundle(actor(name="Gull\x1b[2J\u202e", description="a\nb", aliases=["\x00", 7])))
    (found,) = read.actors.values()
    lost = "\N{REPLACEMENT CHARACTER}"
    assert (found.name, found.description, found.aliases) == (f"Gull{lost}[2J{lost}", "a b", (lost,))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{}", "not a STIX 2.1 bundle"),
        (b"[" * 100_000, "not a STIX 2.1 bundle"),
        (b"\xff\xfe", "not a STIX 2.1 bundle"),
        (b'{"type": "report"}', "its type is `report`"),
        (b'{"type": "bundle", "objects": [1]}', "not a STIX 2.1 bundle"),
    ],
)
def test_what_is_no_bundle_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(PlaceError, match=said):
        read_stix("b.json", raw)


@pytest.mark.parametrize("turned", [False, True], ids=["old first", "new first"])
def test_of_several_versions_the_newest_is_read(turned: bool) -> None:
    old = actor(name="Tin Gull", modified="2025-01-01T00:00:00.000Z")
    new = actor(name="Lead Gull", modified="2026-01-01T00:00:00.000Z")
    read = read_stix("b.json", bundle(*((new, old) if turned else (old, new))))
    assert [one.name for one in read.actors.values()] == ["Lead Gull"]
    assert read.left_out == {"threat-actor: an older version": 1}


def test_what_its_newest_version_takes_back_is_not_read() -> None:
    old, taken_back = actor(modified="2025-01-01T00:00:00.000Z"), actor(modified="2026-01-01T00:00:00Z", revoked=True)
    read = read_stix("b.json", bundle(old, taken_back))
    assert (read.actors, read.left_out) == ({}, {"threat-actor: an older version": 1, "threat-actor: revoked": 1})


def test_objects_are_counted_before_they_are_made() -> None:
    """Millions of empty ones would fit into the bytes that are allowed."""
    many = b'{"type": "bundle", "objects": [' + b"{}," * 3_000_000 + b"{}]}"
    with pytest.raises(PlaceError, match="3000001 objects"):
        read_stix("b.json", many)
    nested = b'{"type": "bundle", "objects": [{"x": [' + b"{}," * 3_000_000 + b"{}]}]}"
    with pytest.raises(PlaceError, match="objects within objects"):
        read_stix("b.json", nested)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stix, "MOST_OBJECTS", 1)
    with pytest.raises(PlaceError, match="2 objects"):
        read_stix("b.json", bundle(actor(1), actor(2)))
    monkeypatch.setattr(stix, "MOST_BYTES", 10)
    with pytest.raises(PlaceError, match="10 at most"):
        read_stix("b.json", bundle())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["id", "name", "aliases", "external_references", "source_ref", "relationship_type", "spec_version", "modified"]
)
_OBJECT = st.builds(
    lambda kind, number, fields: {"type": kind, "id": id_(kind, number), **fields},
    st.sampled_from(["threat-actor", "attack-pattern", "relationship"]),
    st.integers(0, 5),
    st.dictionaries(_KEYS, _VALUES, max_size=4),
)


@given(st.lists(_OBJECT, max_size=5))
@settings(max_examples=100, deadline=None)
def test_any_objects_give_profiles_or_are_left_out(objects: list[dict[str, Any]]) -> None:
    read = read_stix("b.json", bundle(*objects))
    assert len(read.actors) <= len(objects)
