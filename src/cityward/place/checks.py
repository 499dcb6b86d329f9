"""What the shape of a record cannot say: whether the declaration holds together.

One generator per question, each over the whole place, each yielding what is wrong with its path; `ERRORS` stop the place from
running, `WARNINGS` are told and counted. References are looked up before (`references`), so these checks skip what is missing.

Does not live here: the settings of services (their plug-ins read them), and whether an arrangement is *wise* (`reach`,
`assurance`): data in a far jurisdiction is a finding of theirs, not an error of the declaration.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

import msgspec

from cityward.catalogue import PROPERTIES, ObservedProperty
from cityward.place.addresses import Address, read_address
from cityward.place.data import Flow, Observability, Protection
from cityward.place.hints import did_you_mean, listed, shown
from cityward.place.house_rules import About, faults
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import ENTRY_PROTOCOLS, members
from cityward.place.things import CommandLimits, Device, DeviceModel, DeviceStatus, Need, PropertyMapping
from cityward.quantities import conversion


class Word(StrEnum):
    """What a warning is about: the word it is counted under."""

    UNKNOWN = "unknown"
    UNCARRIED = "uncarried"
    NO_AGREEMENT = "no-agreement"
    NO_CONDUIT = "no-conduit"
    PLAIN = "plain"

    @property
    def heading(self) -> str:
        """As people read it, after a count."""
        return _HEADINGS[self]

    @property
    def told_by_path(self) -> bool:
        """Whether the path says it all."""
        return self is Word.UNKNOWN


_HEADINGS = {
    Word.UNKNOWN: "not known; never taken for a pass",
    Word.UNCARRIED: "observed, but carried by no flow; refused at the gate",
    Word.NO_AGREEMENT: "flowing to another party's system without an agreement",
    Word.NO_CONDUIT: "crossing zones without a conduit",
    Word.PLAIN: "entering without protection",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning: true, worth knowing, no reason not to run. `where` is `file:line  path`."""

    word: Word
    what: str
    path: str
    where: str
    mend: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check yields. `path` is the dotted path of the field at fault."""

    path: str
    what: str
    mend: str
    word: Word | None = None


@dataclass(frozen=True)
class Whole:
    """A place and the lookups the checks share. Records that did not convert are not in it."""

    place: Place
    timezones: Collection[str] | None = None

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Member or device -> the declared device."""
        return {unit: name for name, device in self.place.devices.items() for unit in _unit_ids(name, device)}

    def device(self, name: str) -> Device | None:
        """The declared device of a name: itself, or the group of a member."""
        return self.place.devices.get(self.group_of.get(name, name))

    def model(self, name: str) -> DeviceModel | None:
        """The model of a device or member."""
        device = self.device(name)
        return self.place.device_models.get(device.model) if device else None

    def carried(self, flow: Flow) -> frozenset[str]:
        """The observed properties a flow carries."""
        known = (self.place.datasets[name] for name in flow.datasets if name in self.place.datasets)
        return frozenset(prop for dataset in known for prop in dataset.properties)

    @cached_property
    def flows_from(self) -> dict[str, list[tuple[str, Flow]]]:
        """Device, group, system or party -> the flows that leave it."""
        leaving: dict[str, list[tuple[str, Flow]]] = defaultdict(list)
        for name, flow in self.place.flows.items():
            leaving[flow.from_].append((name, flow))
        return leaving


Check = Callable[[Whole], Iterator[Problem]]


def _unit_ids(name: str, device: Device) -> list[str]:
    return list(dict.fromkeys([name, *member_ids(name, device)]))


def member_ids(name: str, device: Device) -> list[str]:
    """The units of a group; none of a device that is no group. Does not trust `areas` to be as long as `positions`."""
    if not device.positions:
        return []
    return [unit for unit, _, _ in members(name, msgspec.structs.replace(device, areas=()))]


# --- models


def limits_of_models(whole: Whole) -> Iterator[Problem]:
    """Limits in order, and no wider than the catalogue's."""
    for name, model in whole.place.device_models.items():
        for prop, mapping in model.properties.items():
            if prop in PROPERTIES:
                yield from _limits(f"device_models.{name}.properties.{prop}", PROPERTIES[prop], mapping)


