"""House rules: what must not be in this place, written down as data.

A rule is about one kind of subject and forbids what is described by conditions that must *all* hold of a subject. Every condition
that has to do with law or place names *whose* jurisdiction it means: that of a party in a named role (`party`), of the site where
a thing stands (`site`), of a hop of a route (`route`), of the place an access is used from (`access`), or the jurisdiction that
could reach the subject, on one named axis (`reached_from`). There is no condition that merely says "foreign".

Does not live here: how rules are judged (`reach.rules`).

INVARIANTS
- A condition with nothing in it would forbid everything or nothing; `faults` refuses it, and it refuses conditions that cannot be
  asked of the subject.
- `unknown` is judged as unknown: a rule is then possibly broken, and the missing fact is named.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cityward.ids import Id
from cityward.place.parties import PartyKind
from cityward.place.record import Record

Name = Annotated[str, Meta(max_length=64)]
"""An id whose kind depends on what the rule is about; `faults` looks it up."""
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0, le=10_000)]


class About(StrEnum):
    """The kinds a rule can be about, named as in the declaration."""

    DEVICES = "devices"
    SYSTEMS = "systems"
    DATASETS = "datasets"
    FLOWS = "flows"
    ACCESSES = "accesses"
    AGREEMENTS = "agreements"
    PARTIES = "parties"
    JURISDICTIONS = "jurisdictions"
    SERVICES = "services"
    FUNCTIONS = "functions"


class Role(StrEnum):
    """What a party is to a subject."""

    ITSELF = "itself"  # the party that the rule is about
    MAKER = "maker"
    SUPPLIER = "supplier"
    OPERATOR = "operator"
    OWNER = "owner"
    MAINTAINER = "maintainer"
    HOST = "host"  # operates the site
    SENDER = "sender"  # a party at which a flow begins, or that operates the thing where it begins
    RECIPIENT = "recipient"  # likewise where it ends
    HOP = "hop"
    KEY_HOLDER = "key-holder"
    UPDATE_SOURCE = "update-source"  # operates the system that software comes from
    ACCESSING = "accessing"  # has an access
    PARTNER = "partner"  # party to the agreement, other than the one responsible for the place


class Weight(StrEnum):
    """What a broken rule means for a signature."""

    DENY = "deny"
    CONDITION = "condition"
    NOTE = "note"


class PartyIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"as_": "as"}):
    """One party, in one of the named roles, is all of this.

    With `or_parents` also whoever holds `control_share` percent or more of it (or appoints or manages it), at any height; with
    `or_subprocessors` also those it hands work to.
    """

    as_: Annotated[tuple[Role, ...], Meta(min_length=1)]
    or_parents: bool = False
    or_subprocessors: bool = False
    named: tuple[Id, ...] = ()
    not_named: tuple[Id, ...] = ()
    kinds: tuple[PartyKind, ...] = ()
    incorporated_in: tuple[Id, ...] = ()
    not_incorporated_in: tuple[Id, ...] = ()
    present_in: tuple[Id, ...] = ()
    addressee_of: tuple[Id, ...] = ()  # any of these instruments, as the rules of reach have it
    controlled_from: tuple[Id, ...] = ()  # held from one of these jurisdictions, step by step, by `control_share`
    control_share: Percent = 50.0
    not_known: tuple[Literal["party", "incorporated-in", "owners", "subprocessors"], ...] = ()  # any of these


class SiteIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"in_": "in"}):
    """One site of the subject is all of this. A dataset's sites are those of the systems that store it."""

    in_: tuple[Id, ...] = ()
    not_in: tuple[Id, ...] = ()
    tags: tuple[Literal["sensitive", "core", "public", "street", "cloud"], ...] = ()  # any of these


class RouteIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The declared route of a flow (for a dataset: of any flow that carries it)."""

    passes: tuple[Id, ...] = ()  # one of these jurisdictions or parties is a hop
    leaves: tuple[Id, ...] = ()  # a hop lies in none of these jurisdictions
    not_known: bool = False


class DataIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dataset of the subject is all of this: itself, what a flow carries, a system keeps or an access leads to."""

    named: tuple[Id, ...] = ()
    personal: bool | None = None
    sensitivity_from: Literal["public", "internal", "restricted", "secret"] | None = None
    categories: tuple[str, ...] = ()  # any of these
    retention_over_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    retention_not_known: bool = False


class ThingIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The system or device is all of this; an access is judged by its target."""

    kinds: tuple[str, ...] = ()  # of system
    models: tuple[Id, ...] = ()
    zones: tuple[Id, ...] = ()
    services: tuple[
        Literal["lighting", "signals", "waste", "transport", "cctv"], ...
    ] = ()  # works for one of this kind
    critical: bool | None = None


class AccessIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One access is all of this: itself, or one to the subject, or one the party has."""

    modes: tuple[
        Literal["read", "write", "command", "update", "physical", "support", "billing"], ...
    ] = ()  # any of these
    standing: bool | None = None
    used_from: tuple[Id, ...] = ()  # sites or jurisdictions
    used_outside: tuple[Id, ...] = ()  # from a place in none of these jurisdictions
    place_not_known: bool = False


class ReachedFrom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A jurisdiction could reach the subject, on one axis.

    `not-allowed` are the jurisdictions outside the dataset's `allowed_jurisdictions` (none where it allows all), `not-home` those
    outside the home ones. `instruments`: under the instruments declared; `any-power`: as if its power had no limits.
    """

    jurisdictions: tuple[Id, ...] | Literal["not-allowed", "not-home", "any"]
    axis: Literal["party", "place"]
    under: Literal["instruments", "any-power"] = "instruments"
    modes: Annotated[
        tuple[Literal["read", "write", "command", "update", "physical", "stop", "mislead"], ...], Meta(min_length=1)
    ]


class ReachedBy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party could reach the subject. `not-agreed` are those that no agreement about the dataset names."""

    parties: tuple[Id, ...] | Literal["not-agreed", "not-responsible"]
    modes: Annotated[
        tuple[Literal["read", "write", "command", "update", "physical", "stop", "mislead"], ...], Meta(min_length=1)
    ]


class PathTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the subject a path leads to a system that is any of this.

    `flows`: by declared flows, in the direction in which they run; `conduits`: from zone to zone, whatever flows there.
    """

    zones: tuple[Id, ...] = ()
    systems: tuple[Id, ...] = ()
    site_tags: tuple[Literal["sensitive", "core", "public", "street", "cloud"], ...] = ()
    by: Literal["flows", "conduits"] = "flows"


class ChainIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data chain that begins at the device is longer than this, in flows, parties or jurisdictions of parties."""

    more_flows_than: Count | None = None
    more_parties_than: Count | None = None
    more_jurisdictions_than: Count | None = None


class AgreementIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The agreement of the flow or access, or the one the rule is about, is any of this on the day asked for."""

    state: tuple[Literal["missing", "ended", "not-begun"], ...] = ()
    subcontracting: tuple[Literal["allowed", "with-consent", "unknown"], ...] = ()
    exit_days_over: Annotated[int, Meta(ge=0, le=3650)] | None = None
    end_missing: bool = False
    sites_missing: bool = False


class ProtectionIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the flow is protected, or which kinds of key protect the dataset or system (`no_key_of`: none of these)."""

    flow: tuple[Literal["none", "tls", "mutual-tls", "end-to-end"], ...] = ()
    no_key_of: tuple[Literal["at-rest", "in-transit", "end-to-end", "signing"], ...] = ()


class Concentration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"as_": "as"}):
    """The party (with those it controls), or the jurisdiction (with the parties incorporated there), has more than a share.

    The share is of the things of a kind for which it stands in one of the roles; without roles, of those it could stop.
    """

    of: Literal["systems", "critical-systems", "devices", "functions", "essential-functions"]
    as_: tuple[Role, ...] = ()
    axis: Literal["party", "place"] = "party"
    over_percent: Percent


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where everything given in it holds."""

    party: PartyIs | None = None
    site: SiteIs | None = None
    route: RouteIs | None = None
    data: DataIs | None = None
    thing: ThingIs | None = None
    access: AccessIs | None = None
    reached_from: ReachedFrom | None = None
    reached_by: ReachedBy | None = None
    path_to: PathTo | None = None
    chain: ChainIs | None = None
    agreement: AgreementIs | None = None
    protection: ProtectionIs | None = None
    concentration: Concentration | None = None


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject for which the rule is waived: by whom, why, and until when. It is told, and it runs out."""

    subject: Name
    by: Id
    why: Annotated[str, Meta(min_length=1, max_length=1000)]
    until: date


class HouseRule(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not be. Broken by a subject of which every condition of `forbid` and none of `unless` holds."""

    about: About
    forbid: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    unless: tuple[Condition, ...] = ()
    weight: Weight = Weight.CONDITION
    waivers: tuple[Waiver, ...] = ()


def given(condition: Condition) -> dict[str, msgspec.Struct]:
    """What a condition asks, by name."""
    asked = ((name, getattr(condition, name)) for name in Condition.__struct_fields__)
    return {name: value for name, value in asked if value is not None}
