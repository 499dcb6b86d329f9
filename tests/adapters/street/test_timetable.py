"""The demonstration's timetable: what is committed is what the buses drive by, and nothing is wrong with it."""

from __future__ import annotations

from pathlib import Path

from cityward.adapters.street.buses import timetable_zip
from cityward.transit.archive import unpack
from cityward.transit.faults import find_faults

FILE = Path(__file__).parents[3] / "examples" / "doggerford" / "transit" / "timetable.zip"


def test_the_committed_timetable_is_the_one_that_the_buses_drive_by() -> None:
    assert FILE.read_bytes() == timetable_zip(), "renew it: python examples/doggerford/transit/make.py"


def test_nothing_is_wrong_with_it() -> None:
    assert find_faults(unpack(FILE.read_bytes())).told == ()
