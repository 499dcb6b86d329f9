"""The demonstration's recipients: parties that ask for rows by their own key, or hear their own subject, at the real doors.

What they get is thrown away: what matters is that it left by a receipt. Now and then one asks for what it may not have, as
somebody does who has not read the agreement, so that a refusal can be seen.

INVARIANT: a recipient here has nothing but its name, its key and what anybody may read in the declaration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import structlog

from cityward.adapters.street.door_http import HttpDoor, asked
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.time import HOUR, MINUTE, SECOND, CityClock, iso

EVERY_US = 15 * MINUTE  # of the city
SHORTEST_S = 5.0  # of the machine: however fast the city's clock runs
FIRST_S = 20.0  # of the machine: after a no or no answer at first, the city may still be starting
OVERLAP_US = 30 * MINUTE
WRONG_EVERY = 16  # one question in so many is for what it may not have
MOST_PAGES = 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PlayedRecipient:
    """A declared recipient that is played. lanes: (dataset, purpose) that it may ask for; wrong: one that it may not."""

    name: str
    by: str  # query | live
    lanes: Sequence[tuple[str, str]]
    wrong: tuple[str, str] | None
    key: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said. status 0: nothing. next: where to go on; None: that was all."""

    status: int
    rows: int = 0
    next: int | None = None


@dataclass(slots=True)
class Asker:
    """One that asks: each lane from where the last answer ended. `turns` counts its turns, `received` its rows."""

    recipient: PlayedRecipient
    door: HttpDoor
    clock: CityClock
    now_us: Callable[[], int]
    turns: int = 0
    received: int = 0
    _upto: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    async def run(self, stop: asyncio.Event) -> None:
        """Ask by and by until `stop`, or cancelled."""
        every = max(SHORTEST_S, EVERY_US / SECOND / self.clock.speed)
        while not stop.is_set():
            answered = await self.turn()
            await asyncio.sleep(every if answered else min(every, FIRST_S))

    async def turn(self) -> bool:
        """One round over the lanes; whether the door answered each."""
        self.turns += 1
        lanes = list(self.recipient.lanes)
        answered = [await self._lane(lane) for lane in lanes]
        if self.recipient.wrong is not None and self.turns % WRONG_EVERY == 1:
            now = self.now_us()
            await asyncio.to_thread(self._ask, self.recipient.wrong, now - HOUR, now)
        return all(answered)

    async def _lane(self, lane: tuple[str, str]) -> bool:
        now = self.now_us()
        since = self._upto.get(lane, now - 2 * HOUR)
        for _ in range(MOST_PAGES):
            answer = await asyncio.to_thread(self._ask, lane, since, now)
            if answer.status != 200:
                return answer.status != 0
            self.received += answer.rows
            if answer.next is None or answer.next <= since:
                break
            since = answer.next
        self._upto[lane] = now - OVERLAP_US  # what comes late, or is not old enough yet, is asked for again
        return True

    def _ask(self, lane: tuple[str, str], since: int, until: int) -> Answer:
        wanted = {"dataset": lane[0], "purpose": lane[1], "since": iso(since), "until": iso(until)}
        status, told = asked(self.door, f"/api/release/rows?{urlencode(wanted)}", self.recipient.key)
        further = told.get("cityward-next")
        return Answer(status, int(told.get("cityward-rows", 0)), None if further is None else int(further))


class Listener:
    """One that listens to its own subject. `received` counts messages."""

    def __init__(self, recipient: PlayedRecipient, door: MqttDoor) -> None:
        self.received = 0
        user = f"recipient:{recipient.name}"
        self.link = DeviceLink(door, user, recipient.key, subscriptions={f"out/{recipient.name}/#": self._hear})

    def _hear(self, _body: bytes) -> None:
        self.received += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`, or cancelled."""
        await self.link.run(stop)


async def play_recipients(
    playing: Sequence[PlayedRecipient],
    http_door: HttpDoor,
    mqtt: MqttDoor,
    clock: CityClock,
    now_us: Callable[[], int],
    stop: asyncio.Event,
) -> None:
    """Play them until `stop`, or cancelled."""
    _log.info("the recipients begin", recipients=len(playing))
    async with asyncio.TaskGroup() as group:
        for one in playing:
            player = Listener(one, mqtt) if one.by == "live" else Asker(one, http_door, clock, now_us)
            group.create_task(player.run(stop), name=one.name)
