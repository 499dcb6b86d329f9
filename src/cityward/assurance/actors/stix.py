"""STIX 2.1 bundles as profiles: who is described, and by which techniques; what is read, and how much was left out.

Read: `threat-actor` and `intrusion-set` (name, aliases, description, created), `attack-pattern` (its catalogue id), and `uses`
relationships between them. A technique becomes a capability where `BY_TECHNIQUE` knows it; every technique stays by its id.
Labels, sectors and countries of a bundle are left out: a profile of ours says nothing of whose an actor is.

Source: OASIS STIX 2.1, 4.2 (attack pattern), 4.7 (intrusion set), 4.17 (threat actor), 5.1 (relationship), 8 (bundle).

INVARIANTS
- Nothing is fetched; nothing of a bundle is kept but what stands above, each text harmless and bounded.
- What is not read is counted, by type and reason: an import never looks whole when it is not.
- Whatever the bytes, `read_stix` answers or raises `PlaceError`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from cityward.assurance.actors.profile import MOST_ACTORS, Actor, Capability
from cityward.errors import PlaceError
from cityward.text import harmless

MOST_BYTES = 64 << 20  # PRECEDENT: the largest public catalogue of techniques has some 45 MB and 25,000 objects
MOST_OBJECTS = 100_000
MOST_BRACES = 12  # for each object that is allowed: references, phases and the like stand within
MOST_TECHNIQUES = 1000
ACTORS = ("threat-actor", "intrusion-set")
CATALOGUES = ("mitre-attack", "mitre-ics-attack", "mitre-mobile-attack")

BY_TECHNIQUE: Mapping[str, Capability] = {
    # enterprise
    "T1195": Capability.SUPPLIER_ACCESS, "T1199": Capability.SUPPLIER_ACCESS, "T1072": Capability.SUPPLIER_ACCESS,
    "T1078": Capability.CREDENTIALS, "T1110": Capability.CREDENTIALS, "T1552": Capability.CREDENTIALS,
    "T1555": Capability.CREDENTIALS, "T1003": Capability.CREDENTIALS, "T1133": Capability.REMOTE_ACCESS,
    "T1190": Capability.REMOTE_ACCESS, "T1021": Capability.REMOTE_ACCESS, "T1219": Capability.REMOTE_ACCESS,
    "T1498": Capability.DDOS, "T1499": Capability.DDOS, "T1486": Capability.RANSOMWARE, "T1485": Capability.RANSOMWARE,
    "T1490": Capability.RANSOMWARE, "T1565": Capability.DATA_POISONING, "T1059": Capability.CODE_INJECTION,
    "T1203": Capability.CODE_INJECTION, "T1125": Capability.SURVEILLANCE, "T1123": Capability.SURVEILLANCE,
    "T1591": Capability.SURVEILLANCE, "T1200": Capability.PHYSICAL, "T1091": Capability.PHYSICAL,
    # industrial control systems
    "T0862": Capability.SUPPLIER_ACCESS, "T0859": Capability.CREDENTIALS, "T0812": Capability.CREDENTIALS,
    "T0891": Capability.CREDENTIALS, "T0822": Capability.REMOTE_ACCESS, "T0819": Capability.REMOTE_ACCESS,
    "T0883": Capability.REMOTE_ACCESS, "T0886": Capability.REMOTE_ACCESS, "T0866": Capability.REMOTE_ACCESS,
    "T0860": Capability.RADIO, "T0887": Capability.RADIO, "T0814": Capability.DDOS, "T0813": Capability.DDOS,
    "T0809": Capability.RANSOMWARE, "T0826": Capability.RANSOMWARE, "T0856": Capability.DATA_POISONING,
    "T0832": Capability.DATA_POISONING, "T0831": Capability.DATA_POISONING, "T0853": Capability.CODE_INJECTION,
    "T0882": Capability.SURVEILLANCE, "T0847": Capability.PHYSICAL, "T0864": Capability.PHYSICAL,
}  # fmt: skip
"""Technique (without its sub-technique) -> what it means here. PRECEDENT: MITRE ATT&CK ids; the choice of capability is ours."""

_ID = re.compile(r"[a-z][a-z0-9-]{1,60}--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Bundle(msgspec.Struct, frozen=True):
    """The frame. STIX allows further fields; they are not read."""

    type: str
    objects: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a bundle: id -> actor. left_out: what was not read -> how many."""

    actors: Mapping[str, Actor]
    left_out: Mapping[str, int]


def read_stix(name: str, raw: bytes) -> Read:
    """The actors of a bundle.

    Args:
        name: of the file: what each profile gives as its source, beside its STIX id.

    Raises:
        PlaceError: no STIX 2.1 bundle, or beyond the bounds.
    """
    bundle = _bundle(name, raw)
    left = Counter[str]()
    of: dict[str, dict[str, dict[str, Any]]] = {"actor": {}, "attack-pattern": {}, "relationship": {}}
    for id_, one in _newest(bundle.objects, left).items():
        kind = _text(one, "type", 60)
        if one.get("revoked") is True or one.get("x_mitre_deprecated") is True:
            left[f"{kind}: revoked"] += 1
        elif one.get("spec_version", "2.1") != "2.1":
            left[f"{kind}: not of STIX 2.1"] += 1
        else:
            of["actor" if kind in ACTORS else kind][id_] = one
    techniques = _techniques(of["attack-pattern"], left)
    used = _used(of["relationship"].values(), of["actor"], techniques, left)
    return Read(_actors(name, of["actor"], used, left), dict(sorted(left.items())))


