"""The list as judgements: everything on it is unknown, until somebody states it."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.assurance.control import Dossier
from cityward.assurance.results import Judged
from cityward.assurance.saying import unknown
from cityward.assurance.statements.checklist import Item, subjects


def to_be_stated(dossier: Dossier, items: tuple[Item, ...]) -> Iterator[Judged]:
    """One judgement for each statement that is asked for; `concluding` turns those that were made into *stated*."""
    for subject, record, item in subjects(dossier.place, items):
        missing = f"a statement on `{item.id}` of each it is asked about: `cityward attest`"
        yield unknown(subject, f"to be stated of `{record}`: {item.asks}", missing, record)
