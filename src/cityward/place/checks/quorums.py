"""Quorums: whether the declared devices can ever meet one.

A service may rest a command on what the datasets it `reads` carry. Which of those devices it looks at is for its settings to say,
so what is told here is the best case: with fewer independent sources than this, no setting helps.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.data import Flow
from cityward.place.independence import Traits, independent, traits
from cityward.place.registry import ENTRY_PROTOCOLS
from cityward.place.services import Service
from cityward.place.things import DeviceStatus


def quorums_can_be_met(whole: Whole) -> Iterator[Problem]:
    """A command that asks for more independent sources than the service that gives it can have: it only ever fails safe."""
    told: set[str] = set()
    for name, service in whole.place.services.items():
        sources = _sources(whole, service)
        for model in dict.fromkeys(d.model for a in service.actuators if (d := whole.device(a)) is not None):
            made = whole.place.device_models.get(model)
            for command, limits in made.commands.items() if made else ():
                path = f"device_models.{model}.commands.{command}.quorum"
                if path in told or _enough(sources, limits.quorum):
                    continue
                told.add(path)
                what = (
                    f"`{command}` of `{model}` asks for {limits.quorum} independent sources, and the devices that service "
                    f"`{name}` reads have {_variety(sources)}: no reading can ever permit another than the fail-safe value"
                )
                mend = "let the service read devices of another owner, maker and zone, or lower the quorum"
                yield Problem(path, what, mend, Word.QUORUM)


def _sources(whole: Whole, service: Service) -> list[Traits]:
    """The traits of whatever may send the platform a dataset that the service reads (any, where none is declared), each once."""
    read = frozenset(service.reads)
    found: dict[Traits, None] = {}
    for flow in whole.place.flows.values():
        device = whole.device(flow.from_) if _carries(flow, read) else None
        if device is not None and device.status is DeviceStatus.ACTIVE:
            found[traits(whole.place, device)] = None
    return list(found)


def _carries(flow: Flow, read: frozenset[str]) -> bool:
    return flow.protocol in ENTRY_PROTOCOLS and (not read or not read.isdisjoint(flow.datasets))


def _enough(sources: list[Traits], quorum: int) -> bool:
    if quorum == 1:
        return True  # a service without sources rests on none, which is permitted
    varieties = (_distinct(sources, part) for part in ("owner", "maker", "zone"))
    return min(varieties) >= quorum and independent(sources, quorum) >= quorum


def _variety(sources: list[Traits]) -> str:
    """How many of each, in words.

    >>> _variety([Traits("council", "acme", None), Traits("council", "bolt", "quay")])
    '1 owner, 2 makers, 1 zone'
    """
    counts = ((part, _distinct(sources, part)) for part in ("owner", "maker", "zone"))
    return ", ".join(f"{count} {part}{'' if count == 1 else 's'}" for part, count in counts)


def _distinct(sources: list[Traits], part: str) -> int:
    return len({known for source in sources if (known := getattr(source, part)) is not None})
