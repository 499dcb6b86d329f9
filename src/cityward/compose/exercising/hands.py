"""Carries a plan's steps out, each at its time, through the twin's front doors; whoever looks on is never waited for.

Theory of operation
-------------------
`run` starts one task per step, which sleeps until its city time and acts. A step is *begun* when it acts for the first time
(`done`), and is *answered* when it has acted for the last (`answers`). Copies are spread evenly; where they come at once, as
many are under way as the doors take. A step that cannot be carried out (nobody listens) is answered with -1.
While the twin is declared anew no step begins, and those that come after are so much later (`paused_us`): how long a machine
takes to start a city is no part of an attack. Such a step is begun when the twin says that it runs again: what it tells of its
new declaration it tells then, before its doors are open.

INVARIANT: steps are bounded by the plan (`planning.faults`); connections by `LINKS`; threads by `THREADS`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cityward.adapters.exercising.background import MEDIA, OBSERVATIONS, Background, now_us
from cityward.adapters.exercising.bare import BareLink
from cityward.adapters.exercising.visitor import NO_ANSWER, Told, Visitor
from cityward.adapters.street.door_http import UPSERT
from cityward.compose.exercising.deeds import Deeds
from cityward.compose.exercising.people import People
from cityward.compose.exercising.saying import Keyring, put_in
from cityward.compose.exercising.twin import Twin
from cityward.errors import CitywardError
from cityward.exercises.scenario import Plan
from cityward.exercises.seen import Answer
from cityward.exercises.steps import Ask, Credential, Deed, Do, Door, Send, Step
from cityward.time import SECOND

THREADS = 8
AT_ONCE = 64  # copies of one MQTT step under way
OWN_S = 8.0  # for the acknowledgement of what goes over the unit's own connection
REFUSED, TAKEN = 0, 200
JSON = "application/json"


@dataclass(slots=True)
class Hands:
    """Of one exercise on one twin."""

    twin: Twin
    street: Background
    people: People
    deeds: Deeds
    keys: Keyring
    began: int
    declare: Callable[[Do], Awaitable[Answer]]
    done: dict[str, int] = field(default_factory=dict[str, int])
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    _paused_us: int = 0
    _declaring_since: int | None = None
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "exercise"))

    async def run(self, plan: Plan) -> None:
        """All steps, each at its time. Ends when the last is answered."""
        try:
            async with asyncio.TaskGroup() as group:
                for step in plan.steps:
                    group.create_task(self._at_its_time(step))
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def is_declaring(self) -> bool:
        """The twin is being declared anew: there is nothing to see of it now."""
        return self._declaring_since is not None

    @property
    def paused_us(self) -> int:
        """City us in which the twin was, or is just now, declared anew."""
        return self._paused_us + (0 if self._declaring_since is None else self.now() - self._declaring_since)

    def now(self) -> int:
        """The twin's time."""
        return now_us(self.twin.setting.city.city_clock)

    async def _at_its_time(self, step: Step) -> None:
        await self._until(step.at_s)
        if isinstance(step, Do) and step.deed is Deed.DECLARE:
            await self._declared(step)
            return
        self.done[step.key] = self.now()
        try:
            if isinstance(step, Do):
                self.answers[step.key] = await self._do(step)
            else:
                await (self._send(step) if isinstance(step, Send) else self._ask(step))
        except (CitywardError, OSError) as error:
            self.answers[step.key] = Answer(NO_ANSWER, self.now(), str(error).encode())

    async def _until(self, at_s: float) -> None:
        """City seconds after the beginning, pauses left out."""
        while (ahead := self._ahead(at_s)) > 0 or self.is_declaring:  # noqa: ASYNC110 - it waits for a time, not for an event
            await asyncio.sleep(max(0.01, ahead / SECOND / self.twin.options.speed))

    def _ahead(self, at_s: float) -> int:
        return self.began + self.paused_us + round(at_s * SECOND) - self.now()

    async def _in_thread(self, act: Callable[[], Told]) -> Told:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    async def _do(self, step: Do) -> Answer:
        status, body = await asyncio.to_thread(self.deeds.do, step, self.now())
        return Answer(status, self.now(), body)

    async def _declared(self, step: Do) -> None:
        self._declaring_since = self.now()
        try:
            self.answers[step.key] = await self.declare(step)
        except CitywardError as error:
            self.answers[step.key] = Answer(NO_ANSWER, self.now(), str(error).encode())
        finally:
            self._paused_us, self._declaring_since = self.paused_us, None
        self.done[step.key] = self.answers[step.key].at

    # -- messages -----------------------------------------------------------------------------------------------------------

    async def _send(self, step: Send) -> None:
        if step.door is Door.HTTP:
            await self._post(step)
        elif self._is_own(step):
            link = self.street.links[step.unit]
            await self._copies(step, lambda body: _taken(link.publish(_topic(step), body)), AT_ONCE)
        else:
            await self._send_bare(step)

    def _is_own(self, step: Send) -> bool:
        plain = step.credential is Credential.OWN and not step.client and not step.address
        return plain and step.unit in self.street.links and _topic(step) == f"in/{step.unit}"

    async def _send_bare(self, step: Send) -> None:
        """As a client of its own. One that is not let in is refused, each time that it tries."""
        password = await asyncio.to_thread(self.keys.password, step.unit, step.credential)
        client = f"{step.unit}:{_suffix(step)}"
        async with await BareLink.to(self.twin.mqtt_port, client, step.unit, password, step.address) as link:
            if link.code == 0:
                await self._copies(step, lambda body: link.publish(_topic(step), body), AT_ONCE)
                return

        async def tries(_: bytes) -> bool:
            async with await BareLink.to(self.twin.mqtt_port, client, step.unit, password, step.address) as again:
                return again.code == 0

        self._keep(step, [REFUSED], b"")
        if step.copies > 1:
            await self._copies(step, tries, 4, first=1)

    async def _copies(self, step: Send, send: Callable[[bytes], Awaitable[bool]], at_once: int, first: int = 0) -> None:
        room, statuses = asyncio.Semaphore(at_once), [REFUSED] * first

        async def one(number: int) -> None:
            try:
                taken = await send(put_in(step.body, self.now(), number))
            finally:
                room.release()
            statuses.append(TAKEN if taken else REFUSED)
            self._keep(step, statuses, b"")

        async with asyncio.TaskGroup() as group:
            for number in range(first, step.copies):
                await self._until(step.at_s + _late(step, number))
                await room.acquire()
                group.create_task(one(number))

    async def _post(self, step: Send) -> None:
        key = await asyncio.to_thread(self.keys.http_key, step.unit, step.credential)
        registry = self.twin.setting.registry
        number = registry.unit_index.get(step.unit)
        format_ = "senml" if number is None else registry.units[number].format
        path = step.topic or (UPSERT if format_ == "ngsi-ld" else OBSERVATIONS)
        headers = {"Content-Type": MEDIA.get(format_, JSON) if step.topic is None else JSON}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        await self._visits(step, "POST", path, headers)

    # -- requests -----------------------------------------------------------------------------------------------------------

    async def _ask(self, step: Ask) -> None:
        headers = dict(await asyncio.to_thread(self.people.headers, step.who, step.address))
        if step.body:
            headers["Content-Type"] = JSON
        path = f"{step.path}?{urlencode(step.query)}" if step.query else step.path
        await self._visits(step, step.method, path, headers)

    async def _visits(self, step: Send | Ask, method: str, path: str, headers: Mapping[str, str]) -> None:
        """A step's copies by HTTP, over as many connections as are under way at once."""
        source = step.address if isinstance(step, Send) else ""  # of a request the address is only seeming
        idle: list[Visitor] = []
        statuses: list[int] = []
        room = asyncio.Semaphore(THREADS)

        async def one(number: int) -> None:
            visitor = idle.pop() if idle else Visitor(self.twin.web_port, source)
            try:
                body, target = (put_in(text, self.now(), number) for text in (step.body, path.encode()))
                told = await self._in_thread(lambda: visitor.ask(method, target.decode(), body, headers))
            finally:
                idle.append(visitor)
                room.release()
            statuses.append(told.status)
            self._keep(step, statuses, told.body)

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(step.copies):
                    await self._until(step.at_s + _late(step, number))
                    await room.acquire()
                    group.create_task(one(number))
        finally:
            for visitor in idle:
                visitor.close()

    def _keep(self, step: Send | Ask, statuses: list[int], body: bytes) -> None:
        self.answers[step.key] = Answer(statuses[-1], self.now(), body, dict(Counter(statuses)))


async def _taken(publishing: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(publishing, OWN_S)
    except (TimeoutError, CitywardError):
        return False
    return True


def _topic(step: Send) -> str:
    return step.topic or f"in/{step.unit}"


def _suffix(step: Send) -> str:
    """Behind the unit's name in a client id: up to 16 of a-z, A-Z, 0-9, `_` and `-`."""
    kept = "".join(c for c in (step.client or step.key) if c.isascii() and (c.isalnum() or c in "_-"))
    return kept[-16:] or "x"


def _late(step: Send | Ask, number: int) -> float:
    return step.spread_s * number / (step.copies - 1) if step.copies > 1 else 0.0
