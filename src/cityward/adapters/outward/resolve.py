"""Which addresses a declared exit leads to at this moment, and whether it may.

INVARIANTS
- Every address that a name resolves to is checked, not only the one that is taken: one that is not declared refuses them all.
- An exit with blocks leads into these blocks. A name without a block leads to public addresses only; `localhost` to this machine.
- SECURITY: an address of special use (loopback, private, link-local, ...) is led to only by a block that lies in that range
  itself; a wide block that happens to hold one does not count. A cloud's metadata address must be declared as that very address.
- What is returned is connected to as it is: a name is never looked up a second time (no DNS rebinding).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cityward.errors import LinkError, Refused
from cityward.place.addresses import Network
from cityward.place.exits import Exit, is_address

IP = IPv4Address | IPv6Address
Resolve = Callable[[str, float], Sequence[str]]
"""A name and the seconds there are -> its addresses. Raises `LinkError` where it has none, or nobody answers."""

MOST_ADDRESSES = 64  # PRECEDENT: large services answer with up to 16; one that answers with more is not looked through
MOST_LOOKING = 16  # lookups under way; one that the system does not end holds its thread

_HERE = "this machine"
_SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(block), word)
    for word, blocks in {
        _HERE: ("127.0.0.0/8", "::1/128"),
        "a private network": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "a provider's inside": ("100.64.0.0/10",),
        "the local link": ("169.254.0.0/16", "fe80::/10"),
        "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
        "tests and protocols": ("192.0.0.0/24", "198.18.0.0/15", "100::/64", "2001::/23", "64:ff9b:1::/48", "5f00::/16"),
        "tunnels": ("192.88.99.0/24", "2002::/16"),
    }.items()
    for block in blocks
)  # fmt: skip
"""SPEC: IANA special-purpose address registries (RFC 6890)."""

_NEVER = tuple(map(ip_network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8")))
_PUBLIC_V6 = (IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96"))
_NAT64 = IPv6Network("64:ff9b::/96")

METADATA = frozenset(
    map(
        ip_address,
        (
            *("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
            *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
        ),
    )
)
"""Where clouds hand out a machine's own credentials: the usual aim of a forged request."""


def addresses_of(exit_: Exit, resolve: Resolve, within_s: float) -> tuple[IP, ...]:
    """The addresses to connect to, in the resolver's order, each of them checked.

    Raises:
        LinkError: the name does not resolve now.
        Refused: it leads to where the declaration does not say.
    """
    if is_address(exit_.host):
        found: list[IP] = [_plain(ip_address(exit_.host))]
    elif not exit_.is_named:
        raise _refused(exit_, exit_.host, "that name is not among its declared addresses")
    else:
        found = _looked_up(exit_, resolve, within_s)
    for one in found:
        if why := refusal(one, exit_):
            raise _refused(exit_, str(one), why)
    return tuple(found)


def _looked_up(exit_: Exit, resolve: Resolve, within_s: float) -> list[IP]:
    texts = resolve(exit_.host, within_s)
    if not texts:
        raise LinkError(f"`{exit_.host}` has no address now", mend="it is tried again")
    if len(texts) > MOST_ADDRESSES:
        raise _refused(exit_, f"{len(texts)} addresses", f"more than {MOST_ADDRESSES} are not looked through")
    try:
        return list(dict.fromkeys(_plain(ip_address(text)) for text in texts))
    except ValueError:
        raise _refused(exit_, "no address", "the resolver answered with something else") from None


def refusal(address: IP, exit_: Exit) -> str:
    """Why an exit may not lead to an address; "" where it may."""
    blocks = exit_.blocks
    if blocks and not any(address in block for block in blocks):
        return "that is in none of its declared blocks"
    if not blocks and is_address(exit_.host):
        return "no block of it is declared"
    return next((why for one in (address, *_inside(address)) if (why := _special(one, exit_))), "")


def _special(address: IP, exit_: Exit) -> str:
    if _is_never(address):
        return "nothing is ever sent there"
    holding = [block for block in exit_.blocks if address in block]
    if _unscoped(address) in METADATA:
        itself = any(block.num_addresses == 1 for block in holding)
        return "" if itself else "that is where a cloud keeps a machine's credentials, and it is not declared itself"
    space, word = next(((space, word) for space, word in _SPECIAL if address in space), (None, ""))
    if exit_.host == "localhost" and not exit_.blocks:
        return "" if word == _HERE else "that is not this machine"
    if space is None or any(_lies_in(block, space) for block in holding):
        return ""
    return f"that is for {word}, and not declared"


def _is_never(address: IP) -> bool:
    if isinstance(address, IPv6Address) and address != IPv6Address("::1"):
        known = any(address in space for space in (*_PUBLIC_V6, *(s for s, _ in _SPECIAL if s.version == 6)))
        return not known or address in _NEVER[-1]
    return any(address in space for space in _NEVER)


def _lies_in(block: Network, space: Network) -> bool:
    if isinstance(block, IPv4Network):
        return isinstance(space, IPv4Network) and block.subnet_of(space)
    return isinstance(space, IPv6Network) and block.subnet_of(space)


def _plain(address: IP) -> IP:
    """An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) as what it is: a socket would connect to that."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _unscoped(address: IP) -> IP:
    """Without its zone (`%eth0`), which makes it unequal to itself and leads to the same place."""
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address


def _inside(address: IP) -> tuple[IP, ...]:
    """The IPv4 address that a translator or tunnel on the way would make of it."""
    if isinstance(address, IPv4Address):
        return ()
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return () if address.sixtofour is None else (address.sixtofour,)


def _refused(exit_: Exit, to: str, why: str) -> Refused:
    return Refused(
        f"`{exit_.host}` leads to {to}: {why}",
        where=exit_.by,
        mend="declare the address if it is theirs; else find out who changed the name",
    )


class SystemNames:
    """`Resolve` by the machine's own resolver. Each lookup has a thread of its own: the system's call knows no deadline."""

    def __init__(self, most: int = MOST_LOOKING) -> None:
        self._free = threading.BoundedSemaphore(most)

    def __call__(self, name: str, within_s: float) -> Sequence[str]:
        """The addresses of a name.

        Raises:
            LinkError: it has none, nobody answers in time, or too many lookups have not ended yet.
        """
        if not self._free.acquire(blocking=False):
            raise LinkError("too many names are being looked up already", mend="see whether the resolver answers")
        found: list[str] = []
        thread = threading.Thread(target=self._look, args=(name, found), name="resolve", daemon=True)
        thread.start()
        thread.join(max(0.0, within_s))
        if thread.is_alive() or not found:
            raise LinkError(f"`{name}` does not resolve now", mend="it is tried again")
        return found

    def _look(self, name: str, found: list[str]) -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found.extend(str(address[0]) for *_, address in answers)
        except (OSError, UnicodeError):
            pass  # whoever asked finds nothing
        finally:
            self._free.release()
