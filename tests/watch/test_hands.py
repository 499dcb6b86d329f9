"""Whose an incident is and until when it waits: a snooze ends by itself, and never hides a rise."""

from __future__ import annotations

import pytest
from msgspec import structs

from cityward.errors import PlaceError
from cityward.time import DAY, HOUR
from cityward.watch.contract import Severity
from cityward.watch.findings import Incident, IncidentState
from cityward.watch.hands import Hand, snoozed, waits

NOW = 100 * DAY
ALERT = Incident(
    id="i1", title="t", shared="", severity=Severity.MEDIUM, began_at=0, last_at=0, findings=1, subjects=1,
    first_subjects=(), kinds=(),
)  # fmt: skip
PUT_OFF = snoozed(Hand(incident="i1"), ALERT, until=NOW + HOUR, by="ada", why="", now=NOW)


def test_a_snooze_ends_by_itself() -> None:
    assert waits(PUT_OFF, ALERT, NOW + HOUR - 1)
    assert not waits(PUT_OFF, ALERT, NOW + HOUR)
    assert not waits(None, ALERT, NOW)


def test_a_snooze_never_hides_a_rise_in_severity() -> None:
    for severity, hidden in (("low", True), ("medium", True), ("high", False), ("critical", False)):
        assert waits(PUT_OFF, structs.replace(ALERT, severity=Severity(severity)), NOW) is hidden


def test_what_is_closed_waits_for_nothing() -> None:
    closed = structs.replace(ALERT, state=IncidentState.CLOSED)
    assert not waits(PUT_OFF, closed, NOW)
    with pytest.raises(PlaceError, match="is closed"):
        snoozed(PUT_OFF, closed, until=NOW + HOUR, by="ada", why="", now=NOW)


@pytest.mark.parametrize("for_us", [1, 7 * DAY + 1])
def test_nothing_is_put_off_for_longer_than_a_week_or_for_less_than_a_minute(for_us: int) -> None:
    with pytest.raises(PlaceError, match="is no time"):
        snoozed(Hand(incident="i1"), ALERT, until=NOW + for_us, by="ada", why="", now=NOW)


def test_it_is_taken_up_again_by_a_snooze_of_no_length() -> None:
    again = snoozed(PUT_OFF, ALERT, until=NOW, by="bo", why="", now=NOW)
    assert (again.snoozed_until, again.snoozed_by) == (0, "bo") and not waits(again, ALERT, NOW)
