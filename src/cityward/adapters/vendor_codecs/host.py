"""The side that asks: one child for all scripts, a deadline for each call, and a new child when the old one failed.

INVARIANTS
- `decode` returns or raises within `DEADLINE_S`, whatever the script does.
- However many payloads one sender makes a script long over, it takes `SENDER_S` of slow calls and is then not asked for
  `ASIDE_S`; all senders together `SCRIPT_S`. Fast calls of others in between do not wipe that out.
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
SLOW_S = 0.05  # a call that takes so long counts. PRECEDENT: honest codecs take 1 to 5 ms
SENDER_S, SCRIPT_S, ASIDE_S = (
    1.0,
    5.0,
    30.0,
)  # slow seconds, after which it is not asked for a while: others wait for it
FORGIVEN = 0.02  # slow seconds a second
MOST_SENDERS = 10_000


@dataclass(slots=True)
class Codecs:
    """What became of the calls since the start."""

    decoded: int = 0
    failed: int = 0
    killed: int = 0
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class _Slow:
    """Slow seconds taken, as of a monotonic moment, and until when nothing is asked."""

    seconds: float
    at: float
    aside: float = 0.0

    def left(self, now: float) -> float:
        """What is not forgiven yet."""
        return max(0.0, self.seconds - FORGIVEN * (now - self.at))


@dataclass(slots=True)
class VendorCodecs:
    """Implements `protocols.lorawan.codec.Decoder`. scripts: name -> JavaScript. Not for two threads at once."""

    scripts: Mapping[str, str]
    unfiltered: bool = False
    progress: Codecs = field(default_factory=Codecs)
    _child: subprocess.Popen[bytes] | None = None
    _slow: dict[tuple[str, str], _Slow] = field(default_factory=dict[tuple[str, str], "_Slow"])

    def __post_init__(self) -> None:
        for name, script in self.scripts.items():
            if len(script.encode(errors="replace")) > MOST_SCRIPT:
                raise ValueError(f"the codec {name} is longer than {MOST_SCRIPT} bytes")

    def decode(self, name: str, port: int, payload: bytes, at_ms: int, sender: str = "") -> object:
        """What the script says these bytes mean: its `data`, read as any foreign JSON. sender: in whose name they came.

        Raises:
            DecodeError: UNDECODABLE: it failed, was stopped, or answered what is no object.
        """
        if len(payload) > MOST_PAYLOAD:
            raise DecodeError(Reason.TOO_LARGE.name, f"{len(payload)} bytes are more than a radio frame holds")
        found = self._found(Ask(name=name, port=port, payload=payload, at_ms=at_ms), sender)
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

    def _found(self, question: Ask, sender: str) -> dict[str, object] | str:
        """The decoded object, or what went wrong."""
        name, now = question.name, time.monotonic()
        if any(now < self._slow[key].aside for key in ((name, ""), (name, sender)) if key in self._slow):
            self.progress.passed_over += 1
            return "it was stopped too often, and is not asked for a while"
        try:
            said = self._ask(question)
        except LinkError as error:
            said = Said(fault=error.what, stopped=True, seconds=time.monotonic() - now)
        if said.stopped or said.seconds >= SLOW_S:
            for key, most in {(name, sender): SENDER_S, (name, ""): SCRIPT_S}.items():
                self._was_slow(key, said.seconds, most)
        return said.fault or self._read(said.text)

    def _was_slow(self, key: tuple[str, str], seconds: float, most: float) -> None:
        now = time.monotonic()
        if key not in self._slow and len(self._slow) >= MOST_SENDERS:
            self._slow = {k: slow for k, slow in self._slow.items() if now < slow.aside or slow.left(now) > 0.0}
            if len(self._slow) >= MOST_SENDERS:
                return
        taken = seconds + (self._slow[key].left(now) if key in self._slow else 0.0)
        self._slow[key] = _Slow(0.0, now, now + ASIDE_S) if taken >= most else _Slow(taken, now)

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
