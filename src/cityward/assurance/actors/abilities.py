"""What each capability means here: the scenarios that try it, the controls that stand in its way, what it would reach.

PRECEDENT: the scenarios are those of the field guide that begin as the capability does; the controls are those that name
themselves against it, beside those that the scenarios say they try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cityward.assurance.actors.profile import Capability
from cityward.reach.exposure.nodes import Mode


class Way(StrEnum):
    """By which of its own an actor comes to something."""

    LAW = "law"  # of its jurisdictions, over parties and places
    PARTIES = "parties"  # it acts through
    NONE = "none"  # of everybody: the declaration names no party or law for it


@dataclass(frozen=True, slots=True)
class Ability:
    """One capability, in the city's terms. modes: what of exposure it is about, where it comes by a law or a party."""

    said: str
    scenarios: tuple[str, ...]
    controls: tuple[str, ...]
    ways: tuple[Way, ...] = (Way.NONE,)
    modes: tuple[Mode, ...] = ()


_TAKEN = (Mode.READ, Mode.WRITE, Mode.COMMAND, Mode.UPDATE, Mode.MISLEAD)

ABILITIES: Mapping[Capability, Ability] = {
    Capability.SUPPLIER_ACCESS: Ability(
        "acts through a supplier's standing access, remote support or updates",
        ("S-04", "S-06", "S-07", "S-20"),
        ("M-01", "J-04", "J-07", "J-09"),
        (Way.PARTIES,),
        _TAKEN,
    ),
    Capability.COMPELLED_ACCESS: Ability(
        "can require a party under its law to disclose, assist or alter",
        ("S-06", "S-20", "S-22"),
        ("J-02", "J-03", "J-07", "P-08"),
        (Way.LAW,),
        _TAKEN,
    ),
    Capability.SUPPLIER_STOP: Ability(
        "can have a supplier stop what the city runs on, by law or by will",
        ("S-07", "S-22"),
        ("J-10", "J-11", "I-06"),
        (Way.LAW, Way.PARTIES),
        (Mode.STOP,),
    ),
    Capability.CREDENTIALS: Ability(
        "has or guesses credentials of people or devices", ("S-09", "S-16", "S-17"), ("K-01", "X-04", "M-01", "K-03")
    ),
    Capability.REMOTE_ACCESS: Ability(
        "gets in by an exposed panel, router or remote desktop",
        ("S-03", "S-09", "S-10", "S-11"),
        ("K-01", "I-04", "X-08"),
    ),
    Capability.RADIO: Ability(
        "listens, replays or forges on the air", ("S-01", "S-08", "S-17", "S-21"), ("X-04", "X-02", "I-02")
    ),
    Capability.DDOS: Ability("floods the ways in", ("S-12", "S-24"), ("X-08", "I-06")),
    Capability.RANSOMWARE: Ability("makes computers unusable", ("S-13", "S-14", "S-15"), ("I-06", "M-04", "X-01")),
    Capability.DATA_POISONING: Ability(
        "makes sensors say lawful, plausible, false things", ("S-02", "S-10", "S-18"), ("I-01", "I-02", "I-03", "I-07")
    ),
    Capability.CODE_INJECTION: Ability("sends code as data", ("S-23",), ("X-02", "X-03")),
    Capability.SURVEILLANCE: Ability(
        "watches through the city's eyes, or reads its map of itself", ("S-05", "S-25"), ("X-07", "P-05", "K-04")
    ),
    Capability.INSIDER: Ability("is, or was, one of the city's own people", ("S-19",), ("M-01", "M-03", "I-04", "K-03")),
    Capability.PHYSICAL: Ability("stands before the device", ("S-16", "S-17", "S-21"), ("R-05", "X-04", "K-01")),
}  # fmt: skip
