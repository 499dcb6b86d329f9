"""Reach, asked of a loaded declaration."""

from __future__ import annotations

from datetime import date

from cityward.place.loader import Loaded
from cityward.reach.chain_svg import NONE_LIT, chain_svg_file
from cityward.reach.exposure.compile import place_on
from cityward.reach.picture import layout
from cityward.reach.questions import Reach, Report


def reach_of(loaded: Loaded, day: date) -> Reach:
    """A declaration as it is on a day, closed for every party and jurisdiction."""
    return Reach(place_on(loaded.place, day), loaded.digest, loaded.where)


def picture_of(reach: Reach, report: Report) -> str:
    """The chain picture as SVG, with what the first reason of a report passes standing out."""
    reasons = [reason for row in report.rows for reason in row.reasons]
    lit = (frozenset(reasons[0].nodes), frozenset(reasons[0].flows)) if reasons else NONE_LIT
    return chain_svg_file(layout(reach.graph), lit)
