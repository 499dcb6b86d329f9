"""Times: texts with a zone, seconds, and SenML's two kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.protocols.times import END_OF_TIME_US, rfc3339_us, seconds_us, senml_us
from cityward.errors import DecodeError
from cityward.time import SECOND, to_us

NOW_US = 1_785_585_600_000_000


def reason_of(work: object, *args: object) -> str:
    with pytest.raises(DecodeError) as caught:
        work(*args)  # type: ignore[operator]
    return caught.value.reason


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)), st.integers(-23 * 60, 23 * 60).map(lambda m: timedelta(minutes=m))
)  # fmt: skip
def test_a_text_with_an_offset_is_that_moment(moment: datetime, offset: timedelta) -> None:
    aware = moment.replace(tzinfo=timezone(offset))
    assert rfc3339_us(aware.isoformat()) == to_us(aware)


def test_a_text_with_z_is_utc() -> None:
    assert rfc3339_us("2026-08-01T12:00:00.5Z") == to_us(datetime(2026, 8, 1, 12, tzinfo=UTC)) + SECOND // 2


@pytest.mark.parametrize("text", ["2026-08-01T12:00:00", "2026-08-01T12:00:00.25"])
def test_a_text_without_a_zone_is_naive(text: str) -> None:
    assert reason_of(rfc3339_us, text) == "NAIVE_TIME"


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-08-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-08-01T25:00:00Z", "1969-12-31T23:59:59Z",
     "2026-08-01T12:00:00+25:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "20260801T120000Z",
     "2026-W31-6T12:00:00Z", "2026-08-01T12:00:00Z ", "٢٠٢٦-08-01T12:00:00Z", "2026-08-01T12:00:00Z\x00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    assert reason_of(rfc3339_us, text) == "BAD_TIME"


@pytest.mark.parametrize("value", ["1", None, True, [], {}, float("inf"), 1e300, -1, 10**400, 253_402_300_800, 1.8e15])
def test_what_is_no_number_of_seconds_is_refused(value: object) -> None:
    assert reason_of(seconds_us, value) == "BAD_TIME"


def test_seconds_are_read_to_the_microsecond() -> None:
    assert seconds_us(1_785_585_600.123456) == NOW_US + 123_456
    assert seconds_us(0) == 0


def test_senml_times_below_two_to_the_28_are_relative() -> None:
    assert senml_us(0.0, 0, NOW_US) == NOW_US
    assert senml_us(0.0, -1.5, NOW_US) == NOW_US - 3 * SECOND // 2
    assert senml_us(0.0, 2**28 - 1, NOW_US) == NOW_US + (2**28 - 1) * SECOND
    assert senml_us(0.0, 2**28, NOW_US) == 2**28 * SECOND
    assert senml_us(1_785_585_600.0, -60, NOW_US) == NOW_US - 60 * SECOND


@given(st.floats(allow_nan=False), st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3)))
def test_senml_times_are_total(base: float, value: object) -> None:
    try:
        found = senml_us(base, value, NOW_US)
    except DecodeError as error:
        assert error.reason == "BAD_TIME"
    else:
        assert 0 <= found < END_OF_TIME_US
