"""What moves and who may touch it: datasets, flows, accesses and keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cityward.ids import Id
from cityward.place.record import Record, Unknown


class Dataset(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of data. `properties` are the observed properties it is made of, where it is made of observations.

    basis: the lawful basis for personal data, `special`: a special category (health, belief, ...), which needs `special_basis`
    too and never leaves unaggregated unless `release_form` says otherwise. release_form: what every release of it is held to at
    least. made_of: the datasets that it is made of here, in cells: rows of its `properties` that theirs are; nothing is held
    under its name.
    """

    categories: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    personal: bool
    sensitivity: Literal["public", "internal", "restricted", "secret"]
    retention_days: Annotated[int, Meta(ge=0, le=36_500)] | Unknown
    allowed_jurisdictions: tuple[Id, ...] = ()
    properties: tuple[Id, ...] = ()
    made_of: tuple[Id, ...] = ()
    basis: Literal[
        "consent", "contract", "legal-obligation", "vital-interests", "public-task", "legitimate-interests",
    ] | None = None  # fmt: skip
    special: bool = False
    special_basis: Annotated[str, Meta(max_length=254)] = ""
    release_form: Id | None = None


class Protection(StrEnum):
    """How a flow is protected on its way."""

    NONE = "none"
    TLS = "tls"
    MUTUAL_TLS = "mutual-tls"
    END_TO_END = "end-to-end"
    UNKNOWN = "unknown"


class Observability(StrEnum):
    """How Cityward knows of a flow; reports give the share of each."""

    ENFORCED = "enforced"
    IMPORTED = "imported"
    INFERRED = "inferred"
    NOT_OBSERVABLE = "not-observable"


class FlowLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the admit gate holds each device of a flow to.

    `bytes_per_minute`, left out, is 1 KiB for each of `messages_per_minute`, and never less than ten messages of the
    greatest size.
    """

    max_age_s: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 172_800
    max_future_s: Annotated[int, Meta(ge=0, le=86_400)] = 60
    messages_per_minute: Annotated[int, Meta(ge=1, le=10_000_000)] = 600  # per device
    max_message_bytes: Annotated[int, Meta(ge=16, le=1_048_576)] = 65_536
    bytes_per_minute: Annotated[int, Meta(ge=16, le=1_000_000_000_000)] | None = None  # per device

    @property
    def most_bytes(self) -> int:
        """Bytes a minute from one device, declared or derived."""
        if self.bytes_per_minute is not None:
            return self.bytes_per_minute
        # PRECEDENT: a reading weighs some 60 bytes: with the other defaults, 10,000 of them a minute. A gateway declares more
        return max(10 * self.max_message_bytes, self.messages_per_minute * 1024)


class FeedSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the documents of a flow are fetched: from a `url` every `every_s` seconds, or from a `file`.

    file: in the folder of the place; `state:<name>`: in the state directory of the city, where something of its own writes it.
    timetable: the flow whose timetable a live feed is held against. beside: the flow of the other kind, where trip updates and
    vehicle positions come apart. max_age_s: of a live feed's own time. vehicles: a device -> the id that its vehicle has in the
    feed, where that is not the device's own.
    """

    url: Annotated[str, Meta(max_length=2000)] | None = None
    file: (
        Annotated[str, Meta(pattern=r"^(state:)?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")] | None
    ) = None
    every_s: Annotated[int, Meta(ge=1, le=7 * 86_400)] = 30
    timetable: Id | None = None
    beside: Id | None = None
    max_age_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    max_bytes: Annotated[int, Meta(ge=16, le=33_554_432)] = 1_000_000
    vehicles: dict[Id, Annotated[str, Meta(min_length=1, max_length=254)]] = {}


class Flow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The only thing that may move data. `from` is a device (or group), system or party; `to` a system, party or actuator."""

    from_: Id
    to: Id
    datasets: Annotated[tuple[Id, ...], Meta(min_length=1)]
    purpose: Id
    protocol: Literal[
        "mqtt", "http", "ngsi-ld", "sftp", "rtsp", "webhook", "smtp", "syslog", "proprietary", "paper", "command",
        "gtfs", "gtfs-realtime", "modbus", "files", "talq",
    ]  # fmt: skip
    protection: Protection = Protection.TLS
    route: tuple[Id, ...] | Unknown = ()  # jurisdictions or parties it passes
    agreement: Id | None = None
    observability: Observability
    limits: FlowLimits = FlowLimits()
    form: Id | None = None  # of what leaves by it
    feed: FeedSource | None = None  # of documents that the platform fetches


class Access(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party's way in."""

    party: Id
    target: Id  # a system, device or dataset
    modes: Annotated[
        tuple[Literal["read", "write", "command", "update", "physical", "support", "billing"], ...], Meta(min_length=1)
    ]
    from_places: tuple[Id, ...] | Unknown = ()  # sites or jurisdictions it is used from
    agreement: Id | None = None
    standing: bool = True  # False: opened for a task, then closed


class Key(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who holds it and what it protects. Encryption counts only where the key is out of reach."""

    holder: Id | Unknown
    protects: Annotated[tuple[Id, ...], Meta(min_length=1)]  # datasets, flows or systems
    kind: Literal["at-rest", "in-transit", "end-to-end", "signing"] = "at-rest"