def _limits(path: str, known: ObservedProperty, mapping: PropertyMapping) -> Iterator[Problem]:
    if mapping.low is not None and mapping.low < known.low:
        what = f"`low` is {mapping.low:g}, below the catalogue's {known.low:g} {known.unit} for `{known.id}`"
        yield Problem(
            f"{path}.low", what, f"narrow it to {known.low:g} or more; a place may narrow limits, never widen them"
        )
    if mapping.high is not None and mapping.high > known.high:
        what = f"`high` is {mapping.high:g}, above the catalogue's {known.high:g} {known.unit} for `{known.id}`"
        yield Problem(
            f"{path}.high", what, f"narrow it to {known.high:g} or less; a place may narrow limits, never widen them"
        )
    low, high = limits(known, mapping)
    if low > high:
        what = f"`low` {low:g} {known.unit} is above `high` {high:g} {known.unit}"
        yield Problem(path, what, "give the lower one as `low`, both in the catalogue's unit")


def limits(known: ObservedProperty, mapping: PropertyMapping) -> tuple[float, float]:
    """(low, high) of a mapping, in the catalogue's unit."""
    return (
        known.low if mapping.low is None else mapping.low,
        known.high if mapping.high is None else mapping.high,
    )


def units_of_models(whole: Whole) -> Iterator[Problem]:
    """Each unit as sent converts into the catalogue's."""
    for name, model in whole.place.device_models.items():
        for prop, mapping in model.properties.items():
            known = PROPERTIES.get(prop)
            if known is not None and conversion(mapping.unit, known.unit) is None:
                what = f"`{mapping.unit}` does not convert into `{known.unit}`, the unit of `{prop}`"
                mend = f"name the unit as SenML writes it, or leave it out for `{known.unit}`"
                yield Problem(f"device_models.{name}.properties.{prop}.unit", what, mend)


_POINTER = re.compile(r"(/([^~/]|~[01])*)*\Z")


def names_on_the_wire(whole: Whole) -> Iterator[Problem]:
    """No two properties of a model under one wire name; JSON Pointers are well formed."""
    for name, model in whole.place.device_models.items():
        path = f"device_models.{name}"
        for field in ("key", "path"):
            said = {prop: getattr(mapping, field) or prop for prop, mapping in model.properties.items()}
            first: dict[str, str] = {}
            for prop, wire in said.items():
                if first.setdefault(wire, prop) != prop:
                    what = f"`{prop}` and `{first[wire]}` are both sent as `{wire}`"
                    yield Problem(f"{path}.properties.{prop}.{field}", what, "give each property a name of its own")
        pointers = {f"properties.{prop}.path": mapping.path for prop, mapping in model.properties.items()}
        for field, pointer in {**pointers, "time_path": model.time_path}.items():
            # SPEC: RFC 6901 section 3
            if pointer is not None and (pointer == "" or not _POINTER.match(pointer)):
                yield Problem(
                    f"{path}.{field}", f"`{pointer}` is no JSON Pointer into an object", "write it like `/data/count`"
                )


def commands_of_models(whole: Whole) -> Iterator[Problem]:
    """A command sets a property of its model, within its limits, and its safe value is one it may take."""
    for name, model in whole.place.device_models.items():
        for command, bounds in model.commands.items():
            yield from _command(f"device_models.{name}.commands.{command}", model, bounds)


def _command(path: str, model: DeviceModel, bounds: CommandLimits) -> Iterator[Problem]:
    mapping, known = model.properties.get(bounds.sets), PROPERTIES.get(bounds.sets)
    if mapping is None:
        what = f"sets `{bounds.sets}`, which the model does not observe{did_you_mean(bounds.sets, model.properties)}"
        yield Problem(f"{path}.sets", what, "add it to the model's `properties`: what is set must be seen to be set")
    elif known is not None:
        low, high = limits(known, mapping)
        if bounds.low < low or bounds.high > high:
            what = (
                f"{bounds.low:g} to {bounds.high:g} leaves the model's limits of `{bounds.sets}`, {low:g} to {high:g}"
            )
            yield Problem(path, what, "narrow `low` and `high` to those limits")
    if bounds.low > bounds.high:
        yield Problem(path, f"`low` {bounds.low:g} is above `high` {bounds.high:g}", "give the lower one as `low`")
    elif not bounds.low <= bounds.fail_safe <= bounds.high:
        what = f"`fail_safe` {bounds.fail_safe:g} is not within {bounds.low:g} to {bounds.high:g}"
        yield Problem(f"{path}.fail_safe", what, "choose a safe value the command may take")


# --- devices


def groups(whole: Whole) -> Iterator[Problem]:
    """`areas` match `positions`; a thing stands in one place only."""
    for name, device in whole.place.devices.items():
        path = f"devices.{name}"
        if device.areas and len(device.areas) != len(device.positions):
            what = f"found {_count(device.areas, 'area')} for {_count(device.positions, 'position')}"
            yield Problem(f"{path}.areas", what, "name one area for each position, or one `area` for all")
        if device.areas and device.area is not None:
            yield Problem(f"{path}.area", "`area` beside `areas`", "keep one of the two")
        if device.positions and device.position is not None:
            yield Problem(f"{path}.position", "`position` beside `positions`", "keep one of the two")


