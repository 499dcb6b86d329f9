"""The street as the permit gate is told of it: what each actuator was told last and when it moved, and what interlocks look at.

INVARIANT: what was told counts from the moment it was allowed; what never came to be is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cityward.guard.permit import Agreement, Allowed, PermitRules, Street, is_move
from cityward.place.things import CommandLimits
from cityward.runtime.doubt import Doubt
from cityward.runtime.ports import CommandRow, Latest
from cityward.time import HOUR

EMPTY: Mapping[tuple[str, str], tuple[float, int]] = {}


class StreetMemory:
    """See the module. `now`: the street as it stands."""

    def __init__(self, rules: Iterable[PermitRules]) -> None:
        made = tuple(rules)
        self._looked_at = frozenset(unit for one in made for unit in one.looked_at)
        self._limits: dict[tuple[str, str], CommandLimits] = {
            (device, command): limits
            for one in made
            for device, rule in one.actuators.items()
            for command, limits in rule.commands.items()
        }
        self._values: dict[tuple[str, str], float] = {}
        self._moved: dict[str, int] = {}
        self._taken: dict[tuple[str, str], float] = {}  # what the device took: acknowledged
        self.now = Street(EMPTY, self._values, self._moved)

    @property
    def looked_at(self) -> frozenset[str]:
        """The units whose readings interlocks need."""
        return self._looked_at

    def see(
        self,
        latest: Mapping[tuple[str, str], Latest],
        doubt: Doubt,
        agreed: Mapping[tuple[str, str, str, float], Agreement],
        now_us: int,
    ) -> None:
        """What a tick begins with: the readings that are believed, and what second persons agreed to."""
        readings = {
            key: (row.value, row.observed_at)
            for key, row in latest.items()
            if key[0] in self._looked_at and doubt.of(row, 0.0) is None
        }
        for device in [name for name, at in self._moved.items() if abs(now_us - at) >= HOUR]:
            del self._moved[device]
        self.now = Street(readings, self._values, self._moved, agreed)

    def told(self, device: str, command: str, value: float, at: int) -> None:
        """A command was allowed, or was found in the book of an earlier life."""
        limits = self._limits.get((device, command))
        if limits is not None and is_move(device, command, value, limits, self.now):
            self._moved[device] = at
        self._values[device, command] = value

    def untold(self, commands: Sequence[Allowed]) -> None:
        """Commands that never came to be. The value before is not known any more: the next one counts as a move."""
        for command in commands:
            self._values.pop((command.device, command.command), None)
            if self._moved.get(command.device) == command.issued_at:
                del self._moved[command.device]

    def took(self, device: str, command: str, value: float) -> None:
        """The device did what it was told."""
        self._taken[device, command] = value

    def remember(self, row: CommandRow) -> None:
        """A command of an earlier life."""
        self.told(row.device, row.command, row.value, row.sent_at)
        if row.state == "acknowledged":
            self.took(row.device, row.command, row.value)

    def back_to(self, device: str, command: str) -> float | None:
        """The value to which a command that failed is reverted; None: the device is no actuator of ours."""
        limits = self._limits.get((device, command))
        if limits is None:
            return None
        before = self._taken.get((device, command)) if limits.revert == "before" else None
        return limits.fail_safe if before is None else before
