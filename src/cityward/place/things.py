"""Where and what: sites, zones, areas, systems, device models and the devices on the street."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from cityward.ids import Id
from cityward.place.addresses import AddressText
from cityward.place.record import Record, Unknown

Longitude = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Position = tuple[Longitude, Latitude]
"""WGS 84, longitude first, as GeoJSON."""

UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""SPEC: RFC 9562, 4."""


class Area(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the city for which indicators are made and citizens are counted."""

    population: Annotated[int, Meta(ge=0)] | None = None
    centre: Position | None = None
    outline: tuple[Position, ...] = ()


class Site(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things stand: a building, a data centre, a street, a cloud region."""

    jurisdiction: Id | Unknown
    operator: Id | Unknown | None = None
    area: Id | None = None
    position: Position | None = None
    tags: tuple[Literal["sensitive", "core", "public", "street", "cloud"], ...] = ()


class Zone(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network zone. `trust` is its rank, 0 (public) to 5 (safety)."""

    trust: Annotated[int, Meta(ge=0, le=5)]
    parent: Id | None = None


class Conduit(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The only way between two zones."""

    zones: tuple[Id, Id]
    protocols: tuple[str, ...] = ()


class LampGateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TALQ-style gateway: lamps that hear their commands, and tell their levels, by it (docs/lighting.md).

    url: where its resources begin. client: the UUID under which it knows the city. every_s: real seconds between two looks at its
    lamps. lamps: device, or member of a group -> its lamp actuator there, `<address of the device>/<id of the function>`.
    """

    url: Annotated[str, Meta(min_length=8, max_length=512)]
    client: Annotated[str, Meta(pattern=rf"^{UUID}\Z")]
    every_s: Annotated[int, Meta(ge=5, le=86_400)] = 60
    lamps: Annotated[
        dict[Id, Annotated[str, Meta(pattern=rf"^{UUID}/[A-Za-z0-9_.-]{{1,64}}\Z")]],
        Meta(min_length=1, max_length=10_000),
    ]


class System(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Software that runs somewhere.

    `addresses` are where it is found on a network: IP addresses, blocks (`192.0.2.0/28`), DNS names (`*.` stands for all names
    below). By them `cityward reconcile` knows it in a log; where blocks overlap, the longest prefix wins. A LoRaWAN network
    server or another broker `speaks_for` the devices it hears, with a key of its own (docs/lorawan.md).
    """

    kind: Literal[
        "platform", "gateway", "broker", "control", "vms", "storage", "analytics", "update-server", "vendor-cloud",
        "network", "portal", "directory",
    ]  # fmt: skip
    site: Id | Unknown
    zone: Id | None = None
    operator: Id | Unknown
    supplier: Id | Unknown | None = None
    maintained_by: tuple[Id, ...] | Unknown = ()
    stores: tuple[Id, ...] = ()  # datasets
    needs: tuple[Need, ...] = ()
    updates_from: Id | Unknown | None = None  # the system its software comes from
    critical: bool = False
    addresses: tuple[AddressText, ...] = ()
    speaks_for: tuple[Id, ...] = ()  # devices and groups whose messages it passes on, each in the device's own name
    hands_over: Literal["files"] | None = (
        None  # files of their readings, dropped into a folder of its own (docs/files.md)
    )
    talq: LampGateway | None = None  # of a gateway of lamps that it `speaks_for`


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """k of the named things must work; without them the needing thing lasts `buffer_hours`."""

    of: Annotated[tuple[Id, ...], Meta(min_length=1)]
    k: Annotated[int, Meta(ge=1)] = 1
    buffer_hours: Annotated[float, Meta(ge=0)] = 0.0


class PropertyMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One observed property of a model: what it calls it on the wire, in which unit, within which limits.

    `path` is a JSON Pointer (RFC 6901) into a plain JSON body; `key` the SenML name. Both default to the property's id.
    `low` and `high` are in the property's catalogue unit.
    """

    unit: str | None = None  # as sent; None: the catalogue's
    path: str | None = None
    key: str | None = None
    low: float | None = None
    high: float | None = None


class CommandLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command an actuator takes: the property it sets, its bounds (in the catalogue unit), how often, and the safe value.

    Of what any value but the safe one may rest on: `quorum` independent sources at least (different owner, maker and network
    zone), none of them trusted less than `least_trust`. No quarantined device's reading counts, whatever these say.

    two_person: any value but the safe one waits until a second person agreed. revert: what follows a command that the actuator
    did not answer or did not take: once its safe value, or the last value that it took. by_itself: the property that is above
    zero while the actuator goes by itself, where its safe value stands for a way of its own (a junction's own plan) and `sets`
    tells what it does meanwhile.
    """

    sets: Id
    low: float
    high: float
    per_hour: Annotated[int, Meta(ge=1, le=3600)] = 60
    fail_safe: float
    quorum: Annotated[int, Meta(ge=1, le=3)] = 1
    least_trust: Annotated[float, Meta(ge=0, le=1)] = 0.0
    two_person: bool = False
    revert: Literal["fail-safe", "before"] = "fail-safe"
    by_itself: Id | None = None


class PayloadDecoder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vendor's JavaScript that says what the bytes of a radio frame mean. It runs apart, confined (docs/lorawan.md).

    script: a file beside the declaration. sha256: of its bytes; another script does not run.
    """

    script: Annotated[str, Meta(pattern=r"^\w[\w.-]*(/\w[\w.-]*){0,4}[.]js$", max_length=200)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class DeviceModel(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A make of device: what it observes, how it says so, what it can be told.

    support_ends: the last day on which its maker mends what is found in its software.
    """

    maker: Id | Unknown
    format: Literal["senml", "json", "ngsi-ld", "lorawan", "gtfs-rt", "modbus", "ntcip"] = "senml"
    properties: dict[Id, PropertyMapping] = field(default_factory=dict[Id, PropertyMapping])
    time_path: str | None = None  # JSON Pointer to the time of a plain JSON body; None: `/time`
    commands: dict[Id, CommandLimits] = field(default_factory=dict[Id, CommandLimits])
    updates_from: Id | Unknown | None = None
    ngsi_type: str | None = None
    support_ends: date | None = None
    decoder: PayloadDecoder | None = (
        None  # of `format: lorawan`, where the network server sends bytes; None: it decodes
    )


class Hardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device's radio is known by: the EUI of a LoRaWAN device or gateway, the IMEI of a modem, the ICCID of a SIM card.

    What a device says of these by its network is compared with them (docs/detectors/hardware.md).
    """

    eui: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")] | None = None
    imei: Annotated[str, Meta(pattern=r"^[0-9]{15}$")] | None = None
    iccid: Annotated[str, Meta(pattern=r"^[0-9]{18,20}$")] | None = None


class Polled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a cabinet answers Modbus TCP, and how often it is asked. Its registers are read, and never written.

    host: an address, not a name: nobody's name server shall lead the city elsewhere. unit: the Modbus unit behind it.
    """

    host: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:]{2,45}$")]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 502
    unit: Annotated[int, Meta(ge=0, le=255)] = 1
    every_s: Annotated[int, Meta(ge=1, le=86_400)] = 60


class DeviceStatus(StrEnum):
    """The life of a device. Only an `active` one may speak."""

    PLANNED = "planned"
    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    STORED = "stored"
    REVOKED = "revoked"
    STOLEN = "stolen"
    RETIRED = "retired"


class Device(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing on the street, or a group of like ones.

    A device with `positions` is a group: its members are `<id>-01`, `<id>-02`, ... in that order, each with an
    identity of its own. `addresses` are where it is found on a network, as a system's; a group's are those of all its members.
    `hardware` is what its radio is known by; of a group one for each of `positions`. `planned_until` is the day until which it
    is meant to stay.
    """

    model: Id
    site: Id | Unknown
    zone: Id | None = None
    area: Id | None = None
    areas: tuple[Id, ...] = ()  # of a group's members, in the order of `positions`; else all are in `area`
    owner: Id | Unknown
    operator: Id | Unknown | None = None
    position: Position | None = None
    positions: tuple[Position, ...] = ()
    status: DeviceStatus = DeviceStatus.ACTIVE
    planned_until: date | None = None
    credential: Literal["password", "certificate"] = "password"
    needs: tuple[Need, ...] = ()
    addresses: tuple[AddressText, ...] = ()
    hardware: tuple[Hardware, ...] = ()
    polled: tuple[Polled, ...] = ()  # of `format: modbus`; of a group one for each of `positions`
