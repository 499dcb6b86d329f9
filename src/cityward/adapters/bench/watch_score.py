"""Scores detectors on attacked cities: found and when, false alarms, who was named, what decisions it spared.

How things are counted
----------------------
- A *sign brought about* by an attack is one the same city does not give when it is not attacked.
- A target is *found* when a sign brought about names its unit from the attack's beginning on; *in time* when that is no later
  than the sign's own declared delay (and two readings' pace) after the attack had its whole size.
- A *false alarm* is a unit that is named on the judged, not attacked part; signs of one unit within a day are one alarm. Real
  faults and holidays in the recorded data count as false alarms: nobody labelled them.
- *Named first*: the unit that lost most trust by the time a target was found is a target; *among three* likewise.
- *Decisions*: a lamp is dimmed while its channel reads below the first quartile of its past. *Wrongly dimmed* is the share of the
  attacked time in which it is dimmed and, by the true reading, should not be; with the watch, only until the unit is
  quarantined (then it is never dimmed). *Lit in vain* is what that costs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.cities import City
from cityward.adapters.bench.inject import TABLE, Attack, Attacked, Known, inject, profile_of, sigma_of
from cityward.adapters.bench.watch_city import Made, Run, begun, brought_about, fed, known
from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Detector, Kind, Phase
from cityward.watch.findings import QUARANTINED_BELOW
from cityward.watch.trust import loss_of

MOST_TARGETS = 10
WARM_UP_US = 2 * HOUR
AFTER_FULL_US = 12 * HOUR
"""An attack is only tried where so much of the city is left once it has its whole size."""
CLOSES_AFTER_US = 2 * HOUR
"""An incident that has been quiet for so long is closed (`watch/incidents.py`, at the pace of a real city)."""
SUPPLIER = "saltmarsh"
GROUP = 4


@dataclass(frozen=True, slots=True)
class Tried:
    """One attack on one city. Counts are of targets. harm: (wrongly dimmed without the watch, with it, lit in vain), shares."""

    city: str
    kind: str
    size: float
    ramp_us: int
    targets: int
    found: int
    in_time: int
    delays_h: tuple[float, ...]
    first: int
    among_three: int
    named: int
    elsewhere: int
    harm: tuple[float, float, float]
    by: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Quiet:
    """False alarms on one city, by detector; alarms: units named, within a day once; incidents: see `incidents`."""

    city: str
    sensor_months: float
    signs: Mapping[str, int]
    alarms: int
    incidents: int
    us_per_step: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a set of detectors did."""

    quiet: Sequence[Quiet]
    tried: Sequence[Tried]


def score(detectors: Mapping[str, Detector], cities: Sequence[City], seed: int, tell: Callable[[str], None]) -> Scored:
    """Run them over each city, once as it is and once for each attack."""
    quiet: list[Quiet] = []
    tried: list[Tried] = []
    for city in cities:
        tell(f"{city.name}: {city.world.channels} channels, {city.sensor_months:.1f} sensor-months judged")
        run, signs, found = _clean(detectors, city)
        quiet.append(found)
        tried += _attacks(city, run, known(signs), detectors, seed)
    return Scored(quiet, tried)


def quiet_only(detectors: Mapping[str, Detector], cities: Sequence[City], tell: Callable[[str], None]) -> Scored:
    """Run them over each city as it is, and over no attack."""
    tell(f"{len(cities)} cities, not attacked")
    return Scored([_clean(detectors, city)[2] for city in cities], [])


def _clean(detectors: Mapping[str, Detector], city: City) -> tuple[Run, list[Made], Quiet]:
    """What they learned, and what they made of the judged part."""
    run = begun(detectors, city.world)
    fed(run, city, None, 0, city.learned, learning=True)
    judged = run.copied()
    signs = fed(judged, city, None, city.learned, len(city.series.at), learning=False)
    return run, signs, _quiet(city, judged, signs)


def _quiet(city: City, run: Run, signs: Sequence[Made]) -> Quiet:
    began = [m for m in signs if m.sign.phase is Phase.BEGAN and _kind(run.detectors, m).weight > 0]
    return Quiet(
        city=city.name,
        sensor_months=city.sensor_months,
        signs=Counter(m.by for m in began),
        alarms=alarms(began),
        incidents=incidents([m for m in signs if _kind(run.detectors, m).weight > 0]),
        us_per_step={name: 1e6 * spent / max(run.steps, 1) for name, spent in run.spent_s.items()},
    )


