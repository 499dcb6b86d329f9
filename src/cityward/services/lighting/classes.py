"""Lighting classes of EN 13201 and what each requires. Tables and their order; no decision.

Source: EN 13201-2:2015, tables 1 (M), 2 (C) and 3 (P), maintained values. Only the averages that a level can follow are here:
uniformity, threshold increment and edge illuminance are the design's business, dimming all lamps of a street alike
changes none of the ratios. P7 requires nothing measurable. The figures agree with a maker's published table, and could not be
compared with a bought copy of the standard: docs/lighting.md.
INVARIANT: within a family a later class requires less, so that a *drop* is a step to a later class of the same family.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What a family of classes is measured in."""

    LUMINANCE = "cd/m2"
    ILLUMINANCE = "lx"


@dataclass(frozen=True, slots=True)
class Required:
    """What a class requires, as maintained: the average, and the lowest single point where one is named (P)."""

    average: float
    measure: Measure
    minimum: float = 0.0


def _family(letter: str, first: int, measure: Measure, *values: tuple[float, float]) -> dict[str, Required]:
    return {f"{letter}{first + n}": Required(average, measure, low) for n, (average, low) in enumerate(values)}


CLASSES: dict[str, Required] = {
    **_family("M", 1, Measure.LUMINANCE, (2.0, 0), (1.5, 0), (1.0, 0), (0.75, 0), (0.5, 0), (0.3, 0)),
    **_family("C", 0, Measure.ILLUMINANCE, (50, 0), (30, 0), (20, 0), (15, 0), (10, 0), (7.5, 0)),
    **_family("P", 1, Measure.ILLUMINANCE, (15, 3), (10, 2), (7.5, 1.5), (5, 1), (3, 0.6), (2, 0.4), (0, 0)),
}
"""Every class by its name."""


def is_drop(above: str, below: str) -> bool:
    """Whether `below` is a class of the same family that requires less."""
    return above[0] == below[0] and int(below[1:]) > int(above[1:])


def higher(first: str, second: str) -> str:
    """Of two classes of one family, the one that requires more."""
    return second if is_drop(second, first) else first
