"""Reporting clocks, with entries made by hand: which run, from when, what stops them, and what control R-07 makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cityward.assurance.concluding import conclude
from cityward.assurance.control import Example
from cityward.assurance.controls.r_07_incidents import CONTROL
from cityward.assurance.examples import NOW_US, TOWN, changed, dossier_of
from cityward.assurance.incidents.account import account_of, files_in
from cityward.assurance.incidents.clocks import due_of, lands_of
from cityward.assurance.results import Result
from cityward.errors import PlaceErrors
from cityward.evidence.records import AnyRecord, FileNoted
from cityward.place.parties import ReportingDuty
from cityward.time import DAY, HOUR, iso, to_us

DUTY = "reporting: {warning: {title: early warning, to: Safety Board, hours: 24, applies: APPLIES}}"


def place(applies: str, essential: bool = False) -> str:
    text = changed(("xa: {code: XA, home: true}", f"xa: {{code: XA, home: true, {DUTY.replace('APPLIES', applies)}}}"))
    return text + (f"functions:\n  lit: {{service: street-light, essential: {str(essential).lower()}}}\n")


def step(ago: int, kind: str, subjects: tuple[str, ...] = (), **facts: str) -> FileNoted:
    return FileNoted(
        at=NOW_US - ago, by="operator", file="f00", step=kind, person="ada", text="a box stood open", subjects=subjects,
        facts=facts,
    )  # fmt: skip


def clock_of(declaration: str, *records: AnyRecord) -> tuple[str, str]:
    entries = tuple((f"operator:{number}", record) for number, record in enumerate(records))
    dossier = dossier_of(Example(declaration, entries, NOW_US))
    (clock,) = account_of(dossier, files_in(dossier)["f00"]).clocks
    return clock.applies.value, clock.state.value


def r_07(declaration: str, *records: AnyRecord) -> Result:
    entries = tuple((f"operator:{number}", record) for number, record in enumerate(records))
    return conclude(CONTROL, dossier_of(Example(declaration, entries, NOW_US))).result


@pytest.mark.parametrize(
    ("applies", "essential", "subject", "expected"),
    [
        ("any", False, "lamp-1", "yes"),
        ("personal-data", False, "counter-1", "no"),
        ("personal-data", False, "address:192.0.2.7", "unknown"),
        ("essential-service", True, "lamp-1", "yes"),
        ("essential-service", False, "lamp-1", "no"),
    ],
)
def test_a_duty_applies_where_what_it_asks_for_is_touched(
    applies: str, essential: bool, subject: str, expected: str
) -> None:
    assert clock_of(place(applies, essential), step(HOUR, "opened", (subject,)))[0] == expected


def test_what_is_not_known_never_stops_a_clock() -> None:
    assert clock_of(place("personal-data"), step(2 * DAY, "opened")) == ("unknown", "overdue")


def test_a_message_that_names_no_duty_stops_no_clock() -> None:
    opened, told = step(2 * DAY, "opened", ("lamp-1",)), step(DAY + HOUR, "told")
    assert clock_of(place("any"), opened, told)[1] == "overdue"
    assert clock_of(place("any"), opened, step(DAY + HOUR, "told", duty="xa.warning"))[1] == "told"
    assert clock_of(place("any"), opened, step(HOUR, "told", duty="xa.warning"))[1] == "told-late"


def test_closing_a_file_stops_no_clock() -> None:
    assert clock_of(place("any"), step(2 * DAY, "opened", ("lamp-1",)), step(DAY, "closed"))[1] == "overdue"


def test_the_control_rests_on_the_message() -> None:
    opened = step(2 * DAY, "opened", ("lamp-1",))
    assert r_07(place("any"), opened) is Result.FAILED
    assert r_07(place("any"), opened, step(DAY + HOUR, "told", duty="xa.warning")) is Result.PROVEN
    assert r_07(place("any"), opened, step(HOUR, "told", duty="xa.warning")) is Result.FAILED
    assert r_07(place("any"), step(HOUR, "opened", ("lamp-1",))) is Result.UNKNOWN


def test_an_overdue_duty_that_may_not_apply_is_unknown() -> None:
    assert r_07(place("personal-data"), step(2 * DAY, "opened", ("address:192.0.2.7",))) is Result.UNKNOWN


def test_a_bloc_s_duties_hold_for_its_members() -> None:
    lands = "xa: {code: XA, home: true}\n  xb: {code: XB}\n  league: {kind: bloc, code: XLG, members: [xa]}"
    dossier = dossier_of(Example(changed(("xa: {code: XA, home: true}", lands))))
    assert list(lands_of(dossier.place, ())) == ["xa", "league"]
    assert list(lands_of(dossier.place, ("xb",))) == ["xa", "xb", "league"]


def test_the_same_duty_twice_is_an_error_of_the_declaration() -> None:
    twice = DUTY.replace("APPLIES", "any")[:-1] + ", again: {title: x, to: Safety Board, hours: 24, applies: any}}"
    with pytest.raises(PlaceErrors, match="tells `Safety Board` within 24 h, as `warning` does"):
        dossier_of(Example(TOWN.replace("home: true", f"home: true, {twice}")))


def due(aware: str, months: int = 1) -> str:
    duty = ReportingDuty(title="final report", to="Safety Board", months=months, applies="any")
    return iso(due_of(duty, to_us(datetime.fromisoformat(aware))))


@pytest.mark.parametrize(
    ("aware", "months", "expected"),
    [
        ("2027-01-15T12:00:00+00:00", 1, "2027-02-15T12:00:00Z"),
        ("2027-01-31T12:00:00+00:00", 1, "2027-02-28T12:00:00Z"),
        ("2028-01-31T12:00:00+00:00", 1, "2028-02-29T12:00:00Z"),
        ("2027-03-31T12:00:00+00:00", 1, "2027-04-30T12:00:00Z"),
        ("2027-12-31T12:00:00+00:00", 2, "2028-02-29T12:00:00Z"),
        ("2027-11-30T12:00:00+00:00", 3, "2028-02-29T12:00:00Z"),
        ("2027-01-15T12:00:00+00:00", 12, "2028-01-15T12:00:00Z"),
    ],
)
def test_a_month_is_one_of_the_calendar_and_ends_with_a_shorter_one(aware: str, months: int, expected: str) -> None:
    assert due(aware, months) <= expected
    day = datetime.fromisoformat(expected) - timedelta(days=1)
    assert datetime.fromisoformat(due(aware, months)) > day


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    "aware", ["2027-01-30T23:30:00", "2027-01-31T00:30:00", "2027-02-28T23:59:00", "2027-03-28T01:30:00"]
)
def test_a_month_is_never_over_sooner_by_a_city_s_own_calendar(zone: str, aware: str) -> None:
    """Whatever the local date was, the local end of the month is not before ours: winter or summer time."""
    here = datetime.fromisoformat(aware).replace(tzinfo=ZoneInfo(zone))
    month = here.month % 12 + 1
    day = min(here.day, {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31))
    local_end = here.replace(year=here.year + here.month // 12, month=month, day=day).astimezone(UTC)
    ours = datetime.fromisoformat(due(here.astimezone(UTC).isoformat()))
    assert (
        local_end - timedelta(days=1, hours=2) < ours <= local_end + timedelta(hours=1)
    )  # an hour that summer time takes


@pytest.mark.parametrize("term", ["", "hours: 24, months: 1, "])
def test_a_duty_counts_in_hours_or_in_months(term: str) -> None:
    wrong = f"reporting: {{end: {{title: x, to: Safety Board, {term}applies: any}}}}"
    with pytest.raises(PlaceErrors, match="in hours or in months"):
        dossier_of(Example(TOWN.replace("home: true", f"home: true, {wrong}")))