def alarms(began: Sequence[Made]) -> int:
    """Units named; of one unit, those less than a day after one that counted are the same alarm."""
    times: dict[int | str, list[int]] = defaultdict(list)
    for made in began:
        times[made.sign.unit if made.sign.unit >= 0 else made.sign.about].append(made.sign.at)
    count = 0
    for ats in times.values():
        last = None
        for at in sorted(ats):
            if last is None or at - last > DAY:
                count, last = count + 1, at
    return count


def incidents(signs: Sequence[Made]) -> int:
    """Of each unit, as the watch's incidents count: what joins one that is open, or quiet for less than two hours, is no new one.

    A finding of which nothing was heard for a day counts as ended then. What joins across units is not reckoned.
    """
    heard: dict[int | str, dict[tuple[str, str, int], int]] = defaultdict(dict)
    quiet_since: dict[int | str, int] = {}
    count = 0
    for made in sorted(signs, key=lambda m: m.sign.at):
        sign = made.sign
        whose = sign.unit if sign.unit >= 0 else sign.about
        running, key = heard[whose], (made.by, sign.kind, sign.channel)
        for old in [k for k, at in running.items() if sign.at - at > DAY]:
            quiet_since[whose] = max(quiet_since.get(whose, 0), running.pop(old) + DAY)
        if sign.phase is Phase.BEGAN:
            shut = whose not in quiet_since or sign.at - quiet_since[whose] > CLOSES_AFTER_US
            count += not running and shut
        if sign.phase is not Phase.ENDED:
            running[key] = sign.at
        elif running.pop(key, None) is not None:
            quiet_since[whose] = sign.at
    return count


def _kind(detectors: Mapping[str, Detector], made: Made) -> Kind:
    return detectors[made.by].card.kind(made.sign.kind)


# -- the attacks -------------------------------------------------------------------------------------------------------


def _attacks(
    city: City, run: Run, clean: set[tuple[str, str, int, int, int]], detectors: Mapping[str, Detector], seed: int
) -> Iterator[Tried]:
    expected = profile_of(city.series, city.learned)
    knows = Known(sigma_of(city.series, expected, city.learned), expected, city.world.neighbours)
    end = min(len(city.series.at), city.learned + city.attacked)
    for number, (kind, size, ramp_us) in enumerate(TABLE):
        rng = np.random.default_rng((seed, number, len(city.name)))
        targets = targets_of(city, kind, rng)
        begin = city.learned + city.series.steps(WARM_UP_US + int(rng.integers(0, 8)) * HOUR)
        left_us = (end - begin) * city.series.pace_us - ramp_us
        if not targets or left_us < AFTER_FULL_US:
            continue
        attack = Attack(kind, size, targets, begin, end, ramp_us)
        what = inject(city.series, attack, knows, seed + number)
        begins = 0 if kind == "poisoned-bias" else city.learned
        start = begun(detectors, city.world) if begins == 0 else run.copied()
        if begins == 0:
            fed(start, city, what, 0, city.learned, learning=True)
        signs = brought_about(fed(start, city, what, city.learned, end, learning=False), clean)
        yield _tried(city, attack, what, signs, detectors)


