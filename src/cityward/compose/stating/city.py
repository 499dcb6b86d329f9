"""A city as those who state things see it: its setting, what is on record, who may say what; and the log they write to.

INVARIANTS
- Only an account of the party that answers for the place speaks, and only while it holds the right that this takes.
- Evidence that is not whole is not added to: every log is checked before something is said of it.
- No text is longer than `MOST_TEXT`, none is empty, and none holds what deceives whoever reads it.

What is said is signed by the log of the city, under the name of the account; whoever may use the state directory is trusted to
name it truly, as with every other command.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cityward.assurance.control import Control, Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.trail import Trail
from cityward.compose.home import Home
from cityward.compose.proving.assessing import entries, hold_to_their_word
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Attested, RiskAccepted
from cityward.place.hints import did_you_mean, listed
from cityward.place.roles import Right
from cityward.runtime.people import held_now
from cityward.text import harmless
from cityward.time import DAY, to_us

ROLE = "statements"
"""The ledger of what people say; its own, so that it can be written while the city runs."""
LONGEST_US = 400 * DAY
"""PRECEDENT: a year, and some weeks to do it again."""
DUE_US = 60 * DAY
MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class City:
    """See the module."""

    setting: Setting
    dossier: Dossier

    def put(self, record: Attested | RiskAccepted) -> str:
        """The id of the new entry.

        Raises:
            LinkError: another command holds the log for long, or the disk did not answer.
        """
        with self.setting.ledger_when_free(ROLE) as ledger:
            return ledger.append([record])[0]

    def control(self, name: str) -> Control:
        """A control by its id, in any case.

        Raises:
            PlaceError: there is none.
        """
        known = find_controls()
        found = known.get(name.upper())
        if found is None:
            raise PlaceError(
                f"there is no control `{name[:40]}`{did_you_mean(name.upper(), known)}", mend="see `cityward report`"
            )
        return found

    def person(self, name: str, rights: frozenset[Right]) -> str:
        """The account, which may speak for the city.

        Raises:
            PlaceError: there is no such account, it is of another party, or it holds none of the rights.
        """
        standing = self.setting.state.standing(name)
        if standing is None:
            raise PlaceError(f"there is nobody `{name[:64]}`", mend="see `cityward person list`")
        place = self.setting.loaded.place
        if standing.person.party != place.responsible:
            what = f"`{name}` is of `{standing.person.party}`; statements of the city are made by `{place.responsible}`"
            raise PlaceError(what, mend="what a supplier says is `supplier_evidence` of the declaration")
        held = held_now(place, standing, time.time_ns() // 1000, None).rights
        if not held & rights:
            words = " or ".join(f"`{right.value}`" for right in sorted(rights))
            raise PlaceError(
                f"`{name}` does not hold the right {words} now", mend="`cityward grant give` a role that has it"
            )
        return name


def city_of(state: Path) -> City:
    """The city of a state directory, running or stopped.

    Raises:
        EvidenceError: a log does not read as it was signed.
        LinkError: no city ran there, or the disk did not answer.
    """
    setting = open_setting(Home(state))
    hold_to_their_word(setting)
    return City(setting, Dossier(setting.loaded, Trail(entries(state)), setting.now_us()))


def end_of(day: date, now_us: int) -> int:
    """The end of a day, UTC, as city us.

    Raises:
        PlaceError: it is past, or too far.
    """
    end = to_us(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)) if day.year < 9999 else 0
    if end <= now_us:
        raise PlaceError(f"{day} is past", mend="name a day to come")
    if end > now_us + LONGEST_US + DAY:
        raise PlaceError(
            f"{day} is more than {LONGEST_US // DAY} days away", mend="state it for a year, and look again then"
        )
    return end


def text_of(name: str, text: str) -> str:
    """A text that may be put on record.

    Raises:
        PlaceError: it says nothing, or too much.
    """
    found = harmless(text).strip()
    if not found or len(found) > MOST_TEXT:
        raise PlaceError(
            f"the {name} has {len(found)} characters; it takes 1 to {MOST_TEXT}", mend="say it in a few sentences"
        )
    return found


def known_subject(control: Control, subject: str, known: list[str]) -> str:
    """A subject that a control judges here.

    Raises:
        PlaceError: it judges no such thing.
    """
    if subject not in known:
        what = f"{control.id} judges no `{subject[:120]}` here{did_you_mean(subject, known)}"
        raise PlaceError(what, mend=f"name one of {listed(known)}" if known else "nothing here is judged by it")
    return subject
