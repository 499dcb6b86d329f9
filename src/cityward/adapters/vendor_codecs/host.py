"""The side that asks: one child for all scripts, a deadline for each call, and a new child when the old one failed.

INVARIANTS
- `decode` returns or raises within `DEADLINE_S`, whatever the script does.
- The child gets no environment, no working folder of ours and no descriptor but its two pipes.
- Where the machine has no filter for it, no script runs unless whoever runs the city said so (`unfiltered`).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from cityward.adapters.protocols.strict_json import parse
from cityward.adapters.vendor_codecs.exchange import (
    LENGTH,
    MOST_PAYLOAD,
    MOST_SCRIPT,
    Ask,
    Learn,
    Said,
    length_of,
    read_said,
    write,
)
from cityward.errors import DecodeError, LinkError
from cityward.guard.reasons import Reason

DEADLINE_S = 2.0
START_S = 20.0
MOST_STOPS, ASIDE_S = (
    5,
    30.0,
)  # a script that was stopped so often in a row is not asked for a while: others wait for it


@dataclass(slots=True)
class Codecs:
    """What became of the calls since the start."""

    decoded: int = 0
    failed: int = 0
    killed: int = 0
    passed_over: int = 0


@dataclass(slots=True)
class VendorCodecs:
    """Implements `protocols.lorawan.codec.Decoder`. scripts: name -> JavaScript. Not for two threads at once."""

    scripts: Mapping[str, str]
    unfiltered: bool = False
    progress: Codecs = field(default_factory=Codecs)
    _child: subprocess.Popen[bytes] | None = None
    _stops: dict[str, int] = field(default_factory=dict[str, int])
    _aside: dict[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        for name, script in self.scripts.items():
            if len(script.encode(errors="replace")) > MOST_SCRIPT:
                raise ValueError(f"the codec {name} is longer than {MOST_SCRIPT} bytes")

    def decode(self, name: str, port: int, payload: bytes, at_ms: int) -> object:
        """What the script says these bytes mean: its `data`, read as any foreign JSON.

        Raises:
            DecodeError: UNDECODABLE: it failed, was stopped, or answered what is no object.
        """
        if len(payload) > MOST_PAYLOAD:
            raise DecodeError(Reason.TOO_LARGE.name, f"{len(payload)} bytes are more than a radio frame holds")
        found = self._found(Ask(name=name, port=port, payload=payload, at_ms=at_ms))
        if isinstance(found, str):
            self.progress.failed += 1
            raise DecodeError(Reason.UNDECODABLE.name, f"the codec {name} did not decode it: {found[:120]}")
        self.progress.decoded += 1
        return found

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    pipe.close() if pipe is not None else None
            child.wait()

    def _found(self, question: Ask) -> dict[str, object] | str:
        """The decoded object, or what went wrong."""
        name = question.name
        if time.monotonic() < self._aside.get(name, 0.0):
            self.progress.passed_over += 1
            return "it was stopped too often, and is not asked for a while"
        try:
            said = self._ask(question)
        except LinkError as error:
            said = Said(fault=error.what, stopped=True)
        if not said.stopped:
            self._stops.pop(name, None)
            return said.fault or self._read(said.text)
        self._stops[name] = self._stops.get(name, 0) + 1
        if self._stops[name] >= MOST_STOPS:
            self._aside[name] = time.monotonic() + ASIDE_S
            del self._stops[name]
        return said.fault

    @staticmethod
    def _read(text: str) -> dict[str, object] | str:
        try:
            said = parse(text.encode())
        except (DecodeError, UnicodeEncodeError):
            return "its answer is no JSON that may be read"
        if not isinstance(said, dict):
            return "its answer is no object"
        if said.get("errors"):
            return f"it says: {said['errors']}"
        data = said.get("data")
        return data if isinstance(data, dict) else "its answer has no `data`"

    def _ask(self, question: Learn | Ask) -> Said:
        child = self._child or self._start()
        try:
            return self._exchange(child, question, DEADLINE_S)
        except (OSError, ValueError, msgspec.DecodeError, TimeoutError) as error:
            self.progress.killed += 1
            self.close()
            raise LinkError(f"it was stopped: {type(error).__name__}") from error

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-m", "cityward.adapters.vendor_codecs.child"]
        self._child = child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command + (["--unfiltered"] if self.unfiltered else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            bufsize=0,
        )
        try:
            if self._hear(child, time.monotonic() + START_S).text != "ready":
                raise ValueError("it did not say that it is ready")
            for name, script in self.scripts.items():
                self._exchange(child, Learn(name=name, script=script), START_S)
        except (OSError, ValueError, msgspec.DecodeError, TimeoutError) as error:
            self.close()
            raise LinkError(f"the codecs' process does not start: {error}") from error
        return child

    def _exchange(self, child: subprocess.Popen[bytes], question: Learn | Ask, within_s: float) -> Said:
        deadline = time.monotonic() + within_s
        assert child.stdin is not None
        child.stdin.write(
            write(question)
        )  # at most a frame: a child that does not read is found below or by a full pipe
        return self._hear(child, deadline)

    def _hear(self, child: subprocess.Popen[bytes], deadline: float) -> Said:
        return read_said(self._bytes(child, length_of(self._bytes(child, LENGTH, deadline)), deadline))

    @staticmethod
    def _bytes(child: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
        assert child.stdout is not None
        got = b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(child.stdout, selectors.EVENT_READ)
            while len(got) < size:
                if not waiting.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"no answer within {DEADLINE_S} s")
                piece = os.read(child.stdout.fileno(), size - len(got))
                if not piece:
                    raise ValueError("it ended")
                got += piece
        return got
