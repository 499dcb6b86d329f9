"""Asks a camera's settings again and again, in a thread of its own, and holds what changed until somebody takes it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from cityward.adapters.video.onvif import Heard, OnvifClient
from cityward.errors import CitywardError

EVERY_S = 60.0
LONGEST_PAUSE_S = 900.0
MOST_HELD = 64
END_S = 12.0  # one question more than `onvif.ANSWER_S`
_TROUBLES = (
    "tamper",
    "scenechange",
    "imagetoo",
    "signalloss",
    "videolost",
    "videoloss",
    "failure",
    "configurationerror",
)
"""SPEC: ONVIF topics, in lower case: `VideoSource/GlobalSceneChange`, `SignalLoss`, `RuleEngine/TamperDetector` and others."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Asking:
    """One camera's. counts: since the start."""

    client: OnvifClient
    every_s: float = EVERY_S
    counts: Counter[str] = field(default_factory=Counter[str])
    clock_off_s: float = 0.0
    why: str = ""
    _held: deque[str] = field(default_factory=lambda: deque[str](maxlen=MOST_HELD))
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Ask until closed."""
        self._thread = threading.Thread(target=self._run, name=f"onvif-{self.client.exit_.by}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(END_S)

    def taken(self) -> list[str]:
        """What changed since this was asked last."""
        out: list[str] = []
        while self._held:
            out.append(self._held.popleft())
        return out

    def look(self) -> bool:
        """Ask once; whether it answered."""
        try:
            told = self.client.look()
        except CitywardError as error:
            self.counts["failed"] += 1
            if error.what != self.why:
                log.warning("a camera does not tell its settings", exit=self.client.exit_.by, why=error.what)
            self.why = error.what
            return False
        except (
            Exception
        ) as error:  # what a camera says must not end this thread: it would be watched by nobody, unnoticed
            self.counts["failed"] += 1
            self.why = f"its own fault: {type(error).__name__}"
            log.exception("a camera's settings could not be asked", exit=self.client.exit_.by)
            return False
        self.why = ""
        self.counts["asked"] += 1
        self.clock_off_s = told.clock_off_s or 0.0
        new = [*told.noticed, *said_by(told.heard)]
        self.counts["forgotten"] += max(0, len(self._held) + len(new) - MOST_HELD)
        self._held.extend(new)
        return True

    def _run(self) -> None:
        pause = self.every_s
        while not self._stop.is_set():
            pause = self.every_s if self.look() else min(2 * pause, LONGEST_PAUSE_S)
            self._stop.wait(pause)


def said_by(heard: Sequence[Heard]) -> list[str]:
    """The events that are about the camera itself, and are so now; what moves in its picture is not told."""
    out: dict[str, None] = {}
    for one in heard:
        topic = one.topic.lower().replace("/", "")
        now = any(value.lower() in {"true", "1"} for value in one.values.values())
        if now and any(word in topic for word in _TROUBLES):
            out[f"the camera says: {one.topic}"] = None
    return list(out)
