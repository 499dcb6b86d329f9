"""A junction's simulated controller, as playbooks; and how it is wired."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from cityward.adapters.street.lamp import Publish
from cityward.adapters.street.signals.cabinet import Cabinet
from cityward.adapters.street.signals.demand import Demand, shares_of
from cityward.adapters.street.signals.sensors import Sensor
from cityward.adapters.street.signals.wiring import FILE, wired
from cityward.adapters.sumo.net import ScenarioError
from cityward.adapters.sumo.scenario import read_scenario
from cityward.compose.places import load_place
from cityward.evidence.checkpoint import Signer
from cityward.guard.signals.before import Before
from cityward.guard.signals.colours import Colour
from cityward.place.junctions import Junction
from cityward.runtime.commands import signed
from cityward.time import SECOND, iso
from corridors import DEMO
from signing import CITY, STRANGER, is_citys

NOW = 1_760_000_000_000_000


@pytest.fixture(scope="module")
def junctions() -> Mapping[str, Junction]:
    return load_place(DEMO).place.junctions


@pytest.fixture
def cabinet(junctions: Mapping[str, Junction]) -> Cabinet:
    return Cabinet(junctions["customs-house"], "customs-house", NOW, is_citys)


def word(stage: float, at: int, name: str = "c1", by: Signer = CITY, valid_s: int = 30, **changes: object) -> bytes:
    body = {"id": name, "device": "corridor-signals-01", "command": "signal-stage", "set": {"signal-stage": stage}}
    body |= {"issued_at": iso(at), "expires_at": iso(at + valid_s * SECOND), "nonce": f"nonce-of-{name:a<16}"}
    return signed(json.dumps(body | changes).encode(), by.sign)


def answer(said: list[Publish]) -> tuple[str, str]:
    (ack,) = [json.loads(one.payload) for one in said]
    return ack["outcome"], ack["reason"]


def run(cabinet: Cabinet, begin: int, seconds: int) -> int:
    for _ in range(seconds):
        begin += SECOND
        cabinet.tick(begin)
        cabinet.judge(cabinet.lights, begin)
    return begin


def test_a_command_of_the_city_is_obeyed_and_forgotten_after_its_time(cabinet: Cabinet):
    now = run(cabinet, NOW, 20)
    assert cabinet.sequencer.on_plan
    assert answer(cabinet.on_command(word(2, now), now)) == ("done", "")
    now = run(cabinet, now, 20)
    assert not cabinet.sequencer.on_plan and cabinet.sequencer.stage == 2
    run(cabinet, now, 12)  # lost after 30 s
    assert cabinet.sequencer.on_plan
    assert not cabinet.monitor.totals


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (word(2, NOW, by=STRANGER), "bad-signature"),
        (word(9, NOW), "out-of-bounds"),
        (word(0.5, NOW), "out-of-bounds"),
        (word(2, NOW, device="corridor-signals-02"), "wrong-device"),
        (word(2, NOW, command="dim"), "unknown-command"),
        (word(2, NOW - 60 * SECOND), "expired"),
        (word(2, NOW + 60 * SECOND), "in-the-future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_command_is_refused_and_changes_nothing(cabinet: Cabinet, body: bytes, reason: str):
    assert answer(cabinet.on_command(body, NOW)) == ("rejected", reason)
    run(cabinet, NOW, 5)
    assert cabinet.sequencer.on_plan and cabinet.refused == 1


def test_a_recorded_command_cannot_be_played_again(cabinet: Cabinet):
    cabinet.on_command(word(2, NOW), NOW)
    assert answer(cabinet.on_command(word(2, NOW), NOW)) == ("rejected", "repeated")
    assert answer(cabinet.on_command(word(1, NOW - SECOND, name="c0"), NOW)) == ("rejected", "overtaken")


def test_after_a_conflict_it_flashes_and_obeys_nobody(cabinet: Cabinet):
    shown = {**cabinet.sequencer.lights, "west": Colour.GREEN, "slip": Colour.GREEN}
    cabinet.judge(shown, NOW)
    assert set(cabinet.lights.values()) == {Colour.FLASHING}
    assert answer(cabinet.on_command(word(2, NOW), NOW)) == ("rejected", "conflict-latched")


def test_it_says_what_changed_at_once_and_itself_every_other_second(cabinet: Cabinet):
    now = run(cabinet, NOW, 20)
    (first,) = cabinet.report(now)
    said = {row["n"]: row["v"] for row in json.loads(first.payload)}
    assert first.topic == "in/corridor-signals-01" and said["signal-own-plan"] == 1
    assert len([name for name in said if name.startswith("signal-group-")]) == 6
    assert cabinet.report(now + SECOND) == []
    assert len(cabinet.report(now + 2 * SECOND)) == 1


def test_a_sensor_speaks_when_it_sees_something_else_and_now_and_then():
    sensor = Sensor("radar")
    assert len(sensor.sees({"queue-length": 1.0}, NOW)) == 1
    assert sensor.sees({"queue-length": 1.0}, NOW + SECOND) == []
    assert len(sensor.sees({"queue-length": 2.0}, NOW + SECOND)) == 1
    assert len(sensor.sees({"queue-length": 2.0}, NOW + 4 * SECOND)) == 1


def test_the_declared_conflicts_hold_all_that_the_net_knows(junctions: Mapping[str, Junction]):
    """No two groups whose ways meet may be green together unless one yields: worked out from the net alone."""
    scenario, derived = wired(DEMO / "signals", junctions), read_scenario(DEMO / "signals")
    for name, signal in scenario.signals.items():
        renamed = dict(zip(derived.signals[name].groups, signal.groups, strict=True))
        found = {frozenset((pair.first, pair.then)) for pair in signal.junction.conflicts}
        for pair in derived.signals[name].junction.conflicts:
            assert frozenset((renamed[pair.first], renamed[pair.then])) in found


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("lane: [3, 4]", "lane: [3]", "not wired"),
        ("lane: [3, 4]", "lane: [3, 4, 5]", "wired twice"),
        ("crossing:", "walk:", "other groups"),
    ],
)
def test_a_wiring_that_does_not_fit_is_refused(
    tmp_path: Path, junctions: Mapping[str, Junction], old: str, new: str, what: str
):
    shutil.copytree(DEMO / "signals", tmp_path / "signals")
    heads = tmp_path / "signals" / FILE
    heads.write_text(heads.read_text().replace(old, new))
    with pytest.raises(ScenarioError, match=what):
        wired(tmp_path / "signals", junctions)


def test_demand_follows_the_recorded_day_and_repeats_itself():
    shares = shares_of(DEMO / "recordings")
    assert max(shares) == 1 and shares[3] < 0.1 < 0.5 < shares[13]
    demand = Demand(shares, 7)
    day, night = (sum(len(list(demand.departures(s, hour))) for s in range(900)) for hour in (13.5, 3.5))
    assert day > 3 * night > 0
    assert list(demand.departures(240, 13.5)) == list(Demand(shares, 7).departures(240, 13.5))


def test_says_whether_it_is_alone_by_its_plan_or_by_its_own_detectors(cabinet: Cabinet):
    lanes = [lane for group in cabinet.junction.groups.values() for lane in group.lanes]
    now = run(cabinet, NOW, 20)

    def alone(at: int) -> float:
        (said,) = cabinet.report(at)
        return next(row["v"] for row in json.loads(said.payload) if row["n"] == "signal-own-plan")

    assert alone(now) == 1.0
    cabinet.look(Before(dict.fromkeys(lanes, 1.0), dict.fromkeys(lanes, 0.0)), now)
    now = run(cabinet, now, 1)
    assert alone(now) == 2.0
    now = run(cabinet, now, 10)  # no look for ten seconds: the plan
    assert alone(now) == 1.0
    assert answer(cabinet.on_command(word(2, now), now)) == ("done", "")
    now = run(cabinet, now, 3)
    assert alone(now) == 0.0
