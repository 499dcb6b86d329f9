"""The watch of a running town: what it finds is one incident, costs trust, stands in evidence, and outlives `kill -9`."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.evidence.records import Acknowledged, Found, Lifecycle, Marked, Standing
from cityward.runtime.watching.progress import WatchProgress
from cityward.watch.findings import IncidentState, Trust
from mqtt import Mqtt
from towns import Town, running_town, write_town

WITHIN_S = 60.0


def until(true: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s} s: {what}")


def is_let_in(town: Town, me: str, secret: str) -> bool:
    with Mqtt(town.mqtt_port, me, secret) as device:
        return device.code == 0


def speak_for(town: Town, me: str, secret: str, other: str, times: int) -> None:
    """Publishes in another device's name: the broker refuses and closes, every time."""
    for _ in range(times):
        with Mqtt(town.mqtt_port, me, secret) as device:
            assert device.code == 0
            device.publish(f"in/{other}", b'[{"n":"lux","v":1}]')


def progress(state: Path) -> WatchProgress | None:
    import msgspec

    try:
        return msgspec.json.decode((state / "watch.progress.json").read_bytes(), type=WatchProgress)
    except (OSError, msgspec.DecodeError):
        return None


def run(*arguments: str) -> int:
    try:
        main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_device_that_speaks_for_another_is_found_quarantined_and_marked_once_also_when_the_watch_is_killed(
    tmp_path: Path, capfd: Any
) -> None:
    place, state = write_town(tmp_path / "town", 2), tmp_path / "state"
    with running_town(place, state, "--plain-mqtt") as town:
        # not by `cityward device add`, which is a right that was given, and told
        [issued] = issue_for(Home(state), SqlState(Home(state).state_url), ["meter-01"], 0)
        secret = issued.password or ""
        until(lambda: progress(state), "the watch runs")
        until(lambda: is_let_in(town, "meter-01", secret), "the door knows it")
        speak_for(town, "meter-01", secret, "meter-02", 4)
        watch = SqlState(f"sqlite:///{state / 'state.db'}").watch
        until(lambda: watch.findings(device="meter-01"), "a finding about meter-01")
        (finding,) = [f for f in watch.findings(device="meter-01") if f.kind == "speaks-for-others"]
        standing = until(lambda: watch.standings().get("meter-01"), "its standing")
        assert standing.state is Trust.QUARANTINED and finding.id in standing.because
        assert "meter-02" not in watch.standings()
        (incident,) = [i for i in watch.incidents(IncidentState.OPEN) if i.id == finding.incident]
        assert "meter-01" in incident.first_subjects

        until((state / "watch.notes").is_file, "notes of a turn that is held")
        pid = town.counts()["pids"]["watch"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: town.counts()["pids"].get("watch", pid) != pid, "another watch")
        speak_for(town, "meter-01", secret, "meter-02", 4)
        until(lambda: (p := progress(state)) and p.events and p.turns > 3, "it reads on")

        assert run("watch", "--state", str(state)) == 1
        assert "Speaks in another's name" in capfd.readouterr().out
        assert (
            run("watch", "ack", incident.id[:6], "--state", str(state), "--note", "on my way", "--by", "operator") == 0
        )
        assert run("watch", "--state", str(state)) == 0
        assert "on my way" in capfd.readouterr().out
        assert [i.state for i in watch.incidents(most=10) if i.id == incident.id] == [IncidentState.ACKNOWLEDGED]

    records = [record for _, record in tail_of(state / "ledger" / "watch", 10_000)]
    about = [r for r in records if isinstance(r, Found) and r.subject == "meter-01" and r.what == "speaks-for-others"]
    assert [r.phase for r in about].count("began") == len({r.finding for r in about})
    crossed = [r.state for r in records if isinstance(r, Standing) and r.device == "meter-01"]
    assert crossed[-1] == "quarantined" and crossed.count("quarantined") == 1
    marks = [(r.device, r.state) for r in records if isinstance(r, Marked)]
    assert marks == [("meter-01", "suspect")]
    anew = [r for r in records if isinstance(r, Lifecycle)]
    assert [r.event for r in anew] == ["watch-began-anew"]  # at the first start alone: notes are kept
    (said,) = [r for _, r in tail_of(state / "ledger" / "operator", 10) if isinstance(r, Acknowledged)]
    assert (said.incident, said.person, said.note) == (incident.id, "operator", "on my way")
    assert run("verify", "--state", str(state)) == 0


def test_what_the_watch_tells_as_json_is_one_document(tmp_path: Path, capfd: Any) -> None:
    place, state = write_town(tmp_path / "town", 1), tmp_path / "state"
    with running_town(place, state, "--plain-mqtt"):
        until(lambda: (p := progress(state)) and p.turns, "the watch runs")
    capfd.readouterr()
    assert run("watch", "--state", str(state), "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["incidents"], told["standings"]) == ([], [])
    assert told["up_to"] > 0
