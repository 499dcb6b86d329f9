"""The rows half of `cityward bench release`: what the gate costs beside reading the same rows and writing them down without it.

A made-up city of meters, two properties each, held in a history as a running city's is, compacted. Both ways read the same rows
from it and write the same eight fields. The raw way is what one would write oneself: a scan, a join with the devices' places, an
encoder. The gate's way looks each row's channel up, decides, holds the rows to the form, works out the digest and encodes; names,
steps and cells are made on the way. Seconds are processor seconds of all threads; the ways take turns; rates are medians of
the rounds, a ratio is the median of those of each round, as both its ways ran beside the same other work.
"""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from deltalake import DeltaTable

from cityward.adapters.bench.tables import Table, table_of
from cityward.adapters.outlets.encoding import ENCODINGS, LEVEL
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.parts import Names, Shelf
from cityward.guard.admit import Judged
from cityward.guard.layout import Layout, layout_of
from cityward.guard.release import Asked, Atoms, Passed, RecipientKeys, Rows, release
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.parties import Agreement, Jurisdiction, Party, PartyKind
from cityward.place.registry import Registry, number
from cityward.place.release import Aggregate, Form, Recipient
from cityward.place.services import Purpose
from cityward.place.things import Device, DeviceModel, PropertyMapping, Site, System
from cityward.policy import table as compiled
from cityward.policy.compile import compile_table
from cityward.policy.contract import Decision, Request, Standing
from cityward.reach.effective import lands_of
from cityward.time import DAY, SECOND

BEGIN = 1_780_272_000 * SECOND  # a midnight
TODAY = date(2026, 6, 1)
BATCH = 100_000
PARTITIONS = 4
AREAS = 16
PROPERTIES = ("air-temperature", "sound-level")
FORMS = {
    "plain": Form(),
    "pseudonymised": Form(pseudonymise=True),
    "coarsened": Form(coarsen_time_s=900, coarsen_place_m=500),
    "aggregated": Form(aggregate=Aggregate(least=5, period_s=3600)),
    "marked": Form(watermark=True),
}
"""What is measured, by name."""

