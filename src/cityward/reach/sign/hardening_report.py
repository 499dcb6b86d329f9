"""What the city could do by itself, as records that can be printed and sent.

INVARIANT: what is cut for reading is counted.
"""

from __future__ import annotations

from datetime import date

import msgspec

from cityward.reach.rules.told import Where
from cityward.reach.sign.hardening import Hardening


class ToldGain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control, alone. `certain`: answers no longer certain; `altogether`: answers no longer even possible."""

    told: str
    where: str
    certain: int
    altogether: int


class ToldSpare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A need that hangs on one thing: what its end alone fails, and for how many people."""

    told: str
    where: str
    functions: tuple[str, ...]
    essential: tuple[str, ...]
    affected: int


class HardeningReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The controls that remove most answers, and the needs without a spare that fail most. `certain`, `possible`: answers now."""

    place: str
    day: date
    digest: str
    certain: int
    possible: int
    gains: tuple[ToldGain, ...]
    more_gains: int
    spares: tuple[ToldSpare, ...]
    more_spares: int
    tried: int
    untried: int


def hardening_report(
    hardening: Hardening, place: str, day: date, digest: str, where: Where, most: int
) -> HardeningReport:
    """The first `most` controls and needs, and how many there are besides."""
    gains = tuple(
        ToldGain(
            told=gain.control.told, where=where(gain.control.path), certain=gain.certain, altogether=gain.altogether
        )
        for gain in hardening.gains[:most]
    )
    spares = tuple(
        ToldSpare(
            told=spare.told,
            where=where(spare.path),
            functions=spare.functions,
            essential=spare.essential,
            affected=spare.affected,
        )
        for spare in hardening.spares[:most]
    )
    return HardeningReport(
        place=place,
        day=day,
        digest=digest,
        certain=hardening.certain,
        possible=hardening.possible,
        gains=gains,
        more_gains=len(hardening.gains) - len(gains),
        spares=spares,
        more_spares=len(hardening.spares) - len(spares),
        tried=hardening.tried,
        untried=hardening.untried,
    )
