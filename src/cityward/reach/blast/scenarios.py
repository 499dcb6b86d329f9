"""The questions whose answer is the cascade: what if this goes dark, what if this is cut off.

Each function takes a place and its compiled cascade, and answers once; about a jurisdiction twice, once for each axis, which are
never merged. `sanctioned` and `hostile` have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade, Kind
from cityward.reach.blast.lost import LostData, lost_data
from cityward.reach.blast.outcome import Outcome, outcome
from cityward.reach.blast.subjects import Subject, SubjectKind, axes, off_street, starts_of, zones_within
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.declared import Declared


class Question(StrEnum):
    """How the subjects fail."""

    DARK = "dark"
    CUT = "cut"


class Blast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer. `lost` is what no longer arrives, for `cut`. Nothing rests on the devices that are `off_street`."""

    question: Question
    subjects: tuple[Subject, ...]
    axis: Axis | None  # of the jurisdictions among the subjects
    outcome: Outcome
    flows_cut: tuple[str, ...] = ()
    flows_perhaps_cut: tuple[str, ...] = ()  # their route is not known
    lost: LostData = LostData()
    off_street: tuple[str, ...] = ()  # among the subjects: stored or retired


def dark(place: Place, cascade: Cascade, subjects: Sequence[Subject]) -> tuple[Blast, ...]:
    """What degrades and fails when the subjects stop, together and at once.

    A party takes its controlled group with it. Of a jurisdiction go dark, on the axis of parties, those incorporated within it;
    on the axis of places, the sites within it.
    """
    return tuple(
        Blast(
            question=Question.DARK,
            subjects=tuple(subjects),
            axis=axis,
            outcome=outcome(place, cascade, starts_of(place, cascade, subjects, axis)),
            off_street=off_street(place, subjects),
        )
        for axis in axes(subjects)
    )


def cut(place: Place, cascade: Cascade, subjects: Sequence[Subject]) -> Blast:
    """What degrades and fails, and which data no longer arrive, when the subjects are cut off from everybody else.

    A site, system, device or zone that is cut off is dark to the rest. Of a jurisdiction, the sites within it are cut off (nobody
    can cut off a party), and the flows whose route passes it. A conduit takes the flows between its zones.
    """
    axis = Axis.PLACE if len(axes(subjects)) > 1 else None
    falls = outcome(place, cascade, starts_of(place, cascade, subjects, axis))
    severed = dict.fromkeys(flow for one in subjects for flow in _severed(place, one))
    perhaps = dict.fromkeys(flow for one in subjects for flow in _perhaps_severed(place, one) if flow not in severed)
    return Blast(
        question=Question.CUT,
        subjects=tuple(subjects),
        axis=axis,
        outcome=falls,
        flows_cut=tuple(severed),
        flows_perhaps_cut=tuple(perhaps),
        lost=lost_data(
            place, frozenset(severed), {one.id: one.hours for one in falls.fallen if one.kind is not Kind.SITE}
        ),
        off_street=off_street(place, subjects),
    )


def _severed(place: Place, subject: Subject) -> Iterator[str]:
    """The flows that a subject cuts, apart from those of what is dark."""
    if subject.kind is SubjectKind.FLOW:
        yield subject.id
    elif subject.kind is SubjectKind.CONDUIT:
        pair = frozenset(place.conduits[subject.id].zones)
        yield from (flow for flow, zones in _zones_of_flows(place).items() if zones == pair)
    elif subject.kind is SubjectKind.ZONE:
        inside = zones_within(place, subject.id)
        yield from (flow for flow, zones in _zones_of_flows(place).items() if zones & inside)
    elif subject.kind is SubjectKind.JURISDICTION:
        passed = Declared(place).inside[subject.id]
        for name, flow in place.flows.items():
            if flow.route != UNKNOWN and not passed.keys().isdisjoint(flow.route):
                yield name


def _perhaps_severed(place: Place, subject: Subject) -> Iterator[str]:
    if subject.kind is SubjectKind.JURISDICTION:
        yield from (name for name, flow in place.flows.items() if flow.route == UNKNOWN)


def _zones_of_flows(place: Place) -> dict[str, frozenset[str | None]]:
    """Flow -> the zones of its two ends; None for an end without one."""
    declared = Declared(place)

    def zone(end: str) -> str | None:
        thing = declared.things.get(declared.group_of.get(end, end))
        return thing.record.zone if thing is not None else None

    return {name: frozenset((zone(flow.from_), zone(flow.to))) for name, flow in place.flows.items()}