def targets_of(city: City, kind: str, rng: np.random.Generator) -> tuple[int, ...]:
    """Channels that speak, chosen by chance: apart from each other, or together, as the attack is."""
    speak = np.isfinite(city.series.value[city.learned :]).mean(axis=0) > 0.2
    moves = np.nanmax(city.series.value, axis=0) > np.nanmin(city.series.value, axis=0)
    able = np.flatnonzero(speak & moves & ~city.world.state)
    if kind == "supplier":
        maker = city.world.names["maker"].index(SUPPLIER) if SUPPLIER in city.world.names["maker"] else -2
        return tuple(int(c) for c in able if city.world.maker[city.world.registry.channel_unit[c]] == maker)
    if kind in ("coordinated", "sybil"):
        first = int(rng.choice(able))
        near = [int(c) for c in city.world.neighbours[first] if c in able][: GROUP - 1]
        return (first, *near) if near else ()
    count = min(MOST_TARGETS, max(1, len(able) // 12))
    if kind == "identity-swap":
        same = able[city.world.observed[able] == city.world.observed[able[0]]]
        pairs = min(len(same) // 2, max(1, count // 2))
        return tuple(int(c) for c in rng.choice(same, 2 * pairs, replace=False))
    return tuple(int(c) for c in rng.choice(able, count, replace=False))


def _tried(
    city: City, attack: Attack, what: Attacked, signs: Sequence[Made], detectors: Mapping[str, Detector]
) -> Tried:
    units = city.world.registry.channel_unit
    start = int(city.series.at[attack.begin])
    after = [m for m in signs if m.sign.at >= start and m.sign.phase is not Phase.ENDED]
    names = [{m.sign.unit, *m.sign.others} for m in after]
    delays: list[float] = []
    by: Counter[str] = Counter()
    in_time = first = three = 0
    for channel in attack.targets:
        mine = [m for m, who in zip(after, names, strict=True) if int(units[channel]) in who]
        if not mine:
            continue
        seen = min(mine, key=lambda m: m.sign.at)
        delays.append((seen.sign.at - start) / HOUR)
        by[seen.by] += 1
        whole = int(city.series.at[what.full_at[channel]])
        in_time += any(m.sign.at <= whole + _kind(detectors, m).delay_us + 2 * city.series.pace_us for m in mine)
        ranking = ranked([m for m in after if m.sign.at <= seen.sign.at], detectors)[:3]
        targets = {int(units[c]) for c in attack.targets}
        first += bool(ranking[:1]) and ranking[0] in targets
        three += any(unit in targets for unit in ranking)
    attacked = {int(units[c]) for c in attack.targets}
    elsewhere = alarms(
        [m for m in after if m.sign.phase is Phase.BEGAN and not attacked & {m.sign.unit, *m.sign.others}]
    )
    return Tried(
        city=city.name,
        kind=attack.kind,
        size=attack.size,
        ramp_us=attack.ramp_us,
        targets=len(attack.targets),
        found=len(delays),
        in_time=in_time,
        delays_h=tuple(delays),
        first=first,
        among_three=three,
        named=len(delays),
        elsewhere=elsewhere,
        harm=harm(city, attack, what, after, detectors),
        by=by,
    )


def ranked(signs: Sequence[Made], detectors: Mapping[str, Detector]) -> list[int]:
    """Units by the trust they lost, most first."""
    worst: dict[int, dict[str, float]] = defaultdict(dict)
    for made in signs:
        loss = loss_of(_kind(detectors, made).weight, made.sign.score)
        for unit in {made.sign.unit, *made.sign.others} - {-1}:
            worst[unit][made.sign.kind] = max(worst[unit].get(made.sign.kind, 0.0), loss)
    trust = {unit: float(np.prod([1 - loss for loss in losses.values()])) for unit, losses in worst.items()}
    return sorted(trust, key=lambda unit: (trust[unit], unit))


def quarantined_at(signs: Sequence[Made], unit: int, detectors: Mapping[str, Detector]) -> int | None:
    """When the signs so far had taken so much trust that the unit's readings drive nothing any more."""
    worst: dict[str, float] = {}
    for made in sorted(signs, key=lambda m: m.sign.at):
        if unit in {made.sign.unit, *made.sign.others}:
            loss = loss_of(_kind(detectors, made).weight, made.sign.score)
            worst[made.sign.kind] = max(worst.get(made.sign.kind, 0.0), loss)
            if np.prod([1 - value for value in worst.values()]) < QUARANTINED_BELOW:
                return made.sign.at
    return None


def harm(
    city: City, attack: Attack, what: Attacked, signs: Sequence[Made], detectors: Mapping[str, Detector]
) -> tuple[float, float, float]:
    """Mean over targets of the shares of attacked time: wrongly dimmed without the watch, with it, lit in vain with it."""
    rows = slice(attack.begin, attack.end)
    at = city.series.at[rows] + STEP_US
    shares: list[tuple[float, float, float]] = []
    for channel in attack.targets:
        past = city.series.value[: city.learned, channel]
        quiet = np.quantile(past[np.isfinite(past)], 0.25)
        told, true = _dim(what.value[rows, channel], quiet), _dim(city.series.value[rows, channel], quiet)
        when = quarantined_at(signs, int(city.world.registry.channel_unit[channel]), detectors)
        trusted = np.ones(len(at), np.bool_) if when is None else at < when
        shares.append(
            (float((told & ~true).mean()), float((told & ~true & trusted).mean()), float((true & ~trusted).mean()))
        )
    off, on, vain = np.mean(np.array(shares), axis=0).tolist()
    return off, on, vain


def _dim(value: NDArray[np.float64], quiet: float) -> NDArray[np.bool_]:
    return np.isfinite(value) & (value <= quiet)
