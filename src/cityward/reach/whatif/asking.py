"""One question about one subject, put to `reach.blast`: the command line and the console ask the same, here.

A place that is asked more than once is made ready once: `Ready` keeps what is compiled of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade
from cityward.reach.blast.hostile import Hostile, hostile, hostile_land
from cityward.reach.blast.sanctioned import Sanctioned, sanctioned, sanctioned_land
from cityward.reach.blast.scenarios import Blast, cut, dark
from cityward.reach.blast.subjects import Subject, SubjectKind, subject_named
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import LAW, Axis, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate

Answer = Blast | Hostile | Sanctioned
Closing = Callable[[Sequence[Node]], Exposure]


class How(StrEnum):
    """What becomes of the subject."""

    DARK = "dark"
    HOSTILE = "hostile"
    SANCTIONED = "sanctioned"
    CUT = "cut"


WILLED = (How.HOSTILE, How.SANCTIONED)
"""What only a party, or a jurisdiction by its laws, can be."""
WITH_A_WILL = (SubjectKind.PARTY, SubjectKind.JURISDICTION)


@dataclass
class Ready:
    """A place, made ready to be asked. `closing` gives an exposure for some scenarios; without it the place is compiled."""

    place: Place
    closing: Closing | None = None
    most_derived: int | None = None  # 0: an answer leaves out by which ways things come about

    @cached_property
    def cascade(self) -> Cascade:
        """What falls with what."""
        return compile_cascade(self.place)

    def closed(self, scenarios: Sequence[Node]) -> Exposure:
        """What is reached in these scenarios, and perhaps in others."""
        closing = self.closing
        return expose(compile_place(self.place), scenarios) if closing is None else closing(scenarios)


def subject_for(place: Place, how: How, words: str) -> Subject:
    """The subject of a name, or of `kind:name`; of what has a will, a party before anything else of that name.

    Raises:
        PlaceError: nothing bears the name, several do, or it is nothing that can be so.
    """
    if how in WILLED and ":" not in words and words in place.parties:
        return Subject(kind=SubjectKind.PARTY, id=words)
    subject = subject_named(place, words)
    if how in WILLED and subject.kind not in WITH_A_WILL:
        mend = "name a party or a jurisdiction, for instance who operates it"
        raise PlaceError(f"a {subject.kind.value} cannot be {how.value}", where=words, mend=mend)
    return subject


def ask(ready: Ready, how: How, subjects: Sequence[Subject]) -> tuple[Answer, ...]:
    """One answer; two where a jurisdiction goes dark or turns, by axis.

    Args:
        ready: the place, of the day asked for.
        how: what becomes of them.
        subjects: who or what; of `WILLED` one.
    """
    place, cascade = ready.place, ready.cascade
    if how is How.DARK:
        return dark(place, cascade, subjects)
    if how is How.CUT:
        return (cut(place, cascade, subjects),)
    (subject,) = subjects
    land = subject.kind is SubjectKind.JURISDICTION
    if how is How.SANCTIONED:
        return ((sanctioned_land if land else sanctioned)(place, cascade, subject.id),)
    scenarios = scenarios_of(subject)
    exposure = ready.closed(scenarios)
    if not land:
        return (hostile(place, cascade, exposure, subject.id, ready.most_derived),)
    return tuple(hostile_land(place, cascade, exposure, subject.id, axis, ready.most_derived) for axis in Axis)


def scenarios_of(subject: Subject) -> tuple[Node, ...]:
    """Those in which a party, or a jurisdiction on each axis, turns."""
    if subject.kind is SubjectKind.JURISDICTION:
        return tuple(Node(LAW[axis], subject.id) for axis in Axis)
    return (Node(Predicate.PARTY, subject.id),)
