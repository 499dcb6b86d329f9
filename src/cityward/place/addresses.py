"""Where a thing is on a network: an IP address, a block of addresses (CIDR), or a DNS name. Traffic is traced to it by these.

Does not live here: looking anything up. A name stays a name; what it resolves to on some day is no part of a declaration.

INVARIANT: `read_address` raises only `ValueError`, whose text says what is wrong and what to write.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from msgspec import Meta

MOST_CHARACTERS = 255  # SPEC: RFC 1035 2.3.4, a name with its dots
SHORTEST_PREFIX = {4: 8, 6: 16}
"""A wider block is a typing error: it would claim a good part of the internet for one thing."""

AddressText = Annotated[str, Meta(max_length=MOST_CHARACTERS)]
"""As it is written in a declaration; `read_address` reads it."""

Network = IPv4Network | IPv6Network
Address = Network | str
"""A block (an address is a block of one), or a DNS name in lower case; `*.example` stands for every name below."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")  # `_`: not a host name, but in use
_NUMBER = re.compile(r"[0-9]+\Z|0x[0-9a-f]*\Z")  # a name that ends so is an address gone wrong
_LIKE_IP = re.compile(r"[0-9.]+(/.*)?\Z|[0-9a-fA-F.]*:.*\Z")


def read_address(text: str) -> Address:
    """An address of the declaration.

    Raises:
        ValueError: neither an address, a block nor a name.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it has more than {MOST_CHARACTERS} characters")
    return _block(text) if "/" in text or _LIKE_IP.match(text) else read_name(text)


def _block(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"it is no IP address or block; {_WRITE}") from None
    if isinstance(network, IPv6Network) and network.network_address.scope_id is not None:
        raise ValueError("it holds on one link only; write an address without `%`")
    address, _, bits = text.partition("/")
    if bits and not bits.isdecimal():
        raise ValueError(f"its length is no number of bits; write `{network}`")
    if bits and str(ip_network(address).network_address) != str(network.network_address):
        raise ValueError(f"it is not where its block begins; write `{network}`, or the address alone")
    network = plain(network)
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise ValueError(f"it is wider than a /{SHORTEST_PREFIX[network.version]}; write the blocks that are in use")
    return network


def plain(network: Network) -> Network:
    """A block of IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) as what it is."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        return network if mapped is None else IPv4Network((mapped, network.prefixlen - 96))
    return network


def read_name(text: str) -> str:
    """A DNS name in lower case, without the last dot.

    Raises:
        ValueError: it is none.
    """
    name = text.lower().removesuffix(".")
    labels = name.removeprefix("*.").split(".")
    if len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueError(f"it is no DNS name; {_WRITE}")
    if _NUMBER.match(labels[-1]):
        raise ValueError(f"it ends in a number, so it is no DNS name; {_WRITE}")
    return name


_WRITE = "write an address (`192.0.2.7`), a block (`192.0.2.0/28`, `2001:db8::/48`) or a name (`cloud.example`)"
