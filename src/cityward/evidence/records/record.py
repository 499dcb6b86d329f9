"""What every record has."""

from __future__ import annotations

import msgspec


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", omit_defaults=False
):
    """`at` is city time in us; `by` the role that writes (worker-0, service, web)."""

    at: int
    by: str
