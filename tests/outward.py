"""Exits for tests: endpoints that the test itself listens on, declared as the addresses they are."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import replace

from cityward.adapters.outward.connect import Outward, Turned
from cityward.place.addresses import read_address
from cityward.place.alerts import Endpoint
from cityward.place.exits import Exit, exit_by_hand


def at(address: str, *addresses: str) -> Exit:
    """The exit of an `http` or `https` address; declared at `addresses`, else at its own host."""
    found = exit_by_hand("test", address)
    return replace(found, addresses=tuple(map(read_address, addresses))) if addresses else found


def led_to(endpoint: Endpoint) -> Exit:
    """The exit of an alert's endpoint, declared at its own host."""
    return Exit("test", ("flow",), endpoint.scheme, endpoint.host, endpoint.port, (read_address(endpoint.host),))


class Names:
    """A resolver that the test writes: name -> addresses. Remembers what it was asked."""

    def __init__(self, **names: Sequence[str]) -> None:
        self.names, self.asked = {name.replace("_", "."): found for name, found in names.items()}, list[str]()

    def __call__(self, name: str, within_s: float) -> Sequence[str]:
        self.asked.append(name)
        return self.names.get(name, ())


class Door(Outward):
    """An `Outward` that remembers what it refused."""

    def __init__(self, names: Names | None = None, trust: ssl.SSLContext | None = None) -> None:
        self.turned: list[Turned] = []
        super().__init__(names, self.turned.append, trust)
