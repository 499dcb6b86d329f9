"""Carries out commands for actuators that hear nothing themselves: lamps behind a gateway. Answers and reports in their names.

Theory of operation
-------------------
`hear` takes what the city published for one device, as the device would: its signature, its name, whether it is new and in time
(`runtime.obeying`). What stands the test waits, one command a device: a newer one takes the place of an older, which is answered
as overtaken. `AT_ONCE` commands are handed on at a time. What the gateway finished is answered; what it only took is answered
when a look shows that level. A gateway that does not answer is asked once more, and then nothing is answered: the city reverts
what nobody acknowledged. Every `every_s` the gateway is asked what its lamps stand at, sooner while something it took is open;
each level becomes a reading in its lamp's name, judged by the gate like any other.

INVARIANTS
- Nothing is handed on that the city did not sign for that very device, twice, or after its expiry.
- heard == done + rejected + unanswered + still waiting, under way or open; what is not signed or cannot be read is counted apart.
- A gateway that hangs or fails holds up no other, and never what is heard: each has threads of its own.
- Bounded: one waiting and one open command a device, `MOST_ANSWERS` answers that the log has not taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import msgspec
import structlog

from cityward.errors import CitywardError, DecodeError, LinkError
from cityward.runtime.commands import (
    ACK_PREFIX,
    Acknowledgement,
    BadSignature,
    Command,
    Verify,
    decode_command,
    encode_acknowledgement,
)
from cityward.runtime.obeying import Obeyed
from cityward.time import SECOND, from_us, to_us

AT_ONCE = 4  # commands under way at one gateway
AHEAD_US = 60 * SECOND  # how far ahead of this clock a command may be issued
AGAIN_S = 2.0  # after a gateway did not answer
SOON_S = 5.0  # to the next look, while something that was taken is open
LONGEST_PAUSE_S = 300.0
MOST_ANSWERS = 10_000
REPORTS_AT_ONCE = 64

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Gateway(Protocol):
    """What a command is handed to. Both block, for a bounded time."""

    def send(self, command: Command, now_us: int) -> Acknowledgement | None:
        """Hand one on; None: it was taken, and is not known to be done.

        Raises:
            CitywardError: no answer.
        """
        ...

    def levels(self) -> Mapping[str, float]:
        """Device -> what it stands at, percent, of those that the gateway says it of.

        Raises:
            CitywardError: no answer.
        """
        ...


class Log(Protocol):
    """The log's way in."""

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        """A reading. Raises `LinkError`."""
        ...

    async def publish_to(self, subject: str, payload: bytes) -> int:
        """An answer. Raises `LinkError`."""
        ...


