"""What `cityward run` shows: lines rewritten in place on a terminal, a line now and then in a pipe, JSON lines for programs.

On a terminal the last lines are always the same ones, rewritten each second, and the very last is the link that signs in; what is
logged stands above them. A link works once, so Enter makes another. In a pipe nothing is rewritten: how to get in is said once,
with the link last, and the counts are told each minute.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from cityward.cli.above import Above, plain
from cityward.cli.keys import Keys
from cityward.cli.person import whose
from cityward.cli.words import aside, put, put_json_line
from cityward.compose.city import SIGN_IN_LINK_S, Running
from cityward.compose.people.giving import PeopleDesk
from cityward.errors import CitywardError, LinkError
from cityward.runtime.ports import FlowCount
from cityward.text import harmless
from cityward.time import iso

LINE_EVERY_S = 60.0
RATE_OVER = 10  # seconds
FLOWS_SHOWN = 12
ROWS_FOR_THE_REST = 18
"""Of the terminal: what stands around the flows, and room for what is logged above."""
STYLE_OF = {"info": "dim", "warning": "yellow", "error": "red", "critical": "red"}


def screen_for(as_json: bool, above: Above | None) -> LineScreen | TerminalScreen:
    """The screen that fits where the output goes. above: where a terminal's lines may be rewritten."""
    if as_json:
        return JsonScreen()
    return LineScreen() if above is None else TerminalScreen(above, Console(), keys=0)


class LineScreen:
    """For pipes and logs: how to get in, then the counts each minute, from when there are some. No colour."""

    def __init__(self) -> None:
        self._running: Running | None = None
        self._next = 0.0

    def say(self, text: str) -> None:
        """Something happened."""
        aside(text)

    def started(self, running: Running) -> None:
        """The city runs; how to get in."""
        self._running = running
        for line in (_runs(running), *_where(running), f"  console  {running.sign_in}"):
            put(line)
        if running.who:
            put(f"           (signs you in once, within {SIGN_IN_LINK_S // 60} minutes; another: {_another(running)})")

    def tick(self, running: Running) -> None:
        """Once a second."""
        if self._running is None or time.monotonic() < self._next:
            return
        counts = running.setting.state.counts()
        if any(c.received for c in counts):
            self._next = time.monotonic() + LINE_EVERY_S
            put(f"{iso(running.setting.now_us())}  {_balance(counts)}{_incidents(running)}")

    def end(self) -> None:
        """The city has stopped."""
        if self._running is not None:
            put(_stopped(self._running))


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
    """For people: the counts of each flow, moving and balancing, and the link below them.

    INVARIANT: one thread writes at a time, by `above.turn`: what is printed above counts the lines that it goes over.
    """

    def __init__(self, above: Above, console: Console, keys: int) -> None:
        self._above, self._console, self._keys = above, console, Keys(keys)
        self._lately = deque[tuple[float, int]](maxlen=RATE_OVER + 1)
        self._running: Running | None = None
        self._link, self._until, self._asked = "", 0.0, False
        # what is printed elsewhere goes by itself: it is no longer than a message, and comes before the end or after it
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()
        self._live.update(Text("The city is starting ...", style="dim"), refresh=True)
        above.show = self._show_logged

    def say(self, text: str) -> None:
        """Something happened."""
        with self._above.turn:
            self._console.print(Text(harmless(text), style="yellow"), soft_wrap=True)

    def started(self, running: Running) -> None:
        """The city runs; how to get in."""
        self._running = running
        with self._above.turn:
            self._console.print(Text(_runs(running), style="bold"), soft_wrap=True)
        self._show_link(running.sign_in)
        self._keys.listen(self._ask)
        self.tick(running)

    def tick(self, running: Running) -> None:
        """Once a second."""
        if self._running is None:
            return
        if self._asked:
            self._asked = False
            self._make_link(running)
        setting = running.setting
        counts = setting.state.counts()
        lines = [
            Text(f"{_moment(setting.now_us())} in the city   {self._rate(counts):,.0f} observations a second"),
            Text(_balance(counts)),
        ]
        if told := _incidents(running):
            lines.append(Text(told.strip(), style="red"))
        rows = min(FLOWS_SHOWN, max(0, self._console.height - ROWS_FOR_THE_REST))
        table = [_table(counts, rows), Text()] if rows and counts else []
        where = [Text(line, style="dim") for line in _where(running)]
        with self._above.turn:
            self._live.update(Group(Text(), *table, *lines, *where, Text(), *self._way_in(running)), refresh=True)

    def end(self) -> None:
        """The city has stopped."""
        self._keys.close()
        with self._above.turn:
            self._above.show = None
            self._live.stop()
        if self._running is not None:
            self._console.print(Text(_stopped(self._running)), soft_wrap=True)

    def _rate(self, counts: Sequence[FlowCount]) -> float:
        """Of the last seconds: within one, many come at once or none."""
        self._lately.append((time.monotonic(), sum(c.received for c in counts)))
        (since, before), (until, now) = self._lately[0], self._lately[-1]
        return (now - before) / max(until - since, 1e-3)

    def _show_logged(self, line: str) -> None:
        """In the reader's thread, in its turn."""
        told, level = plain(line)
        self._console.print(Text(harmless(told), style=STYLE_OF.get(level, "")), soft_wrap=True)

    def _show_link(self, link: str) -> None:
        self._link, self._until = link, time.time() + SIGN_IN_LINK_S

    def _ask(self) -> None:
        self._asked = True

    def _make_link(self, running: Running) -> None:
        if not running.who:
            return
        try:
            token = PeopleDesk(running.setting).link(running.who, whose())
        except CitywardError as error:
            self.say(f"there is no other link: {error.what}")
        else:
            self._show_link(f"{running.setting.city.console}/sign-in?token={token}")

    def _way_in(self, running: Running) -> list[Text]:
        """The link, last and on a line of its own: a line break within it would break it."""
        if not running.who:
            head = "Sign in at"
        elif time.time() > self._until:
            head = "This link has ended. " + self._how(running)
        else:
            until = datetime.fromtimestamp(self._until, UTC)
            head = f"This link signs you in once, until {until:%H:%M} UTC. " + self._how(running)
        link = Text(self._link, style=Style(bold=True, link=self._link), overflow="fold")
        return [Text(head, overflow="fold"), link]

    def _how(self, running: Running) -> str:
        return "Enter: another." if self._keys.heard else f"Another: {_another(running)}"


