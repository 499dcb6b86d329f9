"""`cityward bench console`: its pieces, and small runs of the real door, readers and browser."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from cityward.adapters.bench.console.chromium import NAMES
from cityward.adapters.bench.console.made import Changing, Channel, declaration, groups_of
from cityward.adapters.bench.console.trace import LAYOUT, MAP, SCRIPT, Span, by_second, main_thread
from cityward.cli.bench import command as bench
from cityward.compose.bench.console import CENTRE
from cityward.runtime.ports import BatchEffects

SMALL = ["--devices", "60", "--changes", "40", "--seconds", "2"]


def told(*more: str) -> list[dict[str, Any]]:
    """The tables of a small run."""
    outcome = CliRunner().invoke(bench, ["console", *SMALL, *more, "--json"])
    assert outcome.exit_code == 0, outcome.output
    tables: list[dict[str, Any]] = json.loads(outcome.stdout)["tables"]
    return tables


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table["head"], row, strict=True)) for row in table["rows"]]


def test_each_open_console_hears_the_real_feed_and_the_doors_share_is_told() -> None:
    (table,) = told("--consoles", "0", "--consoles", "3", "--no-browser")
    nobody, three = rows(table)
    assert [nobody["consoles"], three["consoles"]] == [0, 3]
    assert nobody["ticks a second each"] == 0
    assert three["ticks a second each"] > 0
    assert three["kB a second each"] > 0
    assert "the bar for 500 is 10 %" in table["verdict"]


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(
    not any(map(shutil.which, NAMES)), reason="NO CHROMIUM ON THIS MACHINE: the console is not measured"
)
def test_a_console_is_looked_at_and_its_main_thread_told_by_class() -> None:
    _, views, loads = told("--consoles", "0", "--loads", "1")
    by_name = {row["view"]: row for row in rows(views)}
    assert len(by_name) == 5
    assert by_name["map, flows beside it"]["script a redraw: median"] > 0
    assert by_name["map in a hidden tab"]["drawing the map: median"] == 0
    (first,) = rows(loads)
    assert 0 < first["usable"] <= first["whole"]


def test_the_made_place_has_the_devices_that_were_asked_for_and_lamps_among_them() -> None:
    groups = groups_of(120)
    assert sum(size for _, _, size in groups) == 120
    made: Any = declaration(120, CENTRE)
    assert {group: len(made["devices"][group]["positions"]) for group, _, _ in groups} == {n: s for n, _, s in groups}
    assert made["device_models"]["lamp"]["commands"]
    assert declaration(120, CENTRE) == made


class Kept:
    """The state store, as far as changes go."""

    def __init__(self) -> None:
        self.batches: list[BatchEffects] = []

    def apply(self, effects: BatchEffects) -> None:
        self.batches.append(effects)


def test_changes_have_sequences_of_their_own_and_balance() -> None:
    kept = Kept()
    channels = [Channel(f"d-{n}", "lamp-level", 10, 100, f"flow-{n % 3}") for n in range(2500)]
    changing = Changing(kept, channels, 8)  # type: ignore[arg-type]
    changing.fill()
    assert [row.device for batch in kept.batches for row in batch.latest] == [one.device for one in channels]
    assert [row.seq for batch in kept.batches for row in batch.latest] == list(range(1, 2501))
    assert sum(count.admitted for batch in kept.batches for count in batch.counts) == changing.sent == 2500


def test_a_trace_is_told_by_second_each_moment_under_its_innermost_class() -> None:
    spans = [
        Span("RunTask", 0, 900, 800),
        Span("FunctionCall", 100, 500, 400),
        Span("Layout", 200, 100, 90),
        Span("RunTask", 1_000_000, 400, 400),
        Span("FireAnimationFrame", 1_000_010, 300, 300),
        Span("FunctionCall", 1_000_020, 200, 200),
    ]
    first, second = by_second(spans, 0, 2)
    assert first == {"rest": 0.4, SCRIPT: 0.31, LAYOUT: 0.09}
    assert second == {"rest": 0.1, MAP: 0.3}


def test_of_several_pages_the_busiest_main_thread_is_looked_at() -> None:
    names = [{"name": "thread_name", "pid": p, "tid": 1, "ph": "M", "args": {"name": "CrRendererMain"}} for p in (1, 2)]
    work = [{"name": "RunTask", "pid": p, "tid": t, "ph": "X", "ts": 5, "dur": 9, "tdur": d} for p, t, d in
            ((1, 1, 3), (2, 1, 8), (2, 7, 99))]  # fmt: skip
    assert main_thread([*names, *work]) == [Span("RunTask", 5, 9, 8)]
    assert main_thread(work) == []
