"""Starts a whole city on one machine and keeps it running: broker, workers, services, web door, and in the demo its street."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nats.aio.client import Client

from cityward.adapters.bus.config import ROLES, BrokerSettings, compile_config
from cityward.adapters.bus.events import NatsEvents, make_event_stream
from cityward.adapters.bus.log import connect, disconnect, make_log
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.adapters.keys.commanding import tell_public
from cityward.adapters.keys.secrets import bcrypt_of, new_secret
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.stores.state import SqlState
from cityward.compose.entering.credentials import issue_missing
from cityward.compose.entering.door import PROGRESS
from cityward.compose.entering.refusals import BrokerRefusals
from cityward.compose.home import CityFile, Home, Street, read_city_file, write_city_file
from cityward.compose.keeping.declarations import keep as keep_declaration
from cityward.compose.people.first import begin_people
from cityward.compose.people.rights import right_events, rights_of
from cityward.compose.setting import Setting, declared
from cityward.compose.starting.broker import LOG_BYTES, broker_settings, certificates_of, keep_broker, mind_disk
from cityward.compose.starting.children import children_of
from cityward.compose.starting.chores import cut, expire_all, finish_taking_back, never_number_twice
from cityward.compose.starting.options import LOOPBACK, RunOptions, check_apart, clock_of
from cityward.compose.watching.steward_events import configuration_events, process_event
from cityward.errors import LinkError
from cityward.evidence.records import Lifecycle
from cityward.place.loader import Loaded
from cityward.place.registry import Registry, number
from cityward.runtime.nursery import Nursery
from cityward.runtime.supervisor import Child, Supervisor, execute
from cityward.time import SECOND

SIGN_IN_LINK_S = 15 * 60
DOOR_OPENS_S = 60.0


class Screen(Protocol):
    """Whoever watches: the terminal, the bench, a test."""

    def say(self, text: str) -> None: ...
    def started(self, running: Running) -> None: ...
    def tick(self, running: Running) -> None:
        """Once a second."""
        ...


@dataclass(slots=True)
class Running:
    """A city that runs."""

    setting: Setting
    children: Sequence[Child]
    broker: BrokerServer | None
    sign_in: str  # a link that works once, or the page where people sign in by themselves
    mqtt: str
    who: str = ""  # for whom the link is; "": it is the page

    def pids(self) -> Mapping[str, int]:
        """process name -> id, of those that run."""
        found = {c.name: c.pid for c in self.children if c.pid is not None}
        if self.broker is not None and self.broker.pid is not None:
            found["broker"] = self.broker.pid
        return found


async def run_city(options: RunOptions, screen: Screen, stop: asyncio.Event, nursery: Nursery | None = None) -> None:
    """Run until `stop` is set. nursery: of its processes; None: each is started by itself.

    Raises:
        PlaceErrors: the declaration is wrong.
        LinkError: the broker does not start, or another cityward runs this city.
    """
    loaded = declared(options.place, options.exercise)
    registry = number(loaded.place)
    home = Home(options.state.resolve())
    home.prepare()
    with home.held():
        state = SqlState(home.state_url)
        await asyncio.to_thread(tell_public, home.keys)
        if options.simulate is not None or options.exercise is not None:
            await asyncio.to_thread(issue_missing, home, registry, state, time.time_ns() // 1000)
        await _City(options, screen, home, loaded, registry, state, nursery).run(stop)


class _City:
    """One run: what it starts, it ends."""

    def __init__(
        self,
        options: RunOptions,
        screen: Screen,
        home: Home,
        loaded: Loaded,
        registry: Registry,
        state: SqlState,
        nursery: Nursery | None,
    ) -> None:
        self.options, self.screen, self.home = options, screen, home
        self.start = execute if nursery is None else nursery.start
        self.loaded, self.registry, self.state = loaded, registry, state
        # an outside bus has its own users: who we are there stands in its address
        self.passwords = {role: new_secret() for role in ROLES} if options.bus_url is None else {}
        self.role_hashes = {role: bcrypt_of(word) for role, word in self.passwords.items()}
        self.door_seed = secrets.token_bytes(32).hex() if options.bus_url is None else ""
        self.broker: BrokerServer | None = None
        self.before: CityFile | None = None  # as the city was started last
        self.certificates = certificates_of(home, loaded.place.place, [options.mqtt_host, options.web_host])

    async def run(self, stop: asyncio.Event) -> None:
        """Start, watch, stop; in this order, whatever happens."""
        settings = broker_settings(
            self.options, self.home, self.loaded, self.registry, self.certificates, self.door_seed
        )
        city = self._city_file(settings)
        with contextlib.suppress(LinkError):  # the first start has none
            self.before = read_city_file(self.home)
        check_apart(self.before, self.options)
        write_city_file(self.home, city)
        keep_declaration(self.home, self.loaded.place, city.city_clock.to_city_us(time.time_ns() // 1000))
        if self.options.bus_url is None:
            self.broker = BrokerServer(find_binary(self.options.nats_server), self.home.broker)
            await self.broker.start(self._config(settings), settings.nats_port)
        try:
            steward = await connect(city.bus_url, "steward", city.passwords.get("steward"))
            try:
                await make_log(steward, LOG_BYTES, self.options.replicas)
                await make_event_stream(steward, self.options.replicas)
                setting = Setting(self.home, city, self.loaded, self.registry, self.state)
                await never_number_twice(steward, setting, self.screen.say)
                await self._supervise(setting, settings, steward, stop)
            finally:
                await disconnect(steward)
        finally:
            if self.broker is not None:
                await self.broker.stop()

    async def _supervise(
        self, setting: Setting, settings: BrokerSettings, steward: Client, stop: asyncio.Event
    ) -> None:
        city, children = setting.city, children_of(setting, self.options, self.screen.say)
        who = begin_people(setting, demo=self.options.simulate is not None)
        running = Running(setting, children, self.broker, self._sign_in_link(city, who), city.mqtt, who)
        async with NatsEvents(steward, "steward", setting.now_us) as events:
            with setting.ledger("steward") as ledger:
                started = Lifecycle(at=setting.now_us(), by="steward", event="started", detail=self._facts(city))
                [entry] = ledger.append([started])
                for event in configuration_events(self.before, city, setting.now_us()):
                    events.tell(event)
                for event in right_events(self.home.root, rights_of(self.loaded.place), setting.now_us(), entry):
                    events.tell(event)
                await self._mind(running, settings, steward, ledger, events, stop)
                ledger.append([Lifecycle(at=setting.now_us(), by="steward", event="stopped", detail={})])

    async def _mind(
        self,
        running: Running,
        settings: BrokerSettings,
        steward: Client,
        ledger: FileLedger,
        events: NatsEvents,
        stop: asyncio.Event,
    ) -> None:
        children, setting, say = running.children, running.setting, self.screen.say
        chores = [
            self._tell_started(running),
            self._tick(running, stop),
            cut(steward, self.state, stop),
            expire_all(setting, say),
            finish_taking_back(self.home, say),
        ]
        if self.broker is not None:
            chores.append(BrokerRefusals(self.broker, setting, ledger, events, say).run())
            chores.append(keep_broker(self.broker, self._config(settings), settings.nats_port, say, stop))
            chores.append(mind_disk(self.broker, say))
        async with asyncio.TaskGroup() as group:
            minding = [group.create_task(one) for one in chores]

            def told(role: str, code: str) -> None:
                events.tell(process_event(role, code, setting.now_us()))

            await Supervisor(children, say, told, self.start).run(stop)
            for task in minding:
                task.cancel()

    async def _tell_started(self, running: Running) -> None:
        """Once the door is open: before, devices would be turned away. A door that does not open is said, not waited for."""
        if self.broker is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DOOR_OPENS_S):
                    while not (self.home.root / PROGRESS).exists():  # noqa: ASYNC110 - another process makes it
                        await asyncio.sleep(0.02)
        else:
            self.screen.say(
                "the bus is an outside one: it goes by its own users, and cuts off nobody whom the city bars"
            )
        self.screen.started(running)

    def _facts(self, city: CityFile) -> dict[str, str]:
        facts = {"declaration": city.declaration, "workers": str(city.workers), "gate": "on" if city.gated else "off"}
        return facts if city.exercise is None else {**facts, "exercise": city.exercise.id}

    def _city_file(self, settings: BrokerSettings) -> CityFile:
        o = self.options
        clock = clock_of(self.home, o)
        return CityFile(
            place=str(o.place.resolve()),
            declaration=self.loaded.digest,
            bus_url=o.bus_url or f"nats://127.0.0.1:{settings.nats_port}",
            passwords=self.passwords,
            mqtt_host=o.mqtt_host,
            mqtt_port=settings.mqtt_port,
            mqtt_ca=str(self.certificates.ca) if settings.mqtt_tls else None,
            web_host=o.web_host,
            web_port=free_port(o.web_port),
            admin_port=free_port(o.admin_port),
            web_tls=self._web_tls(),
            behind_proxy=o.behind_proxy,
            clock=(clock.machine_base_us, clock.city_base_us, clock.speed),
            workers=o.workers,
            gated=o.gated,
            door_seed=self.door_seed,
            network_logs=tuple(str(path.resolve()) for path in o.network_logs),
            street=None if o.simulate is None else Street(recordings=str(o.simulate), backfill_days=o.backfill_days),
            exercise=o.exercise,
        )

    def _web_tls(self) -> tuple[str, str] | None:
        """Beyond loopback the console speaks TLS from the city's own authority, unless a proxy does."""
        if self.options.behind_proxy or self.options.web_host in LOOPBACK:
            return None
        return str(self.certificates.certificate), str(self.certificates.key)

    def _config(self, settings: BrokerSettings) -> str:
        return compile_config(self.role_hashes, settings)

    def _sign_in_link(self, city: CityFile, who: str) -> str:
        """Where to sign in: by a link that works once, for the first person, as long as it is needed."""
        page = f"{city.console}/sign-in"
        if not who:
            return page
        token = secrets.token_urlsafe(32)
        expires = time.time_ns() // 1000 + SIGN_IN_LINK_S * SECOND
        self.state.add_link(hashlib.sha256(token.encode()).digest(), who, expires)
        return f"{page}?token={token}"

    async def _tick(self, running: Running, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(LinkError):
                self.screen.tick(running)
            await asyncio.sleep(1.0)
