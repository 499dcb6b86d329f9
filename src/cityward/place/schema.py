"""The declaration's JSON Schema, for editors and other tools. Titles and descriptions are the record kinds' own docstrings."""

from __future__ import annotations

from typing import Any

import msgspec

from cityward.place.model import Place


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a whole declaration. An included file has the same fields, none of them required."""
    whole = msgspec.json.schema(Place)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Cityward declaration", **whole}
