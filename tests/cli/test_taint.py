"""`cityward taint` and `cityward trace` in a city that does not run: what they say to a person, and how they refuse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pytest

from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.cli.moments import moment_us
from cityward.compose.home import CityFile, Home, write_city_file
from cityward.compose.places import load_place
from cityward.compose.proving.taint import Finisher
from cityward.compose.proving.trace import trace
from cityward.evidence.records import Marked, Retracted
from cityward.guard.admit import Judged
from cityward.insight.hourly import by_hour
from cityward.place.registry import number
from cityward.runtime.ports import BatchEffects, CommandRow, SourceSpan
from cityward.runtime.watching.ports import HistoryAt, Position, WatchEffects
from cityward.time import DAY, HOUR, MINUTE, SECOND, iso
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, state_of
from towns import running_town, write_town

NOW = 1_760_011_200 * SECOND  # a noon
BEGIN = NOW - 3 * HOUR


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A city of two meters that ran and stopped: three hours, a reading of each a minute, a command on the second."""
    place = write_town(tmp_path / "town", 2)
    home = Home(tmp_path / "state")
    home.prepare()
    registry = number(load_place(place).place)
    machine = time.time_ns() // 1000
    write_city_file(home, city_file(place, machine))
    minutes = np.arange(180)
    channel = np.repeat([registry.channel_by_property[u, "illuminance"] for u in (0, 1)], 180).astype(np.int32)
    at = BEGIN + np.tile(minutes, 2).astype(np.int64) * MINUTE
    rows = Judged(
        message=np.arange(360, dtype=np.int32),
        unit=registry.channel_unit[channel],
        channel=channel,
        value=np.repeat([100.0, 900.0], 180),
        observed_at=at,
        received_at=at + SECOND,
        seq=np.arange(1, 361),
        flow=np.zeros(360, dtype=np.int32),
        reason=np.zeros(360, dtype=np.uint8),
    )
    upto = dict.fromkeys(range(4), 360)
    DeltaHistory(str(home.history), registry).append(rows.seal("worker-0:0"), upto)
    store = SqlState(home.state_url)
    store.apply(BatchEffects(upto, hourly=by_hour(channel, rows.value, at, registry)))
    spans = [SourceSpan("meter-02", BEGIN + 10 * MINUTE, BEGIN + 10 * MINUTE)]
    store.command_sent(
        CommandRow(
            "c1", "lights", "meter-01", "dim", 40.0, {"why": "dark"}, "service:0", "sent", BEGIN + HOUR, None, spans
        )
    )
    store.watch.hold(watched())
    store.dispose()
    return home.root


def city_file(place: Path, machine_us: int) -> CityFile:
    return CityFile(
        place=str(place), declaration="", bus_url="nats://127.0.0.1:1", passwords={}, mqtt_host="127.0.0.1", mqtt_port=1,
        mqtt_ca=None, web_host="127.0.0.1", web_port=1, admin_port=1, clock=(machine_us, NOW, 1.0),
    )  # fmt: skip


def watched() -> WatchEffects:
    finding = Finding(
        id="f00d", detector="drift", kind="drift", title="Drift", subject="meter-02", property="illuminance",
        severity=Severity.HIGH, phase=Phase.BEGAN, began_at=BEGIN + 5 * MINUTE, at=NOW, score=2.0, words="drifts",
        facts={"seen": "900 lx"}, records=("worker-0:0",), history=("meter-02/illuminance", BEGIN, NOW), todo="look",
        incident="cafe",
    )  # fmt: skip
    incident = Incident(
        id="cafe", title="Drift of meter-02", shared="device:meter-02", severity=Severity.HIGH, began_at=BEGIN, last_at=NOW,
        findings=1, subjects=1, first_subjects=("meter-02",), kinds=("drift",),
    )  # fmt: skip
    standing = DeviceStanding(device="meter-02", trust=0.2, state=state_of(0.2), since=NOW, because=("f00d",))
    return WatchEffects(
        position=Position(history=HistoryAt(version=0), events=0),
        findings=(finding,),
        incidents=(incident,),
        standings=(standing,),
    )


