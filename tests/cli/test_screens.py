"""What `cityward run` shows: the link last and in sight, the counts beside it, and what is logged above both."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from cityward.cli import screens
from cityward.cli.above import can_rewrite, plain
from cityward.cli.screens import JsonScreen, LineScreen, screen_for
from cityward.runtime.ports import FlowCount
from cli.staged_screen import running

ROWS, COLUMNS = 24, 80
WITHIN_S = 30.0
CODE = re.compile(r"(\x1b\[[\d;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\|\r|\n)")


class Terminal:
    """A real terminal with a program on it, and what stands on it: as much of its codes as `rich` writes."""

    def __init__(self, keyboard: int, steps: int) -> None:
        self.keyboard, self.steps = keyboard, steps
        self.written, self.rows, self.row = "", [""], 0

    def step(self, letter: str) -> None:
        """See `staged_screen.play`."""
        os.write(self.steps, letter.encode())

    def type(self, text: str) -> None:
        """By a person."""
        os.write(self.keyboard, text.encode())

    def until(self, holds: Callable[[], bool], ask: Callable[[], None] = lambda: None) -> None:
        """Read on until it holds; ask: what is done before each look."""
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < deadline, "\n".join(self.shown)
            ask()
            if select.select([self.keyboard], [], [], 0.05)[0]:
                self.read()

    def read(self) -> bool:
        """What was written meanwhile; False when the program has ended."""
        try:
            got = os.read(self.keyboard, 1 << 16)
        except OSError:  # nobody holds the other end any more
            return False
        self.written += got.decode()
        self.rows, self.row = [""], 0
        for part in CODE.split(self.written):
            self._take(part)
        return True

    def _take(self, part: str) -> None:
        if part == "\n":
            self.row += 1
            self.rows += [""] * (self.row + 1 - len(self.rows))
        elif part == "\x1b[1A":
            self.row -= 1
        elif part == "\x1b[2K":
            self.rows[self.row] = ""
        elif not part.startswith(("\x1b", "\r")):
            self.rows[self.row] += part

    @property
    def shown(self) -> list[str]:
        """The rows that are not empty."""
        return [row for row in self.rows if row.strip()]


@contextmanager
def terminal(folder: Path) -> Generator[Terminal]:
    """The staged screen, on a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    reads, writes = os.pipe()
    begin = (
        "import fcntl, os, runpy, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        f"os.dup2({reads}, 3); sys.path.insert(0, 'tests'); sys.argv = ['x']; "
        "runpy.run_module('cli.staged_screen', run_name='__main__')"
    )
    environment = {
        **os.environ,
        "TERM": "xterm",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "COLUMNS": "",
        "LINES": "",
    }
    program = subprocess.Popen(
        [sys.executable, "-c", begin],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=[reads],
        cwd=folder,
        env=environment,
    )
    os.close(theirs)
    os.close(reads)
    one = Terminal(ours, writes)
    try:
        yield one
        os.close(one.steps)
        while one.read():
            pass
        assert program.wait(WITHIN_S) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def test_on_a_terminal_the_link_stays_the_last_line_whatever_is_logged_and_enter_makes_another(tmp_path: Path) -> None:
    with terminal(tmp_path) as seen:
        seen.until(lambda: seen.shown == ["The city is starting ..."])
        seen.step("s")
        seen.until(lambda: seen.shown[-1].endswith("?token=token-1"))
        assert seen.shown[0] == "Test\ufffd[2J Town runs, 60 times as fast as reality. Ctrl-C stops it."
        seen.step("c")
        seen.until(lambda: "received 20,190 = admitted 20,190 + refused 0 + shed 0" in seen.shown)
        assert "flow (the 6 largest of 20)  received  admitted  refused  shed" in [row.rstrip() for row in seen.shown]
        for _ in range(3):
            seen.step("l")
        seen.until(
            lambda: (
                sum("failed" in row for row in seen.shown) == 3
                and seen.shown[-1] == "http://localhost:8080/sign-in?token=token-1"  # drawn after what is above it
            )
        )
        assert seen.shown[1:4] == ['18:29:53 feeds: a "feed" failed  flow=x'] * 3
        assert seen.shown[-2].endswith("UTC. Enter: another.")
        seen.type("\n")
        seen.until(lambda: seen.shown[-1] == "http://localhost:8080/sign-in?token=token-2", lambda: seen.step("."))
        assert not any("token-1" in row for row in seen.shown)
        seen.type("\n")
        seen.until(
            lambda: any("there is no other link: the account is locked" in row for row in seen.shown),
            lambda: seen.step("."),
        )
        assert seen.shown[-1].endswith("?token=token-2")
    assert seen.shown[-2:] == ["stopped; received 20,190 = admitted 20,190 + refused 0 + shed 0", "said after the end"]
    assert not any("token" in row for row in seen.shown)


