"""Whose logs a report rests on: the city's own, by the keys that it holds, in the order of their time, and all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assured import ENTRIES, assured_town
from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.assurance.examples import NOW_US, admission, exercised
from cityward.compose.home import Home
from cityward.compose.proving.assessing import entries
from cityward.compose.reporting.gathering import gather
from cityward.errors import EvidenceError
from cityward.time import HOUR

GREEN = exercised("S-09", ("street-light",), subjects=("devices.lamp-1", "devices.counter-1"))


def written(home: Home, role: str, origin: str, keys: Path) -> None:
    """A log of one green exercise, well signed, by whatever key."""
    with FileLedger(home.ledger(role), origin, signing_key(keys, f"ledger-{role}")) as ledger:
        ledger.append([GREEN])


@pytest.mark.parametrize(
    ("role", "origin"),
    [
        ("exercise", "smalltown/exercise"),
        ("exercise", "exercise/x1/smalltown/exercise"),
        ("exercise", "elsewhere/exercise"),
        ("other", "smalltown/exercise"),
    ],
    ids=["by a key that is not the city's", "of a twin", "of another place", "under another name"],
)
def test_a_log_that_is_not_the_citys_own_is_not_believed(tmp_path: Path, role: str, origin: str) -> None:
    state = assured_town(tmp_path)
    written(Home(state), role, origin, tmp_path / "strange" / "keys")
    with pytest.raises(EvidenceError, match=rf"the log `{role}` is not this city's"):
        gather(state, NOW_US)


@pytest.mark.parametrize("origin", ["exercise/x1/smalltown/exercise", "elsewhere/exercise"])
def test_a_log_under_another_name_by_the_citys_own_key_is_not_believed(tmp_path: Path, origin: str) -> None:
    home = Home(assured_town(tmp_path))
    written(home, "exercise", origin, home.keys)
    with pytest.raises(EvidenceError, match=r"the log `exercise` is not this city's"):
        gather(home.root, NOW_US)


def test_the_state_of_another_city_inside_is_not_read(tmp_path: Path) -> None:
    """As of a twin that somebody put there: what is under its own folder is its own."""
    state = assured_town(tmp_path)
    before = gather(state, NOW_US).report
    inner = Home(state / "twin")
    written(inner, "exercise", "smalltown/exercise", tmp_path / "strange" / "keys")
    assert gather(state, NOW_US).report == before


def test_a_log_that_was_taken_away_whole_is_missed(tmp_path: Path) -> None:
    state = assured_town(tmp_path)
    shutil.rmtree(Home(state).ledger("worker-0"))
    with pytest.raises(EvidenceError, match=r"the log `worker-0` is gone"):
        gather(state, NOW_US)


def test_entries_of_several_logs_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    late, early = admission("counts-in", 1, at=NOW_US), admission("counts-in", 2, at=NOW_US - HOUR)
    again = admission("counts-in", 3, at=NOW_US - 2 * HOUR)
    state = assured_town(tmp_path, {"worker-0": (late, again), "worker-1": (early, late)})
    assert [entry for entry, _ in entries(state)] == ["worker-1:0", "worker-0:0", "worker-0:1", "worker-1:1"]


def test_the_newest_of_two_logs_is_the_one_that_is_named(tmp_path: Path) -> None:
    """The older batch stands in the log that is read last."""
    old = admission("counts-in", 2, at=NOW_US - HOUR)
    state = assured_town(tmp_path, {"worker-0": ENTRIES["worker-0"], "worker-1": (old,)})
    (told,) = [one for one in gather(state, NOW_US).report.controls if one.id == "K-04"]
    grounds = {ground.entry for judged in told.subjects for ground in judged.grounds if "admitted" in ground.said}
    assert grounds == {"worker-0:0"}
