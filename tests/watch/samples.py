"""Samples of detectors: found beside them, read, played to them, and what they must say of them.

A detector's folder has `samples/benign-*` and `samples/attack-*`:

    <name>.csv (or .csv.gz)   rows, long: device,property,observed_at,value[,received_at]
                              or wide: observed_at,<device>/<property>,...   (an empty cell is no reading)
                              times RFC 3339; devices of `sample_town.py`; values in the catalogue's units
    <name>.jsonl              events, one a line, as `watch.events` writes them; alone (detectors of events), or beside
                              `<name>.csv` (detectors that also hear)
    <name>.signs.json         what the detector must say: [{kind, device, property, phase, began_at, at}]

A file is at most 100 kB. Where each was cut from, and what was done to it, stands in the folder's `samples/README.md`.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from cityward.time import DAY, HOUR, SECOND, iso, to_us
from cityward.watch import detectors as _folder
from cityward.watch import events as _events
from cityward.watch.contract import STEP_US, Detector, Held, Sign, Step
from cityward.watch.events import Event
from cityward.watch.world import World
from watch.sample_town import sample_world

DETECTORS = Path(_folder.__path__[0])
LARGEST = 100_000
ARRIVES_AFTER = 2 * SECOND  # where a sample names no `received_at`


@dataclass(frozen=True)
class Sample:
    """One recorded stretch: all rows as one `Held`, and events."""

    path: Path
    held: Held
    events: tuple[Event, ...] = ()

    @property
    def name(self) -> str:
        return self.path.name.split(".")[0]

    @property
    def golden(self) -> Path:
        return self.path.with_name(f"{self.name}.signs.json")


def folder_of(id_: str) -> Path:
    """A detector's folder of samples."""
    return DETECTORS / id_.replace("-", "_") / "samples"


def samples_of(id_: str, prefix: str = "") -> list[Path]:
    """The files of a detector's samples, one for each, in order of name."""
    found: dict[str, Path] = {}
    for pattern in ("*.csv", "*.csv.gz", "*.jsonl"):
        for path in folder_of(id_).glob(prefix + pattern):
            found.setdefault(path.name.split(".")[0], path)
    return [found[name] for name in sorted(found)]


def read_sample(path: Path) -> Sample:
    """Read a sample, with the events beside its rows."""
    world = sample_world()
    if path.suffix == ".jsonl":
        return Sample(path, held_of([], world), _read_events(path))
    beside = path.with_name(path.name.split(".")[0] + ".jsonl")
    return Sample(path, held_of(_read_rows(path), world), _read_events(beside) if beside.exists() else ())


def _read_events(path: Path) -> tuple[Event, ...]:
    return tuple(_events.decode(line) for line in path.read_bytes().splitlines() if line)


Row = tuple[str, str, int, float, int]


def _read_rows(path: Path) -> list[Row]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    if header[0] == "observed_at":
        return list(_wide(header, reader))
    assert header[:4] == ["device", "property", "observed_at", "value"], f"{path.name}: {header}"
    return [_long(row) for row in reader]


def _wide(header: Sequence[str], reader: Iterator[list[str]]) -> Iterator[Row]:
    names = [tuple(name.split("/")) for name in header[1:]]
    for at, *cells in reader:
        when = _us(at)
        for (device, prop), cell in zip(names, cells, strict=True):
            if cell:
                yield device, prop, when, float(cell), when + ARRIVES_AFTER


def _long(row: Sequence[str]) -> Row:
    when = _us(row[2])
    return row[0], row[1], when, float(row[3]), _us(row[4]) if len(row) > 4 and row[4] else when + ARRIVES_AFTER


def _us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def held_of(rows: Sequence[Row], world: World) -> Held:
    """Rows as history holds them; `seq` in order of arrival."""
    registry = world.registry
    channel = np.array([registry.channel_by_property[(registry.unit_index[r[0]], r[1])] for r in rows], dtype=np.int32)
    observed = np.array([r[2] for r in rows], dtype=np.int64)
    received = np.array([r[4] for r in rows], dtype=np.int64)
    seq = np.empty(len(rows), dtype=np.int64)
    seq[np.lexsort((observed, received))] = np.arange(1, len(rows) + 1)
    whole = Held(
        channel=channel,
        value=np.array([r[3] for r in rows], dtype=np.float64),
        observed_at=observed,
        received_at=received,
        seq=seq,
        now=int(received.max(initial=0)),
    )
    return taken(whole, np.lexsort((seq, observed, channel)))


