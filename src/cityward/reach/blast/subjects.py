"""What a question is about, and what begins dark with it.

A jurisdiction is two subjects: the parties incorporated within it, and the sites within it. They are asked apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade, Kind, Point, Start
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.declared import GONE, Declared


class SubjectKind(StrEnum):
    """What can be asked about."""

    PARTY = "party"
    SITE = "site"
    SYSTEM = "system"
    DEVICE = "device"  # or a group
    MEMBER = "member"
    JURISDICTION = "jurisdiction"
    ZONE = "zone"
    FLOW = "flow"
    CONDUIT = "conduit"


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing asked about."""

    kind: SubjectKind
    id: str


_POINTS = {
    SubjectKind.PARTY: Kind.PARTY,
    SubjectKind.SITE: Kind.SITE,
    SubjectKind.SYSTEM: Kind.SYSTEM,
    SubjectKind.DEVICE: Kind.DEVICE,
}

_STAND = (SubjectKind.DEVICE, SubjectKind.MEMBER)
"""What stands on the street, or did."""

_PLURAL = {kind: "parties" if kind is SubjectKind.PARTY else f"{kind.value}s" for kind in SubjectKind}


_WORDS = {SubjectKind.MEMBER: (SubjectKind.MEMBER.value, SubjectKind.DEVICE.value)}
"""One of a group is a device to whoever names it."""


def subject_named(place: Place, words: str) -> Subject:
    """The subject of a name, or of `kind:name` where several kinds bear it.

    Raises:
        PlaceError: nothing bears the name, or several do.
    """
    kind, colon, name = words.rpartition(":")
    kinds = _kinds(place)
    bearing = [k for k, names in kinds.items() if name in names and (not colon or kind in _WORDS.get(k, (k.value,)))]
    if not bearing:
        known = [one for names in kinds.values() for one in names]
        what = f"`{words}` is nothing that can go dark or be cut{did_you_mean(name, known)}"
        raise PlaceError(what, where=place.place, mend="name a party, site, system, device, jurisdiction, zone or flow")
    if len(bearing) > 1:
        what = f"`{name}` is a {' and a '.join(bearing)}"
        raise PlaceError(what, where=place.place, mend=f"write `{bearing[0]}:{name}`, or one of the others")
    return Subject(kind=bearing[0], id=name)


def _kinds(place: Place) -> dict[SubjectKind, Mapping[str, Any]]:
    members = Declared(place).group_of
    return {kind: members if kind is SubjectKind.MEMBER else getattr(place, _PLURAL[kind]) for kind in SubjectKind}


def off_street(place: Place, subjects: Iterable[Subject]) -> tuple[str, ...]:
    """The devices, or groups of members, among the subjects that are stored or retired: nothing rests on them."""
    group_of = Declared(place).group_of
    devices = (group_of[one.id] if one.kind is SubjectKind.MEMBER else one.id for one in subjects if one.kind in _STAND)
    return tuple(dict.fromkeys(name for name in devices if place.devices[name].status in GONE))


def axes(subjects: Iterable[Subject]) -> tuple[Axis | None, ...]:
    """How often to ask: twice where a jurisdiction is among the subjects."""
    return tuple(Axis) if any(one.kind is SubjectKind.JURISDICTION for one in subjects) else (None,)


def starts_of(
    place: Place, cascade: Cascade, subjects: Iterable[Subject], axis: Axis | None = None
) -> dict[int, Start]:
    """What begins dark, from hour 0. A flow or conduit darkens no point."""
    starts: dict[int, Start] = {}
    for subject in subjects:
        for point, start in _starts(place, subject, axis):
            number = cascade.number.get(point)
            if number is not None and (number not in starts or not start.missing):
                starts[number] = start
    return starts


def _starts(place: Place, subject: Subject, axis: Axis | None) -> Iterator[tuple[Point, Start]]:
    if subject.kind is SubjectKind.MEMBER:
        yield Point(Kind.MEMBER, subject.id), Start(0.0, f"devices.{subject.id.rpartition('-')[0]}.positions")
    elif subject.kind in _POINTS:
        yield Point(_POINTS[subject.kind], subject.id), Start(0.0, f"{_PLURAL[subject.kind]}.{subject.id}")
    elif subject.kind is SubjectKind.ZONE:
        yield from _in_zone(place, subject.id)
    elif subject.kind is SubjectKind.JURISDICTION and axis is Axis.PARTY:
        under = (
            (f"parties.{name}.incorporated_in", name, party.incorporated_in) for name, party in place.parties.items()
        )
        yield from _within(place, subject.id, Kind.PARTY, under)
    elif subject.kind is SubjectKind.JURISDICTION:
        under = ((f"sites.{name}.jurisdiction", name, site.jurisdiction) for name, site in place.sites.items())
        yield from _within(place, subject.id, Kind.SITE, under)


def _within(
    place: Place, jurisdiction: str, kind: Kind, under: Iterable[tuple[str, str, str]]
) -> Iterator[tuple[Point, Start]]:
    inside = Declared(place).inside[jurisdiction]
    for path, name, where in under:
        if where in inside:
            yield Point(kind, name), Start(0.0, path)
        elif where == UNKNOWN:
            yield Point(kind, name), Start(0.0, path, missing=(path,))


def _in_zone(place: Place, zone: str) -> Iterator[tuple[Point, Start]]:
    inside = zones_within(place, zone)
    for kind, things in ((Kind.SYSTEM, place.systems), (Kind.DEVICE, place.devices)):
        for name, thing in things.items():
            if thing.zone in inside:
                yield Point(kind, name), Start(0.0, f"{kind.value}s.{name}.zone")


def zones_within(place: Place, zone: str) -> frozenset[str]:
    """A zone and those that lie in it."""
    children: dict[str, list[str]] = {}
    for name, record in place.zones.items():
        if record.parent is not None:
            children.setdefault(record.parent, []).append(name)
    found = [zone]
    for name in found:
        found.extend(child for child in children.get(name, ()) if child not in found)
    return frozenset(found)
