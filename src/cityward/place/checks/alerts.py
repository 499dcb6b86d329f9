"""Alert channels: that each leaves by a flow that may carry it, to where the declaration says its receiver is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from cityward.place.addresses import read_address
from cityward.place.alerts import UNPROTECTED, AlertChannel, Endpoint, read_endpoint
from cityward.place.checks.whole import Problem, Whole
from cityward.place.data import Flow, Protection

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\Z")


def alerts_leave_as_declared(whole: Whole) -> Iterator[Problem]:
    """Each channel's endpoint is one, fits its flow, and lies where its receiver is."""
    for name, channel in whole.place.alerts.items():
        path, flow = f"alerts.{name}", whole.place.flows.get(channel.flow)
        try:
            endpoint = read_endpoint(channel.endpoint)
        except ValueError as error:
            yield Problem(f"{path}.endpoint", f"the endpoint cannot be read: {error}", "write `https://host/path`")
            continue
        if flow is not None:
            yield from _fits(whole, path, channel, endpoint, flow)
        yield from _mail(path, channel, endpoint)


def _fits(whole: Whole, path: str, channel: AlertChannel, endpoint: Endpoint, flow: Flow) -> Iterator[Problem]:
    if flow.protocol != endpoint.protocol:
        what = f"flow `{channel.flow}` is declared as `{flow.protocol}`, the endpoint is a {endpoint.protocol}"
        yield Problem(f"{path}.endpoint", what, f"declare the flow with protocol `{endpoint.protocol}`")
    if flow.from_ != whole.place.platform:
        what = f"flow `{channel.flow}` begins at `{flow.from_}`, alerts leave from the platform"
        yield Problem(f"{path}.flow", what, "name a flow from the place's `platform`")
    if endpoint.scheme in UNPROTECTED and flow.protection is not Protection.NONE and not is_loopback(endpoint.host):
        what = f"`{endpoint.scheme}` protects nothing, flow `{channel.flow}` says `{flow.protection}`"
        yield Problem(f"{path}.endpoint", what, "use the protected scheme, or declare `protection: none`")
    if not is_at(whole, flow.to, endpoint.host):
        what = f"`{endpoint.host}` is none of the declared addresses of `{flow.to}`"
        yield Problem(f"{path}.endpoint", what, f"add it to the `addresses` of `{flow.to}`, if it is theirs")


def is_at(whole: Whole, receiver: str, host: str) -> bool:
    """Whether a host is among the declared addresses of a system or party."""
    place = whole.place
    thing = place.systems.get(receiver) or place.parties.get(receiver)
    texts = thing.addresses if thing is not None else ()
    try:
        here = ip_address(host)
    except ValueError:
        return any(_names(text, host) for text in texts)
    return any(not isinstance(block := read_address(text), str) and here in block for text in texts if _readable(text))


def _readable(text: str) -> bool:
    try:
        read_address(text)
    except ValueError:
        return False
    return True


def _names(text: str, host: str) -> bool:
    known = text.lower().removesuffix(".")
    return known == host or (known.startswith("*.") and host.endswith(known[1:]))


def is_loopback(host: str) -> bool:
    """Whether nothing that is sent there leaves the machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _mail(path: str, channel: AlertChannel, endpoint: Endpoint) -> Iterator[Problem]:
    given = {"sender": (channel.sender,) if channel.sender else (), "recipients": channel.recipients}
    if endpoint.protocol != "smtp":
        for field in ("sender", "recipients", "user"):
            if getattr(channel, field):
                yield Problem(f"{path}.{field}", f"a {endpoint.protocol} has no `{field}`", "leave it out")
        return
    for field, addresses in given.items():
        if not addresses:
            yield Problem(f"{path}.{field}", f"mail needs `{field}`", "write an address: `watch@city.example`")
        for address in addresses:
            if not _MAIL.match(address):
                yield Problem(
                    f"{path}.{field}", f"`{address}` is no mail address", "write one like `watch@city.example`"
                )
