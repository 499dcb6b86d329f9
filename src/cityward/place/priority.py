"""Which devices the city can least do without: a class for each, read off the declared functions.

Nobody declares a priority: an `essential` function makes critical what it needs, any other function makes it important, and
what no function needs is routine. Who wants a device kept longest under a flood says what it is for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from cityward.place.model import Place
from cityward.place.services import Function, Priority
from cityward.place.things import Need


def priorities(place: Place, group_of: Mapping[str, str]) -> dict[str, Priority]:
    """Device, group or member -> its class. What is not in it is routine.

    Args:
        place: the declaration.
        group_of: member or device -> the declared device.

    A function needs what its `needs` name, what those need in turn, and whatever sends the datasets that its service reads.
    All of the named count, also where k of n would do: which k will live is not known before.
    """
    needs_of = partial(_needs_of, place, group_of)
    senders = _senders(place)
    found: dict[str, Priority] = {}
    for function in place.functions.values():
        rank = Priority.CRITICAL if function.essential else Priority.IMPORTANT
        for name in _closed(_first(place, function, senders), needs_of):
            found[name] = min(rank, found.get(name, rank))
    return {name: rank for name, rank in found.items() if name in group_of}


def _first(place: Place, function: Function, senders: Mapping[str, Sequence[str]]) -> list[str]:
    """What a function needs by itself."""
    service = place.services.get(function.service)
    read = service.reads if service is not None else ()
    return [*_named(function.needs), *(sender for dataset in read for sender in senders.get(dataset, ()))]


def _senders(place: Place) -> dict[str, list[str]]:
    """Dataset -> what sends it."""
    out: dict[str, list[str]] = defaultdict(list)
    for flow in place.flows.values():
        for dataset in flow.datasets:
            out[dataset].append(flow.from_)
    return out


def _closed(first: Iterable[str], needs_of: partial[list[str]]) -> set[str]:
    """The names, and what they need, and what that needs."""
    found, left = set[str](), list(first)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += needs_of(name)
    return found


def _needs_of(place: Place, group_of: Mapping[str, str], name: str) -> list[str]:
    device, system = place.devices.get(group_of.get(name, name)), place.systems.get(name)
    return [*_named(device.needs if device else ()), *_named(system.needs if system else ())]


def _named(needs: Iterable[Need]) -> list[str]:
    return [name for need in needs for name in need.of]