def said(capsys: pytest.CaptureFixture[str], words: Sequence[str], code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    out = capsys.readouterr()
    assert ended.value.code == code, out
    return " ".join((out.out + out.err).split())


def hourly(state: Path) -> list[tuple[int, float, float]]:
    store = SqlState(Home(state).state_url)
    rows = store.hourly(0, NOW + DAY)
    store.dispose()
    return [(row.count, row.low, row.high) for row in rows]


def test_tells_what_was_touched_and_by_whom_it_was_used(state: Path, capsys: pytest.CaptureFixture[str]):
    text = said(capsys, ["taint", "meter-02", "--since", "2d", "--state", str(state)], 1)
    assert "meter-02: 180 readings observed from" in text
    assert "went into 3 hourly indicators, 0 expected ranges and 1 command." in text
    assert "illuminance: 180 readings" in text and "meter-01: dim 40" in text


def test_a_span_without_readings_touched_nothing(state: Path, capsys: pytest.CaptureFixture[str]):
    long_ago = ["--since", "40d", "--until", "30d", "--state", str(state)]
    assert "0 readings" in said(capsys, ["taint", "meter-02", *long_ago])


def test_takes_back_and_gives_back(state: Path, capsys: pytest.CaptureFixture[str]):
    assert hourly(state) == [(120, 100.0, 900.0)] * 3
    words = ["taint", "meter-02", "--since", iso(BEGIN + HOUR), "--state", str(state)]
    text = said(capsys, [*words, "--retract", "--why", "drifted", "--by", "ada"])
    assert "120 rows marked" in text and "What was derived is made again." in text
    assert "Tell: nobody is declared to receive it." in text
    assert hourly(state) == [(120, 100.0, 900.0), (60, 100.0, 100.0), (60, 100.0, 100.0)]
    mark = json.loads(said_json(capsys, words))["taint"]["marks"][0]["id"]
    assert "is cleared" in said(capsys, ["taint", "--clear", mark, "--state", str(state)])
    assert hourly(state) == [(120, 100.0, 900.0)] * 3
    assert "there is no such mark" in said(capsys, ["taint", "--clear", "nothing", "--state", str(state)], 1)


def cut_short(state: Path, after: int) -> None:
    """A retraction of the last two hours of the second meter, killed after so many steps."""
    program = Path(__file__).with_name("killed_retraction.py")
    words = [str(state), str(BEGIN + HOUR), str(NOW), str(after)]
    ended = subprocess.run([sys.executable, str(program), *words], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]


def marks(state: Path) -> list[str]:
    """The phases of all marks."""
    store = SqlState(Home(state).state_url)
    phases = [row.phase for row in store.mark_rows()]
    store.dispose()
    return phases


TAKEN_BACK = [(120, 100.0, 900.0), (60, 100.0, 100.0), (60, 100.0, 100.0)]


@pytest.mark.parametrize("after", [1, 4, 5, 8], ids=["on record", "hours listed", "hours made", "at the end"])
def test_a_retraction_that_was_killed_is_finished_by_whoever_looks_once(state: Path, after: int):
    finisher = Finisher(Home(state))
    assert finisher.look() == 0  # nothing was ever taken back
    cut_short(state, after)
    finisher.look()
    assert marks(state) == ["in-force"]
    assert hourly(state) == TAKEN_BACK
    kinds = [type(record) for _, record in tail_of(Home(state).ledger("taint"), 10)]
    assert kinds == [Marked, Retracted]
    assert finisher.look() == Finisher(Home(state)).look() == 0
    assert kinds == [type(record) for _, record in tail_of(Home(state).ledger("taint"), 10)]


def test_whoever_takes_back_right_now_is_left_alone(state: Path):
    cut_short(state, 2)
    finisher = Finisher(Home(state))
    with Home(state).held("taint"):
        assert finisher.look() == 0
    assert marks(state) == ["making"]
    assert finisher.look() == 1
    assert marks(state) == ["in-force"]


def test_a_city_goes_on_with_a_retraction_that_was_killed_before_it_started(state: Path):
    cut_short(state, 1)
    with running_town(state.parent / "town", state, "--plain-mqtt"):
        deadline = time.monotonic() + 60
        while marks(state) != ["in-force"]:
            assert time.monotonic() < deadline, f"the retraction is not finished: {marks(state)}"
            time.sleep(0.05)
    assert hourly(state) == TAKEN_BACK


def said_json(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> str:
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["meter-09", "--since", "1h"], 1, "`meter-09` is not a declared device"),
        (["meter-01", "--since", "1h", "--retract", "--property", "no2"], 1, "does not observe `no2`"),
        (["meter-01", "--since", "1h", "--until", "2h", "--retract"], 1, "the span is empty"),
        (["meter-01"], 2, "name a DEVICE and --since"),
        (["meter-01", "--since", "yesterday"], 2, "is not a time"),
        (["meter-01", "--clear", "m"], 2, "--clear takes no device"),
        (["meter-01", "--since", "1h", "--property", "illuminance"], 2, "--property goes with --retract"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_says_what_is_wrong(state: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str):
    assert says in said(capsys, ["taint", *words, "--state", str(state)], code)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("90m", NOW - 90 * MINUTE),
        ("2d", NOW - 2 * DAY),
        ("2025-10-09T12:00Z", NOW),
        ("2025-10-09T14:00+02:00", NOW),
        ("2025-10-09", NOW - 12 * HOUR),
    ],
)
def test_moments_are_times_dates_or_how_long_ago(text: str, us: int):
    assert moment_us(text, NOW, "--since") == us


