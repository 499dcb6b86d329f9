"""The watch with stores in memory that fail, and a watch that dies, wherever it hurts most."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import LinkError
from cityward.evidence.records import AnyRecord, Found, Lifecycle, Marked, Standing
from cityward.insight.marks import OPEN, Mark, MarkState
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.registry import number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.runtime.watching import progress as watch_progress
from cityward.runtime.watching import runner as watch_runner
from cityward.runtime.watching.ports import HistoryAt, Position, Tailed, Told, WatchEffects, WatchPorts
from cityward.runtime.watching.runner import WatchPace, WatchRunner
from cityward.time import DAY, MINUTE, SECOND
from cityward.watch.casebook import Court
from cityward.watch.contract import STEP_US, Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event, EventKind
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState, Trust
from cityward.watch.grid import GridRules
from cityward.watch.judging import stakes_of
from cityward.watch.world import World, world_of

NOON = 1_760_000_400 * SECOND // STEP_US * STEP_US
METERS = ("meter-a", "meter-b")


def two_meters() -> Place:
    device = Device(model="m", site="unknown", owner="unknown")
    return Place(
        place="t",
        name="T",
        position=(2.3, 54.9),
        responsible="c",
        device_models={"m": DeviceModel(maker="unknown", properties={"illuminance": PropertyMapping(high=1000)})},
        devices=dict.fromkeys(METERS, device),
        datasets={"d": Dataset(personal=False, sensitivity="public", retention_days=1, properties=("illuminance",))},
        flows={
            f"f-{d}": Flow(
                from_=d,
                to="p",
                datasets=("d",),
                purpose="p",
                protocol="mqtt",
                observability=Observability.ENFORCED,
            )
            for d in METERS
        },
    )


PLACE = two_meters()
REGISTRY = number(PLACE)
WORLD = world_of(PLACE, REGISTRY)


# -- detectors that a child understands ---------------------------------------------------------------------------------


def card(id_: str, reads: Any, weight: float = 0.0) -> Card:
    kind = Kind(id=id_, title="Seen", severity=Severity.MEDIUM, weight=weight, todo="look")
    return Card(id=id_, title=id_, reads=reads, sees="", fails_when=(), source="", kinds=(kind,))


@dataclass
class Since:
    """(C,) or by name: when it began; 0: it does not run."""

    of: dict[str, int] = field(default_factory=dict)


class Child:
    def begin(self, world: World) -> Since:
        return Since()

    def rows(self, state: Since, held: Held, world: World) -> Sequence[Sign]:
        return ()

    def step(self, state: Since, step: Step, world: World) -> Sequence[Sign]:
        return ()

    def hear(self, state: Since, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        return ()


def turned(state: Since, key: str, on: bool, at: int, kind: str, unit: int, channel: int) -> list[Sign]:
    began = state.of.get(key, 0)
    if on == bool(began):
        return []
    state.of[key] = at if on else 0
    phase = Phase.BEGAN if on else Phase.ENDED
    return [Sign(kind, unit, channel, began or at, at, 1.0 if on else 0.0, phase, facts={"seen": "so"})]


class Bright(Child):
    """A reading over 100, until one that is not."""

    card = card("bright", "rows", weight=0.6)

    def rows(self, state: Since, held: Held, world: World) -> Sequence[Sign]:
        out: list[Sign] = []
        for c, at, value in zip(held.channel.tolist(), held.observed_at.tolist(), held.value.tolist(), strict=True):
            out += turned(state, str(c), value > 100, at, "bright", int(world.registry.channel_unit[c]), c)
        return out


class Still(Child):
    """A step in which a channel said nothing, until one in which it did."""

    card = card("still", "steps")

    def step(self, state: Since, step: Step, world: World) -> Sequence[Sign]:
        out: list[Sign] = []
        for c, n in enumerate(step.count.tolist()):
            out += turned(state, str(c), n == 0, step.at, "still", int(world.registry.channel_unit[c]), c)
        return [] if step.learning else out


class Reader(Child):
    """Somebody read, until somebody signs in."""

    card = card("reader", "events")

    def hear(self, state: Since, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        out: list[Sign] = []
        for event in events:
            for sign in turned(state, "all", event.kind is EventKind.READ, event.at, "reader", -1, -1):
                out.append(replace(sign, about="person:operator"))
        return out


DETECTORS = {"bright": Bright(), "reader": Reader(), "still": Still()}


# -- a world that outlives a watch --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_runner, "RETRY_S", (0.0, 0.0))
    monkeypatch.setattr(watch_progress.log, "warning", lambda *_, **__: None)


class Crash(BaseException):
    """The watch is killed here."""


@dataclass
class City:
    """All that outlives a watch. `trouble` is asked at every step: it may raise."""

    commits: list[tuple[Held, dict[int, int]]] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    entries: list[AnyRecord] = field(default_factory=list)
    position: Position | None = None
    findings: dict[str, Finding] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    standings: dict[str, DeviceStanding] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    notes: bytes | None = None
    clock: int = NOON
    steps: int = 0
    trouble: Mapping[int, type[BaseException]] = field(default_factory=dict)

    def step(self) -> None:
        self.steps += 1
        if (kind := self.trouble.get(self.steps)) is not None:
            raise LinkError("the disk is full") if kind is LinkError else kind()

    def commit(self, *rows: tuple[int, int, float]) -> None:
        """(channel, observed_at, value), received a second later."""
        first = sum(len(held) for held, _ in self.commits) + 1
        ordered = sorted((c, at, first + i, value) for i, (c, at, value) in enumerate(rows))
        channel, at, seq, value = (np.array(x) for x in zip(*ordered, strict=True))
        received = at + SECOND
        held = Held(channel.astype(np.int32), value.astype(float), at, received, seq, int(received.max()))
        self.commits.append((held, {0: first + len(rows) - 1}))
        self.clock = max(self.clock, int(received.max()))


class Stores:
    """Tail, events, ledger, book, notes and marks of a city, all in memory."""

    def __init__(self, city: City, most_commits: int) -> None:
        self.city, self.most = city, most_commits

    # Tail
    def newest(self) -> HistoryAt:
        return HistoryAt(version=len(self.city.commits), upto={})

    def next(self, after: HistoryAt, most: int) -> Tailed:
        self.city.step()
        upto = min(len(self.city.commits), after.version + self.most)
        parts = [held for held, _ in self.city.commits[after.version : upto]]
        return Tailed(joined(parts), HistoryAt(version=upto, upto={}), more=upto < len(self.city.commits))

    def count(self, since_us: int, until_us: int) -> int:
        return sum(len(held) for held, _ in self.city.commits)

    def past(self, upto: HistoryAt, since_us: int, until_us: int, most: int) -> Held:
        held = joined([held for held, _ in self.city.commits[: upto.version]])
        keep = (held.observed_at >= since_us) & (held.observed_at < until_us)
        return Held(*(getattr(held, n)[keep] for n in COLUMNS), int(held.received_at[keep].max(initial=0)))

    # EventSource
    async def fetch(self, after: int, most: int, wait_s: float) -> Told:
        self.city.step()
        await asyncio.sleep(0)
        events = self.city.told[after : after + min(most, self.most)]
        return Told(events, after + len(events))

    async def close(self) -> None: ...

    # WatchLedger
    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        self.city.step()
        self.city.entries += records
        ids = [f"watch:{i}" for i in range(len(self.city.entries) - len(records), len(self.city.entries))]
        self.city.step()
        return ids

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return [(f"watch:{i}", e) for i, e in enumerate(self.city.entries)]

    # WatchBook
    def watch_position(self) -> Position | None:
        return self.city.position

    def hold(self, effects: WatchEffects) -> None:
        self.city.step()
        city = self.city
        city.position = effects.position
        for finding in effects.findings:
            there = city.findings.get(finding.id)
            if there is None or finding.at > there.at or (there.ended_at is None and finding.ended_at is not None):
                city.findings[finding.id] = finding
        city.incidents.update({i.id: i for i in effects.incidents})
        city.standings.update({s.device: s for s in effects.standings})
        for device in effects.trusted:
            city.standings.pop(device, None)
        city.step()

    def stand(self) -> Mapping[str, DeviceStanding]:
        return dict(self.city.standings)

    standings = stand

    def findings_since(self, ended_since: int, most: int) -> Sequence[Finding]:
        return list(self.city.findings.values())

    def incidents(self, state: IncidentState | None = None, most: int = 100) -> Sequence[Incident]:
        return [i for i in self.city.incidents.values() if i.state is state]

    def words_on(self, incidents: Collection[str]) -> Mapping[str, tuple[IncidentState, str, str]]:
        return {}

    # Notebook
    def load(self) -> bytes | None:
        return self.city.notes

    def save(self, data: bytes) -> None:
        self.city.step()
        self.city.notes = data
        self.city.step()

    # SuspectMarks
    def marks(self) -> Sequence[Mark]:
        return list(self.city.marks.values())

    def open_suspects(self) -> Sequence[Mark]:
        return [m for m in self.city.marks.values() if m.until == OPEN]

    def put_suspects(self, marks: Sequence[Mark]) -> None:
        self.city.step()
        self.city.marks.update({m.id: m for m in marks})


COLUMNS = ("channel", "value", "observed_at", "received_at", "seq")


def joined(parts: Sequence[Held]) -> Held:
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Held(none.astype(np.int32), none.astype(float), none, none, none, 0)
    columns = [np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS]
    order = np.lexsort((columns[4], columns[2], columns[0]))
    return Held(*(c[order] for c in columns), max(p.now for p in parts))


def live(city: City, most: int = 1000, notes_s: float = 0.0, until_idle: bool = True) -> bool:
    """A watch's life, until everything is read and judged; False when it was killed."""
    stores = Stores(city, most)

    async def settled() -> int | None:
        return city.clock

    async def life() -> None:
        ports = WatchPorts(
            tail=stores, events=stores, book=stores, ledger=stores, notes=stores,  # type: ignore[arg-type]
            now_us=lambda: city.clock, settled=settled, marks=stores,
        )  # fmt: skip
        cards = {id_: detector.card for id_, detector in DETECTORS.items()}
        court = Court(WORLD, stakes_of(PLACE, REGISTRY), cards)
        runner = WatchRunner(DETECTORS, court, ports, GridRules(), WatchPace(turn_s=0.0, notes_s=notes_s))
        stop = asyncio.Event()
        assert await runner._until_done(runner.start, stop, stop)
        for _ in range(200):
            before = runner.position
            assert await runner.turn(stop)
            if runner.position == before and before.history.version == len(city.commits):
                break

    try:
        asyncio.run(life())
    except Crash:
        return False
    return True


