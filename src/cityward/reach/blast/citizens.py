"""Whom it touches: the people of the areas that functions serve.

INVARIANT: an area is counted once, however many functions serve it. Nothing is added up over functions.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cityward.place.model import Place


class Citizens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The people of the union of areas. `affected` leaves out the areas whose population is not known, and these are named."""

    affected: int
    of: int  # all people of the place's areas
    areas: tuple[str, ...] = ()
    unknown_areas: tuple[str, ...] = ()  # without a population, or not declared
    functions_without_areas: tuple[str, ...] = ()


def citizens(place: Place, functions: Iterable[str]) -> Citizens:
    """The people that functions serve, areas in declared order."""
    named = dict.fromkeys(functions)
    served = {area for name in named for area in place.functions[name].areas}
    known = {name: area.population for name, area in place.areas.items() if area.population is not None}
    ordered = [*(name for name in place.areas if name in served), *sorted(served - place.areas.keys())]
    return Citizens(
        affected=sum(known[name] for name in ordered if name in known),
        of=sum(known.values()),
        areas=tuple(ordered),
        unknown_areas=tuple(name for name in ordered if name not in known),
        functions_without_areas=tuple(name for name in named if not place.functions[name].areas),
    )
