"""How a city is run, what that rules out, and its clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.compose.home import CityFile, Exercise, Home
from cityward.compose.places import load_place
from cityward.errors import PlaceError
from cityward.services.lighting.sun import sun_times
from cityward.time import CityClock

LOOPBACK = ("127.0.0.1", "localhost", "::1")


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


def check_apart(before: CityFile | None, options: RunOptions) -> None:
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


def clock_of(home: Home, options: RunOptions) -> CityClock:
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
