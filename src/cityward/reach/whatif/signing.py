"""What a judgement about a proposal means, in one word and one sentence: it may, may not, or it cannot be known.

INVARIANT: what rests on facts that are not known is never a `may`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from cityward.errors import PlaceError
from cityward.reach.sign.report import SigningReport
from cityward.reach.sign.whatif import Verdict
from cityward.reach.telling.phrases import counted
from cityward.text import harmless


class Word(StrEnum):
    """May we sign this?"""

    MAY = "may"
    MAY_IF = "may-if"  # on conditions
    NOT_KNOWN = "not-known"  # nothing is broken for certain, and facts are to be found out
    MAY_NOT = "may-not"
    NOT_READ = "not-read"  # the file has mistakes


class Mistake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something wrong with the file itself."""

    what: str
    where: str
    mend: str


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer: a word, a sentence, and the report it follows from; or the mistakes for which the file cannot be judged."""

    word: Word
    said: str
    report: SigningReport | None = None
    mistakes: tuple[Mistake, ...] = ()


def word_of(report: SigningReport) -> Word:
    """What the report says to a signature."""
    if report.verdict is Verdict.ALLOW:
        return Word.MAY
    if report.verdict is Verdict.DENY:
        return Word.MAY_NOT
    settled = report.broken or report.facts or report.conditions or report.accept
    return Word.MAY_IF if settled else Word.NOT_KNOWN


_SAID = {
    Word.MAY: "By the house rules this may be signed",
    Word.MAY_IF: "By the house rules this may be signed under conditions",
    Word.NOT_KNOWN: "By the house rules it cannot be known yet whether this may be signed",
    Word.MAY_NOT: "By the house rules this may not be signed",
}


def verdict_said(report: SigningReport, proposal: str) -> str:
    """`By the house rules this may be signed under conditions: night-desk.yaml.`"""
    return f"{_SAID[word_of(report)]}: {proposal}."


def weighed_said(report: SigningReport) -> str:
    """How many rules it breaks, and how many facts are missing."""
    new = [counted(len(report.broken), "rule is newly broken", "rules are newly broken")] if report.broken else []
    new += (
        [counted(len(report.possibly), "rule is possibly broken", "rules are possibly broken")]
        if report.possibly
        else []
    )
    return f"{' and '.join(new) or 'No rule is newly broken'}."


def signed(report: SigningReport, proposal: str) -> Signed:
    """The whole answer."""
    return Signed(word=word_of(report), said=f"{verdict_said(report, proposal)} {weighed_said(report)}", report=report)


def mistake_of(error: PlaceError) -> Mistake:
    """An error of the loader's; it quotes the file, which may come from anybody."""
    return Mistake(what=harmless(error.what), where=harmless(error.where), mend=harmless(error.mend))


def not_read(mistakes: tuple[Mistake, ...], proposal: str) -> Signed:
    """A file that cannot be judged."""
    found = counted(len(mistakes), "mistake")
    return Signed(word=Word.NOT_READ, said=f"{proposal} cannot be judged: it has {found}.", mistakes=mistakes)
