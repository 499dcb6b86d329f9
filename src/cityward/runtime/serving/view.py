"""The city as one service is shown it: what it names and is believed, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cityward.place.things import Position
from cityward.runtime.doubt import NO_DOUBT, Doubt
from cityward.runtime.ports import Latest, SourceSpan
from cityward.runtime.serving.binding import Bound
from cityward.services.contract import Commanded, Document, Reading, Series, View


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a service is shown besides readings and commands: see `services.contract.View`."""

    series: Mapping[tuple[str, str], Series] = field(default_factory=dict[tuple[str, str], Series])
    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    held: frozenset[str] = frozenset()
    done: Mapping[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    refused_plans: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])


NOTHING_BEYOND = Beyond()


def build_view(
    bound: Bound,
    position: Position,
    latest: Mapping[tuple[str, str], Latest],
    last_commands: Mapping[str, Commanded],
    now_us: int,
    doubt: Doubt = NO_DOUBT,
    beyond: Beyond = NOTHING_BEYOND,
    pace: float = 1.0,
) -> View[Any]:
    """What one service is shown: readings that are believed, what it may command, and the last command to each of its units."""
    watched = set(bound.watched)
    readings: dict[tuple[str, str], Reading] = {}
    left_out: dict[tuple[str, str], str] = {}
    for key, row in latest.items():
        if key[0] not in watched:
            continue
        why = doubt.of(row, bound.least_trust)
        if why is None:
            readings[key] = Reading(row.value, row.observed_at, max(0, now_us - row.observed_at))
        else:
            left_out[key] = why
    mine = {
        unit: doubt.remembered(last, bound.least_trust)
        for unit, last in last_commands.items()
        if unit in bound.actuators
    }
    return View(
        now_us,
        position,
        bound.settings,
        bound.members,
        readings,
        bound.actuators,
        last_commands=mine,
        left_out=left_out,
        positions=bound.positions,
        series=beyond.series,
        documents=beyond.documents,
        held=beyond.held & watched,
        done=beyond.done,
        pace=pace,
        refused_plans=beyond.refused_plans,
        refused=beyond.refused,
    )


def spans_of(view: View[Any], sources: Sequence[str]) -> Sequence[SourceSpan]:
    """When what the service was shown of each source was observed."""
    seen: dict[str, list[int]] = {source: [] for source in sources}
    for (unit, _), reading in view.readings.items():
        if unit in seen:
            seen[unit].append(reading.observed_at)
    return [SourceSpan(unit, min(at), max(at)) for unit, at in seen.items() if at]