def _newest(objects: Iterable[dict[str, Any]], left: Counter[str]) -> Mapping[str, dict[str, Any]]:
    """Id -> the newest version of each object of a kind that is read. SPEC: STIX 2.1, 3.6: that with the latest `modified`."""
    found: dict[str, dict[str, Any]] = {}
    for one in objects:
        kind, id_ = _text(one, "type", 60), _text(one, "id", 120)
        if kind not in (*ACTORS, "attack-pattern", "relationship"):
            left[f"{kind or 'no type'}: not read"] += 1
        elif not _ID.fullmatch(id_) or not id_.startswith(f"{kind}--"):
            left[f"{kind}: its id is none"] += 1
        else:
            before = found.get(id_)
            left[f"{kind}: an older version"] += before is not None
            if before is None or _text(one, "modified", 40) > _text(before, "modified", 40):
                found[id_] = one
    return found


def _bundle(name: str, raw: bytes) -> _Bundle:
    if len(raw) > MOST_BYTES:
        raise PlaceError(f"{len(raw)} bytes; a bundle has {MOST_BYTES} at most", where=name, mend="split it")
    # SECURITY: counted in the bytes, as each would take a hundred times its room once it is made
    if raw.count(b"{") > MOST_BRACES * MOST_OBJECTS:
        what = f"{raw.count(b'{') - 1} objects, or objects within objects; a bundle has {MOST_OBJECTS} at most"
        raise PlaceError(what, where=name, mend="split it")
    try:
        bundle = msgspec.json.decode(raw, type=_Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mend = "give a JSON file whose `type` is `bundle`"
        raise PlaceError(f"not a STIX 2.1 bundle: {error}", where=name, mend=mend) from None
    if bundle.type != "bundle":
        raise PlaceError(f"its type is `{bundle.type[:40]}`, not `bundle`", where=name, mend="give a STIX 2.1 bundle")
    if len(bundle.objects) > MOST_OBJECTS:
        what = f"{len(bundle.objects)} objects; a bundle has {MOST_OBJECTS} at most"
        raise PlaceError(what, where=name, mend="split it")
    return bundle


def _techniques(patterns: Mapping[str, dict[str, Any]], left: Counter[str]) -> Mapping[str, str]:
    """STIX id -> id in a catalogue."""
    found: dict[str, str] = {}
    for id_, pattern in patterns.items():
        references: object = pattern.get("external_references")
        technique = next(iter(_catalogued(references if isinstance(references, list) else [])), "")  # pyright: ignore[reportUnknownArgumentType]
        if technique:
            found[id_] = technique
        else:
            left["attack-pattern: of no catalogue that is known"] += 1
    return found


def _catalogued(references: Iterable[Any]) -> Iterable[str]:
    for one in references:
        if isinstance(one, dict):
            name, id_ = one.get("source_name"), one.get("external_id")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if name in CATALOGUES and isinstance(id_, str) and _TECHNIQUE.fullmatch(id_):
                yield id_


def _used(
    relationships: Iterable[dict[str, Any]],
    actors: Mapping[str, object],
    techniques: Mapping[str, str],
    left: Counter[str],
) -> Mapping[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {}
    for one in relationships:
        source, target = _text(one, "source_ref", 120), _text(one, "target_ref", 120)
        if one.get("relationship_type") != "uses":
            left["relationship: not `uses`"] += 1
        elif source not in actors or target not in techniques:
            left["relationship: between others"] += 1
        else:
            found.setdefault(source, {})[techniques[target]] = None
    return found


def _actors(
    name: str, described: Mapping[str, dict[str, Any]], used: Mapping[str, dict[str, None]], left: Counter[str]
) -> Mapping[str, Actor]:
    found: dict[str, Actor] = {}
    for id_, one in described.items():
        title = harmless(_text(one, "name", 200))
        if not title or len(found) >= MOST_ACTORS:
            left["actor: more than are read" if title else "actor: without a name"] += 1
            continue
        techniques = tuple(sorted(used.get(id_, ())))
        left["technique: of no capability here"] += sum(_capability(t) is None for t in techniques)
        found[_named(title, id_, found)] = Actor(
            name=title,
            description=harmless(_text(one, "description", 4000)),
            aliases=_aliases(one.get("aliases")),
            capabilities=_capabilities(techniques),
            techniques=techniques[:MOST_TECHNIQUES],
            assessed=_day(_text(one, "modified", 40) or _text(one, "created", 40)),
            source=harmless(f"{name}, {id_}")[:500],
        )
    left += Counter()  # without the zeros
    return found


def _capability(technique: str) -> Capability | None:
    return BY_TECHNIQUE.get(technique.partition(".")[0])


def _capabilities(techniques: Iterable[str]) -> dict[Capability, str]:
    of: dict[Capability, list[str]] = {}
    for technique in techniques:
        capability = _capability(technique)
        if capability is not None:
            of.setdefault(capability, []).append(technique)
    return {capability: f"uses {', '.join(of[capability])}"[:500] for capability in Capability if capability in of}


def _aliases(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    texts = (harmless(one)[:500] for one in value[:50] if isinstance(one, str))  # pyright: ignore[reportUnknownVariableType]
    return tuple(texts)


def _named(title: str, id_: str, taken: Mapping[str, object]) -> str:
    """An id of ours: of the name, and of the STIX id where that leaves nothing, or something that is taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50].strip("-")
    mark = hashlib.sha256(id_.encode()).hexdigest()[:8]
    return plain if plain and plain != "unknown" and plain not in taken else f"{plain or 'actor'}-{mark}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if _DATE.match(text) else None
    except ValueError:
        return None


def _text(one: Mapping[str, Any], key: str, most: int) -> str:
    value = one.get(key)
    return value[:most] if isinstance(value, str) else ""
