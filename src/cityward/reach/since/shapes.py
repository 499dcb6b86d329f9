"""What is told of a change between two declarations. No reasoning here (`changes`)."""

from __future__ import annotations

from typing import Literal

import msgspec


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declaration, by its digest, and from when on the city ran by it (city us)."""

    digest: str
    at_us: int


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can newly reach datasets, or no longer can. axis: of a jurisdiction, over whom its law has power."""

    who: str
    who_name: str
    kind: Literal["party", "jurisdiction"]
    axis: Literal["", "party", "place"]
    mode: str
    certain: bool
    datasets: tuple[str, ...]
    sentence: str


class FlowChange(msgspec.Struct, frozen=True, kw_only=True):
    """A flow that came, went or reads otherwise. `fields`: what reads otherwise, as `field: before, now`."""

    flow: str
    what: Literal["added", "removed", "changed"]
    fields: tuple[str, ...]
    sentence: str


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """What changed. `before`, `now`: the digests. Lists are cut; the counts are of all.

    short_of: the moment asked for lies before the oldest declaration that is kept, from which it is answered.
    """

    since_ms: int
    before: str
    before_from_ms: int
    now: str
    now_from_ms: int
    short_of: bool
    sentence: str
    gained: tuple[Reached, ...]
    lost: tuple[Reached, ...]
    flows: tuple[FlowChange, ...]
    gained_in_all: int
    lost_in_all: int
    flows_in_all: int
    versions: tuple[Version, ...]
    command: str
