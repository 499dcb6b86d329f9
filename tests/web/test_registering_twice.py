"""Two people who add one device at the same moment: one is told a secret, and it is the one that holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.entering import devices
from cityward.compose.entering.devices import RegisterDesk
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from towns import stopped_city, write_town


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 2)))
    one = open_setting(home)
    yield one
    one.state.dispose()


def test_of_two_who_add_it_at_once_one_is_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    both, looked = Barrier(2), devices._row  # pyright: ignore[reportPrivateUsage]

    def together(one: Setting, device: str) -> object:
        row = looked(one, device)
        with contextlib.suppress(BrokenBarrierError):
            both.wait(0.5)
        return row

    monkeypatch.setattr(devices, "_row", together)
    desk = RegisterDesk(setting)

    def give(who: str) -> str:
        try:
            return desk.give("meter-01", who, False)["secret"]
        except PlaceError:
            return ""

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(give, ("eva", "bo")))
    assert sum(map(bool, told)) == 1
    assert len(tail_of(setting.home.ledger("devices"), 9)) == 1
