"""Starts a whole city on one machine and keeps it running: broker, workers, services, web door, and in the demo its street."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from nats.aio.client import Client

from cityward.adapters.bus import nkeys
from cityward.adapters.bus.config import MOST_PAYLOAD, ROLES, BrokerSettings, compile_config, largest_message
from cityward.adapters.bus.events import NatsEvents, make_event_stream
from cityward.adapters.bus.log import connect, cut_log, disconnect, done_with, make_log, number_beyond
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.adapters.keys.authority import ServerFiles, open_authority, server_files
from cityward.adapters.keys.secrets import bcrypt_of, new_secret
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.acting.containment import expire
from cityward.compose.acting.postures import expire as expire_postures
from cityward.compose.entering.credentials import issue_missing
from cityward.compose.entering.door import PROGRESS
from cityward.compose.entering.refusals import BrokerRefusals
from cityward.compose.gathering.collecting import sources_of
from cityward.compose.gathering.feeds import feeds_of
from cityward.compose.home import CityFile, Exercise, Home, Street, read_city_file, write_city_file
from cityward.compose.keeping.declarations import keep as keep_declaration
from cityward.compose.people.first import begin_people
from cityward.compose.people.rights import right_events, rights_of
from cityward.compose.places import load_place
from cityward.compose.proving.taint import Finisher
from cityward.compose.setting import Setting, declared
from cityward.compose.signals import has_signals, scenario_beside, sumo_is_here
from cityward.compose.watching.steward_events import configuration_events, process_event
from cityward.errors import CitywardError, LinkError, PlaceError
from cityward.evidence.records import Lifecycle
from cityward.place.loader import Loaded
from cityward.place.registry import Registry, number
from cityward.runtime.nursery import Nursery
from cityward.runtime.supervisor import Child, Supervisor, execute
from cityward.services.lighting.sun import sun_times
from cityward.time import SECOND, CityClock

SIGN_IN_LINK_S = 15 * 60
EVERY_CITY = ("door", "service", "watch", "web", "network")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOG_BYTES = 4 << 30
CUT_EVERY_S = 10.0
EXPIRE_S = 2.0
FINISH_S = 5.0  # between two looks for a retraction that was cut short; each reads one small file
KEPT_S = 60.0  # of the log is left behind what is held, for acknowledgements that the services have not read yet
DOOR_OPENS_S = 60.0
ROOM_BYTES = 32 << 20  # free on the log's disk before a broker that found it full is started again
RESTARTS_APART_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run. Ports are preferred ones: when taken, free ones are found. `speed` sets a clock at the first start."""

    place: Path
    state: Path
    web_host: str = "127.0.0.1"
    web_port: int = 8080
    behind_proxy: bool = False
    admin_port: int = 8081
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 8883
    nats_port: int = 4222
    bus_url: str | None = None
    replicas: int = 1  # of the log; three in a cluster survive the loss of a machine, and a power cut
    nats_server: str | None = None
    plain_mqtt: bool = False
    sync_always: bool = False
    workers: int = 1
    gated: bool = True
    network_logs: tuple[Path, ...] = ()  # flow logs of others, followed while the city runs
    simulate: Path | None = None  # folder of recordings: run the demonstration's street
    backfill_days: float = 7.0
    speed: float = 1.0
    city_time_us: int | None = None  # what the city's clock shows at the first start; None: the machine's time
    exercise: Exercise | None = None  # run a twin, on which attacks are tried


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
    sign_in: str  # a link that works once
    mqtt: str

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
        self.certificates = _certificates(home, loaded.place.place, [options.mqtt_host, options.web_host])

    async def run(self, stop: asyncio.Event) -> None:
        """Start, watch, stop; in this order, whatever happens."""
        settings = self._broker_settings()
        city = self._city_file(settings)
        with contextlib.suppress(LinkError):  # the first start has none
            self.before = read_city_file(self.home)
        _check_apart(self.before, self.options)
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
                await self._never_number_twice(steward)
                await self._supervise(city, settings, steward, stop)
            finally:
                await disconnect(steward)
        finally:
            if self.broker is not None:
                await self.broker.stop()

    async def _supervise(self, city: CityFile, settings: BrokerSettings, steward: Client, stop: asyncio.Event) -> None:
        children = self._children(city)
        setting = Setting(self.home, city, self.loaded, self.registry, self.state)
        mqtt = f"{'mqtt' if city.mqtt_ca is None else 'mqtts'}://{city.mqtt_host}:{city.mqtt_port}"
        running = Running(setting, children, self.broker, self._sign_in_link(setting), mqtt)
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
        children, setting = running.children, running.setting
        async with asyncio.TaskGroup() as group:
            minding = [
                group.create_task(self._tell_started(running)),
                group.create_task(self._tick(running, stop)),
                group.create_task(self._cut(steward, stop)),
                group.create_task(self._expire(setting)),
                group.create_task(self._finish_taking_back()),
            ]
            if self.broker is not None:
                refusals = BrokerRefusals(self.broker, setting, ledger, events, self.screen.say)
                minding.append(group.create_task(refusals.run()))
                minding.append(group.create_task(self._keep_broker(settings, stop)))
                minding.append(group.create_task(self._mind_disk(self.broker)))

            def told(role: str, code: str) -> None:
                events.tell(process_event(role, code, setting.now_us()))

            await Supervisor(children, self.screen.say, told, self.start).run(stop)
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

    def _broker_settings(self) -> BrokerSettings:
        o = self.options
        if o.plain_mqtt and o.mqtt_host not in LOOPBACK:
            raise PlaceError(
                f"plain MQTT was asked for on {o.mqtt_host}; it is for loopback only",
                mend="leave --plain-mqtt out: devices then connect with TLS from the city's own authority",
            )
        return BrokerSettings(
            store=self.home.broker / "jetstream",
            nats_port=free_port(o.nats_port),
            mqtt_port=free_port(o.mqtt_port),
            mqtt_host=o.mqtt_host,
            mqtt_tls=None if o.plain_mqtt else (self.certificates.certificate, self.certificates.key),
            client_ca=self.certificates.ca if self._by_certificate() else None,
            sync_always=o.sync_always,
            max_store_bytes=2 * LOG_BYTES,
            max_payload=MOST_PAYLOAD
            if feeds_of(self.loaded.place) or self.loaded.place.cameras
            else largest_message(self.registry),
            asks=nkeys.Signer.of(bytes.fromhex(self.door_seed), nkeys.Kind.ACCOUNT).public if self.door_seed else None,
        )

    def _by_certificate(self) -> bool:
        """# ADR-5: the broker asks all for a certificate, or none."""
        place = self.loaded.place
        kinds = {d.credential: i for i, d in place.devices.items() if self._speaks_mqtt(i)}
        if len(kinds) > 1:
            raise PlaceError(
                f"device `{kinds['password']}` proves itself by password and `{kinds['certificate']}` by certificate",
                where=self.loaded.where(f"devices.{kinds['certificate']}.credential"),
                mend="let all active MQTT devices of the place use one of the two",
            )
        listening = {one.sign_in: name for name, one in place.recipients.items() if one.by == "live"}
        if (wrong := listening.get("certificate")) and "password" in kinds:
            raise PlaceError(
                f"recipient `{wrong}` listens by certificate, and device `{kinds['password']}` speaks by password",
                where=self.loaded.where(f"recipients.{wrong}.sign_in"),
                mend="declare `sign_in: key` for it, or `credential: certificate` for the devices",
            )
        return "certificate" in kinds or "certificate" in listening

    def _speaks_mqtt(self, device: str) -> bool:
        return any(f.from_ == device and f.protocol == "mqtt" for f in self.loaded.place.flows.values())

    def _city_file(self, settings: BrokerSettings) -> CityFile:
        o = self.options
        clock = _clock_of(self.home, o)
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

    def _children(self, city: CityFile) -> list[Child]:
        def child(role: str, index: int = 0) -> Child:
            name = f"{role}-{index}" if role == "worker" else role
            argv = [sys.executable, "-m", "cityward", "run", "--role", role, "--index", str(index)]
            return Child(name, [*argv, "--state", str(self.home.root)])

        children = [child("worker", i) for i in range(city.workers)]
        web = Child("web", [sys.executable, "-m", "cityward.web", str(self.home.root)])
        children += [
            child("service"),
            *self._signals(child),
            child("watch"),
            web,
            *([child("network")] if city.network_logs else []),
        ]
        if self.loaded.place.recipients:
            children.append(child("release"))
        if sources_of(self.loaded.place, self.registry, self.home, self.options.exercise):
            children.append(child("collector"))
        if feeds_of(self.loaded.place):
            children.append(child("feeds"))
        if self.loaded.place.cameras or self.state.segments.sizes():  # what is left of others is due, too
            children.append(child("cameras"))
        if self.options.bus_url is None:
            (self.home.root / PROGRESS).unlink(missing_ok=True)
            children.insert(0, child("door"))
        wanted = [*children, child("street")] if city.street is not None else children
        return wanted if city.exercise is None else [one for one in wanted if _is_of_twin(one, city.exercise)]

    def _signals(self, child: Callable[[str], Child]) -> list[Child]:
        """The runner of the signals, and in the demonstration the street that they stand in."""
        if not has_signals(self.loaded.place):
            return []
        place = self.options.place
        folder = scenario_beside(place if place.is_dir() else place.parent)
        if self.options.simulate is None or folder is None:
            return [child("signals")]
        if not sumo_is_here():
            self.screen.say("libsumo is not installed: the junctions are dark; install the extra `street`")
            return [child("signals")]
        return [child("signals"), child("street-signals")]

    def _sign_in_link(self, setting: Setting) -> str:
        """Where to sign in: by a link that works once, for the first person, as long as it is needed."""
        city, who = setting.city, begin_people(setting, demo=self.options.simulate is not None)
        scheme = "http" if city.web_tls is None else "https"
        page = f"{scheme}://{city.web_host}:{city.web_port}/sign-in"
        if not who:
            return page
        token = secrets.token_urlsafe(32)
        expires = time.time_ns() // 1000 + SIGN_IN_LINK_S * SECOND
        self.state.add_link(hashlib.sha256(token.encode()).digest(), who, expires)
        return f"{page}?token={token}"

    async def _never_number_twice(self, steward: Client) -> None:
        """A log that lost its end (a power cut) would give sequences again that are held already: skip beyond them."""
        history = await asyncio.to_thread(DeltaHistory, str(self.home.history), self.registry)
        held = [await asyncio.to_thread(store.committed) for store in (history, self.state)]
        feeds = await asyncio.to_thread(self.state.feeds.rows)
        held.append({0: max((row.seq for row in feeds.values()), default=0)})
        if (goes_on_at := await number_beyond(steward, *held)) is not None:
            self.screen.say(f"the log had lost its end; it goes on at {goes_on_at}")

    async def _keep_broker(self, settings: BrokerSettings, stop: asyncio.Event) -> None:
        assert self.broker is not None
        while not stop.is_set():
            code = await self.broker.wait()
            if stop.is_set():
                return
            self.screen.say(f"broker ended with {code}; starting it again")
            with contextlib.suppress(LinkError):
                await self.broker.start(self._config(settings), settings.nats_port)
                continue
            await asyncio.sleep(1.0)

    async def _expire(self, setting: Setting) -> None:
        """Put on record what was contained, or in force, and is no more: bars and postures end by themselves."""
        while True:
            await asyncio.sleep(EXPIRE_S)
            with contextlib.suppress(LinkError):
                for row in await asyncio.to_thread(expire, setting):
                    self.screen.say(f"the containment of {row.target} has ended")
                for turn in await asyncio.to_thread(expire_postures, setting):
                    self.screen.say(f"posture {turn.posture} has ended")

    async def _finish_taking_back(self) -> None:
        """Go on with a retraction that was cut short: at the start, and while the city runs."""
        finisher, told = Finisher(self.home), ""
        while True:
            try:
                if count := await asyncio.to_thread(finisher.look):
                    self.screen.say(f"a retraction that was cut short is finished ({count} under way)")
                told = ""
            except CitywardError as error:  # nothing that the rest of the city has to end for
                if error.what != told:
                    told = error.what
                    self.screen.say(f"a retraction that was cut short waits: {told}")
            await asyncio.sleep(FINISH_S)

    async def _tick(self, running: Running, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(LinkError):
                self.screen.tick(running)
            await asyncio.sleep(1.0)

    async def _cut(self, steward: Client, stop: asyncio.Event) -> None:
        """Cut the log behind what every partition has held for `KEPT_S`."""
        done: deque[int] = deque(maxlen=round(KEPT_S / CUT_EVERY_S))
        while not stop.is_set():
            await asyncio.sleep(CUT_EVERY_S)
            with contextlib.suppress(LinkError):
                held = await asyncio.to_thread(self.state.committed)
                if len(done) == done.maxlen and done[0] > 1:
                    await cut_log(steward, done[0])
                done.append(await done_with(steward, held))

    async def _mind_disk(self, broker: BrokerServer) -> None:
        """A broker that found its disk full takes nothing more, also when there is room again, until it is started again.

        Nobody is acknowledged meanwhile, so nobody loses anything that was promised.
        """
        told = False
        while True:
            await asyncio.sleep(1.0)
            if not broker.disk_failed:
                told = False
                continue
            if not told:
                self.screen.say(f"the log takes nothing ({broker.disk_failed}); senders wait until there is room")
                told = True
            if shutil.disk_usage(self.home.broker).free >= ROOM_BYTES:
                self.screen.say("there is room on the log's disk; the broker is started again")
                broker.end()
                await asyncio.sleep(RESTARTS_APART_S)


def _certificates(home: Home, place: str, hosts: Sequence[str]) -> ServerFiles:
    now = datetime.now(UTC)
    return server_files(open_authority(home.keys, place, now), hosts, now)


def _is_of_twin(child: Child, exercise: Exercise) -> bool:
    """A twin runs what every city has, and what its exercise asks for: nothing is started in vain."""
    return child.name in EVERY_CITY or child.name.startswith("worker-") or child.name in exercise.roles


def _check_apart(before: CityFile | None, options: RunOptions) -> None:
    """A city and its twin have nothing in common: no folder, no bus, no address that others reach.

    Raises:
        PlaceError: they would have.
    """
    exercise = options.exercise
    if before is not None and (before.exercise is None) != (exercise is None):
        kind = "a twin's" if exercise is None else "a city's"
        raise PlaceError(f"{options.state} is {kind} state", mend="name another folder with --state")
    if exercise is None:
        return
    if options.bus_url is not None:
        raise PlaceError("a twin has a broker of its own", mend="leave --bus and CITYWARD_BUS out")
    if not {options.web_host, options.mqtt_host} <= set(LOOPBACK):
        raise PlaceError("a twin is reached from this machine only", mend="leave --host and --mqtt-host out")


def _clock_of(home: Home, options: RunOptions) -> CityClock:
    """The city's clock, fixed at the first start: evidence and history are in its time."""
    path = home.root / "clock.json"
    try:
        return CityClock(*msgspec.json.decode(path.read_bytes(), type=tuple[int, int, float]))
    except FileNotFoundError:
        now = time.time_ns() // 1000
        begin = now if options.city_time_us is None else options.city_time_us
        clock = CityClock(now, begin, options.speed)
        path.write_bytes(msgspec.json.encode((clock.machine_base_us, clock.city_base_us, clock.speed)))
        return clock


def before_sunset(place: Path, by_us: int) -> int:
    """So long before today's sunset in a place, in us: when there is most to see. The machine's time where it does not set."""
    now = time.time_ns() // 1000
    setting = sun_times(now, load_place(place).place.position).set_us
    return now if setting is None else setting - by_us
