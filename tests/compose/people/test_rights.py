"""Who may do what by the declaration, held against the last start."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cityward.compose.people import rights
from cityward.compose.people.rights import FILE, right_events, rights_of
from cityward.place.data import Access
from places import tiny_place

PLACE = tiny_place()


def with_access(*modes: str) -> frozenset[rights.Right]:
    access = Access(party="council", target="lamp", modes=modes)  # type: ignore[arg-type]
    return rights_of(msgspec.structs.replace(PLACE, accesses={"care": access}))


def test_the_first_start_tells_nothing_and_remembers(tmp_path: Path) -> None:
    assert right_events(tmp_path, with_access("read"), 1) == ()
    assert msgspec.json.decode((tmp_path / FILE).read_bytes()) == [["party:council", "read", "lamp"]]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_what_is_given_and_what_is_taken_is_told_of_the_party(tmp_path: Path) -> None:
    right_events(tmp_path, with_access("read", "update"), 1)
    told = right_events(tmp_path, with_access("read", "command"), 2, "steward:7")
    assert [(e.subject, e.detail["what"], e.detail["to"], e.detail["given"], e.record) for e in told] == [
        ("party:council", "command", "lamp", "yes", "steward:7"),
        ("party:council", "update", "lamp", "no", "steward:7"),
    ]
    assert right_events(tmp_path, with_access("read", "command"), 3) == []


def test_a_file_that_was_spoiled_tells_nothing_and_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff[[[")
    assert right_events(tmp_path, with_access("read"), 1) == ()
    assert [e.detail["what"] for e in right_events(tmp_path, with_access("read", "write"), 2)] == ["write"]


def test_many_changes_are_told_by_their_number(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(rights, "MOST_TOLD", 2)
    right_events(tmp_path, frozenset(), 1)
    told = right_events(tmp_path, with_access("read", "write", "command", "update", "support"), 2)
    assert [e.detail.get("count", "") for e in told] == ["", "", "3"]
