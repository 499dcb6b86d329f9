"""Receipts are found as long as declared, cells that were told as long as they could be told otherwise; both with proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.home import Home, write_city_file
from cityward.compose.keeping.forgetting import FORGETS, bounds, forget_old
from cityward.compose.keeping.retention import RECEIPTS, retention
from cityward.compose.outgoing.received import ReceivedDesk
from cityward.compose.outgoing.statements import month_of, statement
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Lifecycle
from cityward.guard.release import Atoms
from cityward.runtime.releasing.ports import DELIVERED, QUEUED, Due, Receipt
from cityward.time import DAY
from releasing import recipient, write_releasing
from towns import stopped_city

NOW = 20_600 * DAY + 7  # the 27th of May 2026
PLAIN = Receipt(
    "r:0", "desk", "acme", "asked", "acme-2026", "light", "planning", "query", NOW, NOW - 1, NOW, 3, 1, ("meter-01",),
    "d" * 64, {}, "r" * 64, DELIVERED,
)  # fmt: skip


@dataclass
class Scene:
    setting: Setting

    def give(self, record: str, at: int, state: str = DELIVERED, atom: int | None = None) -> None:
        one = replace(PLAIN, record=record, at=at, state=state)
        atoms = (
            () if atom is None else (Atoms(*(np.array([n], dtype=t) for n, t in ((7, "u8"), (atom, "i8"), (9, "u8")))),)
        )
        body = b"rows" if state == QUEUED else None
        self.setting.state.releases.take("desk", Due("light/planning", None, ((one, body),), 0, atoms))

    def left(self) -> set[str]:
        return {one.record for one in self.setting.state.releases.receipts(recipient="desk")}


def scene_of(folder: Path, days: str) -> Scene:
    place = write_releasing(folder / "place", [recipient("desk", "query", flows="[asked]")], meters=1)
    file = place / "place.yaml"
    file.write_text(file.read_text().replace("retention_days: 30", f"retention_days: {days}") + "receipts_days: 100\n")
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, msgspec.structs.replace(stopped_city(place), clock=(0, NOW, 0.0)))
    return Scene(open_setting(home))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = scene_of(tmp_path, "30")
    yield one
    one.setting.state.dispose()


def test_receipts_go_after_the_declared_days_on_record_and_what_waits_stays(scene: Scene):
    scene.give("r:old", NOW - 103 * DAY)
    scene.give("r:waits", NOW - 103 * DAY, QUEUED)
    scene.give("r:new", NOW - 99 * DAY)
    assert [one.state for one in retention(scene.setting.home.root)[1] if one.dataset == RECEIPTS] == ["late"]
    with scene.setting.ledger("release") as ledger:
        assert forget_old(scene.setting, ledger) == (1, 0)
        assert forget_old(scene.setting, ledger) == (0, 0)
    assert scene.left() == {"r:waits", "r:new"}
    said = [one for _, one in tail_of(scene.setting.home.ledger("release"), 10)]
    assert [one.event for one in said if isinstance(one, Lifecycle)] == [FORGETS]
    [proof] = [one for one in retention(scene.setting.home.root)[1] if one.dataset == RECEIPTS]
    assert (proof.state, proof.days, proof.oldest["receipts"]) == ("ok", 100, NOW - 99 * DAY)
    assert [row.receipts for row in scene.setting.state.releases.given("desk", 0, 30_000)] == [2, 1], "sums stay"


def test_cells_are_remembered_as_long_as_a_row_of_them_could_be_held(scene: Scene):
    _, before = bounds(scene.setting.loaded.place, NOW)
    assert before == (20_600 - 30 - 2 - 56) * DAY
    scene.give("r:1", NOW, atom=before - 1)
    with scene.setting.ledger("release") as ledger:
        assert forget_old(scene.setting, ledger) == (0, 1)
    scene.give("r:2", NOW, atom=before)
    with scene.setting.ledger("release") as ledger:
        assert forget_old(scene.setting, ledger) == (0, 0)


def test_where_nobody_says_how_long_rows_are_kept_cells_are_never_forgotten(tmp_path: Path):
    one = scene_of(tmp_path, "unknown")
    try:
        assert bounds(one.setting.loaded.place, NOW)[1] is None
        one.give("r:1", NOW, atom=0)
        with one.setting.ledger("release") as ledger:
            assert forget_old(one.setting, ledger) == (0, 0)
    finally:
        one.setting.state.dispose()


def test_every_receipt_of_a_month_is_found_page_by_page(scene: Scene):
    for n in range(12):
        scene.give(f"r:{n:02}", NOW - n * 60_000_000)
    scene.give("r:april", NOW - 40 * DAY)
    [line] = statement(scene.setting, month_of("2026-05"), recipient="desk").lines
    assert (line.receipts, line.newest_receipts) == (12, ("r:11", "r:10", "r:09", "r:08", "r:07"))
    [line] = statement(scene.setting, month_of("2026-04"), recipient="desk").lines
    assert line.newest_receipts == ("r:april",)
    desk, after, seen = ReceivedDesk(scene.setting), "", list[object]()
    while page := desk.receipts("desk", None, after, 5, month="2026-05"):
        seen += [one["receipt"] for one in page]
        after = str(page[-1]["receipt"])
    assert seen == [f"r:{n:02}" for n in range(11, -1, -1)]
