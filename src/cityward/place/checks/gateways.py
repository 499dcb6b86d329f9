"""Gateways of lamps: that each is called where it is declared to be, and for lamps that it speaks for and that can be dimmed."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.alerts import read_endpoint
from cityward.place.checks.alerts import is_at, is_loopback
from cityward.place.checks.whole import Problem, Whole, member_ids
from cityward.place.data import Protection
from cityward.place.registry import ENTRY_PROTOCOLS
from cityward.place.things import DeviceModel, LampGateway, System

LEVEL = "lamp-level"


def gateways_reach_their_lamps(whole: Whole) -> Iterator[Problem]:
    """Each gateway can be called, and each of its lamps is one: a unit of its own, spoken for, bound once, that can be dimmed."""
    bound: dict[str, str] = {}
    for name, system in whole.place.systems.items():
        if system.talq is not None:
            path = f"systems.{name}.talq"
            yield from _called(whole, f"{path}.url", name, system, system.talq)
            yield from _lamps(whole, path, system, system.talq, bound)
            bound |= dict.fromkeys(system.talq.lamps, name)
    whole_groups = (name for name in whole.place.devices if all(unit in bound for unit in _units(whole, name)))
    yield from _flows(whole, frozenset(bound) | frozenset(whole_groups))


def _called(whole: Whole, path: str, name: str, system: System, gateway: LampGateway) -> Iterator[Problem]:
    try:
        endpoint = read_endpoint(gateway.url)
    except ValueError as error:
        yield Problem(path, f"it cannot be read: {error}", "write `https://host/path`")
        return
    if endpoint.scheme not in ("https", "http"):
        yield Problem(path, f"`{endpoint.scheme}` is no way to a gateway", "write `https://host/path`")
    elif endpoint.scheme == "http" and not is_loopback(endpoint.host) and not _is_told_plain(whole, system):
        what = "`http` protects nothing, and its lamps' flows say otherwise"
        yield Problem(path, what, "use `https`, or declare `protection: none` on these flows")
    if "?" in gateway.url or "#" in gateway.url:
        yield Problem(path, "its resources begin at a path", "leave out what follows `?` or `#`")
    if not is_at(whole, name, endpoint.host):
        what = f"`{endpoint.host}` is none of the declared addresses of `{name}`"
        yield Problem(path, what, f"add it to the `addresses` of `{name}`, if it is there")


def _is_told_plain(whole: Whole, system: System) -> bool:
    ends = set(system.speaks_for)
    return all(
        flow.protection is Protection.NONE for flow in whole.place.flows.values() if {flow.from_, flow.to} & ends
    )


def _lamps(
    whole: Whole, path: str, system: System, gateway: LampGateway, elsewhere: dict[str, str]
) -> Iterator[Problem]:
    spoken = {unit for name in system.speaks_for for unit in _units(whole, name)}
    held: dict[str, str] = {}
    for lamp, actuator in gateway.lamps.items():
        at = f"{path}.lamps.{lamp}"
        if lamp not in spoken:
            yield Problem(at, "it is no device of those that it `speaks_for`", "name a device, or a member of a group")
        elif lamp in elsewhere:
            yield Problem(at, f"`{elsewhere[lamp]}` has this lamp", "leave it with one gateway")
        elif (why := _why_not(whole.model(lamp))) != "":
            yield Problem(at, why, f"bind lamps: `senml`, observing `{LEVEL}`, with one command that sets it")
        if (other := held.setdefault(actuator.lower(), lamp)) != lamp:
            yield Problem(at, f"`{other}` is the same lamp actuator", "name another one")
    if missing := sorted(spoken - gateway.lamps.keys()):
        what = f"it speaks for {len(missing)} that it is not told how to reach, `{missing[0]}` first"
        yield Problem(
            f"{path}.lamps", what, "add their lamp actuators, or name in `speaks_for` only those that are here"
        )


def _units(whole: Whole, name: str) -> list[str]:
    device = whole.place.devices.get(name)
    return [name] if device is None else member_ids(name, device) or [name]


def _why_not(model: DeviceModel | None) -> str:
    if model is None:
        return "its model is not declared"
    if model.format != "senml":
        return f"its model writes `{model.format}`: what a gateway says of it comes as `senml`"
    if LEVEL not in model.properties or model.properties[LEVEL].unit not in (None, "%"):
        return f"its model does not observe `{LEVEL}` in percent"
    sets = [name for name, limits in model.commands.items() if limits.sets == LEVEL]
    return "" if len(sets) == len(model.commands) == 1 else f"a gateway hands on one command, which sets `{LEVEL}`"


def _flows(whole: Whole, bound: frozenset[str]) -> Iterator[Problem]:
    for name, flow in whole.place.flows.items():
        if flow.protocol == "talq" and flow.from_ not in bound:
            what = f"no gateway is told how to reach `{flow.from_}`"
            yield Problem(f"flows.{name}.from", what, "bind it in the `talq` of a system, or use another protocol")
        elif flow.protocol in ENTRY_PROTOCOLS - {"talq"} and flow.from_ in bound and flow.to == whole.place.platform:
            what = f"`{flow.from_}` is behind a gateway, and enters by `{flow.protocol}`"
            yield Problem(f"flows.{name}.protocol", what, "use `talq`")
