"""What a codec works out once of a registry: how each unit says things. Never anything of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.strict_json import refusal
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

M = TypeVar("M")


class Known(Generic[M]):
    """The mappings of one registry's units, made when they are first asked for; another registry begins anew."""

    def __init__(self, make: Callable[[Registry, int], M]) -> None:
        self._make = make
        self._held: tuple[Registry, dict[int, M], Conversions] | None = None

    def of(self, registry: Registry, unit: int) -> tuple[M, Conversions]:
        """How a unit says things, and the conversions of its registry.

        Raises:
            DecodeError: UNKNOWN_DEVICE: the subject named no declared device.
        """
        if unit < 0:
            raise refusal(Reason.UNKNOWN_DEVICE, "the subject names no declared device")
        held = self._held
        if held is None or held[0] is not registry:
            held = self._held = (registry, {}, Conversions(registry))
        mapping = held[1].get(unit)
        if mapping is None:
            mapping = held[1][unit] = self._make(registry, unit)
        return mapping, held[2]
