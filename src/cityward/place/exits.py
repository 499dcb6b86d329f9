"""Where the platform itself calls: alert channels, recipients that it sends to, witnesses, feeds. Nothing else is called.

Does not live here: opening anything (`adapters.outward`), and who calls the platform.

INVARIANT: an exit's addresses are those of the declaration, and never what a name resolves to on some day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from cityward.place.addresses import Address, Network, read_address
from cityward.place.alerts import PORTS, read_endpoint
from cityward.place.model import Place
from cityward.place.outlets import SCHEMES_OF, read_outlet
from cityward.place.release import Recipient

SEALED_BY = {
    "https": "tls",
    "smtp": "starttls",
    "smtps": "tls",
    "syslog+tls": "tls",
    "sftp": "ssh",
    "rtsps": "tls",
}
"""Scheme of an exit -> what protects what goes through it; a scheme that is not here protects nothing."""

CAMERA_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""SPEC: RFC 7826 22.14; ONVIF Core: HTTP's own."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One endpoint outside, and what is declared of where it is.

    by: who calls it, `alert:<id>`, `recipient:<id>`, `witness:<id>`, `issuer:<recipient>`, `feed:<flow>`, `talq:<system>`,
    `camera:<id>`, `onvif:<id>`. flows: those it belongs to. host: a name in lower case, or an address. addresses: blocks
    that it must lie in, and names that it may have.
    """

    by: str
    flows: tuple[str, ...]
    scheme: str
    host: str
    port: int
    addresses: tuple[Address, ...]

    @property
    def blocks(self) -> tuple[Network, ...]:
        """The declared blocks."""
        return tuple(one for one in self.addresses if not isinstance(one, str))

    @property
    def is_named(self) -> bool:
        """Whether its host is among the declared names."""
        return any(isinstance(one, str) and _covers(one, self.host) for one in self.addresses)

    @property
    def transport(self) -> str:
        """tcp | udp."""
        return "udp" if self.scheme == "syslog+udp" else "tcp"

    @property
    def sealed(self) -> str:
        """tls | starttls | ssh | none."""
        return SEALED_BY.get(self.scheme, "none")


def exits_of(place: Place) -> dict[str, Exit]:
    """Every exit of a declaration that holds together, by who calls it; sorted."""
    found = [
        *(alert_exit(place, name) for name in place.alerts),
        *(recipient_exit(name, one) for name, one in place.recipients.items() if one.by in SCHEMES_OF),
        *(issuer_exit(name, one) for name, one in place.recipients.items() if one.sign_in == "oidc"),
        *(witness_exit(place, name) for name in place.witnesses),
        *(exit_ for name in place.devices for exit_ in cabinet_exits(place, name)),
        *(gateway_exit(place, name) for name, system in place.systems.items() if system.talq is not None),
        *(exit_ for name in place.cameras for exit_ in camera_exits(place, name)),
        *(feed_exit(place, name) for name, flow in place.flows.items() if flow.feed is not None and flow.feed.url),
    ]
    return {one.by: one for one in sorted(found, key=lambda one: one.by)}


def alert_exit(place: Place, name: str) -> Exit:
    """The exit of a declared alert channel: where the receiver of its flow is."""
    channel = place.alerts[name]
    return _at_receiver(place, f"alert:{name}", channel.flow, channel.endpoint)


def witness_exit(place: Place, name: str) -> Exit:
    """The exit of a declared witness."""
    witness = place.witnesses[name]
    return _at_receiver(place, f"witness:{name}", witness.flow, witness.endpoint)


def feed_exit(place: Place, name: str) -> Exit:
    """The exit by which the documents of a flow are fetched: where its sender is."""
    flow = place.flows[name]
    assert flow.feed is not None
    assert flow.feed.url is not None
    return _at(place, flow.from_, f"feed:{name}", name, flow.feed.url)


