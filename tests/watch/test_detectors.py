"""What every detector keeps to, whatever it sees: found by scanning, shown its samples and facts of all kinds.

Golden findings are renewed by `pytest tests/watch/test_detectors.py --renew-golden`: read the diff.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from collections import defaultdict, deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.time import DAY, HOUR, MINUTE, SECOND
from cityward.watch import find_detectors, memory
from cityward.watch.contract import STEP_US, Card, Detector, Held, Phase, Sign, Step
from cityward.watch.events import LONGEST, Event, EventKind
from watch.sample_town import sample_world
from watch.samples import (
    LARGEST,
    as_golden,
    folder_of,
    play,
    read_golden,
    read_sample,
    renumbered,
    samples_of,
    write_golden,
)

FOUND = find_detectors()
DOCS = Path(__file__).parents[2] / "docs" / "detectors"
SAMPLES = [(id_, path) for id_ in FOUND for path in samples_of(id_)]
WORLD = sample_world()
MOST_PLACES = 150_000
START = 1_800_000_000 * SECOND // STEP_US * STEP_US

every_detector = pytest.mark.parametrize("detector", FOUND.values(), ids=FOUND.keys())
every_sample = pytest.mark.parametrize(
    ("id_", "path"), SAMPLES, ids=[f"{id_}/{path.name.split('.')[0]}" for id_, path in SAMPLES]
)
unhurried = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


# -- the card ----------------------------------------------------------------------------------------------------------


@every_detector
def test_its_card_says_all_that_people_must_know(detector: Detector):
    card = detector.card
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.id)
    assert card.title
    assert card.sees
    assert card.source
    assert card.fails_when
    assert all(card.fails_when)
    assert card.kinds
    assert len({kind.id for kind in card.kinds}) == len(card.kinds)


@every_detector
def test_its_kinds_say_how_bad_it_is_and_what_to_do(detector: Detector):
    for kind in detector.card.kinds:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.id)
        assert kind.title
        assert kind.todo
        assert 0.0 <= kind.weight <= 1.0
        assert kind.delay_us >= 0
        assert not kind.technique or re.fullmatch(r"T\d{4}(\.\d{3})?", kind.technique)


@every_detector
def test_the_manual_has_a_page_that_names_its_kinds_and_parameters(detector: Detector):
    page = (DOCS / f"{detector.card.id}.md").read_text()
    for name in (*detector.card.parameters, *(kind.id for kind in detector.card.kinds)):
        assert f"`{name}`" in page, f"docs/detectors/{detector.card.id}.md does not name `{name}`"
    assert "## Fails when" in page


# -- its samples -------------------------------------------------------------------------------------------------------


@every_detector
def test_it_has_a_benign_sample_and_one_attack_of_each_kind_with_their_origin(detector: Detector):
    id_ = detector.card.id
    assert samples_of(id_, "benign-")
    began = {
        row["kind"]
        for path in samples_of(id_, "attack-")
        for row in read_golden(read_sample(path))
        if row["phase"] == "began"
    }
    assert began == {kind.id for kind in detector.card.kinds}
    notes = (folder_of(id_) / "README.md").read_text()
    for path in samples_of(id_):
        assert path.name.split(".")[0] in notes, f"samples/README.md does not tell of {path.name}"


@cache
def played(id_: str, path: Path) -> tuple[list[Sign], Any]:
    """What it says of the sample, and its state at the end: to look at only."""
    state = FOUND[id_].begin(WORLD)
    return play(FOUND[id_], read_sample(path), state), state


@every_sample
def test_it_says_of_the_sample_what_the_golden_file_says(id_: str, path: Path, renews: bool):
    sample, (signs, _) = read_sample(path), played(id_, path)
    if renews:
        write_golden(sample, signs)
    assert path.stat().st_size <= LARGEST
    assert as_golden(signs) == read_golden(sample)
    if sample.name.startswith("benign-"):
        assert signs == []
    else:
        assert signs


@every_sample
def test_its_signs_are_well_formed(id_: str, path: Path):
    check_signs(FOUND[id_].card, played(id_, path)[0])


@every_sample
def test_the_same_sample_gives_the_same_signs_and_the_same_state(id_: str, path: Path):
    state = FOUND[id_].begin(WORLD)
    assert play(FOUND[id_], read_sample(path), state) == played(id_, path)[0]
    assert same(state, played(id_, path)[1])


# steps are made of the rows before a detector sees them: how those came cannot matter to it
@pytest.mark.parametrize(
    ("id_", "path"),
    [(id_, path) for id_, path in SAMPLES if FOUND[id_].card.reads != "steps"],
    ids=[f"{id_}/{path.name.split('.')[0]}" for id_, path in SAMPLES if FOUND[id_].card.reads != "steps"],
)
def test_other_batches_give_the_same_signs(id_: str, path: Path):
    detector, sample = FOUND[id_], read_sample(path)
    by_hour = played(id_, path)[0]
    for length_us in (7 * MINUTE, 26 * HOUR):
        assert as_golden(play(detector, sample, length_us=length_us)) == as_golden(by_hour)


@every_sample
def test_it_goes_on_from_a_state_that_was_written_down(id_: str, path: Path):
    detector, sample = FOUND[id_], read_sample(path)
    state = copy.deepcopy(played(id_, path)[1])
    back = memory.read(memory.write(state), detector.begin(WORLD))
    assert same(back, state)
    again = dataclasses.replace(
        sample, held=later(sample.held, 40 * DAY), events=tuple(shifted(e, 40 * DAY) for e in sample.events)
    )
    assert play(detector, again, back) == play(detector, again, state)


# -- facts of all kinds ------------------------------------------------------------------------------------------------

odd = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 1.0, 1.0, 1.0]),
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["ring-loops-01", "air-north", "person:operator", "192.0.2.7", "2001:db8::7", "", "-1", "9" * 300]),
).map(lambda t: t[:LONGEST])


@st.composite
def odd_steps(draw: st.DrawFn) -> list[Step]:
    """Steps in which anything may stand, also a long stretch of nothing."""
    out: list[Step] = []
    at = draw(st.sampled_from([STEP_US, START]))
    # a draw for every channel of every step is slow: a few numbers, laid over the channels by a drawn seed
    pool = np.array(draw(st.lists(odd, min_size=1, max_size=6)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 60))):
        count = rng.integers(0, 3, WORLD.channels).astype(np.int32)
        mean = np.where(count > 0, rng.choice(pool, WORLD.channels), np.nan)
        newest = np.where(count > 0, rng.choice(pool, WORLD.channels), np.nan)
        out.append(Step(at=at, mean=mean, newest=newest, count=count, learning=bool(rng.integers(0, 2))))
        at += STEP_US
    return out


@st.composite
def odd_batches(draw: st.DrawFn) -> list[Held]:
    """Batches of rows: none, one channel, all; late, early, twice."""
    out: list[Held] = []
    pool = np.array(draw(st.lists(odd, min_size=1, max_size=6)))
    spread = draw(st.sampled_from([1, SECOND, HOUR, 40 * DAY]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    now = START
    for _ in range(draw(st.integers(1, 6))):
        rows = int(rng.integers(0, 80))
        channel = rng.integers(0, WORLD.channels, rows).astype(np.int32)
        observed = START + rng.integers(0, spread + 1, rows)
        seq = rng.integers(0, 1_000, rows)
        order = np.lexsort((seq, observed, channel))
        now += int(rng.integers(0, spread + 1))
        received = np.full(rows, now)
        out.append(Held(channel[order], rng.choice(pool, rows), observed[order], received, seq[order], now))
    return out


odd_events = st.lists(
    st.builds(
        Event,
        at=st.one_of(st.integers(START, START + DAY), st.sampled_from([0, -1, 2**62])),
        kind=st.sampled_from(EventKind),
        by=texts,
        subject=texts,
        source=texts,
        record=texts,
        detail=st.dictionaries(
            st.one_of(texts, st.sampled_from(["count", "client_id", "connection", "why", "to", "state", "counter"])),
            texts,
            max_size=6,
        ),
    ),
    max_size=40,
)


@every_detector
@given(data=st.data())
@unhurried
def test_no_fact_makes_it_raise_and_none_is_changed_by_it(detector: Detector, data: st.DataObject):
    state = detector.begin(WORLD)
    signs: list[Sign] = []
    if detector.card.reads == "steps":
        for step in data.draw(odd_steps()):
            before = copy.deepcopy(step)
            signs.extend(detector.step(state, step, WORLD))
            assert same(step, before)
    elif detector.card.reads == "rows":
        for held in data.draw(odd_batches()):
            before = copy.deepcopy(held)
            signs.extend(detector.rows(state, held, WORLD))
            assert same(held, before)
    if detector.card.reads == "events" or getattr(detector.card, "hears", False):
        events = data.draw(odd_events)
        signs.extend(detector.hear(state, events, START, WORLD))
        signs.extend(detector.hear(state, (), START + DAY, WORLD))
    check_signs(detector.card, signs)


@every_detector
def test_nothing_at_all_gives_no_sign(detector: Detector):
    state = detector.begin(WORLD)
    if detector.card.reads == "events":
        assert list(detector.hear(state, (), START, WORLD)) == []
    elif detector.card.reads == "rows":
        assert list(detector.rows(state, nothing(START), WORLD)) == []
    else:
        empty = np.full(WORLD.channels, np.nan)
        for i in range(300):
            count = np.zeros(WORLD.channels, dtype=np.int32)
            assert list(detector.step(state, Step(START + i * STEP_US, empty, empty, count), WORLD)) == []


@every_detector
def test_its_state_does_not_grow_with_time(detector: Detector):
    few, many = state_after(detector, 1), state_after(detector, 4)
    assert bytes_of(many) == bytes_of(few)
    # what is kept by name (of strangers too) is bounded by its own rule, far above what a short test fills
    assert places_of(many) <= max(places_of(few), MOST_PLACES)


def state_after(detector: Detector, times: int) -> Any:
    """The state after so many weeks of readings, or so many thousand strangers."""
    state = detector.begin(WORLD)
    if detector.card.reads == "events" or getattr(detector.card, "hears", False):
        for i in range(0, times * 6_000, 500):
            detector.hear(state, [strange(j) for j in range(i, i + 500)], START + i * SECOND, WORLD)
    rng = np.random.default_rng(4)
    if detector.card.reads == "steps":
        for i in range(times * 320):
            count = rng.integers(0, 2, WORLD.channels).astype(np.int32)
            value = np.where(count > 0, rng.normal(20, 3, WORLD.channels).round(1), np.nan)
            detector.step(state, Step(START + i * STEP_US, value, value, count), WORLD)
    elif detector.card.reads == "rows":
        channel = np.repeat(np.arange(WORLD.channels, dtype=np.int32), 200)
        at = START + np.tile(np.arange(200) * HOUR, WORLD.channels)
        held = Held(channel, rng.normal(20, 3, len(at)).round(1), at, at + SECOND, np.arange(len(at)), int(at.max()))
        detector.rows(state, renumbered(held, times, 200 * HOUR), WORLD)
    return state


def strange(i: int) -> Event:
    """The i-th of many strangers: a name, an address and a topic nobody saw before."""
    kinds = list(EventKind)
    return Event(
        at=START + i * SECOND,
        kind=kinds[i % len(kinds)],
        by="broker",
        subject=f"stranger-{i}" if i % 3 else WORLD.registry.units[i % WORLD.units].id,
        source=f"192.0.{i // 250 % 250}.{i % 250}",
        detail={
            "count": str(i),
            "client_id": f"c{i}",
            "topic": f"in/{i}",
            "to": f"x{i}",
            "why": "name",
            "counter": str(i),
        },
    )


# -- what the tests above share ----------------------------------------------------------------------------------------


def check_signs(card: Card, signs: Sequence[Sign]) -> None:
    """Well-formed each, and each episode one beginning, at most one end, nothing after it."""
    kinds = {kind.id for kind in card.kinds}
    episodes: dict[tuple[Any, ...], list[Phase]] = defaultdict(list)
    for sign in signs:
        assert sign.kind in kinds
        assert -1 <= sign.unit < WORLD.units
        assert -1 <= sign.channel < WORLD.channels
        assert sign.unit >= 0 or re.match(r"[a-z]+:", sign.about), "a sign without a unit says what it is about"
        assert sign.channel < 0 or WORLD.registry.channel_unit[sign.channel] == sign.unit
        assert sign.began_at <= sign.at
        assert math.isfinite(sign.score)
        assert sign.score >= 1.0 or sign.phase is not Phase.BEGAN, "what begins is at its threshold"
        assert list(sign.others) == sorted(set(sign.others))
        assert sign.unit not in sign.others
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in sign.facts.items())
        episodes[(sign.kind, sign.unit, sign.channel, sign.about, sign.began_at)].append(sign.phase)
    for key, phases in episodes.items():
        assert phases[0] is Phase.BEGAN, key
        assert phases.count(Phase.BEGAN) == 1, key
        assert Phase.ENDED not in phases[:-1], key


def nothing(now: int) -> Held:
    none = np.empty(0, dtype=np.int64)
    return Held(none.astype(np.int32), none.astype(np.float64), none, none, none, now)


def later(held: Held, by_us: int) -> Held:
    return dataclasses.replace(
        held, observed_at=held.observed_at + by_us, received_at=held.received_at + by_us, now=held.now + by_us
    )


def shifted(event: Event, by_us: int) -> Event:
    return Event(
        at=event.at + by_us,
        kind=event.kind,
        by=event.by,
        subject=event.subject,
        source=event.source,
        detail=event.detail,
        record=event.record,
    )


def parts(value: Any) -> list[tuple[str, Any]]:
    """The named parts of a dataclass."""
    return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]


def same(a: Any, b: Any) -> bool:
    """Equal to the bit: of arrays also their type, NaN like NaN."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(same(x, getattr(b, name)) for name, x in parts(a))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(x, b[k]) for k, x in a.items())
    if isinstance(a, list | tuple | deque):
        return isinstance(b, list | tuple | deque) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return a == b


def bytes_of(value: Any) -> int:
    """Of all arrays."""
    return value.nbytes if isinstance(value, np.ndarray) else sum(map(bytes_of, within(value)))


def places_of(value: Any) -> int:
    """Of all that is not an array: numbers, texts."""
    if isinstance(value, np.ndarray):
        return 0
    parts_ = within(value)
    return len(parts_) + sum(map(places_of, parts_))


def within(value: Any) -> list[Any]:
    """What a value is made of, one level down."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [x for _, x in parts(value)]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple | set | frozenset | deque) else []
