"""I-03: one source alone moves nothing that people cannot do without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import structs

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, changed, commanded
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown
from cityward.assurance.trail import Entry
from cityward.evidence.records import CommandIssued, CommandRefused
from cityward.place.model import Place
from cityward.place.things import CommandLimits

LEAST = 2
TOO_FEW = "too-few-sources"


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each command of an actuator behind an essential function: how many sources a value must rest on."""
    issued = dossier.trail.newest(CommandIssued, lambda record: (record.device, record.command))
    refused = {
        (entry.record.device, entry.record.command): entry
        for entry in dossier.trail.of(CommandRefused)
        if entry.record.reason == TOO_FEW
    }
    at_work: dict[tuple[str, str], Entry[CommandIssued] | Entry[CommandRefused]] = {**issued, **refused}
    for service, device, command, limits in _commands(dossier.place):
        subject, path = f"devices.{device}.{command}", (f"services.{service}", f"devices.{device}")
        alone = [
            entry
            for key in _keys(dossier, device, command)
            if (entry := issued.get(key)) and _rests_on_one(entry, limits)
        ]
        seen = [
            entry
            for key in _keys(dossier, device, command)
            if (entry := at_work.get(key)) is not None and _was_held(entry, limits)
        ]
        if alone:
            record = max(alone, key=lambda entry: entry.record.at).record
            said = f"`{record.device}` was told {record.value:g} on the word of `{record.sources[0]}` alone"
            ground = on_record(EvidenceClass.OBSERVED, max(alone, key=lambda entry: entry.record.at), said)
            mend = f"declare a quorum of {LEAST} for `{command}` of its model"
            yield Judged(subject, Result.FAILED, said, (ground,), path, mend=mend)
        elif limits.quorum < LEAST:
            said = f"one source is enough to `{command}` `{device}`, by its model; none did alone"
            yield unknown(subject, said, f"a quorum of {LEAST} for the commands of essential services", *path)
        elif not seen:
            said = f"`{command}` of `{device}` asks for {limits.quorum} sources; none rested on so many, or was refused for fewer"
            yield unknown(subject, said, "a command, or an exercise that tries one on one source", *path)
        else:
            said = f"`{command}` of `{device}` was held to {limits.quorum} independent sources"
            newest = max(seen, key=lambda entry: entry.record.at)
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, newest, said),), path)


def _commands(place: Place) -> Iterator[tuple[str, str, str, CommandLimits]]:
    """(service, device, command, its limits) behind essential functions."""
    essential = {function.service for function in place.functions.values() if function.essential}
    for service in sorted(essential):
        for device in place.services[service].actuators:
            if device in place.devices:
                for command, limits in place.device_models[place.devices[device].model].commands.items():
                    yield service, device, command, limits


def _keys(dossier: Dossier, device: str, command: str) -> Iterator[tuple[str, str]]:
    """A device's own, or its members' where it is a group."""
    return ((unit, command) for unit in dossier.units.get(device, ()))


def _rests_on_one(entry: Entry[CommandIssued], limits: CommandLimits) -> bool:
    return len(set(entry.record.sources)) == 1 and entry.record.value != limits.fail_safe


def _was_held(entry: Entry[CommandIssued] | Entry[CommandRefused], limits: CommandLimits) -> bool:
    """Whether the quorum was at work: a command on none, or to the safe value on one, shows nothing of it."""
    return isinstance(entry.record, CommandRefused) or len(set(entry.record.sources)) >= limits.quorum


def _essential(quorum: int) -> str:
    return changed(
        ("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:"),
        ("low: 10,", f"quorum: {quorum}, low: 10,"),
    )


CONTROL = Control(
    id="I-03",
    title="No single source moves what people cannot do without",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9", "N8")},
    check=check,
    false_positives="Sources of two owners that are one company in secret count as two.",
    avoid=Example(_essential(1), (("service:1", commanded("c1", ("counter-1",))),), NOW_US),
    prefer=Example(
        _essential(2), (("service:1", structs.replace(commanded("c1", ("counter-1", "counter-2")))),), NOW_US
    ),
    says="commands behind essential functions",
)
