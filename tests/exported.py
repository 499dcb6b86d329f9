"""Places to export: the demonstration city, and the same with a hostile text for every name and note."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from cityward.compose.asking.exchange import export_model
from cityward.compose.places import load_place
from cityward.place.loader import Loaded
from cityward.place.record import Record

DOGGERFORD = Path(__file__).parents[1] / "examples" / "doggerford"
AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)

HOSTILE = (
    'A "quoted" \'name\' <script>alert(1)</script> &amp; ]]> --> \\N \\" {0} [mend](http://evil.example) *a !!python\n'
    "second: line\r\t\u202egpj.exe\u202c \u2066x\u2069 \u200f \x07\x1b[31m\x85\u2028\x00 \ud800 \ufffe \U0001ffff é 東"
)
"""Ends strings, opens markup, fakes lines, drives terminals, turns the reading direction, breaks encoders; two honest letters."""

_CONTROLS = "\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
HARMFUL = re.compile(f"[{_CONTROLS}\ud800-\udfff\ufeff\ufffe\uffff]")
"""What no export may hold: all but the line feeds that a writer makes itself."""


@cache
def doggerford() -> Loaded:
    """The demonstration city, loaded once."""
    return load_place(DOGGERFORD)


@cache
def hostile() -> Loaded:
    """The demonstration city, each of whose names and notes is `HOSTILE`; two are the same everywhere."""
    loaded = doggerford()
    kinds = {
        field.name: {name: _renamed(record) for name, record in kind.items()}
        for field in msgspec.structs.fields(loaded.place)
        if isinstance(kind := getattr(loaded.place, field.name), dict)
    }
    place = msgspec.structs.replace(loaded.place, name=HOSTILE, **kinds)
    return Loaded(place, loaded.origins, loaded.warnings, loaded.digest)


def _renamed(record: Record) -> Record:
    extra = {"categories": (HOSTILE,), "subjects": (HOSTILE,)} if hasattr(record, "categories") else {}
    return msgspec.structs.replace(record, name=HOSTILE, note=HOSTILE, source=HOSTILE, **extra)


def exported(format_id: str, loaded: Loaded | None = None, **more: object) -> str:
    """An export as text."""
    return export_model(format_id, loaded or doggerford(), **more).decode()  # type: ignore[arg-type]
