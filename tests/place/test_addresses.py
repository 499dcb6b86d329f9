"""Addresses of things: what is one, what is wrong with the others, and that each is one thing's."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.place.addresses import read_address
from declarations import errors_of, loaded, town


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("192.0.2.7", ip_network("192.0.2.7/32")),
        ("192.0.2.0/28", ip_network("192.0.2.0/28")),
        ("2001:DB8::7", ip_network("2001:db8::7/128")),
        ("2001:db8:0:0::/64", ip_network("2001:db8::/64")),
        ("::ffff:192.0.2.7", ip_network("192.0.2.7/32")),
        ("::ffff:192.0.2.0/120", ip_network("192.0.2.0/24")),
        ("Cloud.Example.", "cloud.example"),
        ("*.cloud.example", "*.cloud.example"),
        ("_sip.host-1.example", "_sip.host-1.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("cityhost", "cityhost"),
    ],
)
def test_reads_addresses_blocks_and_names(text: str, meaning: object):
    assert read_address(text) == meaning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.0.2.300", "no IP address"),
        ("192.0.2", "no IP address"),
        ("192.0.2.07", "no IP address"),
        ("192.0.2.7/28", "write `192.0.2.0/28`"),
        ("192.0.2.0/33", "no IP address"),
        ("192.0.2.0/255.255.255.240", "write `192.0.2.0/28`"),
        ("2001:db8::1/64", "write `2001:db8::/64`"),
        ("0.0.0.0/0", "wider than a /8"),
        ("::ffff:0:0/96", "wider than a /8"),
        ("::/0", "wider than a /16"),
        ("fe80::1%eth0", "without `%`"),
        ("2001:db8:::1", "no IP address"),
        ("http://cloud.example", "no IP address"),
        ("cloud example", "no DNS name"),
        ("cloud..example", "no DNS name"),
        ("-cloud.example", "no DNS name"),
        ("cloud.*.example", "no DNS name"),
        ("*", "no DNS name"),
        ("", "no DNS name"),
        ("host.7", "ends in a number"),
        ("a" * 64 + ".example", "no DNS name"),
        (("a" * 60 + ".") * 4 + "example.ex", "no DNS name"),
        ("a" * 256, "more than 255"),
    ],
)
def test_says_what_is_wrong_with_an_address(text: str, said: str):
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        read_address(text)


@given(st.text(max_size=300) | st.text("0123456789abcdef:./%*-_", max_size=60))
def test_reads_any_text_or_refuses_it(text: str):
    try:
        address = read_address(text)
    except ValueError:
        return
    assert read_address(str(address)) == address


def with_addresses(council: str, platform: str = "[]", lamps: str = "[]") -> str:
    return town(
        (
            "{kind: public-body, incorporated_in: xa}",
            f"{{kind: public-body, incorporated_in: xa, addresses: {council}}}",
        ),
        ("zone: core, operator: council}", f"zone: core, operator: council, addresses: {platform}}}"),
        ("[[2.3, 54.9], [2.31, 54.9]]}", f"[[2.3, 54.9], [2.31, 54.9]], addresses: {lamps}}}"),
    )


def test_parties_systems_and_devices_may_have_them():
    place = loaded(with_addresses("[192.0.2.0/24]", "[192.0.2.7, city.example]", "['2001:db8::/64']")).place
    assert place.parties["council"].addresses == ("192.0.2.0/24",)
    assert place.systems["cityward"].addresses == ("192.0.2.7", "city.example")
    assert place.devices["lamps"].addresses == ("2001:db8::/64",)
    assert place.systems["workbench"].addresses == ()


def test_every_malformed_address_is_told_with_its_line_and_a_mend():
    first, second = errors_of(with_addresses("[192.0.2.1/24, 192.0.2.9]", "[not a name]"))
    assert "found `192.0.2.1/24`: it is not where its block begins" in first
    assert "where: place.yaml:11  parties.council.addresses[0]" in first
    assert "mend:  write `192.0.2.0/24`, or the address alone" in first
    assert "found `not a name`: it is no DNS name" in second
    assert "systems.cityward.addresses[0]" in second


def test_one_address_on_two_things_is_an_error_however_it_is_written():
    [error] = errors_of(with_addresses("[]", "['2001:db8::1']", "['2001:DB8:0::1']"))
    assert "`2001:DB8:0::1` is also an address of `systems.cityward`" in error
    assert "devices.lamps.addresses[0]" in error


def test_an_address_written_twice_on_one_thing_and_overlapping_blocks_are_none():
    assert errors_of(with_addresses("[192.0.2.0/24]", "[192.0.2.7, 192.0.2.7/32]", "[192.0.2.0/28]")) == []


def test_a_number_for_an_address_is_told():
    [error] = errors_of(with_addresses("[7]"))
    assert "parties.council.addresses[0]" in error
