"""The disk is full while a town runs: nobody is acknowledged, nothing acknowledged is lost, and room is all it needs to go on.

The state directory is a small file system of its own, in memory, which only root may mount: skipped for others, and said so.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pytest

from adapters.alerts.test_ways_out import receiver
from city.test_watch import is_let_in, progress, run, speak_for, until
from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.compose.watching.watch import FileNotebook
from cityward.errors import LinkError
from cityward.evidence.records import Alerted, Found
from mqtt import Mqtt
from towns import Town, running_town, totals, write_town

SIZE_MB = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "state", SIZE_MB) as folder:
        yield folder


@pytest.fixture
def small_evidence(tmp_path: Path) -> Iterator[Path]:
    """A state directory whose evidence alone is on a small disk."""
    with small_file_system(tmp_path / "state" / "ledger", 8) as folder:
        yield folder


@contextmanager
def small_file_system(folder: Path, size_mb: int) -> Iterator[Path]:
    """Mounted in memory at the folder."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"A FULL DISK IS NOT TESTED HERE: there is no `mount`: {error}")
    if done.returncode:
        pytest.skip(f"A FULL DISK IS NOT TESTED HERE: a small file system cannot be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Sender:
    """Sends numbered readings one by one; remembers the times of those that were acknowledged."""

    def __init__(self, town: Town, device: str, secret: str) -> None:
        self.town, self.device, self.secret = town, device, secret
        self.link: Mqtt | None = None
        self.sent = 0
        self.acknowledged: list[int] = []

    def send(self) -> bool:
        at, self.sent = time.time_ns() // 1000, self.sent + 1
        body = json.dumps([{"n": "lux", "t": at / 1e6, "v": self.sent % 1000}]).encode()
        with suppress(OSError):
            if self.link is None:
                self.link = Mqtt(self.town.mqtt_port, self.device, self.secret, wait_s=1)
            if self.link.code == 0 and self.link.publish(f"in/{self.device}", body, self.sent % 60_000 + 1):
                self.acknowledged.append(at)
                return True
        self.close()
        return False

    def close(self) -> None:
        if self.link is not None:
            self.link.socket.close()
        self.link = None


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def _wait(deadline: float, town: Town, what: str) -> dict[str, object]:
    counts = town.counts()
    assert time.monotonic() < deadline, (what, totals(counts), town.notes)
    return counts


def test_acknowledges_nobody_while_the_disk_is_full_and_goes_on_by_itself(tmp_path: Path, small_disk: Path) -> None:
    with running_town(write_town(tmp_path / "town", 1), small_disk, "--plain-mqtt") as town:
        state = SqlState(Home(small_disk).state_url)
        [secret] = issue_for(Home(small_disk), state, ["meter-01"], 0)
        state.dispose()
        sender = Sender(town, "meter-01", secret.password or "")
        deadline = time.monotonic() + 60
        while totals(_wait(deadline, town, "a first reading"))[1] == 0:
            sender.send()

        fill(small_disk / "ballast")
        deadline = time.monotonic() + 60
        while sender.send():  # what fits into the last page of the log's file is kept, and acknowledged
            assert time.monotonic() < deadline, "the disk takes everything"
        while not any("no space left" in note for note in town.notes):
            _wait(deadline, town, "a note that the disk is full")
        before = len(sender.acknowledged)
        assert not any(sender.send() for _ in range(3))
        assert set(town.counts()["pids"]) == {"broker", "door", "worker-0", "service", "watch", "web"}

        (small_disk / "ballast").unlink()
        deadline = time.monotonic() + 60
        while len(sender.acknowledged) < before + 100:
            assert time.monotonic() < deadline, (sender.sent, before, town.notes)
            sender.send()
        sender.close()
        while totals(counts := _wait(deadline, town, "all that was acknowledged"))[1] < len(sender.acknowledged):
            pass
        assert town.stop() == 0
    received, admitted, refused, shed = totals(counts)
    assert received == admitted + refused + shed
    rows = pl.read_delta(str(small_disk / "history")).select(pl.col("observed_at").dt.timestamp("us").alias("at"))
    held = Counter(rows["at"].to_list())
    assert [at for at, times in held.items() if times > 1] == []
    assert set(sender.acknowledged) - set(held) == set()
    _verify(small_disk / "ledger")


ALERTED = """
alerts:
  desk: {flow: alarms, endpoint: "http://127.0.0.1:PORT/", least: low}
"""


def alerting_town(folder: Path, port: int) -> Path:
    """Two meters, and a desk that is told what the watch finds."""
    place = write_town(folder, 2)
    flow = (
        "  alarms: {from: cityward, to: desk, datasets: [light], purpose: environment, protocol: webhook, "
        "protection: none, observability: enforced, agreement: desk-1}\n"
    )
    agreement = (
        "agreements:\n  desk-1: {kind: sharing, parties: [council, desk], datasets: [light], purposes: [environment], "
        "sites: [hall]}\n"
    )
    desk = "  desk: {kind: company, incorporated_in: gb, addresses: [127.0.0.1]}\n"
    text = (place / "place.yaml").read_text()
    text = text.replace("\npurposes:\n", f"\n{desk}{agreement}purposes:\n")
    text = text.replace("\nflows:\n", f"\nflows:\n{flow}") + ALERTED.replace("PORT", str(port))
    (place / "place.yaml").write_text(text)
    return place


def test_the_watch_waits_for_its_evidence_and_then_tells_each_thing_once(tmp_path: Path, small_evidence: Path) -> None:
    state = small_evidence.parent
    with (
        receiver(204, None) as (port, got),
        running_town(alerting_town(tmp_path / "town", port), state, "--plain-mqtt") as town,
    ):
        store = SqlState(Home(state).state_url)
        issued = issue_for(Home(state), store, ["meter-01", "meter-02"], 0)
        secrets = {secret.device: secret.password or "" for secret in issued}
        assert run("alert", "key", "desk", "--state", str(state)) == 0
        until(lambda: progress(state), "the watch runs")
        for device, secret in secrets.items():
            until(lambda device=device, secret=secret: is_let_in(town, device, secret), "the door knows it")
        book = store.watch

        def found(device: str) -> bool:
            return any(f.kind == "speaks-for-others" for f in book.findings(device=device))

        speak_for(town, "meter-01", secrets["meter-01"], "meter-02", 4)
        until(lambda: found("meter-01") and got.requests, "a first finding, and its alert")
        pid = town.counts()["pids"]["watch"]

        fill(small_evidence / "ballast")
        speak_for(town, "meter-02", secrets["meter-02"], "meter-01", 4)
        until(
            lambda: (p := progress(state)) and p.retries > 2 and "o space left" in p.last_error,
            "a watch that says why it waits",
        )
        assert not found("meter-02")  # evidence comes first

        (small_evidence / "ballast").unlink()
        until(lambda: found("meter-02"), "a watch that goes on")
        until(lambda: len(got.requests) >= len(book.incidents()), "its alert")
        assert town.counts()["pids"]["watch"] == pid
        assert town.stop() == 0
    records = [record for _, record in tail_of(small_evidence / "watch", 10_000)]
    began = Counter((r.subject, r.finding) for r in records if isinstance(r, Found) and r.phase == "began")
    assert {subject for subject, _ in began} >= {"meter-01", "meter-02"} and set(began.values()) == {1}
    named = [headers["Cityward-Alert"] for _, headers, _ in got.requests]
    assert len(named) == len(set(named))
    ended = [record for _, record in tail_of(small_evidence / "alerts", 1000) if isinstance(record, Alerted)]
    assert sorted(r.incident for r in ended) == sorted(name.partition(".")[0] for name in named)
    _verify(small_evidence)


def test_the_notes_of_the_watch_stay_as_they_were_while_the_disk_is_full(small_evidence: Path) -> None:
    notebook = FileNotebook(small_evidence / "watch.notes")
    notebook.save(b"first" * 1000)
    fill(small_evidence / "ballast")
    with pytest.raises(LinkError, match="No space left"):
        notebook.save(b"second" * 10_000)
    assert notebook.load() == b"first" * 1000
    (small_evidence / "ballast").unlink()
    notebook.save(b"third" * 10_000)
    assert notebook.load() == b"third" * 10_000


def _verify(ledgers: Path) -> None:
    try:
        main(["verify", str(ledgers)])
    except SystemExit as end:
        assert end.code in (0, None)