def a_day_in_the_city() -> City:
    """Two meters, of which `meter-a` shines twice and `meter-b` is silent in between; somebody reads, and signs in."""
    city = City()
    live(city)  # the first start: an empty history
    for n in range(24):
        at = NOON + n * 2 * MINUTE
        rows = [(0, at, 500.0 if n in (3, 4, 9) else 50.0)]
        if n < 6 or n > 16:
            rows.append((1, at + SECOND, 20.0))
        city.commit(*rows)
        if n in (5, 12):
            kind = EventKind.READ if n == 5 else EventKind.SIGN_IN
            city.told.append(Event(at=at, kind=kind, by="web", subject="person:operator"))
    return city


def said(city: City) -> list[tuple[str, str]]:
    return [(r.finding, r.phase) for r in city.entries if isinstance(r, Found)]


def found(city: City) -> dict[str, tuple[str, int, int | None]]:
    return {f.id: (f.subject, f.began_at, f.ended_at) for f in city.findings.values()}


def test_each_thing_is_found_once_with_its_end_and_stands_in_evidence() -> None:
    city = a_day_in_the_city()
    assert live(city)
    shining = [f for f in city.findings.values() if f.detector == "bright"]
    assert sorted((f.subject, f.began_at - NOON, f.ended_at - NOON) for f in shining if f.ended_at) == [
        ("meter-a", 6 * MINUTE, 10 * MINUTE),
        ("meter-a", 18 * MINUTE, 20 * MINUTE),
    ]
    silent = [f for f in city.findings.values() if f.detector == "still"]
    # both were silent before noon; meter-b speaks at 10:01 and next at 34:01, in the steps that end at 15 and 35 minutes
    assert sorted((f.subject, f.began_at - NOON, f.ended_at - NOON) for f in silent if f.ended_at) == [
        ("meter-a", 0, 5 * MINUTE),
        ("meter-b", 0, 5 * MINUTE),
        ("meter-b", 20 * MINUTE, 35 * MINUTE),
    ]
    (read,) = [f for f in city.findings.values() if f.detector == "reader"]
    assert (read.subject, read.ended_at) == ("person:operator", NOON + 24 * MINUTE)
    assert sorted(said(city)) == sorted((f.id, phase) for f in city.findings.values() for phase in ("began", "ended"))
    assert {f.incident for f in city.findings.values()} == set(city.incidents)


