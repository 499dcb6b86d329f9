"""How far a condition holds of a subject: yes, possibly, or no, with what that rests on.

INVARIANT: what rests on a fact that is not known is never a yes and never a no; the fact is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from cityward.reach.exposure.answers import Bound
from cityward.reach.exposure.nodes import Node

MOST_TOLD = 3  # of the ways in which one condition holds; the witnesses are all named
MOST_ASKED = 24  # answers kept of one condition, to look for the facts they want; each costs a derivation


class Truth(IntEnum):
    """Ordered, so that `min` is and, `max` is or."""

    NO = 0
    POSSIBLY = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so, in words, and the lines of the declaration it stands on."""

    text: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer of the exposure that a condition rests on; its derivation is the path."""

    scenario: Node
    node: Node
    bound: Bound


@dataclass(frozen=True, slots=True)
class Held:
    """How far it holds. `witnesses`: who or what makes it so, in ids, so that a new one is noticed.

    `also`: what would possibly make it so besides, where it certainly is. `narrowed`: the same without the witnesses given.
    """

    truth: Truth
    facts: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    witnesses: tuple[str, ...] = ()
    also: Held | None = None
    narrowed: Callable[[frozenset[str]], Held] | None = field(default=None, compare=False, repr=False)


NO = Held(Truth.NO)
YES = Held(Truth.YES)


def possibly(text: str, missing: str, witness: str = "") -> Held:
    """Possibly, for want of a fact."""
    return Held(Truth.POSSIBLY, (Fact(text, (missing,)),), (missing,), (), (witness,) if witness else ())


def yes(text: str, *paths: str, witness: str = "") -> Held:
    """Certainly."""
    return Held(Truth.YES, (Fact(text, paths),), (), (), (witness,) if witness else ())


def all_of(those: Iterable[Held]) -> Held:
    """Holds as far as the weakest; no further is asked once one does not hold."""
    kept: list[Held] = []
    for held in those:
        if held.truth is Truth.NO:
            return NO
        kept.append(held)
    truth = min((held.truth for held in kept), default=Truth.YES)
    besides = any(held.also is not None for held in kept) and truth is Truth.YES
    return _joined(truth, kept, _joined(Truth.POSSIBLY, [held.also or held for held in kept]) if besides else None)


def any_of(those: Iterable[Held]) -> Held:
    """Holds as far as the strongest; told are the first few of that strength."""
    kept = [held for held in those if held.truth is not Truth.NO]
    certain = [held for held in kept if held.truth is Truth.YES]
    possible = [held for held in kept if held.truth is Truth.POSSIBLY] + [h.also for h in certain if h.also is not None]
    if certain:
        return _first(Truth.YES, certain, _first(Truth.POSSIBLY, possible) if possible else None)
    return _first(Truth.POSSIBLY, possible) if possible else NO


def without(held: Held, known: frozenset[str]) -> Held:
    """What is told by witnesses not yet known; what has no new one is the setting of the others, and stays as it is."""
    return held if held.narrowed is None or known.issuperset(held.witnesses) else held.narrowed(known)


def unless(held: Held, lifted: Iterable[Held]) -> Held:
    """What is left where something lifts it."""
    exceptions = any_of(lifted)
    if exceptions.truth is Truth.YES:
        return NO
    if exceptions.truth is Truth.NO:
        return held
    return _doubted(held, exceptions)


def _doubted(held: Held, exceptions: Held) -> Held:
    def narrowed(known: frozenset[str]) -> Held:
        return _doubted(without(held, known), exceptions)

    doubts = tuple(dict.fromkeys((*held.missing, *exceptions.missing)))
    return Held(min(held.truth, Truth.POSSIBLY), held.facts, doubts, held.asked, held.witnesses, None, narrowed)


def _first(truth: Truth, those: list[Held], also: Held | None = None) -> Held:
    """The facts of the first few; the witnesses of all, and all that would have to be found out."""

    def narrowed(known: frozenset[str]) -> Held:
        new = [without(held, known) for held in those if not known.issuperset(held.witnesses)]
        return _first(truth, new, also)

    told, every = _joined(truth, those[:MOST_TOLD]), _joined(truth, those)
    return Held(truth, told.facts, every.missing, every.asked[:MOST_ASKED], every.witnesses, also, narrowed)


def _joined(truth: Truth, those: list[Held], also: Held | None = None) -> Held:
    """Only what is not known weakens a statement: facts missing beside a yes are left out."""
    return Held(
        truth,
        tuple(dict.fromkeys(fact for held in those for fact in held.facts)),
        tuple(dict.fromkeys(path for held in those for path in held.missing)) if truth is Truth.POSSIBLY else (),
        tuple(dict.fromkeys(asked for held in those for asked in held.asked)),
        tuple(dict.fromkeys(witness for held in those for witness in held.witnesses)),
        also,
        lambda known: _joined(truth, [without(held, known) for held in those], also),
    )