def needs_are_possible(whole: Whole) -> Iterator[Problem]:
    """k of n: k is at most n, and no name counts twice."""
    for kind in ("systems", "devices", "functions"):
        for name, record in getattr(whole.place, kind).items():
            for i, need in enumerate(record.needs):
                yield from _need(f"{kind}.{name}.needs[{i}]", need)


def _need(path: str, need: Need) -> Iterator[Problem]:
    if need.k > len(need.of):
        yield Problem(
            f"{path}.k", f"needs {need.k} of {len(need.of)}", f"set `k` to {len(need.of)} or less, or name more in `of`"
        )
    for twice, count in Counter(need.of).items():
        if count > 1:
            yield Problem(f"{path}.of", f"`{twice}` is named {count} times", "name each once")


def _count(things: tuple[Any, ...], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


# --- flows


def flows_keep_their_agreement(whole: Whole) -> Iterator[Problem]:
    """What a flow carries, why, and to whom, was agreed."""
    for name, flow in whole.place.flows.items():
        agreement = whole.place.agreements.get(flow.agreement or "")
        if agreement is None:
            continue
        path, recipient = f"flows.{name}", _recipient(whole, flow)
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
        if recipient is not None and recipient not in agreement.parties and recipient != whole.place.responsible:
            operated = "" if recipient == flow.to else f", which `{recipient}` operates"
            what = f"{told}{operated}; `{flow.agreement}` is with {listed(agreement.parties)}"
            yield Problem(
                f"{path}.agreement", what, f"name the agreement with `{recipient}`, or add it as a party there"
            )
        yield from _agreed_site(whole, path, flow)


def _agreed_site(whole: Whole, path: str, flow: Flow) -> Iterator[Problem]:
    agreement, system = whole.place.agreements[flow.agreement or ""], whole.place.systems.get(flow.to)
    if agreement.sites and system is not None and system.site != UNKNOWN and system.site not in agreement.sites:
        what = f"`{flow.to}` stands at `{system.site}`; `{flow.agreement}` allows {listed(agreement.sites)}"
        yield Problem(f"{path}.to", what, f"add the site to agreements.{flow.agreement}.sites, or send elsewhere")


def _recipient(whole: Whole, flow: Flow) -> str | None:
    """The party that receives: itself, or who operates the system. None where it is a device, or not known."""
    if flow.to in whole.place.parties:
        return flow.to
    system = whole.place.systems.get(flow.to)
    return system.operator if system is not None and system.operator != UNKNOWN else None


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
    for name, flow in enforced.items():
        if platform not in (flow.from_, flow.to):
            what = f"flow `{name}` is `enforced`, from `{flow.from_}` to `{flow.to}`; it does not pass `{platform}`"
            mend = "mark it `imported`, `inferred` or `not-observable`, or lead it through the platform"
            yield Problem(f"flows.{name}.observability", what, mend)
        elif whole.device(flow.from_) is not None:
            yield from _door(whole, name, flow)


def _door(whole: Whole, name: str, flow: Flow) -> Iterator[Problem]:
    path = f"flows.{name}.protocol"
    if flow.protocol not in ENTRY_PROTOCOLS:
        what = f"`{flow.from_}` enters by `{flow.protocol}`, for which the platform has no door"
        yield Problem(path, what, f"use one of {listed(sorted(ENTRY_PROTOCOLS))}")
    model = whole.model(flow.from_)
    if model is not None and (flow.protocol == "ngsi-ld") != (model.format == "ngsi-ld"):
        what = f"`{flow.from_}` enters by `{flow.protocol}`, and its model writes `{model.format}`"
        yield Problem(
            path, what, "use protocol `ngsi-ld` with format `ngsi-ld`, `mqtt` or `http` with `senml` or `json`"
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


# --- parties, zones, times


def shares_add_up(whole: Whole) -> Iterator[Problem]:
    """Of one kind of share there are 100 per cent. Circles of ownership are allowed: they exist."""
    for name, party in whole.place.parties.items():
        totals: dict[str, float] = defaultdict(float)
        for stake in party.owners if party.owners != UNKNOWN else ():
            totals[stake.mechanism] += stake.share or 0.0
        for mechanism, total in totals.items():
            if total > 100.0 + 1e-6:
                what = f"the shares by `{mechanism}` add up to {total:g} %"
                yield Problem(f"parties.{name}.owners", what, "correct the shares, or leave out those not known")


def addresses_are_such(whole: Whole) -> Iterator[Problem]:
    """Each is an address, a block or a name, and each is one thing's. Blocks may overlap: the longest prefix wins."""
    first: dict[Address, str] = {}
    for path, text in _addresses(whole.place):
        try:
            address = read_address(text)
        except ValueError as error:
            what, _, mend = str(error).partition("; ")
            yield Problem(path, f"found {shown(text)}: {what}", mend or "write it shorter")
            continue
        holder = path.rpartition(".")[0]
        before = first.setdefault(address, holder)
        if before != holder:
            yield Problem(path, f"`{text}` is also an address of `{before}`", "leave it to one of them")


def _addresses(place: Place) -> Iterator[tuple[str, str]]:
    """(path, address as written) of every thing and party."""
    for kind, records in (("parties", place.parties), ("systems", place.systems), ("devices", place.devices)):
        for name, record in records.items():
            for i, text in enumerate(record.addresses):
                yield f"{kind}.{name}.addresses[{i}]", text


def codes_are_distinct(whole: Whole) -> Iterator[Problem]:
    """One jurisdiction to a code."""
    first: dict[str, str] = {}
    for name, jurisdiction in whole.place.jurisdictions.items():
        if first.setdefault(jurisdiction.code, name) != name:
            what = f"code `{jurisdiction.code}` is also that of `{first[jurisdiction.code]}`"
            yield Problem(f"jurisdictions.{name}.code", what, "keep one jurisdiction for each code")


def parents_lead_upwards(whole: Whole) -> Iterator[Problem]:
    """Zones and jurisdictions lie in one another without a circle."""
    for kind in ("zones", "jurisdictions"):
        records: Mapping[str, Any] = getattr(whole.place, kind)
        for name in records:
            way = [name]
            while (parent := getattr(records.get(way[-1]), "parent", None)) is not None and parent not in way:
                way.append(parent)
            if parent == name:
                what = f"lies in itself: {' in '.join(f'`{step}`' for step in [*way, name])}"
                yield Problem(f"{kind}.{name}.parent", what, "break the circle")


def conduits_join_two(whole: Whole) -> Iterator[Problem]:
    """A conduit joins two zones, not one with itself."""
    for name, conduit in whole.place.conduits.items():
        if conduit.zones[0] == conduit.zones[1]:
            what = f"joins `{conduit.zones[0]}` with itself"
            yield Problem(f"conduits.{name}.zones", what, "name two zones; within a zone no conduit is needed")


def times_run_forward(whole: Whole) -> Iterator[Problem]:
    """No record ends before it begins."""
    for path, record in records(whole.place):
        for begins, ends in (("valid_from", "valid_to"), ("starts", "ends")):
            first, last = getattr(record, begins, None), getattr(record, ends, None)
            if isinstance(first, date) and isinstance(last, date) and first > last:
                yield Problem(f"{path}.{ends}", f"`{ends}` {last} is before `{begins}` {first}", "swap or correct them")


def timezone_exists(whole: Whole) -> Iterator[Problem]:
    """The zone is one of those the caller knows; unchecked where it passed none."""
    zone = whole.place.timezone
    if whole.timezones is not None and zone not in whole.timezones:
        what = f"`{zone}` is no time zone{did_you_mean(zone, whole.timezones)}"
        yield Problem("timezone", what, "name an IANA zone, like `Europe/London`")


def rules_can_be_judged(whole: Whole) -> Iterator[Problem]:
    """Each condition of a house rule asks something, and something that can be asked of what the rule is about."""
    declared = {str(kind): frozenset(getattr(whole.place, kind)) for kind in About} if whole.place.rules else {}
    for name, rule in whole.place.rules.items():
        for path, what, mend in faults(rule, declared):
            yield Problem(f"rules.{name}.{path}", what, mend)


# --- warnings


def unknowns(whole: Whole) -> Iterator[Problem]:
    """Every `unknown`, also where it is what leaving the field out means."""
    for path, record in records(whole.place):
        for name in _may_be_unknown(type(record)):
            if getattr(record, name) == UNKNOWN:
                mend = "find out, and say where from in `source`"
                yield Problem(f"{path}.{name}", f"`{name}` is not known", mend, Word.UNKNOWN)


@cache
def _may_be_unknown(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in _FREE_TEXT)


_FREE_TEXT = frozenset(
    {"name", "note", "source", "asserted_by", "citation", "dpv", "fail_safe", "ngsi_type", "settings"}
)


def readings_are_carried(whole: Whole) -> Iterator[Problem]:
    """Each property of an active device is carried by some flow; what none carries is refused at the gate."""
    for name, device in whole.place.devices.items():
        model = whole.place.device_models.get(device.model)
        if model is None or device.status is not DeviceStatus.ACTIVE:
            continue
        units = member_ids(name, device)
        everywhere = {prop for _, flow in whole.flows_from.get(name, ()) for prop in whole.carried(flow)}
        parts = [{p for _, flow in whole.flows_from.get(unit, ()) for p in whole.carried(flow)} for unit in units]
        carried = everywhere | (set.intersection(*parts) if parts else set())
        for prop in model.properties:
            if prop not in carried:
                what = f"`{prop}` of `{name}` is carried by no flow"
                mend = "declare a flow with a dataset that has it, or take it out of the model"
                yield Problem(f"devices.{name}", what, mend, Word.UNCARRIED)


def systems_receive_by_agreement(whole: Whole) -> Iterator[Problem]:
    """Data that flows into a system another party operates, without an agreement."""
    for name, flow in whole.place.flows.items():
        operator = _recipient(whole, flow)
        sender = whole.place.systems.get(flow.from_)
        home = {whole.place.responsible, sender.operator if sender else None}
        if flow.agreement is None and flow.to in whole.place.systems and operator is not None and operator not in home:
            told = f"flow `{name}` sends {listed(flow.datasets)} to `{flow.to}`"
            what = f"{told}, which `{operator}` operates, without an agreement"
            yield Problem(f"flows.{name}", what, "declare what was agreed, and name it in the flow", Word.NO_AGREEMENT)


def zones_are_joined(whole: Whole) -> Iterator[Problem]:
    """A flow between two zones that no conduit joins: either the flow or the network is not as declared."""
    joined = {frozenset(conduit.zones) for conduit in whole.place.conduits.values()}
    for name, flow in whole.place.flows.items():
        ends = {zone for zone in (_zone(whole, flow.from_), _zone(whole, flow.to)) if zone is not None}
        if len(ends) == 2 and frozenset(ends) not in joined:
            first, second = sorted(ends)
            what = f"flow `{name}` goes between zones `{first}` and `{second}`, which no conduit joins"
            yield Problem(f"flows.{name}", what, "declare the conduit, or correct the zones", Word.NO_CONDUIT)


def _zone(whole: Whole, end: str) -> str | None:
    thing = whole.device(end) or whole.place.systems.get(end)
    return thing.zone if thing is not None else None


def unprotected_entries(whole: Whole) -> Iterator[Problem]:
    """Plain entry: the broker takes it on loopback only, and only in the demo."""
    for name, flow in whole.place.flows.items():
        enters = flow.observability is Observability.ENFORCED and flow.protocol in ENTRY_PROTOCOLS
        if enters and flow.protection in (Protection.NONE, Protection.UNKNOWN) and whole.device(flow.from_) is not None:
            what = f"flow `{name}` enters by `{flow.protocol}` with protection `{flow.protection}`"
            yield Problem(
                f"flows.{name}.protection", what, "use `tls`: outside a demo the doors take nothing less", Word.PLAIN
            )


def records(place: Place) -> Iterator[tuple[str, Any]]:
    """(path, record) of every record."""
    for field in msgspec.structs.fields(place):
        value = getattr(place, field.name)
        if isinstance(value, dict):
            for name, record in value.items():
                yield f"{field.encode_name}.{name}", record


def notes(place: Place) -> tuple[str, ...]:
    """What a reader must know to read the result: how far the claims reach, and what `acknowledged` promises."""
    kinds = Counter(flow.observability.value for flow in place.flows.values())
    shares = ", ".join(f"{kinds[kind.value]} {kind.value}" for kind in Observability)
    return (
        f"of {len(place.flows)} flows: {shares}. Cityward vouches for the enforced ones only.",
        "an acknowledged reading survives a kill of any process; a power cut can lose the last two minutes. "
        "`cityward run --sync-always`, or a bus of three replicas, survives that too.",
    )


ERRORS: tuple[Check, ...] = (
    limits_of_models, units_of_models, names_on_the_wire, commands_of_models, groups, needs_are_possible,
    flows_keep_their_agreement, parties_receive_by_agreement, enforced_flows_pass_the_platform, readings_enter_once,
    commands_have_takers, shares_add_up, addresses_are_such, codes_are_distinct, parents_lead_upwards, conduits_join_two,
    times_run_forward, timezone_exists, rules_can_be_judged,
)  # fmt: skip
"""With one of these the place does not run."""

WARNINGS: tuple[Check, ...] = (
    unknowns, readings_are_carried, systems_receive_by_agreement, zones_are_joined, unprotected_entries,
)  # fmt: skip
"""Told and counted."""
