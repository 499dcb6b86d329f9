"""`cityward bench watch --cost`: what the watch costs beside the gate, and what a city holds with it on and off, in one run.

Made cities (units of two properties on a street grid, four makers; `CASES` says of how many channels) speak for some hours, each
channel once in five minutes or once a minute, in SenML messages of one reading. Each hour's messages go through the worker's real
chain (screen, decode, gate, evidence, history, state, on disk), and then through the watch's: the history's tail, all detectors,
judging, evidence, book. The detectors were taught `TAUGHT_DAYS` before. Values follow a day's curve with seeded noise.

With the watch off counts the time of the worker's chain alone, with it on that of both: as if they shared one core, which is the
least favourable case. In a running city the watch is a process of its own.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.tables import Table
from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.protocols import codecs
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.adapters.stores.tail import HistoryTail
from cityward.ids import partition_of
from cityward.place.data import Dataset, Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.runtime.intake.worker import Intake, IntakeSettings, Stores
from cityward.runtime.ports import LogMessage, LogReader
from cityward.runtime.watching.ports import HistoryAt, Position, WatchEffects
from cityward.runtime.watching.record import WatchRecord
from cityward.time import DAY, HOUR, SECOND, CityClock
from cityward.watch import find_detectors
from cityward.watch.casebook import Casebook, Court, take
from cityward.watch.contract import STEP_US, Held
from cityward.watch.grid import GridRules, new_grid
from cityward.watch.judging import stakes_of
from cityward.watch.panel import learned, new_lesson, new_panel, teach
from cityward.watch.world import World, world_of

CASES = ((1000, 1), (1000, 5), (6000, 1))
"""(channels, readings of each in a step of 5 minutes). The detectors of steps work per step, and much of it is calls of NumPy: so
the watch is dearest, beside the gate, where few channels say little."""
OBSERVATIONS = 144_000
"""Of each case, about: twelve hours of the first."""
TAUGHT_DAYS = 10
"""So many that every detector judges: `system-consistency` has its relations after nine."""
SEED = 20261122
NOON = 1_780_315_200 * SECOND
SUBJECT_PARTITIONS = 4
GATE_ROOMS = ("screen", "decode", "gate")
PROPERTIES = ("air-temperature", "vehicle-speed")
BASE, SWING, NOISE = np.array([12.0, 14.0]), np.array([6.0, 5.0]), np.array([0.4, 1.0])


@dataclass(slots=True)
class _Spent:
    """Processor seconds of all threads, by part. One part runs at a time."""

    of: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, part: str, began: float) -> None:
        self.of[part] = self.of.get(part, 0.0) + time.process_time() - began


def run(data: Path, tell: Callable[[str], None], **_: object) -> Sequence[Table]:
    """Measure. `data` is not needed: the city is made."""
    del data
    return watch_cost(tell)


def watch_cost(
    tell: Callable[[str], None],
    *,
    cases: Sequence[tuple[int, int]] = CASES,
    observations: int = OBSERVATIONS,
    taught_days: float = TAUGHT_DAYS,
) -> Sequence[Table]:
    """Cost tables: worker and watch beside each other for each case of (channels, readings a step), and each detector's part."""
    tables: list[Table] = []
    for channels, per_step in cases:
        with tempfile.TemporaryDirectory(prefix="cityward-bench-") as folder:
            place = _place(channels // len(PROPERTIES))
            city = _City(Path(folder), place, number(place), per_step)
            tell(f"teaching {len(city.panel.detectors)} detectors {taught_days:g} days of {channels} channels")
            city.teach(taught_days)
            for hour in range(max(1, observations * STEP_US // (channels * per_step * HOUR))):
                city.hour(hour)
                tell(f"{channels} channels, {per_step} a step, hour {hour + 1}")
            tables += _tables(city, channels, per_step)
    return tables


class _City:
    """A worker's chain and the watch's, over real stores in one folder."""

    def __init__(self, folder: Path, place: Place, registry: Registry, per_step: int) -> None:
        self.every = STEP_US // per_step
        self.registry, self.world = registry, world_of(place, registry)
        self.state = SqlState(f"sqlite:///{folder / 'state.db'}")
        history = str(folder / "history")
        ledgers = {name: _ledger(folder, name) for name in ("worker", "watch")}
        settings = IntakeSettings(
            stream="bench", partitions=tuple(range(SUBJECT_PARTITIONS)), by="worker-0", declaration="bench"
        )
        stores = Stores(ledgers["worker"], DeltaHistory(history, registry), self.state)
        self.intake = Intake(registry, codecs(), stores, CityClock(), settings, _no_reader)
        self.intake.recover()
        self.tail = HistoryTail(history, registry)
        self.at: HistoryAt = self.tail.newest()
        detectors = find_detectors()
        cards = {id_: detector.card for id_, detector in detectors.items()}
        self.court = Court(self.world, stakes_of(place, registry), cards)
        self.panel = new_panel(detectors, self.world, GridRules(), NOON, time.thread_time)
        self.record, self.casebook = WatchRecord(ledgers["watch"]), Casebook()
        self.random = np.random.default_rng(SEED)
        self.seq, self.rows, self.findings = 0, 0, 0
        self.spent = _Spent()

    def teach(self, days: float) -> None:
        """Show the detectors the days before."""
        since = NOON - round(days * DAY) // STEP_US * STEP_US
        lesson = new_lesson(self.panel, self.panel.detectors)
        for start in range(since, NOON, 6 * HOUR):
            until = min(start + 6 * HOUR, NOON)
            teach(lesson, _held(self.world, start, until, STEP_US, self.random), until)
        learned(self.panel, lesson)
        self.panel.cpu.clear()
        self.panel.grid = new_grid(self.world.channels, NOON, self.panel.rules)

    def hour(self, nth: int) -> None:
        """One hour's messages through both chains."""
        start = NOON + nth * HOUR
        messages = list(self._messages(_held(self.world, start, start + HOUR, self.every, self.random)))
        began = time.process_time()
        self.intake.settle(self.intake.judge(messages))
        self.spent.add("worker", began)
        began = time.process_time()
        self._watch()
        self.spent.add("watch", began)

    def _watch(self) -> None:
        tailed = self.tail.next(self.at, 1_000_000)
        self.rows += len(tailed.held)
        signs = self.panel.turn(tailed.held, ())
        verdict = take(self.casebook, signs, tailed.held.now, self.court)
        self.record.append(verdict.records)
        effects = WatchEffects(
            position=Position(history=tailed.at), findings=verdict.findings, incidents=verdict.incidents,
            standings=verdict.standings,
        )  # fmt: skip
        self.state.watch.hold(effects)
        self.at = tailed.at
        self.findings += sum(finding.ended_at is None for finding in verdict.findings)

    def _messages(self, held: Held) -> Iterator[LogMessage]:
        """One reading each, in the order of time, as the log holds them a tenth of a second later."""
        order = np.argsort(held.observed_at, kind="stable")
        for c, at, value in zip(
            held.channel[order].tolist(), held.observed_at[order].tolist(), held.value[order].tolist(), strict=True
        ):
            unit, property_ = self.world.name_of(c)
            body = json.dumps([{"n": property_, "t": at / SECOND, "v": round(value, 2)}]).encode()
            self.seq += 1
            subject = f"$MQTT.msgs.in.{partition_of(unit, SUBJECT_PARTITIONS)}.{unit}"
            yield LogMessage(subject, body, self.seq, at + SECOND // 10)


def _held(world: World, start: int, until: int, every: int, random: np.random.Generator) -> Held:
    """Every channel `every` so often (us): a day's curve of its property, an offset of its own, noise."""
    steps = np.arange(start, until, every, dtype=np.int64)
    c = np.arange(world.channels, dtype=np.int32)
    channel = np.repeat(c, len(steps))
    at = (steps[None, :] + (c.astype(np.int64)[:, None] * 7919 % (every // SECOND - 5)) * SECOND).ravel()
    kind = world.observed[channel]
    phase = 2 * np.pi * ((at % DAY) / DAY - 0.375)
    value: NDArray[np.float64] = (
        BASE[kind] + SWING[kind] * np.sin(phase) + channel % 7 * 0.2 + random.normal(size=len(at)) * NOISE[kind]
    )
    return Held(channel, value, at, at + SECOND // 10, np.arange(len(at), dtype=np.int64), int(at.max()) + SECOND)


def _tables(city: _City, channels: int, per_step: int) -> Sequence[Table]:
    rows, spent, rooms = city.rows, city.spent.of, city.intake.progress.cpu
    gate = sum(rooms.get(room, 0.0) for room in GATE_ROOMS)
    detectors = sum(city.panel.cpu.values())
    parts: Mapping[str, float] = {
        "gate (screen, decode, judge)": gate,
        "worker, all of it": spent["worker"],
        "watch: detectors": detectors,
        "watch, all of it": spent["watch"],
    }
    cost = Table(
        title=f"What the watch costs: {channels:,} channels, a reading every {5 // per_step} minutes, {rows:,} observations",
        head=("part", "us per observation", "of the gate", "of the worker"),
        rows=tuple(
            (name, round(s / rows * 1e6, 2), round(s / gate, 2), round(s / spent["worker"], 2))
            for name, s in parts.items()
        ),
        verdict=f"the watch takes {spent['watch'] / gate:.2f} of what the gate takes (aim, less than all of it, "
        f"{'met' if spent['watch'] < gate else 'not met'})",
        notes=(
            f"observations held per processor second: {rows / spent['worker']:,.0f} with the watch off, "
            f"{rows / (spent['worker'] + spent['watch']):,.0f} with it on",
            f"{city.findings} findings on these clean data",
        ),
    )
    each = sorted(city.panel.cpu.items(), key=lambda one: -one[1])
    share = Table(
        title="Each detector's part",
        head=("detector", "us per observation", "of the detectors in %"),
        rows=tuple((id_, round(s / rows * 1e6, 3), round(100 * s / detectors, 1)) for id_, s in each),
    )
    return (cost, share)


def _place(units: int) -> Place:
    side = int(units**0.5) + 1
    makers = [f"maker-{n}" for n in range(4)]
    spots = [(2.3 + n % side * 0.003, 54.9 + n // side * 0.002) for n in range(units)]
    return Place(
        place="bench",
        name="Bench",
        position=(2.3, 54.9),
        responsible="council",
        device_models={
            maker: DeviceModel(maker=maker, properties={name: PropertyMapping() for name in PROPERTIES})
            for maker in makers
        },
        devices={
            f"units-{n}": Device(model=maker, site=f"site-{n}", owner="council", positions=tuple(spots[n::4]))
            for n, maker in enumerate(makers)
        },
        datasets={"d": Dataset(personal=False, sensitivity="public", retention_days=1, properties=PROPERTIES)},
        flows={
            f"flow-{n}": Flow(
                from_=f"units-{n}",
                to="cityward",
                datasets=("d",),
                purpose="p",
                protocol="mqtt",
                observability=Observability.ENFORCED,
                limits=FlowLimits(messages_per_minute=10_000),
            )
            for n in range(len(makers))
        },
    )


def _ledger(folder: Path, name: str) -> FileLedger:
    return FileLedger(folder / "ledger" / name, f"bench/{name}", signing_key(folder / "keys", f"ledger-{name}"))


def _no_reader(start_seq: int) -> LogReader:
    raise NotImplementedError("the bench hands messages over itself")
