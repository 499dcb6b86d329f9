"""A service that does as a test tells it, and a keeper in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cityward.errors import LinkError
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ServiceEffects
from cityward.services.contract import Turn, View, Window


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it remembers: how often it was asked."""

    turns: int = 0
    ballast: str = ""


Step = Callable[[View[Any], Memory], Turn[Any]]


def count(view: View[Any], memory: Memory) -> Turn[Memory]:
    """Counts its turns."""
    return Turn(Memory(turns=memory.turns + 1))


class Told:
    """`services.contract.Service`, as `step` says."""

    settings = dict
    memory = Memory
    example: Mapping[str, Any] = {}

    def __init__(self, step: Step = count, windows: Sequence[Window] = (), documents: Sequence[str] = ()) -> None:
        self.step, self._windows, self._documents = step, windows, documents

    def read_settings(self, raw: Mapping[str, Any], where: str) -> Any:
        return {}

    def reads(self, settings: Any) -> Sequence[str]:
        return ("loop", "lux")

    def commands(self, settings: Any) -> Sequence[str]:
        return ()

    def windows(self, settings: Any) -> Sequence[Window]:
        return self._windows

    def documents(self, settings: Any) -> Sequence[str]:
        return self._documents

    def work(self, body: bytes) -> bytes:
        raise ValueError("no work")


@dataclass
class Keeper:
    """`runtime.serving.kept.ServiceKeeper` in memory."""

    memory: dict[str, bytes] = field(default_factory=dict[str, bytes])
    notices: dict[tuple[str, str], NoticeRow] = field(default_factory=dict[tuple[str, str], NoticeRow])
    plans: dict[str, PlanRow] = field(default_factory=dict[str, PlanRow])
    effects: list[ServiceEffects] = field(default_factory=list[ServiceEffects])
    silent: bool = False

    def memories(self) -> Mapping[str, bytes]:
        return dict(self.memory)

    def standing_notices(self, ended_since: int) -> Sequence[NoticeRow]:
        return [row for row in self.notices.values() if row.ended_at is None or row.ended_at >= ended_since]

    def plans_since(self, issued_since: int) -> Sequence[PlanRow]:
        return [row for row in self.plans.values() if row.issued_at >= issued_since]

    def keep(self, effects: ServiceEffects) -> None:
        if self.silent:
            raise LinkError("the keeper is silent")
        self.effects.append(effects)
        self.memory |= effects.memories
        self.notices |= {(row.service, row.id): row for row in effects.notices}
        self.plans |= {row.plan_id: row for row in effects.plans}
