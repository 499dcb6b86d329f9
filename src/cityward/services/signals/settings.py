"""The settings of the signals service: which junctions it controls, by what, and when it no longer believes what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError, PlaceErrors
from cityward.guard.signals.rules import JunctionRules
from cityward.ids import Id
from cityward.place.junctions import Junction
from cityward.services.signals.choosing import CONTROLLERS, DEFAULT

MOST_JUNCTIONS = 1000
MEND = "see docs/signals.md"


class SignalsDeclared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it stands in a declaration. Seconds are the street's.

    junctions: in this order they are numbered, from 1, by whoever asks for green. watched: units that may ask nobody for green:
    if one does, people are told. blind_after_s: a reading that is older is none. frozen_after_s: a detector that says the same
    for so long, vehicles among it, and has seen a green meanwhile, is not believed. most_blind: with a larger share of its lanes
    blind a junction is left to its own plan. leaving_s: within so many seconds no more than a quarter of the junctions (two at
    least) are taken away from their plans.
    """

    junctions: Annotated[tuple[Id, ...], Meta(max_length=MOST_JUNCTIONS)] = ()
    controller: Annotated[str, Meta(max_length=64)] = DEFAULT
    watched: Annotated[tuple[Id, ...], Meta(max_length=1000)] = ()
    blind_after_s: Annotated[float, Meta(ge=1, le=60)] = 6.0
    frozen_after_s: Annotated[float, Meta(ge=5, le=3600)] = 90.0
    most_blind: Annotated[float, Meta(ge=0, le=1)] = 0.5
    leaving_s: Annotated[float, Meta(ge=0, le=600)] = 30.0


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """What was declared, and the junctions' own records once it is bound: name -> record, and the same compiled."""

    declared: SignalsDeclared = field(default_factory=SignalsDeclared)
    junctions: Mapping[str, Junction] = field(default_factory=dict[str, Junction])
    rules: Mapping[str, JunctionRules] = field(default_factory=dict[str, JunctionRules])

    @property
    def askers(self) -> tuple[str, ...]:
        """The units whose requests for green are looked at."""
        callers = (unit for one in self.junctions.values() for call in one.calls for unit in call.devices)
        return tuple(dict.fromkeys([*callers, *self.declared.watched]))


def read_settings(raw: Mapping[str, Any], where: str) -> SignalSettings | PlaceError:
    """The settings, or what is wrong with them."""
    try:
        declared = msgspec.convert(dict(raw), SignalsDeclared)
    except msgspec.ValidationError as error:
        return PlaceError(str(error), where=where, mend=MEND)
    if declared.controller not in CONTROLLERS:
        known = ", ".join(f"`{name}`" for name in CONTROLLERS)
        return PlaceError(f"there is no controller `{declared.controller}`", where=where, mend=f"name one of {known}")
    return SignalSettings(declared)


def with_junctions(
    settings: SignalSettings, junctions: Mapping[str, Junction], where: str
) -> SignalSettings | PlaceErrors:
    """The settings with the records of the junctions that they name, or what is wrong with those."""
    wrong: list[PlaceError] = []
    known: dict[str, Junction] = {}
    rules: dict[str, JunctionRules] = {}
    for name in settings.declared.junctions:
        if name not in junctions:
            wrong.append(
                PlaceError(f"`{name}` is no declared junction", where=where, mend="declare it under `junctions`")
            )
            continue
        known[name] = junctions[name]
        try:
            rules[name] = JunctionRules.of(junctions[name], name)
        except PlaceError as error:
            wrong.append(error)
    return PlaceErrors(wrong) if wrong else replace(settings, junctions=known, rules=rules)