@pytest.mark.parametrize("text", ["", "90", "h", "-1h", "999999d", "tomorrow", "2025-13-01"])
def test_what_is_no_moment_is_refused(text: str):
    with pytest.raises(click.BadParameter):
        moment_us(text, NOW, "--since")


# -- trace ------------------------------------------------------------------------------------------------------------


def kinds(nodes: Sequence[object]) -> list[tuple[str, str]]:
    return [(node.kind, node.id) for node in nodes]  # type: ignore[attr-defined]


def test_a_command_is_traced_to_the_readings_it_rests_on(state: Path, capsys: pytest.CaptureFixture[str]):
    way = trace(state, "c1")
    source = next(node for node in way.back if node.kind == "source")
    assert source.id == "meter-02" and source.children[0].words.startswith("illuminance 900, observed")
    assert kinds(way.forward) == [("device", "meter-01")]
    text = said(capsys, ["trace", "c1", "--state", str(state)])
    assert "It rests on" in text and "proposed it: why dark" in text


def test_findings_incidents_and_devices_lead_to_each_other(state: Path):
    finding, incident, device = (trace(state, id_) for id_ in ("f00d", "cafe", "meter-02"))
    assert ("incident", "cafe") in kinds(finding.forward) and ("record", "worker-0:0") in kinds(finding.back)
    assert kinds(incident.back) == [("finding", "f00d")] and kinds(incident.forward) == [("standing", "meter-02")]
    assert ("finding", "f00d") in kinds(device.back)
    assert "quarantined" in next(node.words for node in device.back if node.kind == "standing")
    assert ("command", "c1") in kinds(device.forward)


@pytest.mark.parametrize("id_", ["nothing", "service:99", "../etc:1", "x" * 300, "\x1b[31m"])
def test_what_is_not_known_is_said_harmlessly(state: Path, capsys: pytest.CaptureFixture[str], id_: str):
    text = said(capsys, ["trace", id_, "--state", str(state)], 1)
    assert "nothing is known by" in text and "\x1b" not in text
