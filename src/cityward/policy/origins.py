"""From where a request comes, or where a way out leads: which of a recipient's declared blocks an address lies in.

INVARIANT: what is no IP address lies in none. A name is never looked up here, and a declared name is no block: whoever resolves
an endpoint asks with the address it was resolved to.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from cityward.place.addresses import Network, read_address
from cityward.place.release import Recipient

NOWHERE = -1
"""The origin of what lies in no declared block."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The blocks of a recipient, with their places in its `addresses`."""

    blocks: tuple[tuple[int, Network], ...]

    def find(self, address: str) -> int:
        """The `origin` of a request: the place of the first block that holds an address, or `NOWHERE`. Raises nothing.

        >>> origins_of_addresses(("desk.example", "192.0.2.0/28")).find("::ffff:192.0.2.3")
        1
        """
        try:
            here = ip_address(address)
        except ValueError:
            return NOWHERE
        if isinstance(here, IPv6Address):
            if here.scope_id is not None:
                return NOWHERE  # it holds on one link only
            here = here.ipv4_mapped or here  # SECURITY: an IPv4 sender on an IPv6 socket is the same sender
        return next((n for n, block in self.blocks if here.version == block.version and here in block), NOWHERE)


def origins_of(recipient: Recipient) -> Origins:
    """The blocks a recipient asks from, or is called at."""
    return origins_of_addresses(recipient.addresses)


def origins_of_addresses(addresses: tuple[str, ...]) -> Origins:
    """As `origins_of`; an address that cannot be read holds nothing."""
    found: list[tuple[int, Network]] = []
    for n, text in enumerate(addresses):
        try:
            address = read_address(text)
        except ValueError:
            continue
        if not isinstance(address, str):
            found.append((n, address))
    return Origins(tuple(found))
