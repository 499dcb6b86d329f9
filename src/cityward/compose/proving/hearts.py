"""Opens a role's ledger with a heart: which gate it beats for, and where it goes on counting."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from cityward.adapters.ledgers.reading import last_beat_of
from cityward.compose.setting import Setting
from cityward.evidence.heartbeats import Pulse
from cityward.runtime.heart import Heart, beating, within_us
from cityward.runtime.ports import Ledger


@asynccontextmanager
async def living_ledger(setting: Setting, role: str, gate: str) -> AsyncGenerator[Ledger]:
    """The role's ledger, open for writing and beating for its gate (`admit`, `permit`, `watch`, `release`) while the body runs.

    Raises:
        LinkError: another process writes it, or its disk does not answer.
        EvidenceError: what is there is not what was signed.
    """
    with setting.ledger(role) as ledger:
        last = last_beat_of(setting.home.ledger(role), ledger.size, gate)
        pulse = Pulse(gate, role, within_us(setting.city.city_clock.speed), last)
        async with beating(Heart(ledger, pulse, setting.now_us)) as heart:
            yield heart
