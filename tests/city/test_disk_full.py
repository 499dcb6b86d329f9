"""The disk is full while a town runs: nobody is acknowledged, nothing acknowledged is lost, and room is all it needs to go on.

The state directory is a small file system of its own, in memory, which only root may mount: skipped for others, and said so.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.credentials import issue_for
from cityward.compose.home import Home
from mqtt import Mqtt
from towns import Town, running_town, totals, write_town

SIZE_MB = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
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


def _verify(ledgers: Path) -> None:
    try:
        main(["verify", str(ledgers)])
    except SystemExit as end:
        assert end.code in (0, None)
