"""Each candidate alone: what fails with it, and which links it leaves short.

A candidate leaves a link *short* where it fells some of the premises, and not the head. Only links that lead to functions are
looked at.

INVARIANT: only certain links count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Kind
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.blast.timeless import Timeless, bits, timeless
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.closure import Words
from cityward.reach.exposure.order import Ints

_SUBJECTS = {
    Kind.PARTY: SubjectKind.PARTY,
    Kind.SITE: SubjectKind.SITE,
    Kind.SYSTEM: SubjectKind.SYSTEM,
    Kind.DEVICE: SubjectKind.DEVICE,
    Kind.MEMBER: SubjectKind.MEMBER,
}


class Candidate(NamedTuple):
    """Whom to try. `node` is where its fall begins; `axis` that of a jurisdiction."""

    node: int
    subject: Subject
    axis: Axis | None = None


@dataclass(slots=True)
class Tried:
    """A candidate and what its fall does."""

    candidate: Candidate
    functions: list[int] = field(default_factory=list[int])  # in declared order
    short: dict[int, int] = field(default_factory=dict[int, int])
    """What it takes of each short link: a bit for each premise, in the link's order."""


@dataclass(frozen=True, slots=True)
class Board:
    """A place made ready for trying: the links that lead to functions, and those among them that can be left short."""

    place: Place
    cascade: Cascade
    wired: Timeless  # the links that lead to functions
    leads: list[bool]  # whether a node does
    functions: Ints
    spared: Ints  # of the links that can be left short, each premise: its place in `wired.clauses.body`
    clause: Ints  # and its clause


def board_of(place: Place, cascade: Cascade) -> Board:
    """What trying candidates of a place needs, whoever they are."""
    every = timeless(place, cascade)
    functions = np.array([i for i, point in enumerate(cascade.points) if point.kind is Kind.FUNCTION], dtype=np.int64)
    leads = every.leading(functions)
    wired = every.part(leads[every.clauses.head])
    of = np.repeat(np.arange(len(wired.clauses)), np.diff(wired.clauses.starts))
    spared = np.unique(of[wired.clauses.weight < wired.clauses.need[of]])
    places = np.flatnonzero(np.isin(of, spared))
    return Board(place, cascade, wired, leads.tolist(), functions, places, of[places])


def candidates(board: Board) -> Iterator[Candidate]:
    """Every system, device group, named member, site, party (with its group) and jurisdiction (on each axis)."""
    return candidates_at(board, range(board.wired.nodes))


def candidates_at(board: Board, nodes: Iterable[int]) -> Iterator[Candidate]:
    """Those of them whose fall begins at some nodes."""
    points, lands = board.cascade.points, list(board.wired.lands)
    for node in nodes:
        if node >= len(points):
            axis, name = lands[node - len(points)]
            yield Candidate(node, Subject(kind=SubjectKind.JURISDICTION, id=name), axis)
        elif points[node].kind in _SUBJECTS:
            yield Candidate(node, Subject(kind=_SUBJECTS[points[node].kind], id=points[node].id))


def alone(board: Board, asked: Iterable[Candidate]) -> list[Tried]:
    """What each candidate does alone, in their order; those that do nothing are left out."""
    begins = np.zeros(board.wired.nodes, dtype=np.bool_)
    begins[board.wired.clauses.body] = True  # what no link waits for takes nothing with it
    tried = [Tried(one) for one in asked if begins[one.node]]
    for first, rows in board.wired.falls([one.candidate.node for one in tried]):
        _functions(board, rows, tried[first:])
        _shorts(board, rows, tried[first:])
    return [one for one in tried if one.functions or one.short]


def _functions(board: Board, rows: Words, tried: Sequence[Tried]) -> None:
    which, seed = bits(rows[board.functions])
    for function, one in zip(board.functions[which].tolist(), seed.tolist(), strict=True):
        tried[one].functions.append(function)


def _shorts(board: Board, rows: Words, tried: Sequence[Tried]) -> None:
    clauses = board.wired.clauses
    which, seed = bits(rows[clauses.body[board.spared]] & ~rows[clauses.head[board.clause]])
    clause = board.clause[which]
    nth = board.spared[which] - clauses.starts[clause]
    for link, n, one in zip(board.wired.link[clause].tolist(), nth.tolist(), seed.tolist(), strict=True):
        short = tried[one].short
        short[link] = short.get(link, 0) | 1 << n
