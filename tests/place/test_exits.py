"""The exits of a declaration: every endpoint that the platform calls, and what is declared of where it is."""

from __future__ import annotations

import pytest

from cityward.place.exits import Exit, exit_by_hand, exits_of
from declarations import loaded


@pytest.mark.parametrize(
    ("address", "host", "port", "blocks"),
    [
        ("https://logs.example/x", "logs.example", 443, []),
        ("https://LOGS.example.:8443/x", "logs.example", 8443, []),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, ["127.0.0.1/32"]),
        ("https://[2001:db8::1]/", "2001:db8::1", 443, ["2001:db8::1/128"]),
    ],
)
def test_an_address_given_by_hand_is_its_own_declaration(address: str, host: str, port: int, blocks: list[str]):
    found = exit_by_hand("by-hand", address)
    assert (found.host, found.port, [str(block) for block in found.blocks]) == (host, port, blocks)
    assert found.is_named is not bool(blocks)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a.example/",
        "https:///x",
        "https://u:p@a.example/",
        "a.example",
        "https://a.example:99999/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_what_is_no_web_address_is_none(address: str):
    with pytest.raises(ValueError):
        exit_by_hand("by-hand", address)


@pytest.mark.parametrize(
    ("scheme", "transport", "sealed"),
    [
        ("https", "tcp", "tls"),
        ("http", "tcp", "none"),
        ("smtp", "tcp", "starttls"),
        ("smtps", "tcp", "tls"),
        ("syslog+tls", "tcp", "tls"),
        ("syslog+tcp", "tcp", "none"),
        ("syslog+udp", "udp", "none"),
        ("sftp", "tcp", "ssh"),
    ],
)
def test_an_exit_knows_what_protects_it(scheme: str, transport: str, sealed: str):
    found = Exit("x", (), scheme, "a.example", 1, ())
    assert (found.transport, found.sealed) == (transport, sealed)


TOWN = """place: t
name: T
position: [2.3, 54.9]
responsible: council
platform: cityward
jurisdictions: {gb: {code: GB, home: true}}
parties:
  council: {name: Council, kind: public-body, incorporated_in: gb, addresses: [198.51.100.0/28]}
  acme: {name: Acme, kind: company, incorporated_in: gb}
purposes: {environment: {name: Environment}}
sites: {hall: {jurisdiction: gb}}
systems:
  cityward: {kind: platform, site: hall, operator: council}
  desk: {kind: portal, site: hall, operator: council, addresses: [hooks.desk.example, 192.0.2.0/28]}
datasets:
  alarms: {personal: false, sensitivity: public, retention_days: 9}
agreements: {acme-1: {kind: sharing, parties: [council, acme], ends: 2030-01-01, purposes: [environment], datasets: [alarms]}}
flows:
  to-desk: {from: cityward, to: desk, datasets: [alarms], purpose: environment, protocol: webhook, observability: enforced}
  to-council: {from: cityward, to: council, datasets: [alarms], purpose: environment, protocol: syslog, observability: enforced}
  to-clerk: {from: cityward, to: desk, datasets: [alarms], purpose: environment, protocol: http, observability: enforced}
  to-acme: {from: cityward, to: acme, datasets: [alarms], purpose: environment, protocol: http, observability: enforced,
    agreement: acme-1}
alerts:
  duty: {flow: to-desk, endpoint: "https://hooks.desk.example/alarms"}
  log: {flow: to-council, endpoint: "syslog+tls://198.51.100.7"}
witnesses:
  clerk: {flow: to-clerk, endpoint: "https://192.0.2.3:8443/w", key: "w+0a1b2c3d+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"}
recipients:
  acme-files:
    {party: acme, flows: [to-acme], by: export, endpoint: "s3://rows/x", store: "https://store.acme.example", addresses:
      [store.acme.example, 203.0.113.0/28], jurisdiction: gb}
  acme-asks: {party: acme, flows: [to-acme], by: query, addresses: [203.0.113.0/28], jurisdiction: gb, sign_in: oidc,
    issuer: "https://id.acme.example/realm", client: rows}
"""


def test_every_endpoint_that_is_called_is_an_exit_where_its_receiver_is_declared():
    told = {
        by: (one.flows, one.scheme, one.host, one.port, tuple(map(str, one.addresses)))
        for by, one in exits_of(loaded(TOWN).place).items()
    }
    desk = ("hooks.desk.example", "192.0.2.0/28")
    assert told == {
        "alert:duty": (("to-desk",), "https", "hooks.desk.example", 443, desk),
        "alert:log": (("to-council",), "syslog+tls", "198.51.100.7", 6514, ("198.51.100.0/28",)),
        "issuer:acme-asks": (("to-acme",), "https", "id.acme.example", 443, ("id.acme.example",)),
        "recipient:acme-files": (
            ("to-acme",), "https", "store.acme.example", 443, ("store.acme.example", "203.0.113.0/28"),
        ),
        "witness:clerk": (("to-clerk",), "https", "192.0.2.3", 8443, desk),
    }  # fmt: skip