AIM = 0.8

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One form in one encoding: rows a processor second, those of the raw way and of the gate; kB of their bodies."""

    form: str
    encoding: str
    raw_rows_s: float
    gate_rows_s: float
    ratio: float
    raw_kb: float
    gate_kb: float


def release_table(
    folder: Path, *, rows: int, devices: int, encodings: Sequence[str], rounds: int, tell: Tell = print
) -> Table:
    """Released rows a second as a table to print."""
    bench = _built(folder, rows, devices)
    tell(f"{rows:,} rows of {devices:,} devices held in {len(bench.paths)} files")
    found = [_measured(bench, form, name, rows, rounds, tell) for name in encodings for form in FORMS]
    least = min(found, key=lambda one: one.ratio)
    met = sum(one.ratio >= AIM for one in found)
    return table_of(
        "Released rows: the gate beside the raw way",
        found,
        verdict=f"{met} of {len(found)} at {AIM} of raw or more; the least is {least.ratio:.2f} ({least.form}, {least.encoding})",
        notes=(
            "rows per processor second of all threads; read from the same history, decided, in form, with digest, encoded",
        ),
    )


# --- what is measured


@dataclass(frozen=True, slots=True)
class _Bench:
    shelf: Shelf
    paths: list[str]
    names: Names
    layout: Layout
    devices: pl.DataFrame
    table: compiled.Table
    keys: RecipientKeys = field(default_factory=lambda: RecipientKeys(names=bytes(32), mark=bytes(32)))


def _measured(bench: _Bench, form: str, encoding: str, rows: int, rounds: int, tell: Tell) -> Measured:
    raw, gate = (lambda: _raw(bench, encoding)), (lambda: _gated(bench, form, encoding))
    sizes = len(raw()), len(gate())  # and both are warm
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for way, seconds in zip((raw, gate), took, strict=True):
            gc.collect()
            begun = time.process_time()
            way()
            seconds.append(time.process_time() - begun)
    a, b = (rows / median(seconds) for seconds in took)
    ratio = median(of_raw / of_gate for of_raw, of_gate in zip(*took, strict=True))
    tell(f"{form}, {encoding}: {b:,.0f} rows/s beside {a:,.0f}")
    return Measured(form, encoding, a, b, ratio, sizes[0] / 1000, sizes[1] / 1000)


def _raw(bench: _Bench, encoding: str) -> bytes:
    """What one would write oneself."""
    columns = ["device", "property", "observed_at", "value"]
    joined = bench.shelf.scan(bench.paths).select(columns).join(bench.devices.lazy(), on=["device", "property"])
    frame = joined.collect()
    out = io.BytesIO()
    if encoding == "parquet":
        frame.write_parquet(out, compression="zstd", compression_level=LEVEL)
    elif encoding == "arrow":
        frame.write_ipc(out, compression="zstd")
    else:
        told = frame.with_columns(pl.col("observed_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        told.write_ndjson(out) if encoding == "jsonl" else told.write_csv(out)
    return out.getvalue()


def _gated(bench: _Bench, form: str, encoding: str) -> bytes:
    request = Request(f"desk-{form}", "weather", "planning", 0, BEGIN + DAY)
    decision: Decision = compiled.decide(request, bench.table)
    passed = release(
        _rows(bench, came=decision.form.aggregate is not None),
        decision,
        bench.layout,
        recipient=request.recipient,
        keys=bench.keys,
        now_us=BEGIN + 2 * DAY,
        asked=Asked(BEGIN, BEGIN + DAY),
        told=Atoms.none(),
    )
    assert isinstance(passed, Passed), decision.reasons
    return ENCODINGS[encoding].encode(passed.seal("bench:0"))


def _rows(bench: _Bench, *, came: bool) -> Rows:
    """What the form needs: when rows came only for cells."""
    columns = ["device", "property", "observed_at", "value", *(["received_at"] if came else [])]
    frame = bench.shelf.scan(bench.paths).select(columns).collect()
    return Rows(
        channel=bench.names.channels(frame),
        value=frame["value"].to_numpy(),
        observed_at=frame["observed_at"].to_physical().to_numpy(),
        received_at=frame["received_at"].to_physical().to_numpy() if came else None,
    )


# --- the city


def _built(folder: Path, rows: int, devices: int) -> _Bench:
    place = _place(devices)
    registry = number(place)
    uri = str(folder / "history")
    history = DeltaHistory(uri, registry, partitions=PARTITIONS)
    _fill(history, registry, rows)
    history.compact()
    standing = Standing(frozenset(), frozenset(), frozenset(), lands_of(place))
    paths = pl.DataFrame(DeltaTable(uri).get_add_actions(flatten=True))["path"].to_list()
    return _Bench(
        shelf=Shelf(uri),
        paths=sorted(paths),
        names=Names.of(registry, PARTITIONS),
        layout=layout_of(place, registry),
        devices=_devices(registry),
        table=compile_table(place, standing, TODAY, UTC),
    )


def _devices(registry: Registry) -> pl.DataFrame:
    """What the raw way knows of each device and property."""
    units = [registry.units[u] for u in registry.channel_unit.tolist()]
    return pl.DataFrame(
        {
            "device": [u.id for u in units],
            "property": list(registry.channel_property),
            "unit": list(registry.channel_unit_symbol),
            "area": list(registry.channel_area),
            "longitude": [u.position[0] if u.position else None for u in units],
            "latitude": [u.position[1] if u.position else None for u in units],
        }
    )


def _fill(history: DeltaHistory, registry: Registry, rows: int) -> None:
    """Every channel in turn, evenly over a day."""
    chance = np.random.default_rng(1)
    channels = len(registry.channel_unit)
    for first in range(0, rows, BATCH):
        index = np.arange(first, min(first + BATCH, rows), dtype=np.int64)
        channel = (index % channels).astype(np.int32)
        at = BEGIN + index * (DAY // rows)
        judged = Judged(
            message=index.astype(np.int32),
            unit=registry.channel_unit[channel],
            channel=channel,
            value=chance.normal(15, 4, len(index)).round(1),
            observed_at=at,
            received_at=at + SECOND,
            seq=index + 1,
            flow=np.zeros(len(index), dtype=np.int32),
            reason=np.zeros(len(index), dtype=np.uint8),
        )
        history.append(judged.seal("bench:0"), dict.fromkeys(range(PARTITIONS), int(index[-1]) + 1))


def _place(devices: int) -> Place:
    chance = np.random.default_rng(2)
    spots = np.stack([chance.uniform(2.2, 2.5, devices), chance.uniform(54.8, 55.0, devices)], axis=1).round(6).tolist()
    mapped = {name: PropertyMapping() for name in PROPERTIES}
    council = Party(kind=PartyKind.PUBLIC_BODY, incorporated_in="xa")
    return Place(
        place="bench",
        name="Bench",
        position=(2.3, 54.9),
        responsible="council",
        platform="cityward",
        parties={"council": council, "acme": Party(kind=PartyKind.COMPANY, incorporated_in="xa")},
        jurisdictions={"xa": Jurisdiction(code="XA")},
        agreements={"deal": _deal()},
        purposes={"planning": Purpose(), "watching": Purpose()},
        sites={"hall": Site(jurisdiction="xa")},
        systems={"cityward": System(kind="platform", site="hall", operator="council")},
        device_models={"meter": DeviceModel(maker="council", properties=mapped)},
        devices={"meter": _meters(spots)},
        datasets={"weather": _dataset()},
        flows={
            "weather-in": _flow("meter", "cityward", "mqtt", None),
            "weather-out": _flow("cityward", "acme", "http", "deal"),
        },
        forms=dict(FORMS),
        recipients={f"desk-{name}": _recipient(name) for name in FORMS},
    )


def _meters(spots: list[list[float]]) -> Device:
    areas = tuple(f"area-{n % AREAS:02d}" for n in range(len(spots)))
    positions = tuple((longitude, latitude) for longitude, latitude in spots)
    return Device(model="meter", site="hall", owner="council", positions=positions, areas=areas)


def _dataset() -> Dataset:
    return Dataset(
        personal=False, sensitivity="internal", retention_days=30, allowed_jurisdictions=("xa",), properties=PROPERTIES
    )


def _deal() -> Agreement:
    return Agreement(kind="sharing", parties=("council", "acme"), datasets=("weather",), purposes=("planning",))


def _flow(from_: str, to: str, protocol: str, agreement: str | None) -> Flow:
    return Flow(
        from_=from_,
        to=to,
        datasets=("weather",),
        purpose="planning",
        protocol=protocol,  # pyright: ignore[reportArgumentType]
        agreement=agreement,
        observability=Observability.ENFORCED,
    )


def _recipient(form: str) -> Recipient:
    return Recipient(
        party="acme", flows=("weather-out",), by="query", addresses=("192.0.2.1",), jurisdiction="xa", form=form
    )
