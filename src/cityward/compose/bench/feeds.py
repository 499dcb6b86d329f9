"""`cityward bench services transport feeds`: feeds with one known defect, and feeds without, held to the published rules.

The folders are those of the recorded data: `transport_gtfsrt_errors` (a file's name begins with the rule that it breaks),
`transport_gtfsrt` and `transport_nyct_sequence` (feeds of agencies, with their timetables), `transport_bad_gtfs`
(timetables, a defect each) and `transport_gtfs` (timetables of agencies).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cityward.adapters.bench.tables import Table
from cityward.compose.gathering.feed_files import Judged, Plan, fitting, judge_files, read_plan
from cityward.errors import LinkError
from cityward.guard.feeds import FeedMemory, Moment, Standing, judge_feed
from cityward.transit.decoding import decode
from cityward.transit.realtime import Feed
from cityward.transit.rules import RULES, Case, judge, remember
from cityward.transit.timetable import Timetable

LATEST_S = 1_893_456_000  # 2030-01-01: recorded feeds have no age, and none of them is in the future of then
TITLES = {rule.id: rule.title for rule in RULES}


def run_bench_feeds(data: Path, tell: Callable[[str], None]) -> Sequence[Table]:
    """The tables.

    Args:
        data: the folder of recorded data.
        tell: hears what is left out because it is not there.

    Raises:
        LinkError: nothing of it is there.
    """
    plans = {path.stem: read_plan(path) for path in sorted(data.glob("transport_gtfsrt/*.zip"))}
    timetables = {name: plan.timetable for name, plan in plans.items()}
    tables = [
        *_staged(data / "transport_gtfsrt_errors", timetables),
        *_agencies(data / "transport_gtfsrt", timetables),
        *_sequence(data / "transport_nyct_sequence"),
        *_faulty(data / "transport_bad_gtfs"),
        *_timetables(data, plans),
    ]
    for name in ("gtfsrt_errors", "gtfsrt", "nyct_sequence", "bad_gtfs", "gtfs"):
        if not (data / f"transport_{name}").is_dir():
            tell(f"`transport_{name}` is not there: its tables are left out")
    if not tables:
        raise LinkError("none of the recorded feeds is there", where=str(data), mend="name the folder that holds them")
    return tables


def _staged(folder: Path, plans: dict[str, Timetable]) -> Iterator[Table]:
    cases = sorted(folder.glob("E*.json")) + sorted(folder.glob("W*.json"))
    rows = list[tuple[str, ...]]()
    for path in cases:
        feed = decode(path.read_bytes())
        name = fitting(feed, plans)
        (judged,) = judge_files([path], plans.get(name or ""), now=LATEST_S, received=None)
        found = judged.report.counts if judged.report is not None else {}
        wanted = path.name.partition(".")[0]
        rows.append((path.stem, "named" if wanted in found else "MISSED", " ".join(sorted(set(found) - {wanted}))))
    if rows:
        named = sum(row[1] == "named" for row in rows)
        yield Table(
            title="Cases with one known defect",
            head=("case", "its rule", "others that it breaks too"),
            rows=tuple(rows),
            verdict=f"{named} of {len(rows)} named",
        )


def _agencies(folder: Path, plans: dict[str, Timetable]) -> Iterator[Table]:
    rows, refused = list[tuple[str, ...]](), list[str]()
    files = sorted(folder.glob("*.pb"))
    feeds = {judged.name: judged for path in files for judged in judge_files([path], None)}
    for path in files:
        judged = feeds[path.name]
        if judged.feed is None:
            refused.append(path.name)
            rows.append((path.name, "refused", "", judged.why))
            continue
        name = fitting(judged.feed, plans)
        plan = plans.get(name or "") if name is not None and _knows(judged, plans[name]) else None
        beside = _beside(path, feeds)
        report = judge(Case(judged.feed, plan, beside=beside, now=LATEST_S))
        told = " ".join(f"{rule}x{count}" for rule, count in report.counts.items())
        rows.append(
            (path.name, f"{len(judged.feed.entities)} entities", name or "-" if plan is not None else "-", told)
        )
    if rows:
        yield Table(
            title="Feeds of agencies, each beside the one of the other kind",
            head=("feed", "", "timetable", "what they break"),
            rows=tuple(rows),
            verdict=f"refused: {' '.join(refused) or 'none'}",
            notes=("each of these was looked at by hand: docs/transit.md",),
        )


def _knows(judged: Judged, plan: Timetable) -> bool:
    trips = (
        [trip.trip_id for _, _, trip in Case(judged.feed).trips() if trip.trip_id] if judged.feed is not None else []
    )
    return not trips or any(trip in plan.trip_of for trip in trips)


def _beside(path: Path, feeds: dict[str, Judged]) -> Feed | None:
    stem = path.name.partition("-")[0]
    kinds = {f"{stem}-trip-updates.pb": f"{stem}-vehicle-positions.pb"}
    other = kinds.get(path.name) or {b: a for a, b in kinds.items()}.get(path.name)
    return feeds[other].feed if other in feeds else None


def _sequence(folder: Path) -> Iterator[Table]:
    files = sorted(folder.glob("*.pb"))
    zips = sorted(folder.glob("*.zip"))
    if not files or not zips:
        return
    plan = read_plan(zips[0]).timetable
    counts, gate, memory, before = Counter[str](), Counter[str](), FeedMemory(), None
    for path in files:
        at, body = int(path.name.partition(".")[0]), path.read_bytes()
        case = Case(decode(body), plan, before, now=at, received=at)
        counts.update(judge(case).counts)
        before = remember(case)
        judged = judge_feed(body, Moment(at, plan), memory)
        memory = judged.memory
        gate.update(judged.refused)
        gate["admitted"] += judged.admitted
        gate["documents admitted"] += judged.standing is Standing.ADMITTED
    yield Table(
        title=f"{len(files)} minutes of a subway's feed",
        head=("rule", "times", "title"),
        rows=tuple((rule, str(n), TITLES[rule]) for rule, n in sorted(counts.items())),
        verdict=f"{gate.pop('documents admitted')} of {len(files)} documents admitted",
        notes=("at the gate, entities: " + ", ".join(f"{n} {why}" for why, n in sorted(gate.items())),),
    )


def _faulty(folder: Path) -> Iterator[Table]:
    rows = list[tuple[str, ...]]()
    for path in sorted(p for p in folder.glob("*") if p.is_dir()):
        counts = read_plan(path).faults.counts
        rows.append((path.name, "named" if counts else "NOTHING", " ".join(f"{k}x{n}" for k, n in counts.items())))
    if rows:
        with_any = sum(row[1] == "named" for row in rows)
        yield Table(
            title="Timetables with a defect each",
            head=("timetable", "", "what was found"),
            rows=tuple(rows),
            verdict=f"{with_any} of {len(rows)} are not without findings",
        )


def _timetables(data: Path, plans: dict[str, Plan]) -> Iterator[Table]:
    rows = list[tuple[str, ...]]()
    folders = sorted(p for p in (data / "transport_gtfs").glob("*") if p.is_dir())
    for name, plan in [*((p.name, read_plan(p)) for p in folders), *plans.items()]:
        told = " ".join(f"{k}x{n}" for k, n in plan.faults.counts.items())
        rows.append((name, str(len(plan.timetable.trips.ids)), str(len(plan.timetable.times.trip)), told))
    if rows:
        yield Table(
            title="Timetables of agencies",
            head=("timetable", "trips", "stop times", "what was found"),
            rows=tuple(rows),
        )
