"""What a command rests on, as links: the readings its service was shown, as far as who asks may see them."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.registry import Registry
from cityward.runtime.causes import RESTS_ON
from cityward.runtime.ports import CommandRow
from cityward.web.accounts.sight import Sight
from cityward.web.api.views import CommandView, RestView
from cityward.web.live import command_row

MOST_RESTS = 8


def command_view(row: CommandRow, sight: Sight, registry: Registry) -> CommandView:
    """A command with what it rests on: at most `MOST_RESTS` readings, and how many more there are.

    The record names the devices and when they were heard; which of their properties counted stands in the cause.
    """
    found = list(_rests(row, sight, registry))
    return CommandView(
        **command_row(sight.told(row)), rests=tuple(found[:MOST_RESTS]), more_rests=max(0, len(found) - MOST_RESTS)
    )


def _rests(row: CommandRow, sight: Sight, registry: Registry) -> Iterator[RestView]:
    words = f", {row.cause.get(RESTS_ON, '')}"
    for span in row.sources:
        number = registry.unit_index.get(span.device)
        if number is None:  # it is declared no more
            continue
        names = [registry.channel_property[channel] for channel in registry.units[number].channels]
        counted = [name for name in names if f", {name} of " in words] or names
        for name in counted:
            if sight.reading(span.device, name):
                yield RestView(device=span.device, property=name, at_ms=span.newest_at // 1000)
