"""Which field names which kind of record, and whether what it names is there.

A row of `REFERENCES` is a field and the kinds it may name. Fields that may name several kinds share one namespace: an id
declared in two of those kinds would be ambiguous, so that is an error, whether or not anything names it yet.

Works on trees, not on records, so that a record with a wrong field still has its other fields looked up.

INVARIANT: `unknown` passes only where the record's type says so, as the whole value of a field. Inside a list it would be taken
for one more name that leads nowhere, and as an id it could be meant or not: both would pass for a certain no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations

import msgspec.inspect as mi

from cityward.catalogue import PROPERTIES
from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean, listed, shown
from cityward.place.model import Place
from cityward.place.reading.shapes import place_error, shape_of
from cityward.place.reading.source import Node
from cityward.place.record import UNKNOWN

Names = Mapping[str, Mapping[str, Node]]
"""kind -> id -> where it is declared. `members` are the units of groups, `properties` the catalogue's (without a node)."""

Kinds = tuple[str, ...]

ENDS: Kinds = ("devices", "members", "systems", "parties")
NEEDED: Kinds = (*ENDS, "sites")
REACHED: Kinds = ("systems", "devices", "members", "datasets")
PROTECTED: Kinds = ("datasets", "flows", "systems")
PLACES: Kinds = ("sites", "jurisdictions")
HOPS: Kinds = ("jurisdictions", "parties")
STREET: Kinds = ("devices", "members")
STOPS: Kinds = (*STREET, "sites")

_CONDITION: Mapping[str, Kinds] = {
    "party.named[]": ("parties",),
    "party.not_named[]": ("parties",),
    "party.incorporated_in[]": ("jurisdictions",),
    "party.not_incorporated_in[]": ("jurisdictions",),
    "party.present_in[]": ("jurisdictions",),
    "party.addressee_of[]": ("instruments",),
    "party.controlled_from[]": ("jurisdictions",),
    "site.in[]": ("jurisdictions",),
    "site.not_in[]": ("jurisdictions",),
    "route.passes[]": HOPS,
    "route.leaves[]": ("jurisdictions",),
    "data.named[]": ("datasets",),
    "thing.models[]": ("device_models",),
    "thing.zones[]": ("zones",),
    "access.used_from[]": PLACES,
    "access.used_outside[]": ("jurisdictions",),
    "reached_from.jurisdictions[]": ("jurisdictions",),
    "reached_by.parties[]": ("parties",),
    "path_to.zones[]": ("zones",),
    "path_to.systems[]": ("systems",),
}
"""What the conditions of house rules name."""

REFERENCES: Mapping[str, Mapping[str, Kinds]] = {
    "parties": {
        "incorporated_in": ("jurisdictions",),
        "presence[]": ("jurisdictions",),
        "owners[].party": ("parties",),
        "subprocessors[]": ("parties",),
    },
    "jurisdictions": {"members[]": ("jurisdictions",), "parent": ("jurisdictions",)},
    "instruments": {"jurisdiction": ("jurisdictions",)},
    "agreements": {
        "parties[]": ("parties",),
        "datasets[]": ("datasets",),
        "purposes[]": ("purposes",),
        "sites[]": ("sites",),
        "form": ("forms",),
    },
    "sites": {"jurisdiction": ("jurisdictions",), "operator": ("parties",), "area": ("areas",)},
    "zones": {"parent": ("zones",)},
    "conduits": {"zones[]": ("zones",)},
    "systems": {
        "site": ("sites",),
        "zone": ("zones",),
        "operator": ("parties",),
        "supplier": ("parties",),
        "maintained_by[]": ("parties",),
        "speaks_for[]": STREET,
        "stores[]": ("datasets",),
        "needs[].of[]": NEEDED,
        "updates_from": ("systems",),
    },
    "device_models": {"maker": ("parties",), "properties{}": ("properties",), "updates_from": ("systems",)},
    "devices": {
        "model": ("device_models",),
        "site": ("sites",),
        "zone": ("zones",),
        "area": ("areas",),
        "areas[]": ("areas",),
        "owner": ("parties",),
        "operator": ("parties",),
        "needs[].of[]": NEEDED,
    },
    "datasets": {
        "allowed_jurisdictions[]": ("jurisdictions",),
        "properties[]": ("properties",),
        "made_of[]": ("datasets",),
        "release_form": ("forms",),
    },
    "recipients": {
        "party": ("parties",),
        "flows[]": ("flows",),
        "jurisdiction": ("jurisdictions",),
        "form": ("forms",),
    },
    "postures": {
        "areas[]": ("areas",),
        "stop_datasets[]": ("datasets",),
        "stop_parties[]": ("parties",),
        "stop_jurisdictions[]": ("jurisdictions",),
        "stop_purposes[]": ("purposes",),
        "form": ("forms",),
        "by[]": ("roles",),
    },
    "roles": {"party": ("parties",), "services[]": ("services",), "datasets[]": ("datasets",)},
    "alerts": {"flow": ("flows",)},
    "witnesses": {"flow": ("flows",)},
    "flows": {
        "from": ENDS,
        "to": ENDS,
        "datasets[]": ("datasets",),
        "purpose": ("purposes",),
        "route[]": HOPS,
        "agreement": ("agreements",),
        "form": ("forms",),
        "feed.timetable": ("flows",),
        "feed.beside": ("flows",),
        "feed.vehicles{}": STREET,
    },
    "accesses": {
        "party": ("parties",),
        "target": REACHED,
        "from_places[]": PLACES,
        "agreement": ("agreements",),
    },
    "keys": {"holder": ("parties",), "protects[]": PROTECTED},
    "services": {
        "operator": ("parties",),
        "actuators[]": STREET,
        "reads[]": ("datasets",),
        "interlocks[].unless.device": STREET,
        "interlocks[].unless.property": ("properties",),
        "plans{}.at[]": STOPS,
        "plans{}.fixed[]": STOPS,
    },
    "functions": {"service": ("services",), "needs[].of[]": NEEDED, "areas[]": ("areas",)},
    "forecasts": {"devices[]": STREET, "property": ("properties",)},
    "junctions": {
        "device": STREET,
        "calls[].devices[]": STREET,
        "links[].to": ("junctions",),
        "detectors{}": STREET,
    },
    "cameras": {
        "device": STREET,
        "flow": ("flows",),
        "dataset": ("datasets",),
        "purpose": ("purposes",),
        "viewing.purposes[]": ("purposes",),
    },
    "supplier_evidence": {"party": ("parties",), "agreement": ("agreements",)},
    "rules": {
        **{f"{part}[].{field}": kinds for part in ("forbid", "unless") for field, kinds in _CONDITION.items()},
        "waivers[].by": ("parties",),
    },
}
"""`a[]`: each element of the list; `a{}`: each key of the mapping; `a[].b`, `a{}.b`: the field of each element or value."""

