"""The two measurements: what open consoles cost the door, and what one console costs the browser that shows it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from cityward.adapters.bench.console.chromium import Chromium, running_chromium
from cityward.adapters.bench.console.made import Changing
from cityward.adapters.bench.console.trace import CATEGORIES, CLASSES, SCRIPT, SECOND, by_second, main_thread
from cityward.adapters.bench.tables import Table
from cityward.errors import LinkError

DOOR = "cityward.web.alone"  # a program of its own: this room knows no door
READERS = "cityward.adapters.bench.console.readers"
SETTLE_S = 6.0  # after which everybody has had the whole picture
BARS = {"share": 10.0, "update_ms": 1.0, "map_s": 3.0}
USABLE, WHOLE = "cityward:map-usable", "cityward:map-whole"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """devices, changes a second; consoles: how many listen, one measurement for each; loads: how often the map is opened anew."""

    devices: int = 5000
    changes: int = 1000
    consoles: tuple[int, ...] = (0, 1, 50, 500)
    seconds: int = 30
    loads: int = 3
    browser: bool = True


@dataclass(frozen=True, slots=True)
class Bench:
    """A prepared folder, the tokens of signed-in people, and who changes the values."""

    folder: Path
    sessions: Sequence[str]
    changing: Changing
    wanted: Wanted
    tell: Tell


@dataclass(frozen=True, slots=True)
class Door:
    """A running door."""

    process: psutil.Process
    port: int

    def cpu_s(self) -> float:
        """Processor seconds of all its threads until now."""
        used = self.process.cpu_times()
        return used.user + used.system


class Told(msgspec.Struct, frozen=True):
    """What the readers have had until now; asked: answers beside the feed, failed: of them refused."""

    open: int
    bytes: int
    ticks: int
    asked: int
    failed: int


def measured(bench: Bench) -> list[Table]:
    """All of it.

    Raises:
        LinkError: something did not start, or readers were not let in.
    """
    tables = [listened(bench)] if bench.wanted.consoles else []
    if bench.wanted.browser:
        tables += shown(bench)
    return tables


# -- consoles that listen ----------------------------------------------------------------------------------------------


def listened(bench: Bench) -> Table:
    """The door's processor share by how many consoles are open."""
    rows: list[tuple[int, float, float, float, float, float]] = []
    with _door(bench.folder) as door, bench.changing.going_on():
        for count in bench.wanted.consoles:
            bench.tell(f"{count} consoles listen for {bench.wanted.seconds} s")
            rows.append(_listened(bench, door, count))
    first, last = rows[0], rows[-1]
    beyond = last[1] - first[1]
    verdict = (
        f"{last[0]} consoles: {last[1]:.1f} % of a core, {beyond:.1f} % beyond what {first[0]} cost; "
        f"the bar for 500 is {BARS['share']:.0f} %"
    )
    return Table(
        title="what open consoles cost the web door",
        head=(
            "consoles",
            "share of a core %",
            "of it for each console %",
            "kB a second each",
            "ticks a second each",
            "answers a second, all",
        ),
        rows=tuple(rows),
        verdict=verdict,
        notes=(
            f"{bench.wanted.changes:,} changes a second of {bench.wanted.devices:,} devices",
            "consoles as they are looked at: the feed, and what pages ask while nobody's rights and no alert moves",
            f"load of the machine over a minute at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ),
    )


def _listened(bench: Bench, door: Door, count: int) -> tuple[int, float, float, float, float, float]:
    command = [sys.executable, "-m", READERS, str(door.port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as readers:  # noqa: S603 - our words
        assert readers.stdin is not None
        for session in bench.sessions[:count]:
            readers.stdin.write(session + "\n")
        _told(readers)
        time.sleep(SETTLE_S)
        before, used, began = _told(readers), door.cpu_s(), time.monotonic()
        time.sleep(bench.wanted.seconds)
        after, used, took = _told(readers), door.cpu_s() - used, time.monotonic() - began
        readers.stdin.close()
    if after.open != count:
        raise LinkError(f"{count - after.open} of {count} consoles are not connected any more")
    if after.failed:
        raise LinkError(f"{after.failed} of {after.asked} questions of consoles were refused")
    share, each = 100 * used / took, max(1, count)
    kb, ticks = (after.bytes - before.bytes) / took / each / 1000, (after.ticks - before.ticks) / took / each
    return count, share, share / each, kb, ticks, (after.asked - before.asked) / took


def _told(readers: subprocess.Popen[str]) -> Told:
    assert readers.stdin is not None
    assert readers.stdout is not None
    readers.stdin.write("tell\n")
    readers.stdin.flush()
    line = readers.stdout.readline()
    if not line:
        raise LinkError("the readers ended early")
    return msgspec.json.decode(line, type=Told)


@contextmanager
def _door(folder: Path) -> Generator[Door]:
    command = [sys.executable, "-m", DOOR, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our words
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise LinkError("the door did not open")
            yield Door(psutil.Process(process.pid), int(line))
        finally:
            process.stdin.close()


# -- a console that is looked at ---------------------------------------------------------------------------------------

# what is shown: its name, the address behind the door, what is done there, and how it is known to be there
VIEWS = (
    ("map, flows beside it", "#/", "", "document.querySelector('.marks button')"),
    ("map, devices beside it", "#/", "document.getElementById('tab-Devices').click()", "document.querySelector('#find-device')"),
    ("map near, every device for itself", "#/?z=15&c=2.3,54.9", "", "document.querySelector('.legend button')"),
    ("one device", "#/device/lamp-000-01", "", "document.querySelector('main h1')"),
    ("map in a hidden tab", "#/", "HIDE", "document.hidden"),
)  # fmt: skip
_HIDE = (
    "Object.defineProperty(document, 'hidden', {get: () => true});"
    "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'});"
    "document.dispatchEvent(new Event('visibilitychange'))"
)


def shown(bench: Bench) -> list[Table]:
    """What the main thread of a console does, and how soon its map may be used."""
    with _door(bench.folder) as door, bench.changing.going_on():
        loads = [_opened(bench, door, n) for n in range(bench.wanted.loads)]
        with _console(bench, door) as page:
            views = [_looked_at(bench, page, door, *view) for view in VIEWS]
    return [_views_table(bench, views), *([_loads_table(loads)] if loads else [])]


@contextmanager
def _console(bench: Bench, door: Door) -> Generator[Chromium]:
    """A browser whose person is signed in."""
    with running_chromium() as page:
        for domain in ("Page", "Runtime", "Network"):
            page.call(f"{domain}.enable")
        page.call("Performance.enable", timeDomain="threadTicks")
        page.call("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
        page.call("Network.setCookie", name="cityward", value=bench.sessions[-1], url=f"http://127.0.0.1:{door.port}/")
        yield page


@dataclass(frozen=True, slots=True)
class Load:
    """A first opening, in seconds from the address on: devices drawn and to be clicked; all tiles of the map drawn."""

    usable_s: float
    whole_s: float


def _opened(bench: Bench, door: Door, n: int) -> Load:
    bench.tell(f"the map is opened by a fresh browser ({n + 1} of {bench.wanted.loads})")
    with _console(bench, door) as page:
        page.call("Page.navigate", url=f"http://127.0.0.1:{door.port}/")
        page.until(f"performance.getEntriesByName('{WHOLE}').length")
        at = [page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime") for name in (USABLE, WHOLE)]
    return Load(at[0] / 1000, at[1] / 1000)


@dataclass(frozen=True, slots=True)
class Looked:
    """One view: thread ms of its main thread for each second, by class; and what Chromium's counters say of the whole time."""

    name: str
    seconds: list[dict[str, float]]
    task_ms: float  # a second, by the browser's own counters, without the tracing of the rest
    changes: float  # a second, while it was looked at


def _looked_at(bench: Bench, page: Chromium, door: Door, name: str, address: str, act: str, there: str) -> Looked:
    bench.tell(f"{name}: {bench.wanted.seconds} s")
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=f"http://127.0.0.1:{door.port}/{address}")
    page.until("document.querySelector('main h1')")
    if act == "HIDE":
        page.until("document.querySelector('.marks button')")
    if act:
        page.evaluate(_HIDE if act == "HIDE" else act)
    page.until(there)
    time.sleep(SETTLE_S)
    sent, began, task_s = bench.changing.sent, time.monotonic(), _task_s(page)
    time.sleep(bench.wanted.seconds)
    took = time.monotonic() - began
    task_ms, changes = 1000 * (_task_s(page) - task_s) / took, (bench.changing.sent - sent) / took
    return Looked(name, _traced(page, bench.wanted.seconds), task_ms, changes)


def _task_s(page: Chromium) -> float:
    told = page.call("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in told if one["name"] == "TaskDuration"))


def _traced(page: Chromium, seconds: int) -> list[dict[str, float]]:
    page.events.clear()
    page.call("Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": list(CATEGORIES)})
    time.sleep(seconds + 0.5)
    page.call("Tracing.end")
    page.wait(lambda: any(e["method"] == "Tracing.tracingComplete" for e in page.events), "the end of a trace")
    events = [one for e in page.events if e["method"] == "Tracing.dataCollected" for one in e["params"]["value"]]
    page.events.clear()
    spans = main_thread(events)
    if not spans:
        raise LinkError("the trace holds no main thread")
    since = min(span.at for span in spans)
    return [dict(one) for one in by_second(spans, since, (max(s.at for s in spans) - since) // SECOND)]


def _views_table(bench: Bench, views: Sequence[Looked]) -> Table:
    rows = tuple(_view_row(view) for view in views)
    first = rows[0]
    worst = max(float(row[1] or 0) for row in rows)
    return Table(
        title="what one console costs the main thread of its browser, in ms of processor time",
        head=(
            "view", "script a redraw: median", "worst", "script a changed value", *(f"{one}: median" for one in CLASSES[1:]),
            "all, a second: median", "worst", "all, a second, untraced",
        ),
        rows=rows,
        verdict=(
            f"script for one redraw of {first[0]}: {first[1]:.2f} ms (the worst view {worst:.2f}); "
            f"the bar is {BARS['update_ms']:.0f} ms"
        ),
        notes=(
            f"{views[0].changes:,.0f} changes a second of {bench.wanted.devices:,} devices, {bench.wanted.seconds} s each",
            "script: all but what draws the map; software draws, in a process of its own, which is not counted",
            f"load of the machine over a minute at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ),
    )  # fmt: skip


def _view_row(view: Looked) -> tuple[str | float, ...]:
    script = [one.get(SCRIPT, 0.0) for one in view.seconds]
    whole = [sum(one.values()) for one in view.seconds]
    rest = [statistics.median(one.get(kind, 0.0) for one in view.seconds) for kind in CLASSES[1:]]
    middle = statistics.median(script)
    each = statistics.fmean(script) / max(1.0, view.changes)
    return (view.name, middle, max(script), each, *rest, statistics.median(whole), max(whole), view.task_ms)


def _loads_table(loads: Sequence[Load]) -> Table:
    usable = statistics.median(one.usable_s for one in loads)
    return Table(
        title="how soon a map may be used, in s from the address on",
        head=("opening", "usable", "whole"),
        rows=tuple((n + 1, one.usable_s, one.whole_s) for n, one in enumerate(loads)),
        verdict=f"usable after {usable:.2f} s (median); the bar is {BARS['map_s']:.0f} s",
        notes=("a fresh browser each time, drawn by software; usable: the devices are drawn; whole: every tile is",),
    )
