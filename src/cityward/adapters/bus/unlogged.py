"""Messages that a device sent and the log does not hold: published with QoS 0, which nobody promised to keep.

Theory of operation
-------------------
The broker counts what every connection sends (`connections`), and the log tells how many messages it holds of each device. The
log keeps everything for longer than two of our windows, so of a device that sent more in a window than the log holds of it at
all, the difference never came in. A window is judged one window later, so that what is on its way is there by then.

INVARIANTS
- Nothing that the log holds is ever called unlogged.
- A device that sends all its messages so is counted exactly; one that also sends some with QoS 1, at least as far as its unlogged
  ones outnumber what the log keeps.

Fails when: a device sends few with QoS 0 among many with QoS 1: the log holds more of it than the window brought. A message
whose topic the broker refused was sent, too, and is in no log: it is counted here under its sender besides `broker-refused`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from cityward.adapters.bus.config import LOG_STREAM
from cityward.errors import LinkError

MOST_SUBJECTS = 100_000  # SPEC: nats-server 2.15 answers with so many at most
_MQTT = "$MQTT.msgs"


@dataclass(slots=True)
class Unlogged:
    """Two windows: the one that fills, and the one before. device -> messages."""

    filling: Counter[str] = field(default_factory=Counter[str])
    before: Counter[str] = field(default_factory=Counter[str])

    def add(self, sent: Mapping[str, tuple[int, int]]) -> None:
        """What each device has sent since the last time: (messages, bytes)."""
        self.filling.update({device: messages for device, (messages, _) in sent.items() if messages})

    def turn(self, held: Mapping[str, int]) -> dict[str, int]:
        """Judge the window before by what the log holds, and begin another: device -> messages that never came in."""
        missing = {device: sent - held.get(device, 0) for device, sent in self.before.items()}
        self.before, self.filling = self.filling, Counter()
        return {device: count for device, count in missing.items() if count > 0}

    def skip(self) -> None:
        """The log did not answer: this window cannot be judged."""
        self.before, self.filling = self.filling, Counter()


async def held_by_device(client: Client) -> dict[str, int] | None:
    """How many messages the log holds of each device, readings and answers; None where it does not tell of all.

    Raises:
        LinkError: the log did not answer.
    """
    try:
        state = (await client.jetstream().stream_info(LOG_STREAM, subjects_filter=f"{_MQTT}.>")).state
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log did not say what it holds of each device: {type(error).__name__}") from error
    subjects: Mapping[str, int] = state.subjects or {}
    if len(subjects) >= MOST_SUBJECTS:
        return None
    held: Counter[str] = Counter()
    for subject, count in subjects.items():
        held[subject.rpartition(".")[2]] += count
    return held
