"""What findings have in common: the links by which incidents gather them, and which of those are a reason to think of one cause.

INVARIANTS
- Pure: links follow from the finding and the declaration.
- SECURITY: an address is what a connection came from, never what a message says of itself; texts that are no
  address link nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import numpy as np

from cityward.watch.findings import Finding
from cityward.watch.world import World

NARROWEST_FIRST = (
    "device", "subject", "source", "group", "flow", "site", "maker", "zone", "owner", "operator", "party", "place",
)  # fmt: skip
"""What findings may share. A model's maker stands before the zone: who made it reaches every zone."""

JOINING = frozenset(["group", "flow", "site", "maker", "owner", "operator", "place"])
WIDE = frozenset(["site", "owner", "operator"])
WIDE_SHARE = 0.5
"""More than this share of all units is too many to say anything. Not of makers: one firm's fault reaches all it made."""

SOURCE_FACTS = ("from", "source", "comes from")


def links_of(finding: Finding, world: World) -> frozenset[str]:
    """What a finding's subjects have in common with others: `maker:northlight`, `source:192.0.2.7`, ..."""
    units = [world.registry.unit_index.get(name, -1) for name in (finding.subject, *finding.others)]
    known = [frozenset(_links_of_unit(unit, world)) for unit in units if unit >= 0]
    shared = frozenset.intersection(*known) if known else frozenset(_links_of_other(finding.subject))
    return shared | {f"source:{source}" for source in sources_of(finding)}


def sources_of(finding: Finding) -> Iterator[str]:
    """The addresses that things in it came from, as far as an address tells who: not the machine itself."""
    named = [finding.facts[name] for name in SOURCE_FACTS if name in finding.facts]
    kind, _, name = finding.subject.partition(":")
    for text in (*named, *([name] if kind == "address" else ())):
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified):
            yield str(address)


def _links_of_unit(unit: int, world: World) -> Iterator[str]:
    yield f"device:{world.registry.units[unit].id}"
    yield f"group:{world.registry.units[unit].group}"
    if (flow := int(world.registry.unit_flow[unit])) >= 0:
        yield f"flow:{world.registry.flows[flow]}"
    for name in ("site", "maker", "zone", "owner", "operator"):
        number = int(getattr(world, name)[unit])
        if number >= 0:
            yield f"{name}:{world.names[name][number]}"


def _links_of_other(subject: str) -> Iterator[str]:
    """Of an address, a person, a party, a flow: itself, and of strangers the place, in which they come in crowds."""
    kind, _, name = subject.partition(":")
    yield f"subject:{subject}"
    if kind == "address":
        yield "place:"
    if kind == "party":
        yield from (f"owner:{name}", f"operator:{name}", f"maker:{name}", f"party:{name}")
    if kind in ("flow", "site", "group"):
        yield subject


def tells(link: str, world: World) -> bool:
    """Whether sharing this is a reason to think of one cause."""
    kind, _, name = link.partition(":")
    if kind not in WIDE or name not in world.names[kind]:
        return kind in JOINING
    having = int(np.count_nonzero(getattr(world, kind) == world.names[kind].index(name)))
    return having <= WIDE_SHARE * world.units


def width(shared: frozenset[str]) -> int:
    """How narrow the narrowest of these links is: 0 is one device."""
    return min((NARROWEST_FIRST.index(one.partition(":")[0]) for one in shared), default=len(NARROWEST_FIRST))


def narrowest(shared: frozenset[str]) -> str:
    """The narrowest of these links, as it is told."""
    ranked = sorted(shared, key=lambda one: (NARROWEST_FIRST.index(one.partition(":")[0]), one))
    return ranked[0] if ranked else "place:"