HEADER: Mapping[str, Kinds] = {"responsible": ("parties",), "platform": ("systems",)}

_NOUNS = {
    "parties": "party", "jurisdictions": "jurisdiction", "instruments": "instrument", "agreements": "agreement",
    "purposes": "purpose", "areas": "area",
    "sites": "site", "zones": "zone", "systems": "system", "device_models": "device model", "devices": "device",
    "members": "member of a group", "datasets": "dataset", "flows": "flow", "services": "service",
    "properties": "observed property", "forms": "form", "roles": "role", "junctions": "junction",
}  # fmt: skip


def dangling(header: Mapping[str, Node], kinds: Names, names: Names) -> Iterator[PlaceError]:
    """Every name that names nothing.

    Args:
        header: the fields of the place itself.
        kinds: the declared records, by kind and id.
        names: as `kinds`, with `members` and `properties`.
    """
    for kind, field, node, path in named(header, kinds):
        wanted = REFERENCES[kind][field] if kind else HEADER[field]
        if node.value == UNKNOWN:
            yield from _not_known(node, path, field, wanted, may_be_unknown(kind, field))
        else:
            yield from _check(node, path, wanted, names)


def named(header: Mapping[str, Node], kinds: Names) -> Iterator[tuple[str, str, Node, str]]:
    """Each name that something gives: (kind of record, the field's pattern, the name, its path). The place itself has no kind."""
    yield from (("", field, header[field], field) for field in HEADER if field in header)
    for kind, fields in REFERENCES.items():
        for record_id, record in kinds.get(kind, {}).items():
            for field in fields:
                for node, path in _named(record, field, f"{kind}.{record_id}"):
                    yield kind, field, node, path


def _named(node: Node, field: str, path: str) -> Iterator[tuple[Node, str]]:
    """The nodes a field's pattern leads to, with their paths. What has another shape is skipped: `shapes` reports it."""
    head, _, rest = field.partition(".")
    name = head.rstrip("[]{}")
    child = node.value.get(name) if isinstance(node.value, dict) else None
    if child is None:
        return
    here = f"{path}.{name}"
    if head.endswith("{}") and isinstance(child.value, dict):
        for key, value in child.value.items():
            at = f"{here}.{key}"
            yield from _named(value, rest, at) if rest else iter([(Node(key, value.file, value.line), at)])
    elif head.endswith("[]") and isinstance(child.value, list):
        for i, item in enumerate(child.value):
            yield from _named(item, rest, f"{here}[{i}]") if rest else iter([(item, f"{here}[{i}]")])
    elif not head.endswith(("[]", "{}")):
        yield from _named(child, rest, here) if rest else iter([(child, here)])


