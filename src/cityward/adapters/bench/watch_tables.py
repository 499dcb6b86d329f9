"""`cityward bench watch --city`: what was measured, as tables a person reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from cityward.adapters.bench.cities import Split, cities
from cityward.adapters.bench.tables import Cell, Table
from cityward.adapters.bench.watch_baselines import ALWAYS, THREE_SIGMA, WINDOWED_GAUSSIAN
from cityward.adapters.bench.watch_score import Quiet, Scored, Tried, quiet_only, score
from cityward.time import HOUR
from cityward.watch import find_detectors
from cityward.watch.contract import Detector

AIM_SIGMA = 3.0
AIM_FALSE = 1.0
SIZED = frozenset({"bias", "drift", "coordinated", "supplier", "poisoned-bias"})
"""Kinds whose size is in sigma: what the aim is about. A poisoned bias is one of 3 sigma."""

WATCH, SIGMA, GAUSSIAN, ALL = "cityward", "three-sigma", "windowed-gaussian", "always"

NOTES = (
    "Split by time: the first part of each recording is learned from, the rest is judged. Sizes in sigma: the standard deviation "
    "of readings less their season, over the learned part.",
    "Real faults, holidays and works in the judged part are not labelled; each alarm on them counts as false.",
    "found: a sign the attack brought about names the unit. in time: within the sign's own declared delay of the attack's whole "
    "size.",
    "named first / of three: by lost trust when it was found. Decisions: see docs/watch-bench.md.",
)


def run(
    data: Path,
    tell: Callable[[str], None],
    *,
    only: Sequence[str] = (),
    names: Sequence[str] = (),
    seed: int = 1,
    split: str = Split.JUDGED,
) -> list[Table]:
    """Attack the recorded cities under `data` and say what the watch and its baselines made of it.

    Args:
        data: the folder of recorded data. tell: told what goes on.
        only: detectors to run (default all that read rows or steps). names: cities (default all that are there).
        seed: of targets and noise. split: which part is judged (`Split`).

    Raises:
        LinkError: no recorded city is there.
    """
    there = list(cities(data, names, Split(split)))
    ours = {
        id_: detector
        for id_, detector in find_detectors().items()
        if detector.card.reads != "events" and (not only or id_ in only)
    }
    sets: dict[str, Mapping[str, Detector]] = {
        WATCH: ours,
        SIGMA: {SIGMA: THREE_SIGMA},
        GAUSSIAN: {GAUSSIAN: WINDOWED_GAUSSIAN},
        ALL: {ALL: ALWAYS},
    }
    found: dict[str, Scored] = {}
    for name, detectors in sets.items():
        tell(f"{name}: {', '.join(detectors)}")
        quiet = name == ALL
        found[name] = quiet_only(detectors, there, tell) if quiet else score(detectors, there, seed, tell)
    return [_compared(found), _quiet(found[WATCH].quiet), _by_attack(found[WATCH].tried), _by_city(found[WATCH].tried)]


def _compared(found: Mapping[str, Scored]) -> Table:
    head = (
        "watch",
        "found",
        "in time",
        "of",
        "3 sigma: in time",
        "of",
        "delay h",
        "named first",
        "of three",
        "false/month",
        "harm",
    )
    ours = found[WATCH]
    rows: list[tuple[Cell, ...]] = [(name, *_summary(scored)) for name, scored in found.items() if name != ALL]
    of, large_of, off = rows[0][3], rows[0][5], str(rows[0][-1]).split(" ")[0]
    # what always speaks is never brought about by an attack: its row is true by what it is, its false alarms are counted
    rows.append(
        (ALL, of, of, of, large_of, large_of, 0.0, None, None, round(_rate(found[ALL].quiet), 2), f"{off} -> 0.0%")
    )
    rows.append(("never", 0, 0, of, 0, large_of, None, None, None, 0.0, f"{off} -> {off}"))
    large = [t for t in ours.tried if _is_large(t)]
    in_time, all_ = sum(t.in_time for t in large), sum(t.targets for t in large)
    rate = _rate(ours.quiet)
    met = in_time == all_ and rate <= AIM_FALSE
    verdict = (
        f"aim {'met' if met else 'not met'}: {in_time} of {all_} attacks of {AIM_SIGMA:g} sigma or more found in their delay, "
        f"at {rate:.2f} false alarms a sensor-month (aim: all, at {AIM_FALSE:g})"
    )
    return Table(title="watch and baselines, all cities", head=head, rows=tuple(rows), verdict=verdict, notes=NOTES)


def _summary(scored: Scored) -> tuple[Cell, ...]:
    tried, large = scored.tried, [t for t in scored.tried if _is_large(t)]
    found = sum(t.found for t in tried)
    targets = sum(t.targets for t in tried)
    delays = [d for t in tried for d in t.delays_h]
    off = sum(t.harm[0] * t.targets for t in tried) / max(targets, 1)
    on = sum(t.harm[1] * t.targets for t in tried) / max(targets, 1)
    return (
        found,
        sum(t.in_time for t in tried),
        targets,
        sum(t.in_time for t in large),
        sum(t.targets for t in large),
        _round(median(delays)) if delays else None,
        _share(sum(t.first for t in tried), found),
        _share(sum(t.among_three for t in tried), found),
        round(_rate(scored.quiet), 2),
        f"{off:.1%} -> {on:.1%}",
    )


def _is_large(tried: Tried) -> bool:
    return tried.kind in SIZED and (abs(tried.size) >= AIM_SIGMA or tried.kind == "poisoned-bias")


def _rate(quiet: Sequence[Quiet]) -> float:
    return sum(q.alarms for q in quiet) / max(sum(q.sensor_months for q in quiet), 1e-9)


def _quiet(quiet: Sequence[Quiet]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for city in quiet:
        signs = ", ".join(f"{name} {count}" for name, count in sorted(city.signs.items()))
        rows.append(
            (
                city.city,
                round(city.sensor_months, 1),
                city.alarms,
                round(city.alarms / city.sensor_months, 2),
                city.incidents,
                signs,
            )
        )
    total = sum((Counter(q.signs) for q in quiet), Counter[str]())
    months = sum(q.sensor_months for q in quiet)
    each = ", ".join(f"{name} {count / months:.2f}" for name, count in total.most_common())
    return Table(
        title="false alarms on the judged, not attacked part",
        head=("city", "sensor-months", "alarms", "a sensor-month", "incidents", "signs by detector"),
        rows=tuple(rows),
        verdict=f"{_rate(quiet):.2f} alarms a sensor-month; signs a sensor-month by detector: {each or 'none'}",
    )


def _by_attack(tried: Sequence[Tried]) -> Table:
    head = (
        "attack",
        "size",
        "ramp h",
        "found",
        "in time",
        "of",
        "delay h",
        "first",
        "of three",
        "elsewhere",
        "wrongly dimmed",
        "vain",
        "by",
    )
    rows: list[tuple[Cell, ...]] = []
    for key in dict.fromkeys((t.kind, t.size, t.ramp_us) for t in tried):
        rows.append(_row([t for t in tried if (t.kind, t.size, t.ramp_us) == key]))
    missed = [f"{row[0]} {row[1]:g}" for row in rows if isinstance(row[1], float) and not row[3]]
    return Table(
        title="by attack, all cities, all detectors",
        head=head,
        rows=tuple(rows),
        verdict=f"never found: {', '.join(missed) or 'none'}",
    )


def _row(group: Sequence[Tried]) -> tuple[Cell, ...]:
    one = group[0]
    found, targets = sum(t.found for t in group), sum(t.targets for t in group)
    delays = [d for t in group for d in t.delays_h]
    off, on, vain = (sum(t.harm[i] * t.targets for t in group) / max(targets, 1) for i in range(3))
    by = sum((Counter(t.by) for t in group), Counter[str]())
    return (
        one.kind,
        one.size,
        one.ramp_us // HOUR,
        found,
        sum(t.in_time for t in group),
        targets,
        _round(median(delays)) if delays else None,
        _share(sum(t.first for t in group), found),
        _share(sum(t.among_three for t in group), found),
        sum(t.elsewhere for t in group),
        f"{off:.1%} -> {on:.1%}",
        f"{vain:.1%}",
        ", ".join(f"{name} {count}" for name, count in by.most_common(3)),
    )


def _by_city(tried: Sequence[Tried]) -> Table:
    names = list(dict.fromkeys(t.city for t in tried))
    rows: list[tuple[Cell, ...]] = []
    for key in dict.fromkeys((t.kind, t.size, t.ramp_us) for t in tried):
        mine = {t.city: t for t in tried if (t.kind, t.size, t.ramp_us) == key}
        cells = [f"{mine[n].in_time}/{mine[n].targets}" if n in mine else "-" for n in names]
        rows.append((key[0], key[1], key[2] // HOUR, *cells))
    return Table(title="found in time, by city", head=("attack", "size", "ramp h", *names), rows=tuple(rows))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 2) if whole else None


def _round(hours: float) -> float:
    return round(hours, 1)