def test_a_terminal_that_cannot_rewrite_is_told_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    for term, can in (("xterm-256color", True), ("dumb", False), ("", False)):
        monkeypatch.setenv("TERM", term)
        assert can_rewrite() is can, term
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: False))
    monkeypatch.setenv("TERM", "xterm")
    assert not can_rewrite()
    assert isinstance(screen_for(False, None), LineScreen)
    assert isinstance(screen_for(True, None), JsonScreen)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed."""
    seconds = [0.0]
    monkeypatch.setattr(screens.time, "monotonic", lambda: seconds[0])
    return seconds


def test_in_a_pipe_the_link_is_said_last_and_the_counts_each_minute_from_the_first_on(
    tmp_path: Path, passed: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    counts = list[FlowCount]()
    screen, city = LineScreen(), running(counts, tmp_path)
    screen.tick(city)
    assert capsys.readouterr().out == ""
    screen.started(city)
    screen.tick(city)
    assert capsys.readouterr().out.splitlines() == [
        "Test\ufffd[2J Town runs, 60 times as fast as reality. Ctrl-C stops it.",
        "  devices  mqtts://127.0.0.1:8883",
        f"  state    {tmp_path}",
        "  console  http://localhost:8080/sign-in?token=token-1",
        f"           (signs you in once, within 15 minutes; another: cityward person link operator --state {tmp_path})",
    ]
    counts.append(FlowCount("one", 5, 3, 1, 1))
    for _ in range(121):
        screen.tick(city)
        passed[0] += 1.0
    line = "2026-11-16T17:43:20Z  received 5 = admitted 3 + refused 1 + shed 1"
    assert capsys.readouterr().out.splitlines() == [line] * 3
    screen.end()
    assert capsys.readouterr().out == "stopped; received 5 = admitted 3 + refused 1 + shed 1\n"


def test_where_people_sign_in_by_themselves_no_link_is_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LineScreen().started(running([], tmp_path, who=""))
    assert capsys.readouterr().out.splitlines()[-1] == "  console  http://localhost:8080/sign-in"


def test_a_city_that_never_ran_has_not_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    LineScreen().end()
    assert capsys.readouterr().out == ""


def test_programs_get_each_second_as_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    screen, city = JsonScreen(), running([FlowCount("one", 1, 1, 0, 0)], tmp_path)
    screen.started(city)
    screen.tick(city)
    started, counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (started["event"], started["sign_in"]) == ("started", "http://localhost:8080/sign-in?token=token-1")
    assert counts["flows"][0]["flow"] == "one"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'timestamp=2026-11-23T18:29:53.1Z level=info role=street event="it begins" sensors=54',
            ("18:29:53 street: it begins  sensors=54", "info"),
        ),
        ("timestamp=2026-11-23T18:29:53Z level=error role=web event=stop", ("18:29:53 web: stop", "error")),
        ("Traceback (most recent call last):", ("Traceback (most recent call last):", "")),
        ("", ("", "")),
    ],
    ids=["fields", "one word", "another line", "empty"],
)
def test_a_line_of_the_log_is_told_as_a_person_reads_it(line: str, told: tuple[str, str]) -> None:
    assert plain(line) == told
