"""Assigning and snoozing on the real book and log: terminal and door do the same, on record first, there after a restart."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from assured import SMALLTOWN, assured_town
from cityward.adapters.stores import watch_hands
from cityward.assurance.examples import NOW_US
from cityward.assurance.incidents.file import FileStep
from cityward.cli.watch import command
from cityward.compose.acting.filing import MOST_WAITING, FileDesk
from cityward.compose.acting.handing import HandDesk
from cityward.compose.home import Home, read_city_file, write_city_file
from cityward.compose.proving.incident_files import account_in
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError, PlaceError
from cityward.evidence.records import AnyRecord, Assigned, Snoozed
from cityward.runtime.people import Person, Stance
from cityward.runtime.watching.ports import Position, WatchEffects
from cityward.time import HOUR
from cityward.watch.contract import Severity
from cityward.watch.findings import Incident
from cityward.watch.hands import Hand, waits

ALERT = Incident(
    id="abc123", title="t", shared="", severity=Severity.MEDIUM, began_at=NOW_US, last_at=NOW_US, findings=1, subjects=1,
    first_subjects=("counter-1",), kinds=("freeze/frozen",),
)  # fmt: skip


@pytest.fixture
def city(tmp_path: Path) -> Setting:
    home = Home(assured_town(tmp_path, {"operator": ()}, SMALLTOWN))
    write_city_file(home, structs.replace(read_city_file(home), clock=(0, NOW_US, 0.0)))  # its clock stands
    setting = open_setting(home)
    setting.state.watch.hold(WatchEffects(position=Position(), incidents=[ALERT]))
    for id_, party, stance in (
        ("ada", setting.loaded.place.responsible, Stance.ACTIVE),
        ("eve", "elsewhere", Stance.ACTIVE),
        ("gone", setting.loaded.place.responsible, Stance.REMOVED),
    ):
        setting.state.put_person(Person(id_, id_.title(), party, stance, 0))
    return setting


def on_record(city: Setting) -> list[AnyRecord]:
    with city.ledger("operator") as ledger:
        return [record for _, record in ledger.tail(100) if isinstance(record, Assigned | Snoozed)]


def test_an_incident_is_given_and_put_off_on_record_and_so_it_stays_after_a_restart(city: Setting) -> None:
    desk = HandDesk(city)
    desk.assign("abc", "ada", "bo", "your district")
    desk.snooze("abc123", 2 * HOUR, "ada", "parts come")
    assert on_record(city) == [
        Assigned(at=NOW_US, by="operator", incident="abc123", person="bo", to="ada", note="your district"),
        Snoozed(
            at=NOW_US, by="operator", incident="abc123", person="ada", until=NOW_US + 2 * HOUR, severity="medium",
            why="parts come",
        ),
    ]  # fmt: skip
    city.state.dispose()
    hand = HandDesk(open_setting(city.home)).hands(["abc123"])["abc123"]
    assert (hand.assigned_to, hand.snoozed_until) == ("ada", NOW_US + 2 * HOUR)
    assert waits(hand, ALERT, NOW_US + HOUR)
    worse = structs.replace(ALERT, severity=Severity.HIGH)
    assert not waits(hand, worse, NOW_US + HOUR)


@pytest.mark.parametrize("to", ["eve", "gone", "nobody"])
def test_it_is_given_to_nobody_from_elsewhere_and_to_nobody_who_left(city: Setting, to: str) -> None:
    with pytest.raises(PlaceError, match="is nobody of this city"):
        HandDesk(city).assign("abc123", to, "bo")
    assert on_record(city) == []


def test_what_is_not_on_record_is_not_in_the_book(city: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise LinkError("the disk is full")

    monkeypatch.setattr("cityward.adapters.ledgers.files.FileLedger.append", full)
    with pytest.raises(LinkError):
        HandDesk(city).assign("abc123", "ada", "bo")
    assert city.state.hands.hand("abc123") == Hand(incident="abc123")


def test_the_book_keeps_the_newest_hands(city: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_hands, "HANDS_KEPT", 2)
    for n in range(4):
        city.state.hands.put_hand(Hand(incident=f"i{n}", assigned_to="ada"), n)
    assert set(city.state.hands.hands([f"i{n}" for n in range(4)])) == {"i2", "i3"}


def test_the_terminal_does_the_same(city: Setting) -> None:
    def run(*words: str) -> str:
        return CliRunner().invoke(command, [*words, "--state", str(city.home.root)], catch_exceptions=False).output

    assert "given to ada" in run("assign", "abc1", "--to", "ada", "--by", "bo")
    assert "put off until" in run("snooze", "abc1", "--hours", "2", "--why", "parts", "--by", "bo")
    told = run()
    assert "Given to ada by bo." in told and "by bo: parts." in told
    assert "taken up again" in run("snooze", "abc1", "--hours", "0", "--by", "bo")
    assert [type(record) for record in on_record(city)] == [Assigned, Snoozed, Snoozed]


def test_steps_of_a_file_at_the_door_are_those_of_the_terminal(city: Setting) -> None:
    told: list[str] = []

    async def scene() -> str:
        desk = FileDesk(city.home.root, lambda: told.append("again"))
        id_, state, title = await desk.open("", "A box stood open", ["counter-1"], "ada")
        assert (state, title) == ("open", "A box stood open")
        await desk.decide(id_, "cut off until Monday", "ada")
        await desk.note(id_, "counted", "40 drivers", "ada")
        await desk.told(id_, "by telephone", "the board", [], "ada")
        assert (await desk.close(id_, "replaced", "bo"))[1] == "closed"
        with pytest.raises(PlaceError, match="is closed already"):
            await desk.close(id_, "again", "bo")
        assert (await desk.export(id_)).startswith(b"PK")
        return id_

    account = account_in(city.home.root, asyncio.run(scene()))
    assert [entry.record.step for entry in account.file.steps] == [
        FileStep.OPENED, FileStep.DECIDED, FileStep.NOTED, FileStep.TOLD, FileStep.CLOSED
    ]  # fmt: skip
    assert account.file.people == "40 drivers" and len(told) == 6


ALONE = """
import os, sys
path = sys.argv[1] + "/held"
os.close(os.open(path, os.O_CREAT | os.O_EXCL))  # where another is at it, this fails
os.unlink(path)
sys.stdout.buffer.write(bytes([0x80]))  # nothing to tell, in msgpack
"""


def test_one_step_is_made_at_a_time_few_wait_and_the_others_are_told_at_once(tmp_path: Path) -> None:
    async def scene() -> list[object]:
        desk = FileDesk(tmp_path, list[int]().clear, (sys.executable, "-c", ALONE))
        steps = [desk.decide("f0", "cut off", "ada") for _ in range(MOST_WAITING + 3)]
        return [*await asyncio.gather(*steps, return_exceptions=True)]

    answers = asyncio.run(scene())
    assert answers[: MOST_WAITING + 1] == [("", "", "")] * (MOST_WAITING + 1)  # none met another
    assert all(isinstance(one, LinkError) and "take long" in str(one) for one in answers[MOST_WAITING + 1 :])


def test_a_child_that_never_ends_is_ended_and_one_that_says_nothing_is_no_answer(tmp_path: Path) -> None:
    for code, said in (("import time; time.sleep(600)", "was not made within"), ("", "failed")):
        desk = FileDesk(tmp_path, list[int]().clear, (sys.executable, "-c", code), 0.5 if code else 60.0)
        with pytest.raises(LinkError, match=said):
            asyncio.run(desk.decide("f0", "cut off", "ada"))
