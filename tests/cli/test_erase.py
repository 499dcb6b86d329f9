"""`cityward erase` and `cityward retention` in a city that does not run: what is gone, what is told, and after a crash."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aged import EXCERPT, MINE, NOW, aged_city
from cityward.adapters.keys.pseudonyms import RecipientKeyring
from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.home import Home
from cityward.compose.keeping import erasure
from cityward.compose.keeping.datasets import due_of
from cityward.compose.keeping.retention import Keeper
from cityward.compose.setting import open_setting
from cityward.evidence.records import Erased
from cityward.runtime.releasing.ports import Due, Receipt
from cityward.time import DAY, HOUR, iso


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(erasure, "PAUSE_S", 0.0)
    return aged_city(tmp_path)


def said(capsys: pytest.CaptureFixture[str], words: Sequence[str], code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    out = capsys.readouterr()
    assert ended.value.code == code, out
    return " ".join((out.out + out.err).split())


def asked(capsys: pytest.CaptureFixture[str], words: Sequence[str], code: int = 0) -> Any:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--json"])
    assert ended.value.code == code
    return json.loads(capsys.readouterr().out)


def traces(state: Path) -> Iterator[str]:
    """Where a value of the second meter still stands: raw bytes of every file, and of Parquet what is packed in it."""
    shapes = (struct.pack(">d", MINE), struct.pack("<d", MINE), b"4242.4242", EXCERPT)
    for path in state.rglob("*"):
        if not path.is_file():
            continue
        packed = pl.read_parquet(path).write_json().encode() if path.suffix == ".parquet" else b""
        if any(shape in data for shape in shapes for data in (path.read_bytes(), packed)):
            yield path.relative_to(state).parts[0]


def records(state: Path) -> list[Erased]:
    return [record for _, record in tail_of(Home(state).ledger("erasure"), 100) if isinstance(record, Erased)]


def sums(state: Path) -> set[tuple[int, float, float]]:
    store = SqlState(Home(state).state_url)
    rows = store.hourly(0, NOW + DAY)
    store.dispose()
    return {(row.count, row.low, row.high) for row in rows}


def test_erasing_a_device_leaves_no_byte_of_its_values_and_everybody_elses(
    state: Path, capsys: pytest.CaptureFixture[str]
):
    assert set(traces(state)) == {"history", "state.db"} and sums(state) == {(2, 700.0, MINE)}
    words = ["erase", "--device", "meter-02", "--reason", "request 17", "--by", "ada", "--state", str(state)]
    text = said(capsys, words)
    assert "meter-02: 12 readings erased; on record as erasure:0." in text
    assert "Other copies here: 1 in expected, 1 in latest, 1 in marks, 2 in quarantine." in text
    assert list(traces(state)) == [] and sums(state) == {(1, 700.0, 700.0)}
    [record] = records(state)
    assert (record.device, record.why, record.rows, record.person) == ("meter-02", "request", 12, "ada")
    assert record.copies["history"] == 12 and len(record.digest) == 64
    assert "Nothing is held here of meter-02" in said(capsys, words) and len(records(state)) == 1


def given(state: Path) -> None:
    """Rows of the second meter left once, and wait once."""
    store = SqlState(Home(state).state_url)
    for record, body in (("release:0", None), ("release:1", b"4242.4242")):
        one = Receipt(
            record=record, recipient="insight-hook", party="insight", flow="f", agreement="a", dataset="light", purpose="p",
            way="webhook", at=NOW, since=NOW - DAY, until=NOW, rows=1, units=1, devices=("meter-02",), digest="", form={},
            rules="", state="delivered" if body is None else "queued",
        )  # fmt: skip
        store.releases.take("insight-hook", Due(lane="l", at=None, receipts=((one, body),)))
    store.dispose()


def test_who_was_given_some_is_told_and_what_waits_is_shed(state: Path, capsys: pytest.CaptureFixture[str]):
    given(state)
    traced = said(capsys, ["trace", "meter-02", "--state", str(state)])
    assert "release insight-hook: insight was given light observed" in traced and "receipt release:1" in traced
    keys = RecipientKeyring(Home(state).keys)
    before = keys.of("insight-hook")
    words = ["erase", "--device", "meter-02", "--reason", "r", "--forget-names", "--state", str(state)]
    done = asked(capsys, words)
    [row] = done["erased"]
    assert row["copies"]["release-queue"] == 1 and row["tell"] == ["insight (insight-hook)"]
    assert done["names_forgotten"] == ["insight-hook"] and list(traces(state)) == []
    assert keys.of("insight-hook") != before


def test_a_span_goes_and_the_rest_stays(state: Path, capsys: pytest.CaptureFixture[str]):
    words = ["erase", "--subject", "council", "--since", iso(NOW - 2 * DAY), "--reason", "r", "--state", str(state)]
    done = asked(capsys, words)["erased"]
    # of the last two days before noon: noon two days ago, six and noon yesterday
    assert [(row["device"], row["rows"]) for row in done] == [("meter-01", 3), ("meter-02", 3)]
    assert set(traces(state)) == {"history", "state.db"}
    assert sums(state) == {(2, 700.0, MINE)}
    store = SqlState(Home(state).state_url)
    assert [row.observed_at for row in store.latest_of(["meter-02"])] == [NOW - 2 * DAY - 6 * HOUR]
    store.dispose()


@pytest.mark.parametrize("after", [1, 3, 4, 5, 8, 10], ids=lambda n: f"step {n}")
def test_an_erasure_that_was_killed_is_finished_by_the_city_and_on_record_once(state: Path, after: int):
    program = Path(__file__).with_name("killed_erasure.py")
    ended = subprocess.run([sys.executable, str(program), str(state), str(after)], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    setting = open_setting(Home(state))
    assert Keeper(setting).look() is not None
    assert Keeper(setting).look() is None
    setting.state.dispose()
    assert list(traces(state)) == [] and {low for _, low, _ in sums(state)} == {700.0}
    asked_for = [record for record in records(state) if record.why == "request"]
    assert [(record.rows, record.copies["history"]) for record in asked_for] == [(12, 12)]


def test_what_is_due_goes_once_a_day_with_proof(state: Path, capsys: pytest.CaptureFixture[str]):
    words = ["retention", "--state", str(state)]
    [before] = asked(capsys, words, 1)["datasets"]
    assert (before["state"], before["days"], before["ran"]) == ("late", 30, 0)
    assert before["oldest"]["history"] == NOW - 34 * DAY - 6 * HOUR
    setting = open_setting(Home(state))
    # 34, 33 and 31 days ago are before the midnight of 30 days ago: three days, two readings a day, two meters
    assert Keeper(setting).look() == 12 and Keeper(setting).look() is None
    setting.state.dispose()
    [after] = asked(capsys, words)["datasets"]
    oldest = NOW - 29 * DAY - 6 * HOUR
    assert after["state"] == "ok" and after["ran"] // DAY == NOW // DAY
    assert after["oldest"] == {
        "history": oldest,
        "hourly": oldest,
        "latest": NOW - DAY,
        "quarantine": NOW - DAY,
    }
    of_history = [record for record in records(state) if record.rows]
    assert [(r.dataset, r.rows, r.until - r.since) for r in of_history] == [("light", 4, DAY)] * 3
    assert of_history[-1].oldest == oldest
    [rest] = [record for record in records(state) if not record.rows]
    assert rest.copies == {"hourly": 6, "marks": 1, "quarantine": 1}
    assert "light: ok; personal, kept 30 days" in said(capsys, words)


def test_a_dataset_without_a_declared_time_is_kept_and_no_pass(state: Path, capsys: pytest.CaptureFixture[str]):
    place = state.parent / "town" / "place.yaml"
    place.write_text(place.read_text().replace("retention_days: 30", "retention_days: unknown"))
    setting = open_setting(Home(state))
    assert due_of(setting.loaded.place, setting.registry) == [] and Keeper(setting).look() is None
    setting.state.dispose()
    assert "light: unknown (nobody declared for how long: it is kept)" in said(
        capsys, ["retention", "--state", str(state)], 1
    )


def test_whoever_takes_back_right_now_goes_first(state: Path):
    setting = open_setting(Home(state))
    with Home(state).held("taint"):
        assert Keeper(setting).look() is None
    setting.state.dispose()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--reason", "r"], 2, "name one: --device UNIT or --subject PARTY"),
        (["--subject", "nobody", "--reason", "r"], 1, "owns no declared device"),
        (["--device", "meter-01", "--since", "1h", "--until", "2h", "--reason", "r"], 1, "the span is empty"),
        (["--device", "meter-01"], 2, "--reason"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_says_what_is_wrong(state: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str):
    assert says in said(capsys, ["erase", *words, "--state", str(state)], code)
