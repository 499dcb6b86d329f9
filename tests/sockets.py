"""All sockets of a process and of those it started, and which of them nobody declared."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

import psutil

Place = tuple[str, int]


@dataclass(frozen=True)
class Seen:
    """One socket. far: ("", 0) where it is not connected."""

    process: str
    kind: str  # tcp | udp
    state: str
    near: Place
    far: Place


def sockets_under(pid: int) -> set[Seen]:
    """The internet sockets of a process tree at this moment."""
    found: set[Seen] = set()
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            found.update(_of(process))
    return found


def _of(process: psutil.Process) -> Iterator[Seen]:
    name = process.name()
    for one in process.net_connections(kind="inet"):
        kind = "udp" if one.type == 2 else "tcp"
        yield Seen(name, kind, one.status, _place(one.laddr), _place(one.raddr))


def _place(address: object) -> Place:
    if not address:
        return "", 0
    host = ip_address(str(address.ip).partition("%")[0])
    return str(getattr(host, "ipv4_mapped", None) or host), int(address.port)


def undeclared(seen: Collection[Seen], doors: Collection[int], endpoints: Collection[Place]) -> set[Seen]:
    """Sockets that are none of these: a listener on loopback at one of the ports, a connection between these parts, one to a
    declared endpoint."""
    return {one for one in seen if not _is_declared(one, doors, endpoints)}


def _is_declared(one: Seen, doors: Collection[int], endpoints: Collection[Place]) -> bool:
    if one.kind == "udp":
        return one.far in endpoints
    if one.state == psutil.CONN_LISTEN:
        return _is_here(one.near) and one.near[1] in doors
    if not one.far[0]:  # made and not used yet, or closed and not given back yet
        return one.state in (psutil.CONN_CLOSE, psutil.CONN_NONE)
    inside = _is_here(one.near) and _is_here(one.far) and (one.near[1] in doors or one.far[1] in doors)
    return inside or one.far in endpoints


def _is_here(place: Place) -> bool:
    return bool(place[0]) and ip_address(place[0]).is_loopback
