"""`cityward bench taint`: a big history, and how long it takes to say what one device touched, and to take it back.

A made-up city of detectors, each with one property, speaking in turn for some days; its history is compacted as a running city's
is, its state has their indicators and commands that rest on three of them each. The question is asked of devices spread over the
city, of a day and of all their time. Seconds are wall-clock: reading files is most of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.evidence.records import AnyRecord
from cityward.guard.admit import Judged
from cityward.insight.hourly import by_hour
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.runtime.ports import BatchEffects, CommandRow, SourceSpan
from cityward.runtime.undoing.retraction import RetractionPorts, Retractions
from cityward.runtime.undoing.taint import TaintPorts, taint_of
from cityward.time import DAY, MINUTE, SECOND

BEGIN = 1_760_054_400 * SECOND  # a midnight
BATCH = 100_000
COMPACT_EVERY = 16  # batches; a city does it every two minutes
ASKED = 9  # devices
COMMANDS = 5_000
AREAS = 16
PARTITIONS = 4


class TaintMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: medians over the devices asked, the slowest beside. `parts`: files of the history."""

    observations: int
    devices: int
    days: int
    parts: int
    rows_of_a_day: int
    day_s: float
    slowest_day_s: float
    all_s: float
    slowest_all_s: float
    fresh_s: float  # the first question of a process
    retract_day_s: float
    hours_made: int
    clear_s: float


def measure_taint(
    folder: Path, *, observations: int, devices: int, days: int, tell: Callable[[str], None]
) -> TaintMeasurement:
    """Build it in `folder`, and ask."""
    place = _place(devices)
    registry = number(place)
    history = DeltaHistory(str(folder / "history"), registry, partitions=PARTITIONS)
    state = SqlState(f"sqlite:///{folder / 'state.db'}")
    for done in _fill(history, state, registry, observations, days):
        tell(f"{done:,} of {observations:,} observations held")
    _fill_commands(state, registry, days)
    now = BEGIN + days * DAY
    parts = sum(1 for _ in (folder / "history").rglob("day=*/*.parquet"))
    tell("asked")
    ports = TaintPorts(
        book=state,
        history=DeltaHistory(str(folder / "history"), registry, partitions=PARTITIONS),
        recipients=lambda _: (),
        shown=lambda _: (),
    )
    asked = [registry.units[i].id for i in np.linspace(0, devices - 1, ASKED).astype(int).tolist()]

    def ask(device: str, since: int, until: int) -> float:
        begun = time.perf_counter()
        taint_of(device, since, until, now, ports, registry)
        return time.perf_counter() - begun

    middle = BEGIN + days // 2 * DAY
    fresh = ask(asked[0], middle, middle + DAY)
    day = [ask(device, middle, middle + DAY) for device in asked]
    everything = [ask(device, BEGIN, now) for device in asked]
    retractions = Retractions(
        RetractionPorts(book=state, history=ports.history, ledger=_Nowhere(), tell=lambda _: (), now_us=lambda: now),
        registry,
    )
    begun = time.perf_counter()
    mark = retractions.retract(asked[1], (), middle, middle + DAY, why="bench", person="bench")
    retracted = time.perf_counter() - begun
    done = state.retraction(mark.mark.id)
    begun = time.perf_counter()
    retractions.clear(mark.mark.id, why="bench", person="bench")
    cleared = time.perf_counter() - begun
    state.dispose()
    return TaintMeasurement(
        observations=observations,
        devices=devices,
        days=days,
        parts=parts,
        rows_of_a_day=mark.rows,
        day_s=median(day),
        slowest_day_s=max(day),
        all_s=median(everything),
        slowest_all_s=max(everything),
        fresh_s=fresh,
        retract_day_s=retracted,
        hours_made=done.hours if done is not None else 0,
        clear_s=cleared,
    )


class _Nowhere:
    """A log that keeps nothing: what evidence costs is measured elsewhere."""

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        return [f"bench:{n}" for n, _ in enumerate(records)]

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return ()


def _place(devices: int) -> Place:
    positions = tuple((2.3 + n / 100_000, 54.9) for n in range(devices))
    areas = tuple(f"area-{n % AREAS:02d}" for n in range(devices))
    return Place(
        place="bench",
        name="Bench",
        position=(2.3, 54.9),
        responsible="council",
        device_models={"loop": DeviceModel(maker="maker", properties={"vehicle-speed": PropertyMapping()})},
        devices={"loop": Device(model="loop", site="street", owner="council", positions=positions, areas=areas)},
        datasets={"speeds": Dataset(personal=False, sensitivity="public", retention_days=30, properties=("vehicle-speed",))},
        flows={
            "speeds-in": Flow(
                from_="loop", to="cityward", datasets=("speeds",), purpose="traffic", protocol="mqtt",
                observability=Observability.ENFORCED,
            )
        },
    )  # fmt: skip


def _fill(history: DeltaHistory, state: SqlState, registry: Registry, observations: int, days: int) -> Iterator[int]:
    """Every device in turn, evenly over the days; yields how many are held."""
    random = np.random.default_rng(1)
    units = len(registry.units)
    for n, first in enumerate(range(0, observations, BATCH), start=1):
        index = np.arange(first, min(first + BATCH, observations), dtype=np.int64)
        channel = (index % units).astype(np.int32)
        at = BEGIN + index * (days * DAY // observations)
        judged = Judged(
            message=index.astype(np.int32),
            unit=registry.channel_unit[channel],
            channel=channel,
            value=random.normal(25, 4, len(index)).round(1),
            observed_at=at,
            received_at=at + SECOND,
            seq=index + 1,
            flow=np.zeros(len(index), dtype=np.int32),
            reason=np.zeros(len(index), dtype=np.uint8),
        )
        upto = dict.fromkeys(range(PARTITIONS), int(index[-1]) + 1)
        history.append(judged.seal("bench:0"), upto)
        state.apply(BatchEffects(upto, hourly=by_hour(channel, judged.value, at, registry)))
        if n % COMPACT_EVERY == 0:
            history.compact()
        yield int(index[-1]) + 1


def _fill_commands(state: SqlState, registry: Registry, days: int) -> None:
    """Commands evenly over the days, each on three devices beside each other."""
    units = [unit.id for unit in registry.units]
    for n in range(COMMANDS):
        at = BEGIN + n * (days * DAY // COMMANDS)
        first = n % (len(units) - 2)
        spans = [SourceSpan(unit, at - 5 * MINUTE, at - MINUTE) for unit in units[first : first + 3]]
        state.command_sent(
            CommandRow(
                f"c-{n}", "lights", "lamp", "dim", 40.0, {"why": "quiet"}, "service:1", "acknowledged", at, at, spans
            )
        )
