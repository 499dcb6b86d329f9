"""Each process of a running city, built from the declaration and the city file. Every role ends when its supervisor does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from cityward.adapters.bus.commands import NatsCommandLink
from cityward.adapters.bus.config import LOG_STREAM, PARTITIONS
from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import connect, disconnect, observation_filters, observation_prefixes
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.keys.commanding import command_key, encoder
from cityward.adapters.protocols import codecs
from cityward.adapters.street.door_http import HttpDoor
from cityward.adapters.street.link import MqttDoor
from cityward.adapters.street.recipients import play_recipients
from cityward.adapters.street.run import StreetSettings, run_street
from cityward.adapters.works.processes import ProcessWorks
from cityward.compose.acting.gateways import run_gateways
from cityward.compose.asking.forecast import forecasting_beside
from cityward.compose.bars import barred_now, take_bars
from cityward.compose.decoders import vendor_codecs
from cityward.compose.entering.door import run_door
from cityward.compose.gathering.collecting import run_collector
from cityward.compose.gathering.feeds import run_feeds
from cityward.compose.gathering.network import run_network
from cityward.compose.home import Home
from cityward.compose.keeping.retention import Keeper
from cityward.compose.logs import log_to_stderr
from cityward.compose.lorries import visits_of_crews
from cityward.compose.outgoing.played_recipients import added_in_time
from cityward.compose.outgoing.releasing import run_release
from cityward.compose.pictures.cameras import run_cameras
from cityward.compose.progress import (
    SERVICE_PROGRESS,
    SIGNALS_PROGRESS,
    told_each_second,
    worker_progress,
    write_progress,
)
from cityward.compose.proving.hearts import living_ledger
from cityward.compose.setting import Setting, open_setting
from cityward.compose.signals import corridor_of, has_signals
from cityward.compose.watching.alerting import notice_alerts
from cityward.compose.watching.watch import run_watch
from cityward.errors import CitywardError, LinkError
from cityward.insight.expected import expected_ranges
from cityward.runtime.commands import ACKNOWLEDGEMENTS
from cityward.runtime.intake.worker import Intake, IntakeSettings, Stores
from cityward.runtime.ports import EventSink, Ledger
from cityward.runtime.serving.binding import Bound, bind_services
from cityward.runtime.serving.ports import Pace, RunnerPorts
from cityward.runtime.serving.runner import ServiceRunner
from cityward.runtime.serving.world import Elsewhere
from cityward.runtime.supervisor import stop_with_parent, tell_alive
from cityward.services import find_services
from cityward.time import DAY, HOUR, SECOND

log = structlog.get_logger(__name__)

COMPACT_EVERY_S = 120.0
RETAIN_LOOK_S = 30.0
NOTICE_REGISTRY_S = 1.0
EXPECTED_DAYS = 28
EXPECTED_ROWS = 2_000_000
REFRESH_TRIES = 5
SIGNALS_WAIT_S = 0.1  # of a turn, for answers: it must not be late by much


Body = Callable[[Setting, asyncio.Event], Awaitable[None]]


def run_role(home: Home, role: str, index: int) -> None:
    """Run one process of the city: a worker, the services, the street. The web door is `python -m cityward.web`."""
    bodies: dict[str, Body] = {
        "worker": partial(run_worker, index),
        "service": run_service,
        "signals": run_signals,
        "street-signals": run_street_signals,
        "door": run_door,
        "street": run_street_role,
        "watch": run_watch,
        "network": run_network,
        "release": run_release,
        "collector": run_collector,
        "feeds": run_feeds,
        "gateways": run_gateways,
        "cameras": run_cameras,
    }
    run_process(home, bodies[role], role)


def run_process(home: Home, body: Body, role: str) -> None:
    """Run until told to stop, or until the supervisor ends."""
    log_to_stderr(role)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        with_parent = [asyncio.create_task(stop_with_parent(stop)), asyncio.create_task(tell_alive())]
        setting = await asyncio.to_thread(open_setting, home)
        try:
            await body(setting, stop)
        finally:
            for task in with_parent:
                task.cancel()

    try:
        _event_loop(main())
    except CitywardError as error:  # the supervisor starts us again; a person reads why
        log.error("ended", why=error.what, mend=error.mend)
        sys.exit(1)
    except asyncio.CancelledError:
        pass


def _event_loop(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def partitions_of(index: int, workers: int) -> tuple[int, ...]:
    """The partitions of one of so many workers."""
    return tuple(p for p in range(PARTITIONS) if p % workers == index)


async def run_worker(index: int, setting: Setting, stop: asyncio.Event) -> None:
    """Judge and hold what the log's partitions bring."""
    partitions = partitions_of(index, setting.city.workers)
    by = f"worker-{index}"
    with contextlib.ExitStack() as held:
        for partition in partitions:  # a worker of an ended supervisor may still be settling its last batch
            held.enter_context(setting.home.held(f"partition-{partition}"))
        client = await connect(setting.city.bus_url, "worker", setting.city.passwords.get("worker"))
        try:
            async with (
                living_ledger(setting, by, "admit") as ledger,
                NatsEvents(client, by, setting.now_us) as events,
            ):
                await _run_intake(setting, make_intake(setting, ledger, partitions, by, events), by, stop)
        finally:
            await disconnect(client)


