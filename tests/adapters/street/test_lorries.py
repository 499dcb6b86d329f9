"""Containers of the demonstration: filled as recorded, emptied when a lorry comes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.recordings import WEEK, read_folder
from cityward.adapters.street.lorries import LEFT, Known, emptied
from cityward.adapters.street.player import Source, sources
from cityward.compose.lorries import visits_of
from cityward.errors import LinkError
from cityward.place.registry import number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.runtime.serving.kept import PlanRow, StopRow
from cityward.time import DAY, HOUR, to_us
from streets import QUAY, declared_street

BIN, OTHER = "harbour-bins-04", "harbour-bins-05"
MONDAY = to_us(datetime(2026, 11, 16, tzinfo=UTC))
RECORDINGS = [one for one in read_folder(Path("examples/doggerford/recordings")) if one.name == "bins"]
STREET = declared_street()
REGISTRY = number(
    msgspec.structs.replace(
        STREET,
        device_models={"bin": DeviceModel(maker="unknown", properties={"fill-level": PropertyMapping()})},
        devices={"harbour-bins": Device(model="bin", site="unknown", owner="unknown", positions=(QUAY,) * 12)},
        datasets={},
        flows={},
    )
)
RECORDED = sources(RECORDINGS, REGISTRY, QUAY, 0)


def visited(visits: Mapping[str, Sequence[int]]) -> Source:
    return emptied(RECORDED, RECORDINGS, 0, lambda: visits)[BIN][0]


def levels(source: Source, since: int, days: float) -> list[tuple[int, float]]:
    return [(report.at, report.readings[0][1]) for report in source.due(since, since + round(days * DAY), 10_000)]


def test_until_the_first_lorry_a_container_says_what_was_recorded() -> None:
    came = {BIN: [MONDAY + 3 * DAY], OTHER: [MONDAY]}
    assert levels(visited(came), MONDAY, 3) == levels(RECORDED[BIN][0], MONDAY, 3)


def test_after_a_lorry_it_is_empty_and_fills_at_the_recorded_pace() -> None:
    came = MONDAY + 3 * DAY
    told = levels(visited({BIN: [came]}), came, 2)
    assert told[0][1] <= LEFT + 6, "two hours later at most"
    assert told[-1][1] == pytest.approx(LEFT + 2 * 31, abs=20), "31 % a day on the mean"
    assert all(b >= a - 6 for (_, a), (_, b) in itertools.pairwise(told)), "nothing else empties it"


def test_a_container_to_which_no_lorry_comes_again_stays_full() -> None:
    came = MONDAY + 3 * DAY
    told = [level for _, level in levels(visited({BIN: [came]}), came + 5 * DAY, 14)]
    assert min(told) >= 90 and max(told) <= 100


def test_each_lorry_empties_it_again() -> None:
    came = [MONDAY + day * DAY for day in range(1, 15)]
    assert max(level for _, level in levels(visited({BIN: came}), came[0], 13)) < 75


@settings(deadline=None, max_examples=20)
@given(
    times=st.lists(st.integers(MONDAY - WEEK, MONDAY + 2 * WEEK), min_size=3, max_size=3).map(sorted),
    came=st.lists(st.integers(MONDAY - WEEK, MONDAY + 2 * WEEK), max_size=4).map(sorted),
)
def test_what_is_due_in_two_steps_is_what_is_due_in_one(times: list[int], came: list[int]) -> None:
    a, b, c = times
    due = visited({BIN: came}).due
    assert due(a, b, 10_000) + due(b, c, 10_000) == due(a, c, 10_000)


def plan(crew: str, issued: int, *due: tuple[str, int], state: str = "issued") -> PlanRow:
    stops = tuple(StopRow(subject=unit, position=(2.3, 54.9), due=at) for unit, at in due)
    return PlanRow(
        plan_id=f"{crew}{issued}", service="bins", kind="round", crew=crew, stops=stops, cause={},
        issued_at=issued, expires_at=issued + DAY, state=state,
    )  # fmt: skip


def test_a_crew_drives_its_plan_until_it_has_another() -> None:
    plans = [
        plan("early", 0, (BIN, HOUR), (OTHER, 3 * HOUR), state="superseded"),
        plan("early", 2 * HOUR, (OTHER, 4 * HOUR)),
        plan("late", 0, (BIN, 5 * HOUR), (OTHER, 2 * DAY)),
        plan("late", HOUR, (BIN, 6 * HOUR), state="withdrawn"),
    ]
    assert visits_of(plans) == {BIN: [HOUR, 5 * HOUR], OTHER: [4 * HOUR]}


def test_while_nobody_says_where_the_lorries_go_what_was_known_holds() -> None:
    answers = iter([{BIN: [1]}, LinkError("away")])
    known, stop = Known(), asyncio.Event()

    def ask() -> Mapping[str, Sequence[int]]:
        answer = next(answers, None)
        if answer is None:
            stop.set()
            return {BIN: [1, 2]}
        if isinstance(answer, LinkError):
            raise answer
        return answer

    async def kept() -> list[Mapping[str, Sequence[int]]]:
        keeping, seen = asyncio.create_task(known.keep(ask, 0.0, stop)), list[Mapping[str, Sequence[int]]]()
        while not keeping.done():
            seen.append(known())
            await asyncio.sleep(0)
        return [*seen, known()]

    seen = asyncio.run(kept())
    assert {BIN: [1]} in seen and seen[-1] == {BIN: [1, 2]}
