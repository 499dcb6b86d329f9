"""Flows: what was agreed, what the platform can enforce, and that readings and commands have one way."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.checks.whole import Problem, Whole, member_ids, recipient
from cityward.place.data import Flow, Observability
from cityward.place.hints import did_you_mean, listed
from cityward.place.record import UNKNOWN
from cityward.place.registry import ENTRY_PROTOCOLS


def flows_keep_their_agreement(whole: Whole) -> Iterator[Problem]:
    """What a flow carries, why, and to whom, was agreed."""
    for name, flow in whole.place.flows.items():
        agreement = whole.place.agreements.get(flow.agreement or "")
        if agreement is None:
            continue
        path, receiver = f"flows.{name}", recipient(whole, flow)
        told = f"flow `{name}` sends {listed(flow.datasets)} to `{flow.to}` for purpose `{flow.purpose}`"
        for i, dataset in enumerate(flow.datasets):
            if dataset not in agreement.datasets:
                what = f"{told}; `{flow.agreement}` does not grant `{dataset}`"
                mend = f"add it to agreements.{flow.agreement}.datasets, or take it out of the flow."
                yield Problem(f"{path}.datasets[{i}]", what, mend + did_you_mean(dataset, agreement.datasets))
        if flow.purpose not in agreement.purposes:
            what = f"{told}; `{flow.agreement}` allows {listed(agreement.purposes) or 'no purpose'}"
            mend = f"add the purpose to agreements.{flow.agreement}.purposes, or remove the flow."
            yield Problem(f"{path}.purpose", what, mend + did_you_mean(flow.purpose, agreement.purposes))
        if receiver is not None and receiver not in agreement.parties and receiver != whole.place.responsible:
            operated = "" if receiver == flow.to else f", which `{receiver}` operates"
            what = f"{told}{operated}; `{flow.agreement}` is with {listed(agreement.parties)}"
            yield Problem(
                f"{path}.agreement", what, f"name the agreement with `{receiver}`, or add it as a party there"
            )
        yield from _agreed_site(whole, path, flow)


def _agreed_site(whole: Whole, path: str, flow: Flow) -> Iterator[Problem]:
    agreement, system = whole.place.agreements[flow.agreement or ""], whole.place.systems.get(flow.to)
    if agreement.sites and system is not None and system.site != UNKNOWN and system.site not in agreement.sites:
        what = f"`{flow.to}` stands at `{system.site}`; `{flow.agreement}` allows {listed(agreement.sites)}"
        yield Problem(f"{path}.to", what, f"add the site to agreements.{flow.agreement}.sites, or send elsewhere")


def parties_receive_by_agreement(whole: Whole) -> Iterator[Problem]:
    """Nothing flows to another party without an agreement."""
    for name, flow in whole.place.flows.items():
        if flow.agreement is None and flow.to in whole.place.parties and flow.to != whole.place.responsible:
            what = f"flow `{name}` sends {listed(flow.datasets)} to the party `{flow.to}` without an agreement"
            with_it = [a for a, agreement in whole.place.agreements.items() if flow.to in agreement.parties]
            mend = (
                f"name one with it in the flow: {listed(with_it)}"
                if with_it
                else "declare an agreement with it, and name it in the flow"
            )
            yield Problem(f"flows.{name}.agreement", what, mend)


def enforced_flows_pass_the_platform(whole: Whole) -> Iterator[Problem]:
    """`enforced` is a claim about this platform: the flow begins or ends there, by a door it has."""
    platform = whole.place.platform
    enforced = {n: flow for n, flow in whole.place.flows.items() if flow.observability is Observability.ENFORCED}
    if enforced and platform is None:
        what = f"{listed(enforced)} claim to be `enforced`, but no system is named as the platform that does it"
        yield Problem("platform", what, "name the system that is this Cityward: `platform: <id>`")
    if platform not in whole.place.systems:
        return
    pictures = {camera.flow for camera in whole.place.cameras.values()}  # fetched by the role `cameras`: their door
    for name, flow in enforced.items():
        if platform not in (flow.from_, flow.to):
            what = f"flow `{name}` is `enforced`, from `{flow.from_}` to `{flow.to}`; it does not pass `{platform}`"
            mend = "mark it `imported`, `inferred` or `not-observable`, or lead it through the platform"
            yield Problem(f"flows.{name}.observability", what, mend)
        elif whole.device(flow.from_) is not None and not (name in pictures and flow.protocol == "rtsp"):
            yield from _door(whole, name, flow)


_OWN_FORMAT = {"ngsi-ld": "ngsi-ld", "gtfs-realtime": "gtfs-rt"}
"""Protocol -> the format that comes by it alone."""


def _door(whole: Whole, name: str, flow: Flow) -> Iterator[Problem]:
    path = f"flows.{name}.protocol"
    if flow.protocol not in ENTRY_PROTOCOLS:
        what = f"`{flow.from_}` enters by `{flow.protocol}`, for which the platform has no door"
        yield Problem(path, what, f"use one of {listed(sorted(ENTRY_PROTOCOLS))}")
    model = whole.model(flow.from_)
    if model is not None and any((flow.protocol == one) != (model.format == of) for one, of in _OWN_FORMAT.items()):
        what = f"`{flow.from_}` enters by `{flow.protocol}`, and its model writes `{model.format}`"
        yield Problem(
            path,
            what,
            "use protocol `ngsi-ld` with format `ngsi-ld`, `gtfs-realtime` with `gtfs-rt`, `mqtt` or `http` with the others",
        )


def readings_enter_once(whole: Whole) -> Iterator[Problem]:
    """No two enforced entry flows carry the same property of the same device: neither would be the one that counts."""
    for name, device in whole.place.devices.items():
        model = whole.place.device_models.get(device.model)
        if model is None:
            continue
        told: set[tuple[str, str]] = set()
        for unit in member_ids(name, device) or [name]:
            for first, second, props in _twice(whole, {name, unit}, set(model.properties)):
                if (first, second) not in told:
                    told.add((first, second))
                    what = f"flows `{first}` and `{second}` both carry {listed(props)} of `{unit}`"
                    yield Problem(f"flows.{second}.datasets", what, "let one flow carry each property of a device")


def _twice(whole: Whole, sources: set[str], props: set[str]) -> Iterator[tuple[str, str, list[str]]]:
    entries = [
        (name, whole.carried(flow) & props)
        for source in sorted(sources)
        for name, flow in whole.flows_from.get(source, ())
        if flow.observability is Observability.ENFORCED and flow.protocol in ENTRY_PROTOCOLS
    ]
    for i, (second, carried) in enumerate(entries):
        for first, before in entries[:i]:
            if carried & before:
                yield first, second, sorted(carried & before)


def commands_have_takers(whole: Whole) -> Iterator[Problem]:
    """What is commanded can be commanded."""
    for name, flow in whole.place.flows.items():
        model = whole.model(flow.to)
        takes = (
            model.commands
            if model is not None
            else flow.to not in whole.place.systems.keys() | whole.place.parties.keys()
        )
        if flow.protocol == "command" and not takes:
            what = f"flow `{name}` commands `{flow.to}`, which takes no command"
            yield Problem(f"flows.{name}.to", what, "name a device whose model has `commands`, or use another protocol")
    for name, service in whole.place.services.items():
        for i, actuator in enumerate(service.actuators):
            model = whole.model(actuator)
            if model is not None and not model.commands:
                what = f"`{actuator}` is an actuator of `{name}`, but its model takes no command"
                yield Problem(f"services.{name}.actuators[{i}]", what, "add `commands` to its model, or take it out")