@cache
def may_be_unknown(kind: str, field: str) -> str | None:
    """The part of a field's pattern that may be `unknown` as a whole, by the types of the records; None: no part may.

    `owners[].party` -> `owners`; `site` -> `site`. An empty kind stands for the place itself.
    """
    shape = _in_place(kind)
    found: str | None = None
    names: list[str] = []
    for part in field.split("."):
        names.append(part.rstrip("[]{}"))
        whole = next(f.type for s in _structs(shape) for f in s.fields if f.encode_name == names[-1])
        found = ".".join(names) if _allows_unknown(whole) else found
        shape = whole
    return found


def _in_place(kind: str) -> mi.Type:
    place = shape_of(Place)
    assert isinstance(place, mi.StructType)
    return next((f.type for f in place.fields if f.encode_name == kind), place)


def _options(kind: mi.Type) -> Iterator[mi.Type]:
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    if isinstance(kind, mi.UnionType):
        for option in kind.types:
            yield from _options(option)
    else:
        yield kind


def _structs(kind: mi.Type) -> Iterator[mi.StructType]:
    """The structs in a type: itself, or those its lists and mappings hold."""
    for option in _options(kind):
        if isinstance(option, mi.StructType):
            yield option
        elif isinstance(option, mi.VarTupleType):
            yield from _structs(option.item_type)
        elif isinstance(option, mi.DictType):
            yield from _structs(option.value_type)


def _allows_unknown(kind: mi.Type) -> bool:
    return any(isinstance(option, mi.LiteralType) and UNKNOWN in option.values for option in _options(kind))


def _not_known(node: Node, path: str, field: str, wanted: Kinds, whole: str | None) -> Iterator[PlaceError]:
    """`unknown` where it stands. Fine only as all of a field that may be unknown."""
    if whole == field:
        return
    mend = f"name {_a(_nouns(wanted))}"
    if whole is not None:
        mend = f"write `{whole}: {UNKNOWN}`: a list that holds an unknown is not known"
    yield place_error(node, path, f"found `{UNKNOWN}`, which may not stand here", mend)


def reserved(header: Mapping[str, Node], kinds: Names) -> Iterator[PlaceError]:
    """Every record, and the place itself, that has the word `unknown` for its id."""
    mend = "give it another id"
    what = f"`{UNKNOWN}` is a reserved word: it says that something is not known"
    if "place" in header and header["place"].value == UNKNOWN:
        yield place_error(header["place"], "place", what, mend)
    for kind, records in kinds.items():
        if UNKNOWN in records:
            yield place_error(records[UNKNOWN], f"{kind}.{UNKNOWN}", what, mend)


def _check(node: Node, path: str, wanted: Kinds, names: Names) -> Iterator[PlaceError]:
    found = node.value
    if not isinstance(found, str) or any(found in names.get(kind, {}) for kind in wanted):
        return
    known = [name for kind in wanted for name in names.get(kind, {})]
    what = f"found {shown(found)}, which is no {_nouns(wanted)}{did_you_mean(found, known)}"
    yield place_error(node, path, what, _mend(found, wanted, known, names))


def _mend(found: str, wanted: Kinds, known: list[str], names: Names) -> str:
    elsewhere = [kind for kind, ids in names.items() if found in ids]
    if elsewhere:
        return f"`{found}` is a {_NOUNS.get(elsewhere[0], elsewhere[0])}; name {_a(_nouns(wanted))} here"
    if wanted == ("properties",):
        return "name an observed property of the catalogue; docs/declaration.md lists them"
    return (
        f"declare it under `{wanted[0]}`, or name one of {listed(known)}"
        if known
        else f"declare it under `{wanted[0]}`"
    )


def _nouns(kinds: Kinds) -> str:
    nouns = [_NOUNS[kind] for kind in kinds]
    return " or ".join(filter(None, (", ".join(nouns[:-1]), nouns[-1])))


def _a(nouns: str) -> str:
    return f"{'an' if nouns[0] in 'aeio' else 'a'} {nouns}"


def ambiguous(names: Names) -> Iterator[PlaceError]:
    """Every id that two kinds share which may stand in one field."""
    told: set[tuple[str, str, str]] = set()
    for wanted in dict.fromkeys(kinds for fields in REFERENCES.values() for kinds in fields.values()):
        for first, second in combinations(wanted, 2):
            for shared in names.get(first, {}).keys() & names.get(second, {}).keys():
                told.add((shared, first, second))
    for shared, first, second in sorted(told):
        there, here = names[first][shared], names[second][shared]
        what = f"`{shared}` is also a {_NOUNS[first]}, at {there.file}:{there.line}; the two may stand in one field"
        path = f"devices.{shared.rpartition('-')[0]}" if second == "members" else f"{second}.{shared}"
        what = what if second != "members" else f"its member {what}"
        yield place_error(here, path, what, "give one of them another id")


CATALOGUE: Mapping[str, Node] = {name: Node(None, "catalogue", 0) for name in PROPERTIES}
"""The observed properties, as names."""
