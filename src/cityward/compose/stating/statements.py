"""Statements: what a person says of a control's subject, until when; taken back; and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from cityward.assurance.concluding import HOLDS, WITHDRAWN, conclude, declared_part
from cityward.assurance.controls import find_controls
from cityward.assurance.results import Result
from cityward.assurance.trail import Entry
from cityward.compose.stating.city import DUE_US, ROLE, City, end_of, known_subject, text_of
from cityward.errors import PlaceError
from cityward.evidence.records import Attested
from cityward.place.roles import Right
from cityward.time import iso

MAY_STATE = frozenset({Right.AUDIT, Right.APPROVE})
EVERY = "*"


class Stand(StrEnum):
    """Where a statement stands now."""

    IN_FORCE = "in force"
    DUE = "due soon"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to state. word: `holds` or `does-not-hold`."""

    control: str
    subject: str
    said: str
    scope: str
    until: date
    person: str
    word: str = HOLDS


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The newest statement of a control and subject. changed: the subject is declared otherwise since."""

    entry: str
    control: str
    subject: str
    person: str
    said: str
    scope: str
    word: str
    at: str
    until: str
    stand: Stand
    changed: bool


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody stated, and a person may."""

    control: str
    subject: str
    said: str


def attest(city: City, wish: Wish) -> str:
    """Put a statement on record; the id of its entry.

    Raises:
        PlaceError: the control takes no statements, judges no such subject, or the person may not say it, or not for so long.
    """
    control, now_us = city.control(wish.control), city.dossier.now_us
    if not control.attestable:
        known = ", ".join(name for name, one in find_controls().items() if one.attestable)
        what = f"{control.id} looks for itself: nobody's word stands in for it"
        raise PlaceError(what, mend=f"a failing is borne by `cityward risk accept`; statements are for {known}")
    subjects = [judged.subject for judged in conclude(control, city.dossier).subjects]
    subject = known_subject(control, wish.subject, [*subjects, EVERY])
    return city.put(
        Attested(
            at=now_us,
            by=ROLE,
            control=control.id,
            subject=subject,
            person=city.person(wish.person, MAY_STATE),
            said=text_of("statement", wish.said),
            scope=text_of("scope", wish.scope),
            until=end_of(wish.until, now_us),
            word=wish.word,
            declaration=city.setting.loaded.digest,
            declared=city.dossier.digest_of(declared_part(subject)),
        )
    )


def withdraw(city: City, control: str, subject: str, why: str, person: str) -> str:
    """Take a statement back, whoever made it; the id of the new entry.

    Raises:
        PlaceError: none is in force, or the person may not.
    """
    name = city.control(control).id
    entry = _newest(city).get((name, subject))
    if entry is None or _stand(city, entry.record) not in (Stand.IN_FORCE, Stand.DUE):
        what = f"no statement on {name} `{subject[:120]}` is in force"
        raise PlaceError(what, mend="see `cityward attest list`")
    record = msgspec.structs.replace(
        entry.record,
        at=city.dossier.now_us,
        person=city.person(person, MAY_STATE),
        said=text_of("reason", why),
        word=WITHDRAWN,
    )
    return city.put(record)


def statements(city: City) -> Sequence[Statement]:
    """The newest of each control and subject, those that end first first."""
    found = [_told(city, entry) for entry in _newest(city).values()]
    return sorted(found, key=lambda one: (one.until, one.control, one.subject))


def asked(city: City) -> Sequence[Asked]:
    """What a person could state: unknown subjects of controls that take statements."""
    return [
        Asked(control=control.id, subject=judged.subject, said=judged.said)
        for control in find_controls().values()
        if control.attestable
        for judged in conclude(control, city.dossier).subjects
        if judged.result is Result.UNKNOWN
    ]


def _newest(city: City) -> dict[tuple[str, str], Entry[Attested]]:
    return dict(city.dossier.trail.newest(Attested, lambda record: (record.control, record.subject)))


def _stand(city: City, record: Attested) -> Stand:
    if record.word == WITHDRAWN:
        return Stand.WITHDRAWN
    left = record.until - city.dossier.now_us
    return Stand.ENDED if left <= 0 else Stand.DUE if left <= DUE_US else Stand.IN_FORCE


def _told(city: City, entry: Entry[Attested]) -> Statement:
    record = entry.record
    return Statement(
        entry=entry.id,
        control=record.control,
        subject=record.subject,
        person=record.person,
        said=record.said,
        scope=record.scope,
        word=record.word,
        at=iso(record.at),
        until=iso(record.until),
        stand=_stand(city, record),
        changed=record.declared not in ("", city.dossier.digest_of(declared_part(record.subject))),
    )
