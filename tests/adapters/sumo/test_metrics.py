"""What came of a run, from trips written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.adapters.sumo.metrics import read_trips, score_trips

TRIPS = """<tripinfos>
  <tripinfo id="through" depart="10" departDelay="2.0" arrival="60" duration="50.0" waitingTime="12.0" timeLoss="20.0"/>
  <tripinfo id="on-the-road" depart="30" departDelay="4.0" arrival="-1" duration="70.0" waitingTime="30.0" timeLoss="40.0"/>
  <tripinfo id="outside" depart="-1" departDelay="80.0" arrival="-1" duration="0" waitingTime="0" timeLoss="0"/>
</tripinfos>"""


def test_everybody_who_wanted_to_travel_counts(tmp_path: Path) -> None:
    path = tmp_path / "trips.xml"
    path.write_text(TRIPS)
    found = score_trips(read_trips(path))
    assert (found.demand, found.never_entered, found.unfinished) == (3, 1, 1)
    assert found.delay_s == pytest.approx((2 + 20 + 4 + 40 + 80) / 3)
    assert found.trip_s == pytest.approx((50 + 70) / 2)  # of those who got in
    assert found.waiting_s == pytest.approx((12 + 30) / 2)
    assert found.longest_wait_s == 80.0


def test_no_demand_is_no_delay(tmp_path: Path) -> None:
    path = tmp_path / "trips.xml"
    path.write_text("<tripinfos/>")
    assert score_trips(read_trips(path)).delay_s == 0.0
