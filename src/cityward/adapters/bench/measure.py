"""One measurement: start the load, wait until all of it is held, and say how long that took and what it used."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import msgspec
import psutil

from cityward.adapters.bench.generator import Load, Outcome
from cityward.errors import LinkError

POLL_S = 0.02
READY_S = 300.0
HELD_S = 600.0
ROOMS_S = 1.5
"""Workers tell once a second what each room used."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are durably held and counted. INVARIANT: received == admitted + refused + shed."""

    received: int
    admitted: int
    refused: int = 0
    shed: int = 0

    def since(self, before: Held) -> Held:
        """What came in addition."""
        return Held(
            received=self.received - before.received,
            admitted=self.admitted - before.admitted,
            refused=self.refused - before.refused,
            shed=self.shed - before.shed,
        )


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What one load took. Seconds are from the first publication; `cpu_s` by process, `rooms_s` within the workers."""

    system: str
    case: str
    messages: int
    observations: int
    acknowledged_s: float
    held_s: float
    held: Held
    cpu_s: dict[str, float]
    rooms_s: dict[str, float]

    @property
    def rate(self) -> float:
        """Observations durably held per second."""
        return self.observations / self.held_s

    @property
    def worker_s(self) -> float:
        """Processor seconds of the workers."""
        return sum(s for role, s in self.cpu_s.items() if role.startswith("worker"))

    @property
    def rate_per_worker_core(self) -> float:
        """Observations per processor second of the workers: what one core would hold, were it given to a worker alone."""
        return self.observations / self.worker_s if self.worker_s else 0.0


def measure(
    system: str,
    case: str,
    load: Load,
    processes: Mapping[str, int],
    held: Callable[[], Held],
    rooms: Callable[[], Mapping[str, float]] = dict,
) -> Measurement:
    """Send a load and wait until all its observations are held.

    Raises:
        LinkError: the generator failed, or not everything was held within `HELD_S`.
    """
    watched = {role: psutil.Process(pid) for role, pid in processes.items()}
    expected = load.messages * load.rows * len(load.senders)
    with _started(load) as generator:
        before, rooms_before, used_before = held(), rooms(), _used(watched)
        outcome = _run(generator)
        came = _await_held(held, before, expected)
        ended = time.time()
        used = _used(watched)
    if outcome.acknowledged != outcome.sent:
        raise LinkError(f"{outcome.sent} messages were sent, {outcome.acknowledged} acknowledged")
    if rooms_before:
        time.sleep(ROOMS_S)  # the clock is stopped already
    cpu = {role: used[role] - used_before[role] for role in used}
    rooms_after = rooms()
    return Measurement(
        system=system,
        case=case,
        messages=outcome.sent,
        observations=expected,
        acknowledged_s=outcome.last_acknowledged - outcome.began,
        held_s=ended - outcome.began,
        held=came,
        cpu_s={**cpu, "generator": outcome.cpu_s},
        rooms_s={room: s - rooms_before.get(room, 0.0) for room, s in rooms_after.items()},
    )


def _started(load: Load) -> subprocess.Popen[str]:
    """The generator, connected and with everything encoded."""
    command = [sys.executable, "-m", "cityward.adapters.bench.generator"]
    pipe = subprocess.PIPE
    # the command is ours: no shell, no text from outside
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)  # noqa: S603
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(msgspec.json.encode(load).decode() + "\n")
    process.stdin.flush()
    if process.stdout.readline() != "ready\n":
        raise LinkError(f"the load generator did not start: {_last_words(process)}")
    return process


def _run(process: subprocess.Popen[str]) -> Outcome:
    """Start it and wait for its end."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise LinkError(f"the load generator failed: {_last_words(process)}")
    return msgspec.json.decode(line.encode(), type=Outcome)


def _last_words(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate(timeout=10)
    return errors.strip().splitlines()[-1][:500] if errors.strip() else f"exit code {process.returncode}"


def _await_held(held: Callable[[], Held], before: Held, expected: int) -> Held:
    end = time.monotonic() + HELD_S
    while (came := held().since(before)).received < expected:
        if time.monotonic() > end:
            raise LinkError(f"after {HELD_S:.0f} s {came.received} of {expected} observations are held")
        time.sleep(POLL_S)
    return came


def _used(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Role -> processor seconds, user and system."""
    times = {role: process.cpu_times() for role, process in processes.items()}
    return {role: t.user + t.system for role, t in times.items()}
