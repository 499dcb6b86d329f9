"""What the feed says of answers that moved: to whom it concerns, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.runtime.people import SessionRow, Wish
from cityward.time import HOUR
from cityward.web.identity import Caller, Reception
from cityward.web.ports import Doors, machine_now_us
from cityward.web.versions import Versions
from web.staff import Staff, staffed
from web.watching import MemoryBook


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    with staffed(tmp_path, watch=MemoryBook()) as one:
        yield one


def caller_of(doors: Doors, who: str) -> Caller:
    now = doors.machine_us()
    row = SessionRow(f"session-of-{who}".encode(), who, now + HOUR, now, now)
    found = Reception(doors).caller_of(row, "127.0.0.1")
    assert found is not None
    return found


def told(versions: Versions, doors: Doors, *people: str) -> dict[str, dict[str, str]]:
    callers = [caller_of(doors, who) for who in people]
    found = versions.of(callers)
    return {caller.id: dict(found[caller.session]) for caller in callers}


def test_a_token_stays_while_nothing_moves(staff: Staff) -> None:
    staff.somebody("eve", "desk")
    versions, doors = Versions(staff.door.doors), staff.door.doors
    first = told(versions, doors, "eve")
    assert set(first["eve"]) == {"people", "watch"}
    assert told(versions, doors, "eve") == first


def test_another_door_has_other_tokens(staff: Staff) -> None:
    staff.somebody("eve", "desk")
    doors = staff.door.doors
    one, other = (told(Versions(doors), doors, "eve")["eve"] for _ in range(2))
    assert one["people"] != other["people"]
    assert one["watch"] != other["watch"]


def test_what_the_watch_finds_moves_the_token_of_those_who_watch(staff: Staff) -> None:
    staff.somebody("eve", "desk")
    staff.somebody("gail", "giver")
    versions, doors = Versions(staff.door.doors), staff.door.doors
    before = told(versions, doors, "eve", "gail")
    book = doors.watch
    assert isinstance(book, MemoryBook)
    book.changes += 1
    after = told(versions, doors, "eve", "gail")
    assert "watch" not in before["gail"]
    assert after["gail"] == before["gail"]
    assert after["eve"]["watch"] != before["eve"]["watch"]
    assert after["eve"]["people"] == before["eve"]["people"]


def test_a_wish_moves_the_tokens_of_who_asked_and_of_who_may_give(staff: Staff) -> None:
    staff.somebody("dora", "desk")
    staff.somebody("gail", "giver")
    staff.somebody("eve-too", "engineer", party="northlight", seconds=3600)
    versions, doors = Versions(staff.door.doors), staff.door.doors
    everybody = ("dora", "gail", "eve-too")
    before = told(versions, doors, *everybody)
    staff.desk.ask(Wish("eve-too", "far-engineer", "lamp 7", 3600))
    after = told(versions, doors, *everybody)
    moved = {who for who in everybody if after[who]["people"] != before[who]["people"]}
    assert moved == {"gail", "eve-too"}


def test_broken_glass_moves_everybodys_until_it_ends(staff: Staff) -> None:
    staff.somebody("dora", "desk")
    staff.somebody("otto", "desk")
    now = [machine_now_us()]
    doors = replace(staff.door.doors, machine_us=lambda: now[0])
    versions = Versions(doors)
    before = told(versions, doors, "otto")
    staff.desk.break_glass(Wish("dora", "glass", "the quay floods", 600))
    now[0] = machine_now_us()
    broken = told(versions, doors, "otto")
    assert broken["otto"]["people"] != before["otto"]["people"]
    now[0] += HOUR
    assert told(versions, doors, "otto")["otto"]["people"] == before["otto"]["people"]