async def _run_intake(setting: Setting, intake: Intake, by: str, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        minding = [
            group.create_task(mind_registry(setting, stop)),
            group.create_task(_tell(setting, by, intake, stop)),
        ]
        if by == "worker-0":
            minding.append(group.create_task(_compact(intake.stores.history.compact, stop)))
            minding.append(group.create_task(_retain(Keeper(setting).look, stop)))
        try:
            await intake.run(stop)
        finally:
            for task in minding:
                task.cancel()


def make_intake(
    setting: Setting, ledger: Ledger, partitions: tuple[int, ...], by: str, events: EventSink | None = None
) -> Intake:
    """A worker's chain over the city's stores. `events` hears who is shed."""
    city = setting.city

    def open_reader(start_seq: int) -> LogReader:
        password, sift = city.passwords.get("worker"), observation_prefixes(partitions)
        most_of_it = 2 * len(partitions) >= PARTITIONS
        filters = () if most_of_it else observation_filters(partitions)
        return LogReader(city.bus_url, "worker", password, filters, start_seq, sift=sift)

    settings = IntakeSettings(
        stream=LOG_STREAM,
        partitions=partitions,
        by=by,
        declaration=setting.loaded.digest,
        gated=city.gated,
        log_partitions=PARTITIONS,
    )
    stores = Stores(ledger, setting.history(), setting.state)
    readers = codecs(vendor_codecs(setting.loaded.place, setting.place_folder))
    return Intake(setting.registry, readers, stores, city.city_clock, settings, open_reader, events)


async def mind_registry(setting: Setting, stop: asyncio.Event) -> None:
    """Notice a revocation within a second, also one that came while the process started."""
    seen = -1
    while not stop.is_set():
        await asyncio.sleep(NOTICE_REGISTRY_S)
        with contextlib.suppress(LinkError):
            version = await asyncio.to_thread(setting.state.version)
            if version != seen:
                await asyncio.to_thread(take_bars, setting.registry, setting.state, setting.city.city_clock)
                seen = version


async def _compact(compact: Callable[[], None], stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(COMPACT_EVERY_S)
        try:
            await asyncio.to_thread(compact)
        except LinkError as error:
            log.warning("history was not compacted", why=error.what)


async def _retain(look: Callable[[], int | None], stop: asyncio.Event) -> None:
    """Erase what is older than declared, once in a day of the city."""
    while not stop.is_set():
        await asyncio.sleep(RETAIN_LOOK_S)
        try:
            rows = await asyncio.to_thread(look)
        except CitywardError as error:  # the rest of the worker goes on; `cityward retention` tells that it is late
            log.warning("what is due was not erased", why=error.what)
        else:
            if rows:
                log.info("erased what was due", rows=rows)


async def _tell(setting: Setting, by: str, intake: Intake, stop: asyncio.Event) -> None:
    """Leave this worker's progress where the supervisor and the bench find it."""
    path = setting.home.root / worker_progress(by)
    told = intake.progress.retries
    while not stop.is_set():
        if intake.progress.retries != told:
            log.warning("waits for the log or a store", why=intake.progress.last_error, tries=intake.progress.retries)
            told = intake.progress.retries
        write_progress(path, intake.progress)
        await asyncio.sleep(1.0)


async def run_service(setting: Setting, stop: asyncio.Event) -> None:
    """Run the city's services, but for signals where they have a runner of their own."""
    pace = replace(Pace.at_speed(setting.city.city_clock.speed), expected_us=HOUR)
    mine, others = shared_out(setting, pace)
    await _serve(setting, stop, "service", mine, others, pace)


async def run_signals(setting: Setting, stop: asyncio.Event) -> None:
    """Run the services of signals: a turn each second of the street (ADR 16)."""
    speed = setting.city.city_clock.speed
    pace = replace(Pace.at_speed(speed), tick_us=round(speed * SECOND), longest_wait_s=SIGNALS_WAIT_S)
    others, mine = shared_out(setting, pace)
    await _serve(setting, stop, "signals", mine, others, pace)


def shared_out(setting: Setting, pace: Pace) -> tuple[list[Bound], list[Bound]]:
    """(those of the first runner, those of the role `signals`): the latter only where junctions are declared."""
    place = setting.loaded.place
    bounds = bind_services(place, setting.registry, find_services(), pace)
    ours = [bound for bound in bounds if has_signals(place) and bound.kind == "signals"]
    return [bound for bound in bounds if bound not in ours], ours


async def _serve(
    setting: Setting, stop: asyncio.Event, role: str, bounds: list[Bound], others: list[Bound], pace: Pace
) -> None:
    city, place = setting.city, setting.loaded.place
    units = frozenset(unit for bound in others for unit in bound.rules.actuators)
    elsewhere = Elsewhere(frozenset(bound.id for bound in others), units)
    first = role == "service"
    client = await connect(city.bus_url, "service", city.passwords.get("service"))
    acks = LogReader(city.bus_url, "service", city.passwords.get("service"), ACKNOWLEDGEMENTS, 1)
    try:
        async with (
            NatsEvents(client, role, setting.now_us) as events,
            living_ledger(setting, role, "permit") as ledger,
        ):
            ports = RunnerPorts(
                reader=setting.state,
                book=setting.state,
                ledger=ledger,
                link=NatsCommandLink(client, encoder(command_key(setting.home.keys))),
                acks=acks,
                now_us=setting.now_us,
                refresh_expected=_expected_refresh(setting) if first else None,
                standings=lambda: tuple(setting.state.watch.standings().values()),
                marks=setting.state.marks,
                barred=lambda: barred_now(setting.state),
                one_source=setting.state.watch.one_source,
                events=events,
                overrides=setting.state,
                keeper=setting.state.services,
                pasts=setting.history(),
                documents=setting.state.feeds.documents,
                works=ProcessWorks(),
                alert_rows=notice_alerts(setting),
            )
            runner = ServiceRunner(bounds, place.position, ports, pace, role, elsewhere)
            try:
                async with contextlib.AsyncExitStack() as beside:
                    path = setting.home.root / (SERVICE_PROGRESS if first else SIGNALS_PROGRESS)
                    await beside.enter_async_context(told_each_second(path, lambda: runner.progress))
                    if first:
                        await beside.enter_async_context(forecasting_beside(setting, stop))
                    await runner.run(stop)
            finally:
                await acks.close()
    finally:
        await disconnect(client)


def _expected_refresh(setting: Setting) -> Callable[[int], None]:
    history = setting.history()

    def refresh(now_us: int) -> None:
        for _ in range(REFRESH_TRIES):
            marks = setting.state.marks()
            channel, observed_at, value = history.past(now_us - EXPECTED_DAYS * DAY, now_us, EXPECTED_ROWS)
            setting.state.set_expected(expected_ranges(channel, observed_at, value, setting.registry))
            if setting.state.marks() == marks:
                return  # else somebody marked rows that these ranges were still learned from

    return refresh


async def run_street_signals(setting: Setting, stop: asyncio.Event) -> None:
    """Run the street's side of the signals: SUMO, and the junctions' controllers beside it."""
    from cityward.adapters.street.signals.run import run_corridor  # noqa: PLC0415 - SUMO is an extra

    await run_corridor(corridor_of(setting), stop)


async def run_street_role(setting: Setting, stop: asyncio.Event) -> None:
    """Run the simulated devices of the demonstration, each through the front door."""
    city, street = setting.city, setting.city.street
    assert street is not None
    mqtt = MqttDoor(city.mqtt_host, city.mqtt_port, Path(city.mqtt_ca) if city.mqtt_ca else None)
    http = HttpDoor(f"http://127.0.0.1:{city.web_port}")
    settings = StreetSettings(
        registry=setting.registry,
        clock=city.city_clock,
        position=setting.loaded.place.position,
        recordings=Path(street.recordings),
        credentials=setting.home.device_secrets,
        mqtt=mqtt,
        http=http,
        memory=setting.home.root / "street.json",
        backfill_days=street.backfill_days,
        feeds=setting.home.root / "feeds",
        visits=partial(visits_of_crews, setting),
    )

    async def receive() -> None:
        playing = await added_in_time(setting, stop)
        await play_recipients(playing, http, mqtt, city.city_clock, setting.now_us, stop)

    receiving = asyncio.create_task(receive())
    try:
        await run_street(settings, stop)
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
