"""How the place keeps files of its incidents."""

from __future__ import annotations

from typing import Literal

import msgspec


class IncidentFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """open_at: an incident of the watch that is so severe has a file from its first finding on, without anybody opening one."""

    open_at: Literal["critical", "high"] | None = None
