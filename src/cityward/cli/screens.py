"""What `cityward run` shows: a table on a terminal, a line now and then in a pipe, JSON lines for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cityward.cli.words import aside, put, put_json_line
from cityward.compose.city import Running
from cityward.runtime.ports import FlowCount
from cityward.text import harmless
from cityward.time import iso

LINE_EVERY_S = 5.0
FLOWS_SHOWN = 12


def screen_for(as_json: bool) -> LineScreen | TerminalScreen:
    """The screen that fits where the output goes."""
    if as_json:
        return JsonScreen()
    return TerminalScreen() if sys.stdout.isatty() else LineScreen()


class LineScreen:
    """For pipes and logs: a line every few seconds, no colour."""

    def __init__(self) -> None:
        self._next = 0.0

    def say(self, text: str) -> None:
        """Something happened."""
        aside(text)

    def started(self, running: Running) -> None:
        """The city runs; how to get in."""
        for line in _welcome(running):
            put(line)

    def tick(self, running: Running) -> None:
        """Once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY_S
        setting = running.setting
        counts = setting.state.counts()
        put(f"{iso(setting.now_us())}  {_balance(counts)}{_incidents(running)}")

    def end(self) -> None:
        """The city has stopped."""
        put("stopped")


class JsonScreen(LineScreen):
    """For programs: one JSON object a line."""

    def say(self, text: str) -> None:
        """Something happened."""
        self._print({"event": "note", "text": text})

    def started(self, running: Running) -> None:
        """The city runs; how to get in."""
        self._print(
            {
                "event": "started",
                "sign_in": running.sign_in,
                "mqtt": running.mqtt,
                "state": str(running.setting.home.root),
            }
        )

    def tick(self, running: Running) -> None:
        """Once a second."""
        setting = running.setting
        self._print(
            {
                "event": "counts",
                "at": iso(setting.now_us()),
                "flows": setting.state.counts(),
                "incidents": setting.state.watch.open_incidents(),
                "pids": dict(running.pids()),
            }
        )

    def end(self) -> None:
        """The city has stopped."""
        self._print({"event": "stopped"})

    @staticmethod
    def _print(event: dict[str, object]) -> None:
        put_json_line(event)


class TerminalScreen:
    """For people: the counts of each flow, moving and balancing."""

    def __init__(self) -> None:
        self._console = Console()
        self._live: Live | None = None
        self._notes: list[str] = []
        self._before: tuple[float, int] = (time.monotonic(), 0)

    def say(self, text: str) -> None:
        """Something happened."""
        self._notes = [*self._notes[-3:], text]

    def started(self, running: Running) -> None:
        """The city runs; how to get in."""
        for line in _welcome(running):
            self._console.print(Text(harmless(line)), highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()

    def tick(self, running: Running) -> None:
        """Once a second."""
        setting = running.setting
        counts = setting.state.counts()
        received = sum(c.received for c in counts)
        now = time.monotonic()
        rate = (received - self._before[1]) / max(now - self._before[0], 1e-3)
        self._before = (now, received)
        head = Text(f"{iso(setting.now_us())} city time   {rate:,.0f} observations/s   {_balance(counts)}")
        if told := _incidents(running):
            head.append(told, style="red")
        notes = [Text(harmless(note), style="yellow") for note in self._notes]
        if self._live is not None:
            self._live.update(Group(head, _table(counts), *notes), refresh=True)

    def end(self) -> None:
        """The city has stopped."""
        if self._live is not None:
            self._live.stop()
        self._console.print("stopped")


def _welcome(running: Running) -> list[str]:
    setting = running.setting
    speed = setting.city.city_clock.speed
    return [
        f"{setting.loaded.place.name} runs."
        + (f" Its clock is {speed:g} times as fast as reality." if speed != 1 else ""),
        f"  console  {running.sign_in}",
        "           (the link works once, for 15 minutes)",
        f"  devices  {running.mqtt}",
        f"  state    {setting.home.root}",
        "Stop with Ctrl-C.",
    ]


def _balance(counts: Sequence[FlowCount]) -> str:
    received, admitted = sum(c.received for c in counts), sum(c.admitted for c in counts)
    refused, shed = sum(c.refused for c in counts), sum(c.shed for c in counts)
    sign = "=" if received == admitted + refused + shed else "≠"
    return f"received {received:,} {sign} admitted {admitted:,} + refused {refused:,} + shed {shed:,}"


def _incidents(running: Running) -> str:
    count = running.setting.state.watch.open_incidents()
    return f"   {count} incident{'' if count == 1 else 's'} open: cityward watch" if count else ""


def _table(counts: Sequence[FlowCount]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("flow")
    for name in ("received", "admitted", "refused", "shed"):
        table.add_column(name, justify="right")
    for c in sorted(counts, key=lambda c: -c.received)[:FLOWS_SHOWN]:
        style = "red" if c.received != c.admitted + c.refused + c.shed else "yellow" if c.refused or c.shed else ""
        table.add_row(
            Text(harmless(c.flow)), f"{c.received:,}", f"{c.admitted:,}", f"{c.refused:,}", f"{c.shed:,}", style=style
        )
    return table