def taken(held: Held, which: Any, now: int | None = None) -> Held:
    """Some of the rows."""
    return Held(
        channel=held.channel[which],
        value=held.value[which],
        observed_at=held.observed_at[which],
        received_at=held.received_at[which],
        seq=held.seq[which],
        now=held.now if now is None else now,
    )


def batches(held: Held, length_us: int = HOUR) -> list[Held]:
    """The rows as they come in: those received in each stretch of time."""
    if not len(held):
        return []
    turn = held.received_at // length_us
    return [taken(held, turn == t, int(held.received_at[turn == t].max())) for t in np.unique(turn).tolist()]


def steps(held: Held, channels: int) -> Iterator[Step]:
    """The rows on the grid, by when they were observed; every step from the first to the last."""
    if not len(held):
        return
    slot = held.observed_at // STEP_US
    first = int(slot.min())
    edges = np.argsort(slot, kind="stable")
    bounds = np.searchsorted(slot[edges], np.arange(first, int(slot.max()) + 2))
    for i, (low, high) in enumerate(itertools.pairwise(bounds.tolist())):
        # of one slot rows stay sorted by channel, then time: the last one written is the newest
        which = edges[low:high]
        yield _step((first + i + 1) * STEP_US, held.channel[which], held.value[which], channels)


def _step(at: int, channel: Any, value: Any, channels: int) -> Step:
    count = np.bincount(channel, minlength=channels).astype(np.int32)
    total = np.bincount(channel, weights=value, minlength=channels)
    mean = np.full(channels, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    newest = np.full(channels, np.nan)
    newest[channel] = value
    return Step(at=at, mean=mean, newest=newest, count=count)


def play(detector: Detector, sample: Sample, state: Any = None, length_us: int = HOUR) -> list[Sign]:
    """Everything a detector says of a sample, in the order in which it says it."""
    world = sample_world()
    state = detector.begin(world) if state is None else state
    signs: list[Sign] = []
    told = 0

    def tell_events(until: int) -> None:
        nonlocal told
        upto = next((i for i in range(told, len(sample.events)) if sample.events[i].at > until), len(sample.events))
        signs.extend(detector.hear(state, sample.events[told:upto], until, world))
        told = upto

    hears = getattr(detector.card, "hears", False)
    if detector.card.reads == "rows":
        for held in batches(sample.held, length_us):
            if hears:
                tell_events(held.now)
            signs.extend(detector.rows(state, held, world))
    elif detector.card.reads == "steps":
        for step in steps(sample.held, world.channels):
            if hears:
                tell_events(step.at)
            signs.extend(detector.step(state, step, world))
    if hears or detector.card.reads == "events":
        last = max((event.at for event in sample.events), default=0)
        for turn in sorted({event.at // length_us for event in sample.events[told:]}):
            tell_events(min((turn + 1) * length_us - 1, last))
        signs.extend(detector.hear(state, (), last + 2 * DAY, world))  # so that all that began also ends
    return signs


def as_golden(signs: Sequence[Sign]) -> list[dict[str, str]]:
    """What a golden file says of signs, in an order that does not depend on batches."""
    world = sample_world()
    rows = [
        {
            "kind": s.kind,
            "device": world.registry.units[s.unit].id if s.unit >= 0 else s.about,
            "property": world.name_of(s.channel)[1] if s.channel >= 0 else "",
            "phase": s.phase.value,
            "began_at": iso(s.began_at),
            "at": iso(s.at),
        }
        for s in signs
    ]
    return sorted(rows, key=lambda r: (r["at"], r["kind"], r["device"], r["property"], r["began_at"], r["phase"]))


def read_golden(sample: Sample) -> list[dict[str, str]]:
    """What a detector must say of a sample."""
    return json.loads(sample.golden.read_text())


def write_golden(sample: Sample, signs: Sequence[Sign]) -> None:
    """Renew it."""
    rows = ",\n".join(f"  {json.dumps(row)}" for row in as_golden(signs))
    sample.golden.write_text(f"[\n{rows}\n]\n" if rows else "[]\n")


def renumbered(held: Held, times: int, apart_us: int) -> Held:
    """The same rows again and again, each time later."""
    out = [replace(held, observed_at=held.observed_at + i * apart_us) for i in range(times)]
    whole = Held(
        channel=np.concatenate([h.channel for h in out]),
        value=np.concatenate([h.value for h in out]),
        observed_at=np.concatenate([h.observed_at for h in out]),
        received_at=np.concatenate([h.received_at + i * apart_us for i, h in enumerate(out)]),
        seq=np.concatenate([h.seq + i * len(held) for i, h in enumerate(out)]),
        now=held.now + (times - 1) * apart_us,
    )
    return taken(whole, np.lexsort((whole.seq, whole.observed_at, whole.channel)))
