"""The signals service: shown the junctions once a second, it wishes stages for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cityward.errors import PlaceError
from cityward.services.contract import NoMemory, Turn, View, Window


class SignalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which junctions of the declaration it controls."""

    junctions: tuple[str, ...] = ()


class Signals:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = SignalSettings
    memory = NoMemory
    example: Mapping[str, Any] = {}

    def read_settings(self, raw: Mapping[str, Any], where: str) -> SignalSettings | PlaceError:
        """The settings, or what is wrong with them."""
        try:
            return msgspec.convert(dict(raw), SignalSettings)
        except msgspec.ValidationError as error:
            return PlaceError(str(error), where=where, mend="see docs/signals.md")

    def reads(self, settings: SignalSettings) -> Sequence[str]:
        """None yet."""
        return ()

    def commands(self, settings: SignalSettings) -> Sequence[str]:
        """None yet."""
        return ()

    def windows(self, settings: SignalSettings) -> Sequence[Window]:
        """None."""
        return ()

    def documents(self, settings: SignalSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[SignalSettings], memory: NoMemory) -> Turn[NoMemory]:
        """Nothing is wished yet: junctions follow their own plans."""
        return Turn(memory)

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("signals have no slow work")
