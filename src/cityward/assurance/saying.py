"""Judgements in their three plain shapes, so that a control says only what is its own: stated, unknown, failed by declaration."""

from __future__ import annotations

from cityward.assurance.control import Dossier
from cityward.assurance.results import Judged, Result


def stated(dossier: Dossier, subject: str, said: str, *path: str) -> Judged:
    """The subject's own line of the declaration says so, and nothing else does."""
    return Judged(subject, Result.STATED, said, (dossier.declared(subject, said),), path or (subject,))


def unknown(subject: str, said: str, missing: str, *path: str) -> Judged:
    """Nobody knows; `missing` would settle it."""
    return Judged(subject, Result.UNKNOWN, said, path=path or (subject,), missing=missing)


def wrong(subject: str, said: str, mend: str, *path: str) -> Judged:
    """The declaration itself shows that it does not hold."""
    return Judged(subject, Result.FAILED, said, path=path or (subject,), mend=mend)