def gateway_exit(place: Place, name: str) -> Exit:
    """The exit to a gateway of lamps: where it is declared to be. Its flows are those of the lamps that it speaks for."""
    system = place.systems[name]
    assert system.talq is not None
    ends = set(system.speaks_for)
    flows = tuple(flow for flow, one in place.flows.items() if {one.from_, one.to} & ends)
    endpoint = read_endpoint(system.talq.url)
    host = endpoint.host.removesuffix(".")
    return Exit(f"talq:{name}", flows, endpoint.scheme, host, endpoint.port, _read(system.addresses))


def cabinet_exits(place: Place, name: str) -> list[Exit]:
    """The exits to the cabinets of a device or group that are asked for their registers; each is its own address."""
    flows = tuple(flow for flow, one in place.flows.items() if one.from_ == name)
    polled = place.devices[name].polled
    return [
        Exit(
            f"modbus:{name}" if len(polled) == 1 else f"modbus:{name}-{n:02}",
            flows,
            "modbus",
            one.host,
            one.port,
            _read((one.host,)),
        )
        for n, one in enumerate(polled, 1)
    ]


def camera_exits(place: Place, name: str) -> list[Exit]:
    """The exits to a camera: its stream (`camera:<id>`), and where its settings are asked for (`onvif:<id>`); of a clip none."""
    camera = place.cameras[name]
    device = place.devices.get(camera.device) or place.devices.get(camera.device.rpartition("-")[0])
    addresses = _read(device.addresses if device is not None else ())
    asked = {"camera": camera.stream, "onvif": camera.onvif or ""}
    out: list[Exit] = []
    for by, address in asked.items():
        parts = urlsplit(address)
        if parts.scheme in CAMERA_PORTS and parts.hostname:
            host, port = parts.hostname.lower().removesuffix("."), parts.port or CAMERA_PORTS[parts.scheme]
            out.append(Exit(f"{by}:{name}", (camera.flow,), parts.scheme, host, port, addresses))
    return out


def recipient_exit(name: str, recipient: Recipient) -> Exit:
    """The exit of a recipient that is called or given files."""
    outlet = read_outlet(recipient.endpoint, recipient.store)
    scheme = urlsplit(recipient.store).scheme if outlet.scheme == "s3" else outlet.scheme
    return Exit(f"recipient:{name}", recipient.flows, scheme, outlet.host, outlet.port, _read(recipient.addresses))


def issuer_exit(name: str, recipient: Recipient) -> Exit:
    """The exit to the provider that vouches for a recipient: its keys are fetched from there."""
    return replace(exit_by_hand(f"issuer:{name}", recipient.issuer), flows=recipient.flows)


def exit_by_hand(by: str, address: str, addresses: tuple[str, ...] = ()) -> Exit:
    """The exit of an `http` or `https` address that a person has given, outside the declaration.

    Args:
        by: who calls it.
        address: it.
        addresses: where it may be, as in a declaration; none: an address is its own block, a name its own name.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("write `https://host/path`")
    host, port = parts.hostname.lower().removesuffix("."), parts.port
    return Exit(by, (), parts.scheme, host, PORTS[parts.scheme] if port is None else port, _read(addresses or (host,)))


def _at_receiver(place: Place, by: str, flow: str, address: str) -> Exit:
    return _at(place, place.flows[flow].to, by, flow, address)


def _at(place: Place, whom: str, by: str, flow: str, address: str) -> Exit:
    endpoint = read_endpoint(address)
    whose: Mapping[str, tuple[str, ...]] = {
        **{name: party.addresses for name, party in place.parties.items()},
        **{name: system.addresses for name, system in place.systems.items()},
    }
    host = endpoint.host.removesuffix(".")
    return Exit(by, (flow,), endpoint.scheme, host, endpoint.port, _read(whose.get(whom, ())))


def _read(texts: tuple[str, ...]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(read_address(text) for text in texts))


def _covers(declared: str, host: str) -> bool:
    return declared == host or (declared.startswith("*.") and host.endswith(declared[1:]))


def is_address(host: str) -> bool:
    """Whether a host is an address already, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