def test_trust_falls_with_a_finding_and_the_rows_are_marked_from_when_it_began() -> None:
    city = City()
    live(city)
    city.commit((0, NOON + MINUTE, 500.0))
    live(city)
    standing = city.standings["meter-a"]
    assert (standing.trust, standing.state) == (0.4, Trust.QUARANTINED)  # weight 0.6, score 1
    (mark,) = city.marks.values()
    assert (mark.device, mark.since, mark.until, mark.state) == ("meter-a", NOON + MINUTE, OPEN, MarkState.SUSPECT)
    kinds = [type(r) for r in city.entries if not isinstance(r, Lifecycle)]
    assert kinds == [Found, Standing, Marked]


def test_trust_comes_back_after_the_finding_ended_and_the_mark_ends_with_it() -> None:
    city = City()
    live(city)
    city.commit((0, NOON + MINUTE, 500.0), (0, NOON + 2 * MINUTE, 50.0))
    live(city)
    city.clock = NOON + 2 * DAY
    live(city)
    assert city.standings == {}
    (mark,) = city.marks.values()
    assert mark.until == NOON + 2 * DAY
    states = [r.state for r in city.entries if isinstance(r, Standing)]
    assert states == ["quarantined", "trusted"]
    (shining,) = [f for f in city.findings.values() if f.detector == "bright"]
    assert city.incidents[shining.incident].state is IncidentState.CLOSED


