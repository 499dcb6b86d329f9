"""A twin of a city: a second `cityward run` of the same declaration, closed, on ports of its own, in a folder of its own.

Theory of operation
-------------------
`Twin.start` writes what the twin is (`exercise.json`), starts `cityward run --exercise` as a process, and follows what it says:
that it has started, and each second which of its processes run. `stop` ends it; `again` starts it anew in the same folder, with
other records laid over its declaration. Everything of it lies in one folder, which `clear` removes.

INVARIANTS
- It inherits nothing of the environment that could lead it to the city: no bus, no state.
- It ends when the process that started it does: it is told to by the end of a pipe, whatever ends us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from cityward.adapters.exercising.visitor import NO_ANSWER, Visitor
from cityward.compose.home import Exercise, Home
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError
from cityward.time import from_us

STARTS_WITHIN_S = 120.0
ENDS_WITHIN_S = 40.0
OPENS_WITHIN_S = 30.0
LEFT_AFTER_S = 24 * 3600.0
MOST_LINE = 1 << 20
MARK = "exercise.json"
FLOW_LOG = "flows.csv"
FLOW_LOG_HEAD = "time,source,destination,port,protocol\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinOptions:
    """What to run. folder: it alone will live there. roles: beside those that every city has."""

    place: Path
    folder: Path
    speed: float
    city_time_us: int
    roles: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


@dataclass(slots=True)
class Twin:
    """One that runs. pids: its processes, by name, as it last said."""

    options: TwinOptions
    exercise: Exercise
    setting: Setting
    mqtt_port: int
    process: asyncio.subprocess.Process = field(repr=False)
    pids: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])
    started_in_s: float = 0.0
    following: asyncio.Task[None] | None = None

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self.options.folder

    @property
    def web_port(self) -> int:
        """Of its web door."""
        return self.setting.city.web_port

    @property
    def is_running(self) -> bool:
        """Whether its supervisor lives."""
        return self.process.returncode is None

    @property
    def flow_log(self) -> Path:
        """The firewall's log that it follows."""
        return self.state / FLOW_LOG

    async def stop(self) -> None:
        """End it, gently first."""
        if self.is_running:
            for pid in self.pids.values():  # what an exercise has stopped cannot end
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
                try:
                    await asyncio.wait_for(self.process.wait(), ENDS_WITHIN_S)
                except TimeoutError:
                    self.process.kill()
                    await self.process.wait()
        if self.following is not None:
            await asyncio.gather(self.following, return_exceptions=True)
        self.setting.state.dispose()

    def clear(self) -> None:
        """Remove all that it held. It must have ended."""
        shutil.rmtree(self.state, ignore_errors=True)


async def start_twin(options: TwinOptions, before: Exercise | None = None, overlay: str = "") -> Twin:
    """Start one and wait until its doors are open.

    Args:
        options: what to run.
        before: what it was at an earlier start, in the same folder: it stays the same twin.
        overlay: a file whose records are laid over its declaration.

    Raises:
        LinkError: it did not start.
    """
    began = time.monotonic()
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    exercise = Exercise(
        id=secrets.token_hex(4) if before is None else before.id,
        secret=secrets.token_urlsafe(24),
        stand_ins=options.stand_ins,
        roles=options.roles,
        overlay=overlay,
    )
    _write_private(options.folder / MARK, msgspec.json.encode(exercise))
    log = options.folder / FLOW_LOG
    if not log.exists():
        log.write_text(FLOW_LOG_HEAD)
    errors = (options.folder / "twin.log").open("ab")
    try:
        process = await asyncio.create_subprocess_exec(
            *_argv(options, log),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=_environment(),
            limit=MOST_LINE,
            start_new_session=True,  # an interrupt of the terminal is for us, who end it in order
        )
    finally:
        errors.close()
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            started = await _until_started(process)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        if isinstance(error, TimeoutError | LinkError):
            raise LinkError(
                "the twin did not start", where=str(options.folder / "twin.log"), mend=_tail(options)
            ) from None
        raise
    setting = await asyncio.to_thread(open_setting, Home(options.folder))
    twin = Twin(options, exercise, setting, int(str(started["mqtt"]).rpartition(":")[2]), process)
    twin.following = asyncio.create_task(_follow(twin, process))
    await _until_open(twin)
    twin.started_in_s = time.monotonic() - began
    return twin


def clear_left_over(root: Path) -> int:
    """Remove the folders of twins that ended without clearing up, and are older than a day. How many there were."""
    gone = 0
    for mark in root.glob(f"*/{MARK}"):
        with contextlib.suppress(OSError):
            if time.time() - mark.stat().st_mtime > LEFT_AFTER_S:
                shutil.rmtree(mark.parent, ignore_errors=True)
                gone += 1
    return gone


def _argv(options: TwinOptions, log: Path) -> list[str]:
    at = from_us(options.city_time_us).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    free = [f"--{name}" for name in ("port", "mqtt-port", "nats-port", "admin-port")]
    argv = [sys.executable, "-m", "cityward", "run", str(options.place), "--state", str(options.folder), "--json"]
    argv += [word for name in free for word in (name, "0")]
    argv += ["--plain-mqtt", "--no-simulate", "--speed", f"{options.speed:g}", "--city-time", at]
    if "network" in options.roles:
        argv += ["--network-log", str(log)]
    return [*argv, "--exercise", str(options.folder / MARK)]


def _environment() -> dict[str, str]:
    """# SECURITY: without a word of the city's own: its bus would be the twin's."""
    return {name: text for name, text in os.environ.items() if not name.startswith("CITYWARD")}


async def _until_started(process: asyncio.subprocess.Process) -> Mapping[str, Any]:
    while True:
        event = await _next(process)
        if event is None:
            raise LinkError("the twin ended while it started")
        if event.get("event") == "started":
            return event


async def _until_open(twin: Twin) -> None:
    """Until its web door answers; one that does not is seen by whoever asks it."""
    visitor, until = Visitor(twin.web_port), time.monotonic() + OPENS_WITHIN_S
    while time.monotonic() < until:
        told = await asyncio.to_thread(visitor.ask, "GET", "/sign-in", b"", {})
        if told.status != NO_ANSWER:
            break
        await asyncio.sleep(0.1)
    visitor.close()


async def _next(process: asyncio.subprocess.Process) -> Mapping[str, Any] | None:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        return None
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


async def _follow(twin: Twin, process: asyncio.subprocess.Process) -> None:
    while (event := await _next(process)) is not None:
        if event.get("event") == "counts":
            twin.pids = dict(event.get("pids", {}))
        elif event.get("event") == "note":
            twin.notes = [*twin.notes[-50:], str(event.get("text", ""))]
    twin.pids = {}


def _tail(options: TwinOptions) -> str:
    with contextlib.suppress(OSError):
        return (options.folder / "twin.log").read_text(errors="replace")[-500:]
    return ""


def _write_private(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
