"""Can the watch be turned against a device? One device is in a stranger's hands; it is to have an honest one shut out."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.time import DAY
from cityward.watch import find_detectors
from cityward.watch.casebook import Casebook, Court, take
from cityward.watch.contract import STEP_US, Phase, Sign, Step
from cityward.watch.detectors.coordinated.detector import LEANS
from cityward.watch.detectors.coordinated.detector import _leaning as leaning  # pyright: ignore[reportPrivateUsage]
from cityward.watch.findings import ONE_SOURCE, Finding, pairs_that_are_one
from cityward.watch.judging import Stakes
from watch.sample_town import sample_world
from watch.samples import folder_of, play, read_sample, steps

WORLD = sample_world()
FOUND = find_detectors()
START = 20_003 * DAY  # a Monday: the last day of nine is a Tuesday, of which a week is known
COURT = Court(
    WORLD, Stakes(np.zeros(WORLD.units, dtype=np.int8)), {id_: detector.card for id_, detector in FOUND.items()}
)


def blamed(id_: str, signs: list[Sign]) -> tuple[set[str], list[Finding]]:
    """(who lost trust, the findings) when a detector said this."""
    book, devices = Casebook(), set[str]()
    for sign in signs:
        devices.update(s.device for s in take(book, [(id_, sign)], sign.at, COURT).standings)
    return devices, list(book.findings.values())


def channel(device: str, prop: str) -> int:
    return WORLD.registry.channel_by_property[(WORLD.registry.unit_index[device], prop)]


def test_who_copies_an_honest_device_takes_no_trust_from_it_and_the_two_count_as_one():
    signs = play(FOUND["crowd-of-one"], read_sample(folder_of("crowd-of-one") / "attack-likeness.csv.gz"))
    began = {WORLD.registry.units[sign.unit].id for sign in signs if sign.phase is Phase.BEGAN}
    lost, findings = blamed("crowd-of-one", signs)

    assert began == {"ring-loops-01", "bank-loops-01"}
    assert lost == set()
    assert pairs_that_are_one(findings) == {frozenset({"ring-loops-01", "bank-loops-01"})}


def test_all_of_a_crowd_are_pairs():
    signs = play(FOUND["crowd-of-one"], read_sample(folder_of("crowd-of-one") / "attack-copies.csv.gz"))
    _, findings = blamed("crowd-of-one", [sign for sign in signs if sign.phase is not Phase.ENDED])
    crowd = {"ring-loops-01", "bank-loops-01", "ring-loops-02"}
    assert pairs_that_are_one(findings) == {frozenset({a, b}) for a in crowd for b in crowd if a != b}


def test_the_finding_that_makes_two_one_takes_trust_from_nobody():
    detector, kind = ONE_SOURCE
    assert FOUND[detector].card.kind(kind).weight == 0


@pytest.mark.parametrize("id_", ["step-bias", "scaling"])
def test_one_companion_that_swings_makes_no_other_channel_deviate(id_: str):
    signs = told_of_one_liar(id_, channel("weather-mast", "air-temperature"), days=9)
    mine = {WORLD.registry.units[sign.unit].id for sign in signs if WORLD.name_of(sign.channel)[1] == "air-temperature"}
    assert mine <= {"weather-mast"}
    assert mine or id_ == "scaling"


def told_of_one_liar(id_: str, liar: int, days: int) -> list[Sign]:
    """Channels that move together, like weather; on the last day one swings by 8 degrees, twice a day."""
    detector, signs = FOUND[id_], list[Sign]()
    state, rng = detector.begin(WORLD), np.random.default_rng(3)
    common, own, kind = np.zeros(int(WORLD.observed.max()) + 1), np.zeros(WORLD.channels), WORLD.observed
    for n in range(days * 288):
        common = 0.99 * common + rng.normal(0, 0.2, len(common))
        own = 0.97 * own + rng.normal(0, 0.03, WORLD.channels)
        value = 20 + common[kind] + own + rng.normal(0, 0.1, WORLD.channels) + 4 * np.sin(n / 288 * 2 * np.pi)
        if n >= (days - 1) * 288:
            value[liar] += 8 * np.sin(n / 144 * 2 * np.pi)
        step = Step(START + n * STEP_US, value, value, np.ones(WORLD.channels, dtype=np.int32), n < (days - 1) * 288)
        signs += detector.step(state, step, WORLD)
    return [sign for sign in signs if sign.at > START + (days - 1) * DAY]


def test_of_a_small_fellowship_that_one_device_moves_only_that_one_is_named():
    loops = [channel(f"ring-loops-0{n}", "vehicle-speed") for n in (1, 2, 3, 4)]
    member, lean = np.zeros(WORLD.channels, dtype=np.bool_), np.zeros(WORLD.channels)
    member[loops] = True
    lean[loops] = 1.5, 1.1 * LEANS, 0.0, -LEANS  # the second leans by chance
    unit = WORLD.registry.unit_index
    assert leaning(member, lean, WORLD) == [unit["ring-loops-01"]]
    lean[loops] = 1.5, 1.1 * LEANS, 1.0, 0.9
    assert leaning(member, lean, WORLD) == sorted(unit[f"ring-loops-0{n}"] for n in (1, 2, 3, 4))


@pytest.mark.parametrize(("lag", "says"), [(1, False), (2, True), (40, True)])
def test_who_says_it_a_step_earlier_makes_nobody_a_repeater(lag: int, says: bool):
    """A step is what a sender's own word of the time can win; the one who seems to come after is the honest one."""
    detector, rng = FOUND["replayed-history"], np.random.default_rng(5)
    state, signs = detector.begin(WORLD), list[Sign]()
    honest, forger = channel("ring-loops-01", "vehicle-speed"), channel("bank-loops-01", "vehicle-speed")
    said = rng.normal(15, 4, 900).round(1)
    for n in range(lag, 900):
        value, count = np.full(WORLD.channels, np.nan), np.zeros(WORLD.channels, dtype=np.int32)
        value[honest], value[forger] = said[n - lag], said[n]
        count[[honest, forger]] = 1
        signs += detector.step(state, Step(START + n * STEP_US, value, value, count), WORLD)
    assert bool(signs) is says


def test_a_past_that_is_learned_from_makes_nobody_a_repeater():
    sample = read_sample(folder_of("replayed-history") / "attack-another.csv.gz")
    detector = FOUND["replayed-history"]
    told = play(detector, sample)
    assert {sign.kind for sign in told} == {"repeats-another"}
    state = detector.begin(WORLD)
    learned = [
        sign
        for step in steps(sample.held, WORLD.channels)
        for sign in detector.step(state, Step(step.at, step.mean, step.newest, step.count, True), WORLD)
    ]
    assert learned == []