def _runs(running: Running) -> str:
    speed = running.setting.city.city_clock.speed
    fast = f", {speed:g} times as fast as reality" if speed != 1 else ""
    return harmless(f"{running.setting.loaded.place.name} runs{fast}. Ctrl-C stops it.")


def _where(running: Running) -> list[str]:
    return [f"  devices  {harmless(running.mqtt)}", f"  state    {harmless(_short(running.setting.home.root))}"]


def _another(running: Running) -> str:
    return f"cityward person link {running.who} --state {harmless(_short(running.setting.home.root))}"


def _short(path: Path) -> str:
    """As a person at this prompt would type it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _moment(at_us: int) -> str:
    return f"{iso(at_us)[:16].replace('T', ' ')} UTC"


def _balance(counts: Sequence[FlowCount]) -> str:
    received, admitted = sum(c.received for c in counts), sum(c.admitted for c in counts)
    refused, shed = sum(c.refused for c in counts), sum(c.shed for c in counts)
    sign = "=" if received == admitted + refused + shed else "≠"
    return f"received {received:,} {sign} admitted {admitted:,} + refused {refused:,} + shed {shed:,}"


def _stopped(running: Running) -> str:
    with suppress(LinkError):
        return f"stopped; {_balance(running.setting.state.counts())}"
    return "stopped"


def _incidents(running: Running) -> str:
    count = running.setting.state.watch.open_incidents()
    how = f"cityward watch --state {harmless(_short(running.setting.home.root))}"
    return f"   {count} incident{'' if count == 1 else 's'} open: {how}" if count else ""


def _table(counts: Sequence[FlowCount], rows: int) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(f"flow (the {min(rows, len(counts))} largest of {len(counts)})" if len(counts) > rows else "flow")
    for name in ("received", "admitted", "refused", "shed"):
        table.add_column(name, justify="right")
    for c in sorted(counts, key=lambda c: -c.received)[:rows]:
        style = "red" if c.received != c.admitted + c.refused + c.shed else "yellow" if c.refused or c.shed else ""
        table.add_row(
            Text(harmless(c.flow)), f"{c.received:,}", f"{c.admitted:,}", f"{c.refused:,}", f"{c.shed:,}", style=style
        )
    return table
