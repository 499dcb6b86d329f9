"""What is cut off when a device, a party, a site or a jurisdiction is contained, and what that costs the city.

Lives here: which units are meant, which services lose an actuator or a reading by it, and the blast of it. Does not live here:
doing it (`compose.acting.containment`), and what falls with what (`blast`).

Of a party, and of those it controls, every device is meant that it makes, owns or operates: whoever makes a device may reach it
by its updates. Of a jurisdiction, the devices of the parties incorporated in it, and what stands at its sites. What is not known
is not cut off, and is told: `unknown` names the lines.

INVARIANT: units are those of the registry, in the declaration's order, none twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cityward.errors import PlaceError
from cityward.place.data import Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import members
from cityward.place.things import Device
from cityward.reach.blast.cascade import Cascade, Kind, fall
from cityward.reach.blast.scenarios import Blast, dark
from cityward.reach.blast.subjects import Subject, SubjectKind, axes, starts_of, subject_named, zones_within
from cityward.reach.exposure.declared import Declared

CONTAINABLE = (
    SubjectKind.DEVICE,
    SubjectKind.MEMBER,
    SubjectKind.PARTY,
    SubjectKind.SITE,
    SubjectKind.ZONE,
    SubjectKind.JURISDICTION,
)


class ServiceHit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that loses something: actuators it commands, devices it may read. `fail_safe`: what its functions then do."""

    service: str
    actuators: int
    of_actuators: int
    sources: int
    fail_safe: tuple[str, ...]


class Containment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What containing a subject means. `devices` are declared ids (groups), `units` the single ones behind them."""

    subject: Subject
    parties: tuple[str, ...]
    sites: tuple[str, ...]
    devices: tuple[str, ...]
    units: tuple[str, ...]
    services: tuple[ServiceHit, ...]
    cost: tuple[Blast, ...]
    unknown: tuple[str, ...]


def target_named(place: Place, words: str) -> Subject:
    """What may be contained, by name or `kind:name`.

    Raises:
        PlaceError: nothing bears the name, several do, or it cannot be contained.
    """
    subject = subject_named(place, words)
    if subject.kind not in CONTAINABLE:
        kinds = ", ".join(kind.value for kind in CONTAINABLE)
        raise PlaceError(f"a {subject.kind.value} cannot be contained", where=words, mend=f"name one of: {kinds}")
    return subject


def containment_of(place: Place, cascade: Cascade, subject: Subject) -> Containment:
    """What containing a subject takes, and from whom."""
    parties, sites = _parties(place, cascade, subject), _sites(place, subject)
    devices = tuple(
        name for name, device in place.devices.items() if _meant(place, device, name, subject, parties, sites)
    )
    units = _units(place, subject, devices)
    return Containment(
        subject=subject,
        parties=parties,
        sites=sites,
        devices=devices,
        units=units,
        services=tuple(_hit(place, frozenset(units))),
        cost=dark(place, cascade, _dark_subjects(subject, devices)),
        unknown=tuple(_unknown(place, subject)),
    )


def _parties(place: Place, cascade: Cascade, subject: Subject) -> tuple[str, ...]:
    """The party, or those incorporated in the jurisdiction, and whom they control."""
    if subject.kind not in (SubjectKind.PARTY, SubjectKind.JURISDICTION):
        return ()
    starts = starts_of(place, cascade, (subject,), axes((subject,))[0])
    certain = {number: start for number, start in starts.items() if not start.missing}
    fallen = {cascade.points[n].id for n in fall(cascade, certain).at if cascade.points[n].kind is Kind.PARTY}
    return tuple(name for name in place.parties if name in fallen)


def _sites(place: Place, subject: Subject) -> tuple[str, ...]:
    if subject.kind is SubjectKind.SITE:
        return (subject.id,)
    if subject.kind is not SubjectKind.JURISDICTION:
        return ()
    inside = Declared(place).inside[subject.id]
    return tuple(name for name, site in place.sites.items() if site.jurisdiction in inside)


def _meant(
    place: Place, device: Device, name: str, subject: Subject, parties: tuple[str, ...], sites: tuple[str, ...]
) -> bool:
    if subject.kind is SubjectKind.DEVICE:
        return name == subject.id
    if subject.kind is SubjectKind.MEMBER:
        return any(unit == subject.id for unit, _, _ in members(name, device))
    if subject.kind is SubjectKind.ZONE:
        return device.zone in zones_within(place, subject.id)
    of = {device.owner, device.operator, place.device_models[device.model].maker}
    return device.site in sites or not of.isdisjoint(parties)


def _units(place: Place, subject: Subject, devices: tuple[str, ...]) -> tuple[str, ...]:
    if subject.kind is SubjectKind.MEMBER:
        return (subject.id,)
    return tuple(unit for name in devices for unit, _, _ in members(name, place.devices[name]))


def _dark_subjects(subject: Subject, devices: tuple[str, ...]) -> tuple[Subject, ...]:
    """What goes dark to the city: the subject itself, and its devices."""
    more = (Subject(kind=SubjectKind.DEVICE, id=name) for name in devices)
    return tuple(dict.fromkeys((subject, *more)))


def _hit(place: Place, units: frozenset[str]) -> Iterator[ServiceHit]:
    groups = {name: [unit for unit, _, _ in members(name, device)] for name, device in place.devices.items()}
    for name, service in place.services.items():
        acts = [unit for actuator in service.actuators for unit in groups.get(actuator, [actuator])]
        lost = [unit for unit in acts if unit in units]
        read = _read_from(place, service.reads) & units
        if lost or read:
            safe = (function.fail_safe for function in place.functions.values() if function.service == name)
            yield ServiceHit(
                service=name,
                actuators=len(lost),
                of_actuators=len(acts),
                sources=len(read),
                fail_safe=tuple(dict.fromkeys(text for text in safe if text)),
            )


def _read_from(place: Place, datasets: tuple[str, ...]) -> frozenset[str]:
    """The units whose enforced flows carry one of the datasets: what comes in by others' systems is not cut off here."""
    wanted = frozenset(datasets)
    found: set[str] = set()
    for flow in place.flows.values():
        if flow.observability is Observability.ENFORCED and not wanted.isdisjoint(flow.datasets):
            device = place.devices.get(flow.from_)
            found |= {unit for unit, _, _ in members(flow.from_, device)} if device is not None else {flow.from_}
    return frozenset(found)


def _unknown(place: Place, subject: Subject) -> Iterator[str]:
    """The lines that may hide more of what is meant."""
    if subject.kind not in (SubjectKind.PARTY, SubjectKind.JURISDICTION, SubjectKind.SITE):
        return
    for name, device in place.devices.items():
        fields = ("site",) if subject.kind is SubjectKind.SITE else ("owner", "operator")
        yield from (f"devices.{name}.{field}" for field in fields if getattr(device, field) == UNKNOWN)
    if subject.kind is not SubjectKind.SITE:
        yield from (
            f"device_models.{name}.maker" for name, model in place.device_models.items() if model.maker == UNKNOWN
        )
        yield from (f"parties.{name}.owners" for name, party in place.parties.items() if party.owners == UNKNOWN)