@dataclass(slots=True)
class RelayProgress:
    """What became of one gateway's commands and looks since the start. trouble: what is wrong now."""

    counts: Counter[str] = field(default_factory=Counter[str])
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A device behind the gateway: the name of `lamp-level` on the wire."""

    device: str
    key: str


class Relay:
    """One gateway. bound: every device behind it. now_us: the city's clock. every_s: real seconds between two looks."""

    def __init__(
        self,
        name: str,
        gateway: Gateway,
        bound: Sequence[Bound],
        verify: Verify,
        now_us: Callable[[], int],
        every_s: float,
    ) -> None:
        self.name, self.progress = name, RelayProgress()
        self._gateway, self._verify, self._now_us, self._every_s = gateway, verify, now_us, every_s
        self._bound = {one.device: one for one in bound}
        self._obeyed = {one.device: Obeyed() for one in bound}
        self._waiting: dict[str, Command] = {}  # the oldest first
        self._open: dict[str, Command] = {}
        self._under_way: set[str] = set()
        self._answers: list[tuple[str, Acknowledgement]] = []
        self._last_at = 0
        self._troubles: dict[str, str] = {}
        self._work, self._said, self._taken = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE + 1, thread_name_prefix=name)

    # -- what the city says ------------------------------------------------------------------------------------------

    def hear(self, device: str, payload: bytes) -> None:
        """What was published for one of the devices. Never blocks, never raises."""
        if device not in self._bound:
            return
        now = self._now_us()
        try:
            command = decode_command(payload, self._verify)
        except BadSignature as error:
            self._count("bad-signature")
            self._answer(device, error.id, "rejected", now, "bad-signature")
            return
        except DecodeError:
            self._count("unreadable")
            return
        self._count("heard")
        late = self._obeyed[device].objection(command, now, AHEAD_US)
        objection = "wrong-device" if command.device != device else late
        if objection:
            self._reject(device, command, now, objection)
            return
        self._obeyed[device].keep(command)
        older = self._waiting.pop(device, None)
        if older is not None:
            self._reject(device, older, now, "overtaken")
        self._waiting[device] = command
        self._work.set()

    def _count(self, word: str) -> None:
        self.progress.counts[word] += 1

    def _reject(self, device: str, command: Command, now: int, why: str) -> None:
        self._count("rejected")
        self._answer(device, command.id, "rejected", now, why)

    def _answer(
        self, device: str, of: str, outcome: Literal["done", "rejected"], now: int, reason: str = "",
        level: float | None = None,
    ) -> None:  # fmt: skip
        told = Acknowledgement(id=of, outcome=outcome, level=level, at=from_us(now), reason=reason)
        self._say(device, told)

    def _say(self, device: str, answer: Acknowledgement) -> None:
        if len(self._answers) >= MOST_ANSWERS:
            self._count("answers-lost")
            return
        self._answers.append((device, answer))
        self._said.set()

    # -- until stopped -----------------------------------------------------------------------------------------------

    async def run(self, to: Log, stop: asyncio.Event) -> None:
        """Hand on, answer and look until stopped."""
        tasks = [asyncio.create_task(self._hand_on()) for _ in range(AT_ONCE)]
        tasks += [asyncio.create_task(self._tell(to)), asyncio.create_task(self._look(to))]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # none ends by itself: its fault is the role's
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            await asyncio.gather(stopped, *tasks, return_exceptions=True)
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, ask: Callable[..., T], *what: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *what)

    async def _hand_on(self) -> None:
        while True:
            await self._work.wait()
            device = next((one for one in self._waiting if one not in self._under_way), None)
            if device is None:
                self._work.clear()
                continue
            self._under_way.add(device)
            try:
                await self._carry_out(device, self._waiting.pop(device))
            finally:
                self._under_way.discard(device)
                self._work.set()  # a newer one for it may wait

    async def _carry_out(self, device: str, command: Command) -> None:
        self._give_up(device)
        for pause in (AGAIN_S, None):
            try:
                answer = await self._ask(self._gateway.send, command, self._now_us())
            except CitywardError as error:
                self._trouble("commands", error.what)
                if pause is None or device in self._waiting:
                    self._count("unanswered")
                    return
                await asyncio.sleep(pause)
                continue
            self._trouble("commands", "")
            if answer is None:
                self._open[device] = command
                self._taken.set()
            else:
                self._count(answer.outcome)
                self._say(device, answer)
            return

    def _give_up(self, device: str) -> None:
        """What is open of a device is no longer waited for."""
        before = self._open.pop(device, None)
        if before is not None:
            self._reject(device, before, self._now_us(), "overtaken")

    async def _tell(self, to: Log) -> None:
        while True:
            await self._said.wait()
            self._said.clear()
            while self._answers:
                device, answer = self._answers[0]
                try:
                    await to.publish_to(ACK_PREFIX + device, encode_acknowledgement(answer))
                except LinkError as error:
                    log.warning("an answer was not taken", gateway=self.name, why=error.what)
                    await asyncio.sleep(AGAIN_S)
                    continue
                del self._answers[0]

    # -- what the lamps stand at -------------------------------------------------------------------------------------

    async def _look(self, to: Log) -> None:
        pause = self._every_s
        while True:
            levels: Mapping[str, float] = {}
            try:
                levels = await self._ask(self._gateway.levels)
            except CitywardError as error:
                self._count("looks-failed")
                self._trouble("looks", error.what)
                pause = min(2 * pause, max(LONGEST_PAUSE_S, self._every_s))
            else:
                self._count("looks")
                absent = len(self._bound.keys() - levels.keys())
                self._trouble("looks", f"it says nothing of {absent} of its {len(self._bound)} lamps" if absent else "")
                await self._report(levels, to)
                pause = self._every_s
            self._settle(levels)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._opened(), pause)

    async def _opened(self) -> None:
        """A little while after something was taken; never, while nothing is open."""
        await self._taken.wait()
        await asyncio.sleep(SOON_S)

    def _settle(self, levels: Mapping[str, float]) -> None:
        """Answer what a look shows to be done; what is past its time stays unanswered."""
        now = self._now_us()
        for device, command in list(self._open.items()):
            wanted, stands = command.set["lamp-level"], levels.get(device, -1.0)
            if 0 <= stands - wanted < 1:  # a gateway has whole percents, rounded up
                del self._open[device]
                self._count("done")
                self._answer(device, command.id, "done", now, level=stands)
            elif to_us(command.expires_at) <= now:
                del self._open[device]
                self._count("unanswered")
        if not self._open:
            self._taken.clear()

    async def _report(self, levels: Mapping[str, float], to: Log) -> None:
        at = self._last_at = max(self._now_us(), self._last_at + 1)  # no two readings of one time
        told = [
            (device, msgspec.json.encode([{"bt": at / SECOND, "n": self._bound[device].key, "u": "%", "v": level}]))
            for device, level in levels.items()
            if device in self._bound
        ]
        for first in range(0, len(told), REPORTS_AT_ONCE):
            some = told[first : first + REPORTS_AT_ONCE]
            answers = await asyncio.gather(
                *(to.publish(device, "senml", body) for device, body in some), return_exceptions=True
            )
            lost = sum(isinstance(answer, BaseException) for answer in answers)
            self.progress.counts.update({"readings": len(some) - lost, "readings-lost": lost})

    def _trouble(self, of: str, what: str) -> None:
        before = self._troubles.get(of, "")
        self._troubles[of] = what
        self.progress.trouble = "; ".join(one for one in self._troubles.values() if one)
        if what and not before:
            log.warning("a gateway is in trouble", gateway=self.name, of=of, why=what)
        elif before and not what:
            log.info("a gateway is well again", gateway=self.name, of=of)
