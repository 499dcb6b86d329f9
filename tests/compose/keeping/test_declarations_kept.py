"""Every declaration that a city ran by is kept, named by its own content."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from cityward.compose.home import Home
from cityward.compose.keeping import declarations
from cityward.compose.keeping.declarations import changed_since, folder_of, keep, place_of, versions
from cityward.errors import EvidenceError
from cityward.place.loader import digest_of
from cityward.time import DAY, HOUR
from declarations import loaded, town

NOON = 20_000 * DAY + 12 * HOUR
ONE = loaded(town()).place
TWO = loaded(town(("population: 1200", "population: 1300"))).place
THREE = loaded(town(("  planning: {}\n", "  planning: {name: Planning}\n"))).place


@pytest.fixture
def home(tmp_path: Path) -> Home:
    one = Home(tmp_path / "state")
    one.prepare()
    return one


def test_what_ran_is_read_again_as_it_was(home: Home) -> None:
    keep(home, ONE, NOON)
    keep(home, TWO, NOON + DAY)
    assert [one.at_us for one in versions(home)] == [NOON, NOON + DAY]
    assert [place_of(home, one.digest) for one in versions(home)] == [ONE, TWO]
    assert {path.name for path in folder_of(home).iterdir()} == {
        "runs.jsonl", f"{digest_of(ONE)}.json", f"{digest_of(TWO)}.json",
    }  # fmt: skip
    assert folder_of(home).stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder_of(home).iterdir())


def test_a_start_by_the_same_declaration_adds_nothing_and_a_return_to_an_old_one_does(home: Home) -> None:
    for at, place in enumerate((ONE, ONE, TWO, ONE)):
        keep(home, place, NOON + at)
    assert [(one.digest, one.at_us - NOON) for one in versions(home)] == [
        (digest_of(ONE), 0), (digest_of(TWO), 2), (digest_of(ONE), 3),
    ]  # fmt: skip


def test_beyond_the_bound_the_oldest_go(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarations, "MOST_KEPT", 2)
    for at, place in enumerate((ONE, TWO, THREE)):
        keep(home, place, NOON + at)
    assert [one.digest for one in versions(home)] == [digest_of(TWO), digest_of(THREE)]
    assert not (folder_of(home) / f"{digest_of(ONE)}.json").exists()
    told = changed_since(home, NOON, NOON + DAY)
    assert told.short_of
    assert told.before == digest_of(TWO)


def test_one_that_was_changed_later_is_not_believed(home: Home) -> None:
    keep(home, ONE, NOON)
    path = folder_of(home) / f"{digest_of(ONE)}.json"
    path.write_bytes(path.read_bytes().replace(b"1200", b"1201"))
    with pytest.raises(EvidenceError, match="not the one that ran"):
        place_of(home, digest_of(ONE))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 5000, b"\xff", b"{}"], ids=["empty", "cut", "deep", "no-text", "no-place"]
)
def test_one_that_cannot_be_read_is_an_error_of_ours(home: Home, raw: bytes) -> None:
    keep(home, ONE, NOON)
    (folder_of(home) / f"{digest_of(ONE)}.json").write_bytes(raw)
    with pytest.raises(EvidenceError, match="cannot be read"):
        place_of(home, digest_of(ONE))


def test_where_none_is_kept_it_is_said_when_they_begin(home: Home) -> None:
    assert versions(home) == ()
    with pytest.raises(EvidenceError, match="no earlier declaration is kept"):
        changed_since(home, NOON, NOON + DAY)


def test_what_changed_is_told_between_the_moment_and_the_newest(home: Home) -> None:
    keep(home, replace(ONE, flows={name: flow for name, flow in ONE.flows.items() if name != "to-acme"}), NOON)
    keep(home, ONE, NOON + DAY)
    told = changed_since(home, NOON + HOUR, NOON + 2 * DAY)
    assert [(one.flow, one.what) for one in told.flows] == [("to-acme", "added")]
    assert not told.short_of
