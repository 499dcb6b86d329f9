"""Every way out, led astray: a name that leads inside, a name that moved, a host that was never declared. Nothing is sent."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from adapters.alerts.test_ways_out import KEY, LETTER
from adapters.outlets.test_ways_out import ACCESS, OURS, THEIRS, public_text
from cityward.adapters.alerts import mail, syslog, webhook
from cityward.adapters.keys.ways import ServerAccess
from cityward.adapters.outlets.s3 import StoreWay
from cityward.adapters.outlets.sftp import ServerWay
from cityward.adapters.outlets.webhook import WebhookWay
from cityward.adapters.outward.connect import Outward
from cityward.errors import LinkError, Refused
from cityward.place.addresses import read_address
from cityward.place.exits import Exit
from outward import Door, Names
from peers import behaving

SERVER = ServerAccess(key=OURS.export_private_key().decode(), hosts=(public_text(THEIRS),))

Way = Callable[[Outward, Exit], None]
WAYS: dict[str, tuple[str, Way]] = {
    "alert by webhook": ("https", lambda door, exit_: webhook.post(door, exit_, "/", b"{}", KEY, "i.opened", 0)),
    "alert by mail": ("smtp", lambda door, exit_: mail.send(door, exit_, LETTER)),
    "alert by syslog": ("syslog+tls", lambda door, exit_: syslog.send(door, exit_, b"x")),
    "alert by syslog over UDP": ("syslog+udp", lambda door, exit_: syslog.send(door, exit_, b"x")),
    "webhook": ("https", lambda door, exit_: WebhookWay(door, exit_, "/", lambda: KEY, lambda: 0).send(b"x", "n", {})),
    "store": ("https", lambda door, exit_: StoreWay(door, exit_, "b", "/", lambda: ACCESS).send(b"x", "n", {})),
    "server": ("sftp", lambda door, exit_: ServerWay(door, exit_, "u", "/", lambda: SERVER).send(b"x", "n", {})),
}

ASTRAY = {
    "inside": (("way.example",), "10.0.0.7"),
    "this machine": (("way.example",), "127.0.0.1"),
    "this machine, written otherwise": (("way.example",), "::ffff:127.0.0.1"),
    "a cloud's metadata": (("way.example",), "169.254.169.254"),
    "another land's block": (("way.example", "198.51.100.0/28"), "127.0.0.1"),
    "never declared": (("other.example", "127.0.0.0/8"), "127.0.0.1"),
}


@pytest.mark.parametrize("where", ASTRAY)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_sent_astray_and_it_is_told(way: str, where: str):
    (scheme, send), (declared, leads_to) = WAYS[way], ASTRAY[where]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        exit_ = Exit("test", ("f",), scheme, "way.example", port, tuple(map(read_address, declared)))
        door = Door(Names(way_example=[leads_to]))
        with pytest.raises(Refused, match="`way"):
            send(door, exit_)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert [turned.exit.host for turned in door.turned] == ["way.example"]
    assert (door.counts()["test"].opened, door.counts()["test"].refused) == (0, 1)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_mended_is_sent(way: str):
    """The same name with its block declared gets as far as its receiver, which hangs up."""
    scheme, send = WAYS[way]
    declared = read_address("way.example"), read_address("127.0.0.0/8")
    with behaving(lambda link, _: None) as port:
        door = Door(Names(way_example=["127.0.0.1"]))
        reached = nullcontext() if scheme == "syslog+udp" else pytest.raises(LinkError)  # over UDP nobody says
        with reached:
            send(door, Exit("test", ("f",), scheme, "way.example", port, declared))
    assert (door.counts()["test"].opened, door.turned) == (1, [])
