"""Which addresses an exit may lead to: those of its declaration, all of them, and nothing of special use by accident."""

from __future__ import annotations

import socket
import threading

import pytest

from cityward.adapters.outward.resolve import METADATA, MOST_ADDRESSES, SystemNames, addresses_of, refusal
from cityward.errors import LinkError, Refused
from cityward.place.exits import Exit
from outward import Names, at

NAME = "https://hooks.example/x"


def led(declared: tuple[str, ...], *found: str) -> list[str]:
    return [str(one) for one in addresses_of(at(NAME, *declared), Names(hooks_example=found), 1.0)]


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (("hooks.example",), ("93.184.216.34", "2606:2800:220:1::1")),
        (("hooks.example", "93.184.216.0/24"), ("93.184.216.34",)),
        (("*.example", "10.1.0.0/16"), ("10.1.2.3",)),
        (("hooks.example", "192.0.2.0/28"), ("192.0.2.7", "192.0.2.8")),
        (("hooks.example", "169.254.169.254"), ("169.254.169.254",)),
        (("hooks.example", "fd00:ec2::254"), ("fd00:ec2::254",)),
        (("hooks.example", "93.184.216.0/24"), ("::ffff:93.184.216.34",)),
    ],
    ids=["public", "in its block", "private block", "of several", "metadata itself", "metadata v6", "mapped"],
)
def test_leads_where_it_is_declared(declared: tuple[str, ...], found: tuple[str, ...]):
    assert led(declared, *found) == [one.removeprefix("::ffff:") for one in found]


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (("hooks.example",), ("127.0.0.1",)),
        (("hooks.example",), ("::1",)),
        (("hooks.example",), ("10.0.0.1",)),
        (("hooks.example",), ("172.31.255.255",)),
        (("hooks.example",), ("192.168.1.1",)),
        (("hooks.example",), ("100.64.0.1",)),
        (("hooks.example",), ("169.254.169.254",)),
        (("hooks.example",), ("168.63.129.16",)),
        (("hooks.example",), ("fe80::1",)),
        (("hooks.example",), ("fe80::1%1",)),
        (("hooks.example",), ("fd12::1",)),
        (("hooks.example", "fd00:ec2::/32"), ("fd00:ec2::254%1",)),
        (("hooks.example",), ("fd00:ec2::254",)),
        (("hooks.example",), ("::ffff:127.0.0.1",)),
        (("hooks.example",), ("::ffff:169.254.169.254",)),
        (("hooks.example",), ("::127.0.0.1",)),
        (("hooks.example",), ("64:ff9b::a9fe:a9fe",)),
        (("hooks.example",), ("2002:7f00:1::1",)),
        (("hooks.example",), ("0.0.0.0",)),
        (("hooks.example",), ("::",)),
        (("hooks.example",), ("255.255.255.255",)),
        (("hooks.example",), ("224.0.0.1",)),
        (("hooks.example",), ("ff02::1",)),
        (("hooks.example",), ("0:0:0:1::1",)),
        (("hooks.example",), ("93.184.216.34", "10.0.0.1")),
        (("hooks.example", "93.184.216.0/24"), ("93.184.217.1",)),
        (("hooks.example", "93.184.216.0/24"), ("93.184.216.34", "93.184.217.1")),
        (("hooks.example", "169.0.0.0/8"), ("169.254.169.254",)),
        (("hooks.example", "169.254.0.0/16"), ("169.254.169.254",)),
        (("hooks.example", "172.0.0.0/8"), ("172.16.0.1",)),
        (("hooks.example",), ("no address",)),
        (("other.example",), ("93.184.216.34",)),
        (("*.hooks.example",), ("93.184.216.34",)),
        (("hooks.example",), tuple(f"93.184.216.{n}" for n in range(MOST_ADDRESSES + 1))),
    ],
)  # fmt: skip
def test_refuses_where_it_is_not_declared(declared: tuple[str, ...], found: tuple[str, ...]):
    with pytest.raises(Refused, match="`hooks"):
        led(declared, *found)


def test_a_name_that_is_not_declared_is_not_even_looked_up():
    names = Names(hooks_example=["93.184.216.34"])
    with pytest.raises(Refused, match="not among its declared addresses"):
        addresses_of(at(NAME, "other.example", "93.184.216.0/24"), names, 1.0)
    assert names.asked == []


def test_an_address_is_led_to_only_by_its_block():
    for declared, host, fine in (
        (("192.0.2.0/28",), "192.0.2.7", True),
        (("127.0.0.1",), "127.0.0.1", True),
        (("192.0.2.0/28",), "192.0.2.99", False),
        (("hooks.example",), "192.0.2.7", False),
        (("0.0.0.0",), "0.0.0.0", False),
    ):
        try:
            addresses_of(at(f"https://{host}/", *declared), Names(), 1.0)
        except Refused:
            assert not fine, host
        else:
            assert fine, host


def test_localhost_is_this_machine_and_no_other():
    assert [str(one) for one in addresses_of(at("http://localhost/"), Names(localhost=["127.0.0.1", "::1"]), 1)] == [
        "127.0.0.1",
        "::1",
    ]
    with pytest.raises(Refused):
        addresses_of(at("http://localhost/"), Names(localhost=["93.184.216.34"]), 1)


def test_no_address_of_special_use_is_public():
    """By another table than ours: what Python's standard library does not hold for global is led to by no bare name."""
    exit_ = at(NAME, "hooks.example")
    some = [f"{a}.{b}.0.1" for a in range(256) for b in (0, 16, 51, 64, 88, 168, 254)]
    from ipaddress import ip_address

    for address in [*map(ip_address, some), *METADATA, *(ip_address(f"{n:x}::1") for n in range(0, 65536, 37))]:
        if not address.is_global or address.is_multicast:
            assert refusal(address, exit_), address


def test_a_name_without_an_address_is_tried_again():
    with pytest.raises(LinkError, match="no address now"):
        led(("hooks.example",))


def test_the_system_resolves_this_machine():
    assert set(SystemNames()("localhost", 10.0)) <= {"127.0.0.1", "::1"}


def test_a_resolver_that_does_not_answer_is_given_up_and_not_asked_by_more_and_more(monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        ended.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    names = SystemNames(most=1)
    try:
        with pytest.raises(LinkError, match="does not resolve"):
            names("hooks.example", 0.01)
        with pytest.raises(LinkError, match="too many names"):
            names("hooks.example", 0.01)
    finally:
        ended.set()


def test_exits_know_their_blocks():
    exit_ = Exit("alert:a", ("f",), "https", "a.b.example", 443, at(NAME, "*.b.example", "192.0.2.0/28").addresses)
    assert exit_.is_named
    assert [str(block) for block in exit_.blocks] == ["192.0.2.0/28"]
