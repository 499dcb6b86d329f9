"""Device models, devices and what things need: limits, units, names on the wire, commands, groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cityward.catalogue import PROPERTIES, ObservedProperty
from cityward.place.checks.whole import Problem, Whole
from cityward.place.controller_objects import read_object_path
from cityward.place.exits import is_address
from cityward.place.hints import did_you_mean
from cityward.place.registers import read_register
from cityward.place.things import CommandLimits, DeviceModel, Need, PropertyMapping
from cityward.quantities import conversion


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


def decoders_are_of_lorawan(whole: Whole) -> Iterator[Problem]:
    """Only what comes by LoRaWAN has bytes that a vendor's script reads."""
    for name, model in whole.place.device_models.items():
        if model.decoder is not None and model.format != "lorawan":
            what = f"a `decoder` reads the bytes of `lorawan`, and the format is `{model.format}`"
            yield Problem(f"device_models.{name}.decoder", what, "set `format: lorawan`, or leave the decoder out")


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
        addressed = model.format in ("modbus", "ntcip")  # their paths name registers, and objects
        paths = {} if addressed else model.properties
        pointers = {f"properties.{prop}.path": mapping.path for prop, mapping in paths.items()}
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
    if bounds.by_itself is not None and bounds.by_itself not in model.properties:
        what = f"the model does not observe `{bounds.by_itself}`{did_you_mean(bounds.by_itself, model.properties)}"
        yield Problem(f"{path}.by_itself", what, "add it to the model's `properties`, or leave `by_itself` away")
    if bounds.low > bounds.high:
        yield Problem(path, f"`low` {bounds.low:g} is above `high` {bounds.high:g}", "give the lower one as `low`")
    elif not bounds.low <= bounds.fail_safe <= bounds.high:
        what = f"`fail_safe` {bounds.fail_safe:g} is not within {bounds.low:g} to {bounds.high:g}"
        yield Problem(f"{path}.fail_safe", what, "choose a safe value the command may take")


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


def hardware_is_one_each(whole: Whole) -> Iterator[Problem]:
    """One `hardware` for each thing of a record, and no EUI, IMEI or ICCID of two things."""
    of: dict[tuple[str, str], str] = {}
    for name, device in whole.place.devices.items():
        path, things = f"devices.{name}.hardware", max(1, len(device.positions))
        if device.hardware and len(device.hardware) != things:
            what = f"found {len(device.hardware)} of `hardware` for {_count(device.positions, 'position')}"
            yield Problem(path, what, "name one for each position; of a single device, one")
        for nth, one in enumerate(device.hardware):
            for kind in ("eui", "imei", "iccid"):
                known = getattr(one, kind)
                if known is None:
                    continue
                if (kind, known) in of:
                    yield Problem(
                        f"{path}[{nth}].{kind}", f"`{known}` is that of {of[kind, known]}, too", "each has its own"
                    )
                of[kind, known] = f"devices.{name}"


def registers_can_be_asked(whole: Whole) -> Iterator[Problem]:
    """Each property of a Modbus model names its register; each such device says where it answers, one for each position."""
    for name, model in whole.place.device_models.items():
        for prop, mapping in model.properties.items() if model.format == "modbus" else ():
            try:
                read_register(mapping.path or "")
            except ValueError as error:
                path = f"device_models.{name}.properties.{prop}.path"
                yield Problem(path, f"`{mapping.path or ''}` is no register: {error}", "see docs/modbus.md")
    for name, device in whole.place.devices.items():
        model = whole.place.device_models.get(device.model)
        asked, things = len(device.polled), max(1, len(device.positions))
        if model is not None and model.format == "modbus" and asked != things:
            what = f"found {asked} of `polled`, expected {things}"
            yield Problem(f"devices.{name}.polled", what, "name one for each position; of a single device, one")
        elif model is not None and model.format != "modbus" and asked:
            what = f"its model is `{model.format}`, which speaks by itself"
            yield Problem(f"devices.{name}.polled", what, "leave it out, or set `format: modbus` on the model")
        for n, one in enumerate(device.polled):
            if not is_address(one.host):
                yield Problem(
                    f"devices.{name}.polled[{n}].host", f"`{one.host}` is no address", "write 10.20.0.7, or IPv6"
                )


def objects_can_be_read(whole: Whole) -> Iterator[Problem]:
    """Each property of a model of signal controllers names where it stands in their objects."""
    for name, model in whole.place.device_models.items():
        for prop, mapping in model.properties.items() if model.format == "ntcip" else ():
            try:
                read_object_path(mapping.path or "")
            except ValueError as error:
                path = f"device_models.{name}.properties.{prop}.path"
                yield Problem(path, f"`{mapping.path or ''}` is in no object: {error}", "see docs/ntcip.md")


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
