"""Rounds beside the best known, on an instance small enough to be solved at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.adapters.bench.waste_routing import ProcessorTime, run
from cityward.errors import LinkError

# a depot in the middle of four stops, two to a lorry: 3-4-5 triangles, so the best is twice 5 + 6 + 5
CROSS = """\
NAME : X-n5-k2
DIMENSION : 5
CAPACITY : 2
NODE_COORD_SECTION
1 0 0
2 3 4
3 -3 4
4 3 -4
5 -3 -4
DEMAND_SECTION
1 0
2 1
3 1
4 1
5 1
DEPOT_SECTION
1
-1
EOF
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "waste_cvrp_x"
    folder.mkdir()
    for name, best in (("X-n5-k2", 32), ("X-n12-k2", 16)):
        (folder / f"{name}.vrp").write_text(CROSS)
        (folder / f"{name}.sol").write_text(f"Route #1: 1 2\nRoute #2: 3 4\nCost {best}\n")
    return tmp_path


def quiet(_: str) -> None:
    """Nobody listens."""


def test_the_gap_is_counted_from_the_best_known_smallest_first(data: Path):
    (table,) = run(data, quiet, budget=0.002)
    rows = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    assert [(row["instance"], row["cost"], row["gap %"]) for row in rows] == [("X-n5-k2", 32, 0), ("X-n12-k2", 32, 100)]
    assert "not comparable" in table.verdict and "mean gap 50.00 %" in table.verdict


def test_what_was_kept_is_not_measured_again_and_another_budget_is(data: Path):
    kept, told = data / "kept.jsonl", list[str]()
    run(data, told.append, budget=0.002, instances=1, keep=kept)
    kept.write_text(kept.read_text().replace('"cost":32', '"cost":40'))
    (table,) = run(data, told.append, budget=0.002, keep=kept)
    assert [row[6] for row in table.rows] == [25.0, 100.0]
    (other,) = run(data, told.append, budget=0.003, instances=1, keep=kept)
    assert [row[6] for row in other.rows] == [0.0]
    assert [one.split(":")[0] for one in told] == ["X-n5-k2", "X-n12-k2", "X-n5-k2"]
    assert len(kept.read_text().splitlines()) == 3


def test_what_was_kept_and_cannot_be_read_is_said_and_nothing_is_left_to_skip(data: Path):
    (data / "kept.jsonl").write_text("{}\n")
    with pytest.raises(LinkError, match="could not be read"):
        run(data, quiet, keep=data / "kept.jsonl")
    with pytest.raises(LinkError, match="all skipped"):
        run(data, quiet, skip=2)


def test_the_budget_is_this_process_own_time(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr("time.process_time", lambda: now[0])
    over = ProcessorTime(5.0)
    told: list[bool] = []
    for at in (100.0, 104.9, 105.0):
        now[0] = at
        told.append(over(0.0))
    assert told == [False, False, True]
