"""A log that grows, is rotated, cut, torn and replaced under the reader: nothing is told twice, and what is missed is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cityward.adapters.flow_logs import following
from cityward.adapters.flow_logs.following import FollowedLog, Look, Position

Follow = Callable[..., FollowedLog]

ZEEK = "#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tproto\n"


def line(to: str, at: int = 1_700_000_000) -> str:
    return f"{at}\t192.0.2.1\t{to}\t443\ttcp\n"


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def ends(found: Look) -> list[str]:
    return [one.destination for one in found.seen]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conn.log"


@pytest.fixture
def follow() -> Iterator[Follow]:
    made: list[FollowedLog] = []

    def one(path: Path, position: Position | None = None) -> FollowedLog:
        made.append(FollowedLog(path, position))
        return made[-1]

    yield one
    for log in made:
        log.close()


def test_each_look_gives_what_was_added_since(path: Path, follow: Follow) -> None:
    log = follow(path)
    assert log.look() == Look()  # not there yet
    add(path, ZEEK + line("a") + line("a"))
    first = log.look()
    assert (ends(first), first.lines, first.seen[0].count) == (["a"], 2, 2)
    assert log.look().seen == ()
    add(path, line("b"))
    assert ends(log.look()) == ["b"]


def test_a_line_that_is_still_being_written_waits_for_its_end(path: Path, follow: Follow) -> None:
    log = follow(path)
    add(path, ZEEK + line("a") + line("b")[:-9])
    assert ends(log.look()) == ["a"]
    assert log.look().lines == 0
    add(path, line("b")[-9:])
    found = log.look()
    assert (ends(found), found.bad) == (["b"], 0)


def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(path: Path, follow: Follow) -> None:
    log = follow(path)
    add(path, ZEEK + line("a"))
    log.look()
    old = path.rename(path.with_name("conn.log.1"))
    add(old, line("b"))  # the sensor still has the old one open
    add(path, ZEEK + line("c"))
    last = log.look()
    assert (ends(last), last.more) == (["b"], True)
    new = log.look()
    assert (ends(new), new.began_anew, new.missed) == (["c"], True, False)


def test_a_log_that_was_cut_and_written_anew_is_read_from_its_beginning(path: Path, follow: Follow) -> None:
    log = follow(path)
    add(path, ZEEK + line("a") * 20)
    log.look()
    path.write_text(ZEEK + line("b"))  # the same file, shorter
    found = log.look()
    assert (ends(found), found.began_anew) == (["b"], True)
    path.write_text(ZEEK.replace("\tproto", "\tproto\tservice") + line("c").replace("tcp", "tcp\tssh") * 50)  # longer
    assert ends(log.look()) == ["c"]


def test_a_reader_that_starts_anew_goes_on_behind_the_position(path: Path, follow: Follow) -> None:
    add(path, ZEEK + line("a"))
    log = follow(path)
    log.look()
    add(path, line("b"))
    later = follow(path, log.position)
    found = later.look()
    assert (ends(found), found.missed, found.bad) == (["b"], False, 0)


def test_what_was_rotated_away_while_nobody_followed_is_told_as_missed(path: Path, follow: Follow) -> None:
    add(path, ZEEK + line("a"))
    log = follow(path)
    log.look()
    path.write_text(ZEEK + line("b", 1_700_000_001) * 9)
    found = follow(path, log.position).look()
    assert (ends(found), found.missed) == (["b"], True)


def test_what_is_no_flow_log_is_said_once_and_tried_again_when_it_is_another_file(path: Path, follow: Follow) -> None:
    path.write_text("dear diary\ntoday it rained\n")
    log = follow(path)
    assert "no flow log" in log.look().refused
    add(path, "and again\n")
    assert log.look() == Look()
    path.write_text(ZEEK + line("a"))
    assert ends(log.look()) == ["a"]


def test_hostile_lines_are_bad_and_the_others_are_read(path: Path, follow: Follow) -> None:
    add(path, ZEEK + line("a"))
    with path.open("ab") as file:
        file.write(b"\xff\xfe\x00\n" + b"\x1b[2J" * 9 + b"\n" + b"x" * 200_000 + b"\n" + line("b").encode())
    found = follow(path).look()
    assert (ends(found), found.lines, found.bad) == (["a", "b"], 5, 3)


def test_a_look_is_bounded_and_says_that_there_is_more(
    path: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_BYTES", 1 << 17)
    monkeypatch.setattr(following, "MOST_NEW", 10)
    log = follow(path)
    add(path, ZEEK + "".join(line(f"host-{n}") for n in range(5000)))
    looks = [log.look()]
    while looks[-1].more:
        looks.append(log.look())
    assert len(looks) == path.stat().st_size // (1 << 17) + 1 > 1
    assert sum(one.lines for one in looks) == 5000
    assert all(len(one.seen) <= 10 for one in looks)
    assert sum(one.beyond for one in looks) + sum(len(one.seen) for one in looks) == 5000


def test_what_ended_before_the_window_is_left_out(path: Path, follow: Follow) -> None:
    add(path, ZEEK + line("old", 1_600_000_000) + line("new", 1_700_000_000))
    assert ends(follow(path).look(1_650_000_000_000_000)) == ["new"]