@settings(max_examples=40, deadline=None)
@given(
    kills=st.lists(st.integers(1, 160), max_size=6),
    silences=st.lists(st.integers(1, 160), max_size=12),
    sizes=st.lists(st.sampled_from([1, 2, 7, 1000]), min_size=7, max_size=7),
    notes_s=st.sampled_from([0.0, 1e9]),
)
def test_however_often_it_is_killed_nothing_is_lost_and_nothing_doubled(
    kills: list[int], silences: list[int], sizes: list[int], notes_s: float
) -> None:
    calm = a_day_in_the_city()
    assert live(calm)
    city = a_day_in_the_city()
    begin = city.steps
    city.trouble = {begin + n: LinkError for n in silences} | {begin + n: Crash for n in kills}
    for size in sizes:
        if live(city, size, notes_s):
            break
    else:
        city.trouble = {}
        assert live(city)
    assert found(city) == found(calm)
    assert sorted(said(city)) == sorted(said(calm))  # each once
    states = [(r.device, r.state) for r in city.entries if isinstance(r, Standing)]
    assert all(a != b for a, b in itertools.pairwise(states))
    marks = [(r.mark, r.until) for r in city.entries if isinstance(r, Marked)]
    assert len(marks) == len(set(marks))
    assert {f.incident for f in city.findings.values()} == set(city.incidents)
    recorded = {r.finding: r.incident for r in city.entries if isinstance(r, Found)}
    assert recorded == {f.id: f.incident for f in city.findings.values()}


def test_notes_that_are_torn_begin_anew_on_record_and_find_nothing_twice() -> None:
    city = a_day_in_the_city()
    live(city)
    before = sorted(said(city))
    assert city.notes is not None
    city.notes = city.notes[:-1]
    assert live(city)
    assert sorted(said(city)) == before
    anew = [r for r in city.entries if isinstance(r, Lifecycle)]
    assert [r.event for r in anew] == ["watch-began-anew", "watch-began-anew"]
    assert anew[-1].detail["detectors"] == "bright, reader, still"


def test_what_went_on_when_the_notes_were_lost_is_ended_and_found_again() -> None:
    city = City()
    live(city)
    city.commit((0, NOON + MINUTE, 500.0))
    live(city)
    city.notes = None
    city.commit((0, NOON + 3 * MINUTE, 500.0))
    live(city)
    shining = sorted((f for f in city.findings.values() if f.detector == "bright"), key=lambda f: f.began_at)
    assert [f.began_at - NOON for f in shining] == [MINUTE, 3 * MINUTE]
    assert [f.ended_at is None for f in shining] == [False, True]
    assert len({f.incident for f in shining}) == 1  # still one thing to a person


def test_the_first_start_learns_the_past_and_tells_nothing_of_it() -> None:
    city = City()
    for n in range(60):
        city.commit((0, NOON + n * MINUTE, 500.0 if n == 30 else 50.0))
    live(city)
    assert city.findings == {} and said(city) == []
    (began,) = [r for r in city.entries if isinstance(r, Lifecycle)]
    assert int(began.detail["rows"]) == 55  # of 60 minutes, those of steps that were done: up to 55


def test_a_detector_that_fails_is_counted_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Sequence[Sign]:
        raise ZeroDivisionError

    monkeypatch.setattr(Still, "step", fail)
    city = a_day_in_the_city()
    assert live(city)
    assert {f.detector for f in city.findings.values()} == {"bright", "reader"}


def test_a_person_who_closes_an_incident_forgives_what_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    live(city)
    city.commit((0, NOON + MINUTE, 500.0), (0, NOON + 2 * MINUTE, 50.0))
    live(city)
    (incident,) = city.incidents.values()
    closing = (IncidentState.CLOSED, "operator", "a cleaner's lamp")
    monkeypatch.setattr(Stores, "words_on", lambda *_: {incident.id: closing})
    city.commit((1, NOON + 3 * MINUTE, 5.0))
    live(city)
    assert city.standings == {}
