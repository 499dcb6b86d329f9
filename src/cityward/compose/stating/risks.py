"""The risk register of a city, and who bears what of it: accepted with an owner and an end, ended before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from cityward.assurance.assessing import assess
from cityward.assurance.concluding import conclude, declared_part
from cityward.assurance.controls import find_controls
from cityward.assurance.threats.register import REGISTER, Register, Risk, Standing, register_of, threats_of
from cityward.compose.stating.city import ROLE, City, end_of, known_subject, text_of
from cityward.errors import PlaceError
from cityward.evidence.records import RiskAccepted
from cityward.place.hints import did_you_mean
from cityward.place.roles import Right
from cityward.runtime.people import roles_of
from cityward.time import iso

MAY_ACCEPT = frozenset({Right.APPROVE})


@dataclass(frozen=True, slots=True)
class Bearing:
    """What somebody wants to bear. subject: a threat (`flows.x.tampering`), or what `control` judges."""

    control: str
    subject: str
    owner: str
    why: str
    until: date
    person: str


class RiskTold(msgspec.Struct, frozen=True, kw_only=True):
    """A threat as it stands. spoken: `control subject: result`."""

    id: str
    said: str
    crosses: tuple[str, ...]
    standing: Standing
    spoken: tuple[str, ...]
    drilled: tuple[str, ...]
    owner: str = ""
    until: str = ""
    why: str = ""
    entry: str = ""
    stale: bool = False
    lapsed: bool = False


class Borne(msgspec.Struct, frozen=True, kw_only=True):
    """An acceptance of something that a control judges, outside the list of threats."""

    control: str
    subject: str
    owner: str
    why: str
    until: str
    entry: str


def register(city: City) -> Register:
    """The register as it stands now."""
    return register_of(assess(city.dossier, find_controls()), city.dossier)


def accept(city: City, bearing: Bearing) -> str:
    """Put an acceptance on record; the id of its entry.

    Raises:
        PlaceError: there is no such threat or subject, nobody can own it, or the person may not accept it, or not for so long.
    """
    control, subject = _what(city, bearing)
    now_us = city.dossier.now_us
    return city.put(
        RiskAccepted(
            at=now_us,
            by=ROLE,
            control=control,
            subject=subject,
            owner=_owner(city, bearing.owner),
            person=city.person(bearing.person, MAY_ACCEPT),
            why=text_of("reason", bearing.why),
            until=end_of(bearing.until, now_us),
            declaration=city.setting.loaded.digest,
            declared=city.dossier.digest_of(declared_part(subject)),
        )
    )


def end(city: City, control: str, subject: str, why: str, person: str) -> str:
    """Bear something no longer; the id of the new entry.

    Raises:
        PlaceError: nobody bears it, or the person may not.
    """
    name = city.control(control).id
    newest = city.dossier.trail.newest(RiskAccepted, lambda record: (record.control, record.subject))
    entry = newest.get((name, subject))
    if entry is None or entry.record.until <= city.dossier.now_us:
        raise PlaceError(f"nobody bears {name} `{subject[:120]}`", mend="see `cityward risk list`")
    now_us = city.dossier.now_us
    may, said = city.person(person, MAY_ACCEPT), text_of("reason", why)
    return city.put(msgspec.structs.replace(entry.record, at=now_us, until=now_us, person=may, why=said))


def told(risk: Risk) -> RiskTold:
    """A risk, as it is shown."""
    entry = risk.accepted
    return RiskTold(
        id=risk.threat.id,
        said=risk.threat.said,
        crosses=risk.threat.crosses,
        standing=risk.standing,
        spoken=tuple(f"{control} {subject}: {result.value}" for control, subject, result in risk.spoken),
        drilled=risk.drilled,
        owner=entry.record.owner if entry else "",
        until=iso(entry.record.until) if entry else "",
        why=entry.record.why if entry else "",
        entry=entry.id if entry else "",
        stale=risk.stale,
        lapsed=risk.lapsed,
    )


def borne(city: City) -> list[Borne]:
    """What is borne of other controls now."""
    newest = city.dossier.trail.newest(RiskAccepted, lambda record: (record.control, record.subject))
    return [
        Borne(
            control=control,
            subject=subject,
            owner=entry.record.owner,
            why=entry.record.why,
            until=iso(entry.record.until),
            entry=entry.id,
        )
        for (control, subject), entry in sorted(newest.items())
        if control != REGISTER and entry.record.until > city.dossier.now_us
    ]


def _what(city: City, bearing: Bearing) -> tuple[str, str]:
    control = city.control(bearing.control)
    if control.id != REGISTER:
        subjects = [judged.subject for judged in conclude(control, city.dossier).subjects]
        return control.id, known_subject(control, bearing.subject, subjects)
    known = [threat.id for threat in threats_of(city.dossier.place)]
    if bearing.subject not in known:
        what = f"there is no threat `{bearing.subject[:160]}`{did_you_mean(bearing.subject, known)}"
        raise PlaceError(what, mend="see `cityward risk list`; for what a control judges, name it by --control")
    return control.id, bearing.subject


def _owner(city: City, owner: str) -> str:
    """A party or role of the declaration, or an account: somebody who is there."""
    place = city.setting.loaded.place
    if owner in place.parties or owner in roles_of(place) or city.setting.state.person(owner) is not None:
        return owner
    known = [*place.parties, *roles_of(place)]
    raise PlaceError(
        f"there is no `{owner[:64]}` who could own it{did_you_mean(owner, known)}", mend="name a party, role or account"
    )
