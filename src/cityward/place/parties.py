"""Who: parties, the jurisdictions they live under, the legal powers, and what was agreed with them.

Supplier, operator, owner and processor are roles on relations, never kinds of party.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from cityward.ids import Id
from cityward.place.addresses import AddressText
from cityward.place.record import Record, Unknown


class PartyKind(StrEnum):
    COMPANY = "company"
    PUBLIC_BODY = "public-body"
    GROUP = "group"
    STATE = "state"


class Mechanism(StrEnum):
    """How a stake gives control (BODS and FollowTheMoney interests, condensed)."""

    OWNERSHIP = "ownership"
    VOTING = "voting"
    APPOINTMENT = "appointment"
    MANAGEMENT = "management"
    CONTRACTUAL = "contractual"
    TRUST = "trust"
    NOMINEE = "nominee"
    STATE = "state"


class Stake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share in, or control over, the party it stands on. `share` in percent; left out where not known."""

    party: Id
    share: Annotated[float, Meta(ge=0, le=100)] | None = None
    mechanism: Mechanism = Mechanism.OWNERSHIP


class Party(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organisation, public body, group or state.

    `addresses` are where its people and systems come from on a network, beside those of the systems it operates. `contact` is
    how anybody reaches it: a telephone number, an address, a web page; it stands on the public pages.
    """

    kind: PartyKind
    incorporated_in: Id | Unknown
    presence: tuple[Id, ...] = ()  # jurisdictions with a branch or staff
    owners: tuple[Stake, ...] | Unknown = ()
    subprocessors: tuple[Id, ...] | Unknown = ()  # parties it hands work to
    ids: dict[str, str] = field(default_factory=dict[str, str])  # scheme -> identifier (LEI, company number)
    addresses: tuple[AddressText, ...] = ()
    contact: Annotated[str, Meta(max_length=300)] = ""


class JurisdictionKind(StrEnum):
    STATE = "state"
    BLOC = "bloc"
    SUBDIVISION = "subdivision"


class ReportingDuty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who must be told of an incident, and when: user-supplied data, which Cityward ships none of.

    to: the authority, in words. hours, or months of the calendar: from when the city became aware of the incident. applies: when
    personal data may be touched, or an essential service (a function that is `essential`), or to every incident. citation,
    source: where it is said.
    """

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    to: Annotated[str, Meta(min_length=1, max_length=200)]
    hours: Annotated[int, Meta(ge=0, le=8_784)] = 0
    months: Annotated[int, Meta(ge=0, le=12)] = 0
    applies: Literal["personal-data", "essential-service", "any"]
    citation: Annotated[str, Meta(max_length=300)] = ""
    source: Annotated[str, Meta(max_length=300)] = ""

    @property
    def term(self) -> str:
        """How long it leaves, as people write it."""
        return f"{self.hours} h" if self.hours else "1 month" if self.months == 1 else f"{self.months} months"


class Jurisdiction(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal area: an ISO 3166 code, or a bloc with members."""

    kind: JurisdictionKind = JurisdictionKind.STATE
    code: Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$|^[A-Z]{3,12}$")]
    members: tuple[Id, ...] = ()
    parent: Id | None = None
    home: bool = False
    reporting: dict[Id, ReportingDuty] = field(default_factory=dict[Id, ReportingDuty])


class InstrumentStatus(StrEnum):
    IN_FORCE = "in-force"
    CONTESTED = "contested"
    PROPOSED = "proposed"
    REPEALED = "repealed"


class Addressee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to be an addressee. `control_share` in percent, for the nexus of a parent."""

    nexus: Literal["incorporated-in", "parent-incorporated-in", "present-in", "data-located-in", "offers-service-in"]
    control_share: Annotated[float, Meta(ge=0, le=100)] | None = None


class Instrument(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal power, as user-supplied data. Cityward ships none and scores none; home instruments are judged alike."""

    jurisdiction: Id
    status: InstrumentStatus = InstrumentStatus.IN_FORCE
    powers: tuple[Literal["disclose", "intercept", "assist", "disable", "alter", "secrecy"], ...]
    addressees: Annotated[tuple[Addressee, ...], Meta(min_length=1)]
    defeated_by: tuple[Literal["customer-held-key", "end-to-end", "no-access", "physically-absent"], ...] = ()
    oversight: Literal["judicial", "executive", "none", "unknown"] = "unknown"
    citation: str = ""


class Agreement(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a party was granted: which datasets, for what, where, for how long."""

    kind: Literal["supply", "processing", "hosting", "support", "sharing"]
    parties: Annotated[tuple[Id, ...], Meta(min_length=1)]
    datasets: tuple[Id, ...] = ()
    purposes: tuple[Id, ...] = ()
    sites: tuple[Id, ...] = ()  # where the data may be; empty: anywhere in the datasets' allowed jurisdictions
    starts: date | None = None
    ends: date | None = None
    subcontracting: Literal["allowed", "with-consent", "forbidden", "unknown"] = "unknown"
    exit_days: Annotated[int, Meta(ge=0, le=3650)] | None = None
    form: Id | None = None  # what is released under it is held to at least
