"""Which channel a SenML name means, for the device that the subject names.

A name is the model's key alone (`speed`), or the key prefixed by the device: `<device>/speed`, `<device>:speed`, or
`urn:dev:ops:<device>_speed` (SPEC: RFC 9039 4.4: the subresource follows the identifier after an underscore).

INVARIANT: a name never leads to a channel of another unit than the subject's.
"""

from __future__ import annotations

from collections import defaultdict

from cityward.adapters.protocols.strict_json import refusal
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

URN = "urn:dev:ops:"

_NOTHING: dict[str, int] = {}


class Names:
    """The names of one registry. Remembers only what leads somewhere: bounded by the names, never by what senders try."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._keys: defaultdict[int, dict[str, int]] = defaultdict(dict)
        for (unit, key), channel in registry.channel_by_key.items():
            self._keys[unit][key] = channel
        self._full: dict[int, dict[str, int]] = {}
        self._after: dict[tuple[int, str], dict[str, int]] = {}

    @property
    def remembered(self) -> int:
        """How many base names are remembered."""
        return len(self._after)

    def of(self, unit: int) -> dict[str, int]:
        """Resolved name -> channel, every spelling, for one unit. A bare key wins over a prefixed one."""
        full = self._full.get(unit)
        if full is None:
            full = self._full[unit] = self._spell(unit)
        return full

    def after(self, unit: int, base: str) -> dict[str, int]:
        """What may follow the base name -> channel: the names of `of` that begin with it, without it."""
        table = self._after.get((unit, base))
        if table is None:
            full = self.of(unit)
            table = {name[len(base) :]: channel for name, channel in full.items() if name.startswith(base)}
            if not table:
                return _NOTHING
            self._after[unit, base] = table
        return table

    def explain(self, unit: int, name: str) -> DecodeError:
        """Why a name that leads nowhere is refused: it is another device's, or nobody's."""
        mine = self._registry.units[unit].id
        for other in _devices_in(name):
            if other != mine and other in self._registry.unit_index:
                return refusal(Reason.WRONG_DEVICE, f"`{mine}` speaks as `{other}`")
        return refusal(Reason.UNKNOWN_PROPERTY, f"`{mine}` declares no `{name[:64]}`")

    def _spell(self, unit: int) -> dict[str, int]:
        device = self._registry.units[unit].id
        full: dict[str, int] = {}
        for prefix in (f"{URN}{device}_", f"{device}:", f"{device}/", ""):
            full |= {prefix + key: channel for key, channel in self._keys[unit].items()}
        return full


def _devices_in(name: str) -> list[str]:
    """What may be the id of a device in a name: all of it, or what stands before the first separator."""
    if name.startswith(URN):
        return [name[len(URN) :].partition("_")[0]]
    return [name, name.partition("/")[0], name.partition(":")[0]]
