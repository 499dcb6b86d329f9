"""Measures predicted arrivals on a recorded sequence of GTFS-Realtime feeds, beside the agency's own prediction.

The truth of a call is not recorded; two rules stand for it, and a table is told by each:

- *left*: the last prediction of a stop before it is no longer in its trip, where the trip is still in the next feed. On feeds
  that keep the present moment for a standing vehicle, that is when it was last seen there.
- *seen*: the time of the first report of the vehicle as standing at the stop, where that is not in the first feed.

A prediction counts when what it predicts came after it was made and was not known yet. Everything is done in the order of the
feeds: what is learned, by us or as a bias, comes from feeds before the prediction. Predictions of the first `warm_up_s` count for
nobody; the constant is the median error of those whose truth was known by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.tables import Cell, Table
from cityward.errors import CitywardError, DecodeError
from cityward.services.transport.arrivals import advance
from cityward.services.transport.fleet import name_of
from cityward.services.transport.memory import Learned
from cityward.services.transport.plan import key_of
from cityward.services.transport.sightings import runs_of
from cityward.transit.decoding import decode
from cityward.transit.realtime import Feed

STEPS_S = (0, 120, 300, 600, 1200, 1800, 3600)
PUBLISHED_S = 55.0  # the constant of the published yardstick, fitted on other minutes of the same feed
LEAST = 50  # predictions in a row of a table
MOST_FEEDS, MOST_FEED = 5000, 16 << 20

Key = tuple[str, str]  # trip, stop


@dataclass(frozen=True, slots=True)
class Truth:
    """When it came, and the number of the feed by which it was known."""

    at: int
    known: int


@dataclass(frozen=True, slots=True)
class Predicted:
    """One prediction: by the feed of that number, at `made`."""

    number: int
    made: int
    key: Key
    agency: float
    leaves: float
    arrives: float
    low: float
    high: float


def load(folder: Path) -> list[Feed]:
    """The feeds of a folder (`*.pb`), oldest first.

    Raises:
        CitywardError: there is none, or one cannot be read.
    """
    files = sorted(folder.glob("*.pb"))[:MOST_FEEDS]
    if len(files) < 2:
        raise CitywardError("a sequence of feeds is needed", where=str(folder), mend="name a folder of *.pb files")
    feeds: dict[int, Feed] = {}
    for file in files:
        if file.stat().st_size > MOST_FEED:
            raise CitywardError(f"a feed is larger than {MOST_FEED} bytes", where=str(file), mend="leave it out")
        try:
            feed = decode(file.read_bytes())
        except DecodeError as error:
            raise CitywardError("a feed cannot be read", where=str(file), mend=str(error)) from error
        feeds.setdefault(feed.header.timestamp or 0, feed)
    return [feeds[at] for at in sorted(feeds)]


def play(feeds: Sequence[Feed], learned: Learned) -> tuple[list[Predicted], Learned]:
    """What is predicted of every call by every feed, each from what came before it."""
    found: list[Predicted] = []
    for number, feed in enumerate(feeds):
        at = feed.header.timestamp or 0
        vehicles = {name_of(one): one for _, one in feed.vehicles()}
        arrivals, learned = advance(learned, runs_of([feed], vehicles, None, at), at, str(at))
        found.extend(
            Predicted(number, at, (one.trip, one.stop), one.agency, one.leaves, one.arrives, one.low, one.high)
            for one in arrivals
        )
    return found, learned


def left(feeds: Sequence[Feed]) -> dict[Key, Truth]:
    """The truth by the rule *left*."""
    found: dict[Key, Truth] = {}
    before: dict[str, dict[str, int]] = {}
    for number, feed in enumerate(feeds):
        now = {trip: dict(stops) for trip, stops in _listed(feed)}
        for trip, stops in before.items():
            for stop in stops.keys() - now.get(trip, stops).keys():
                found.setdefault((trip, stop), Truth(stops[stop], number))
        before = now
    return found


def _listed(feed: Feed) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    for _, update in feed.trip_updates():
        stops: list[tuple[str, int]] = []
        for stop in update.stops:
            event = stop.arrival if stop.arrival is not None and stop.arrival.time else stop.departure
            if stop.stop_id and event is not None and event.time:
                stops.append((stop.stop_id, event.time))
        key = key_of(update.trip)
        if key is not None:
            yield key, stops


def seen(feeds: Sequence[Feed]) -> dict[Key, Truth]:
    """The truth by the rule *seen*."""
    found: dict[Key, Truth] = {}
    for number, feed in enumerate(feeds):
        for _, one in feed.vehicles():
            if one.status == "STOPPED_AT" and one.trip is not None and one.stop_id and one.timestamp:
                found.setdefault((key_of(one.trip) or "", one.stop_id), Truth(one.timestamp, number))
    return {key: truth for key, truth in found.items() if truth.known > 0}


def arrival_tables(folder: Path, history: Path | None, warm_up_s: int) -> list[Table]:
    """Both truths, by the time ahead as it came and as the agency had it."""
    learned = Learned()
    if history is not None:
        learned = play(load(history), learned)[1]
    feeds = load(folder)
    predicted, learned = play(feeds, learned)
    from_s = (feeds[0].header.timestamp or 0) + warm_up_s
    first = next((n for n, feed in enumerate(feeds) if (feed.header.timestamp or 0) >= from_s), len(feeds))
    notes = (
        f"{len(feeds)} feeds, {predicted[-1].made - predicted[0].made if predicted else 0} s; counted from feed {first} on.",
        "Seconds. The hindsight constant is fitted on the row it is told of: nobody could have known it.",
    )
    tables: list[Table] = []
    for name, truths in (("leaving (rule: left)", left(feeds)), ("arriving (rule: seen)", seen(feeds))):
        scored = _scored(predicted, truths, leaving=name.startswith("leaving"))
        for by in ("came", "agency"):
            tables.append(_table(f"Predicted {name}, by the time ahead as {_WORDS[by]}", scored, by, first, notes))
    return tables


_WORDS = {"came": "it came", "agency": "the agency had it"}


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """(n,) columns of predictions with their truth."""

    number: NDArray[np.int64]
    known: NDArray[np.int64]
    came: NDArray[np.float64]
    ahead: NDArray[np.float64]
    agency: NDArray[np.float64]
    ours: NDArray[np.float64]
    within: NDArray[np.bool_] | None


def _scored(predicted: Iterable[Predicted], truths: Mapping[Key, Truth], *, leaving: bool) -> _Scored:
    rows = [
        (one, truth)
        for one in predicted
        if (truth := truths.get(one.key)) is not None and truth.known > one.number and truth.at > one.made
    ]
    return _Scored(
        number=np.array([one.number for one, _ in rows], np.int64),
        known=np.array([truth.known for _, truth in rows], np.int64),
        came=np.array([truth.at - one.made for one, truth in rows], np.float64),
        ahead=np.array([one.agency - one.made for one, _ in rows], np.float64),
        agency=np.array([one.agency - truth.at for one, truth in rows], np.float64),
        ours=np.array([(one.leaves if leaving else one.arrives) - truth.at for one, truth in rows], np.float64),
        within=np.array([one.low <= truth.at <= one.high for one, truth in rows], np.bool_) if leaving else None,
    )


def _table(title: str, scored: _Scored, by: str, first: int, notes: Sequence[str]) -> Table:
    early = scored.known <= first
    constant = -float(np.median(scored.agency[early])) if early.any() else 0.0
    ahead = scored.came if by == "came" else scored.ahead
    rows: list[tuple[Cell, ...]] = []
    beaten = 0
    for low, high in itertools.pairwise(STEPS_S):
        picked = (scored.number >= first) & (ahead >= low) & (ahead < high)
        if picked.sum() >= LEAST:
            rows.append(_row(f"{low // 60}-{high // 60} min", scored, picked, constant))
            beaten += _beats(scored, picked, constant)
    return Table(
        title=title,
        head=(
            "ahead", "n", "agency MAE", "agency p90", f"agency {constant:+.0f} s MAE", "p90",
            f"agency {PUBLISHED_S:+.0f} s MAE", "hindsight constant MAE", "ours MAE", "ours p90", "ours bias",
            "skill over agency", "skill over agency + constant", "within our 80 %",
        ),
        rows=tuple(rows),
        verdict=f"ours is better than both, agency and agency {constant:+.0f} s, in {beaten} of {len(rows)} rows",
        notes=tuple(notes),
    )  # fmt: skip


def _row(name: str, scored: _Scored, picked: NDArray[np.bool_], constant: float) -> tuple[Cell, ...]:
    agency, ours = scored.agency[picked], scored.ours[picked]
    best = agency - np.median(agency)
    held = (
        round(float(scored.within[picked].mean()), 2) if scored.within is not None else None
    )  # intervals are of leaving
    return (
        name, int(picked.sum()), _mae(agency), _p90(agency), _mae(agency + constant), _p90(agency + constant),
        _mae(agency + PUBLISHED_S), _mae(best), _mae(ours), _p90(ours), round(float(ours.mean()), 1),
        _skill(ours, agency), _skill(ours, agency + constant), held,
    )  # fmt: skip


def _beats(scored: _Scored, picked: NDArray[np.bool_], constant: float) -> bool:
    agency, ours = scored.agency[picked], np.abs(scored.ours[picked]).mean()
    return bool(ours < np.abs(agency).mean() and ours < np.abs(agency + constant).mean())


def _mae(errors: NDArray[np.float64]) -> float:
    return round(float(np.abs(errors).mean()), 1)


def _p90(errors: NDArray[np.float64]) -> float:
    return round(float(np.quantile(np.abs(errors), 0.9)), 1)


def _skill(ours: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return round(1 - float(np.abs(ours).mean() / max(np.abs(other).mean(), 1e-9)), 3)
