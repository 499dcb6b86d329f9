"""A profile: what an actor is said to be able to do, by whom, and on what that rests. Read from a small YAML file of our own.

INVARIANT: whatever the bytes, `read_profiles` returns profiles or raises `PlaceErrors`; every text is harmless to show.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, field

from cityward.errors import PlaceError, PlaceErrors
from cityward.ids import Id
from cityward.place.reading.source import plain, read_yaml
from cityward.text import harmless_tree

MOST_BYTES = 1 << 20
MOST_ACTORS = 200

Line = Annotated[str, Meta(max_length=500)]


class Capability(StrEnum):
    """One thing that an actor may be able to do. See `abilities` for what it means here."""

    SUPPLIER_ACCESS = "supplier-access"
    COMPELLED_ACCESS = "compelled-access"
    SUPPLIER_STOP = "supplier-stop"
    CREDENTIALS = "credentials"
    REMOTE_ACCESS = "remote-access"
    RADIO = "radio"
    DDOS = "ddos"
    RANSOMWARE = "ransomware"
    DATA_POISONING = "data-poisoning"
    CODE_INJECTION = "code-injection"
    SURVEILLANCE = "surveillance"
    INSIDER = "insider"
    PHYSICAL = "physical"


class Actor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One profile. capabilities: what it can do -> on what that rests, in words.

    jurisdictions: of this declaration, whose law it may use. parties: of this declaration, whom it may act through. techniques:
    of a catalogue, by id (`T0855`). source: who assessed, as they are called; confidence: how sure they say they are.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=4000)] = ""
    aliases: Annotated[tuple[Line, ...], Meta(max_length=50)] = ()
    capabilities: dict[Capability, Line] = field(default_factory=dict[Capability, Line])
    jurisdictions: Annotated[tuple[Id, ...], Meta(max_length=200)] = ()
    parties: Annotated[tuple[Id, ...], Meta(max_length=1000)] = ()
    techniques: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=1000)] = ()
    confidence: Annotated[str, Meta(max_length=40)] = ""
    assessed: date | None = None
    source: Line = ""


class Profiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of profiles: id -> actor."""

    actors: Annotated[dict[Id, Actor], Meta(max_length=MOST_ACTORS)]


def read_profiles(name: str, raw: bytes) -> Profiles:
    """The profiles of a file: YAML as a declaration is read, or the JSON that is YAML, too.

    Raises:
        PlaceErrors: what is wrong with it.
    """
    if len(raw) > MOST_BYTES:
        raise PlaceErrors([PlaceError(f"{len(raw)} bytes; profiles have {MOST_BYTES} at most", where=name)])
    errors: list[PlaceError] = []
    tree = read_yaml(name, raw, errors)
    if errors or tree is None:
        raise PlaceErrors(errors)
    try:
        return msgspec.convert(harmless_tree(plain(tree)), Profiles, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        mend = f"see docs/actors.md; the capabilities are {', '.join(Capability)}"
        raise PlaceErrors([PlaceError(f"not a file of actors: {error}", where=name, mend=mend)]) from None
