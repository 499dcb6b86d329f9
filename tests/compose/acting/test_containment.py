"""Containing what turned against a city: who may, for how long, and what is let back in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.adapters.stores.state import SqlState
from cityward.compose.acting import containment
from cityward.compose.acting.containment import Wanted, approve, contain, expire, lift, refuse
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError, PlaceError
from cityward.evidence.records import Contained, decode, encode
from cityward.runtime.containing import ContainmentRow, Stand
from towns import stopped_city, write_town


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Setting]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 3)))
    setting = open_setting(home)
    yield setting
    setting.state.dispose()


def wanted(target: str, person: str = "ada", seconds: int = 3600) -> Wanted:
    return Wanted(target, "it lies", person, seconds)


def barred(city: Setting) -> set[str]:
    """Units that an open bar holds, by the store's rows."""
    now = containment._now()  # pyright: ignore[reportPrivateUsage]
    rows = [row for row in city.state.bars() if row.until_us is None or row.until_us > now + 10_000_000]
    return {row.device for row in rows if row.why == "isolated"}


def steps(city: Setting) -> list[str]:
    with city.ledger("containment") as ledger:
        return [record.step for _, record in ledger.tail(100) if isinstance(record, Contained)]


def test_a_device_is_cut_off_at_once_and_on_record(city: Setting):
    row = contain(city, wanted("meter-02"))
    assert row.state is Stand.BEGUN
    assert barred(city) == {"meter-02"}
    assert steps(city) == ["begun"]


def test_a_party_waits_for_a_second_person(city: Setting):
    row = contain(city, wanted("party:council"))
    assert row.state is Stand.ASKED
    assert barred(city) == set()
    with pytest.raises(PlaceError, match="cannot approve it"):
        approve(city, row.id, "ada")
    assert approve(city, row.id, "bo").state is Stand.BEGUN
    assert barred(city) == {"meter-01", "meter-02", "meter-03"}
    assert steps(city) == ["asked", "approved", "begun"]


def test_what_was_asked_can_be_refused_and_then_never_begins(city: Setting):
    row = contain(city, wanted("party:council"))
    refuse(city, row.id, "bo")
    with pytest.raises(PlaceError, match="is refused"):
        approve(city, row.id, "cy")
    assert barred(city) == set()


def test_what_no_second_person_approves_in_time_expires_and_is_on_record(city: Setting):
    row = contain(city, wanted("party:council"))
    assert expire(city) == []
    city.state.put_containment(replace(row, asked_at=row.asked_at - containment.WAITS_US))
    assert [ended.state for ended in expire(city)] == [Stand.EXPIRED]
    assert steps(city) == ["asked", "expired"]
    with pytest.raises(PlaceError, match="is expired"):
        approve(city, row.id, "bo")


def test_an_approval_that_comes_too_late_begins_nothing_also_before_anybody_looked(city: Setting):
    row = contain(city, wanted("party:council"))
    city.state.put_containment(replace(row, asked_at=row.asked_at - containment.WAITS_US))
    with pytest.raises(PlaceError, match="too long ago"):
        approve(city, row.id, "bo")
    assert steps(city) == ["asked", "expired"]
    assert barred(city) == set()


def test_what_changed_since_it_was_asked_is_not_approved(city: Setting):
    row = contain(city, wanted("party:council"))
    city.state.put_containment(replace(row, units=("meter-01", "meter-09")))
    with pytest.raises(PlaceError, match="changed since it was asked: 2 devices came to it, 1 went from it"):
        approve(city, row.id, "bo")
    assert barred(city) == set()
    assert refuse(city, row.id, "ada").state is Stand.REFUSED


def test_lifting_lets_back_in_only_what_nothing_else_holds(city: Setting):
    one, group = contain(city, wanted("meter-02")), contain(city, wanted("device:meter", seconds=7200))
    lift(city, group.id, "ada")
    assert barred(city) == {"meter-02"}
    lift(city, one.id, "ada")
    assert barred(city) == set()
    with pytest.raises(PlaceError, match="is lifted"):
        lift(city, one.id, "ada")


def test_a_lift_that_was_cut_short_can_be_asked_for_again(city: Setting, monkeypatch: pytest.MonkeyPatch):
    row = contain(city, wanted("meter-02"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as short:
        short.setattr(type(city.state), "put_containment", killed)
        with pytest.raises(KeyboardInterrupt):
            lift(city, row.id, "ada")
    assert lift(city, row.id, "ada").state is Stand.LIFTED
    assert barred(city) == set()


def test_it_ends_by_itself_and_that_is_on_record(city: Setting):
    row = contain(city, wanted("meter-01"))
    assert expire(city) == []
    city.state.put_containment(replace(row, until=1))
    assert [ended.id for ended in expire(city)] == [row.id]
    assert city.state.containments()[0].state is Stand.EXPIRED
    assert steps(city) == ["begun", "expired"]


def test_one_in_force_is_listed_and_named_however_many_came_and_went_since(city: Setting):
    old = contain(city, wanted("meter-01"))
    for n in range(1, 1102):
        city.state.put_containment(
            replace(old, id=f"later-{n:04}", asked_at=old.asked_at + n, state=Stand.LIFTED, ended_by="bo")
        )
    first, *others = city.state.containments(100)
    assert (first.id, others[0].id) == (old.id, "later-1101")
    assert lift(city, old.id, "ada").state is Stand.LIFTED
    with pytest.raises(PlaceError, match="there is no containment `later-9`"):
        lift(city, "later-9", "ada")


@pytest.mark.parametrize("seconds", [59, 72 * 3600 + 1])
def test_it_is_neither_for_a_moment_nor_longer_than_declared(city: Setting, seconds: int):
    with pytest.raises(PlaceError, match="is not between"):
        contain(city, wanted("meter-01", seconds=seconds))


@pytest.mark.parametrize("bad", ["", " ", "\x1b[31m", "x" * 501])
def test_a_reason_is_a_printable_text(city: Setting, bad: str):
    with pytest.raises(PlaceError, match="the reason is no text"):
        contain(city, Wanted("meter-01", bad, "ada", 3600))


def test_each_record_says_who_and_which_devices(city: Setting):
    contain(city, wanted("device:meter"))
    with city.ledger("containment") as ledger:
        [(_, record)] = ledger.tail(10)
    assert isinstance(record, Contained)
    assert (record.person, record.units, record.target, record.reason) == ("ada", 3, "device:meter", "it lies")
    assert decode(encode(record)) == record


def test_a_lift_cut_short_opens_nothing_that_another_containment_holds(city: Setting, monkeypatch: pytest.MonkeyPatch):
    one = contain(city, wanted("meter-02"))
    contain(city, wanted("device:meter", seconds=7200))

    def cut(*_: object) -> None:
        raise LinkError("cut short")

    with monkeypatch.context() as broken:
        broken.setattr(containment, "bar_units", cut)
        broken.setattr(type(city.state), "put_containment", cut)
        with pytest.raises(LinkError):
            lift(city, one.id, "bo")
    assert barred(city) == {"meter-01", "meter-02", "meter-03"}


def test_two_steps_at_once_are_taken_one_after_the_other(city: Setting, monkeypatch: pytest.MonkeyPatch):
    one, kept = contain(city, wanted("meter-02")), type(city.state).put_containment
    lifting: list[threading.Thread] = []

    def slow(self: SqlState, row: ContainmentRow) -> None:
        if not lifting:  # the bars are set, the book does not say so yet: now somebody lifts the older one
            lifting.append(threading.Thread(target=lift, args=(city, one.id, "bo")))
            lifting[0].start()
            lifting[0].join(0.3)
        kept(self, row)

    monkeypatch.setattr(type(city.state), "put_containment", slow)
    contain(city, wanted("device:meter"))
    lifting[0].join(30)
    assert barred(city) == {"meter-01", "meter-02", "meter-03"}
    assert steps(city) == ["begun", "begun", "lifted"]


@pytest.mark.parametrize("same", ["ada ", "Ada", " ADA"])
def test_the_same_person_otherwise_spelled_is_no_second_one(city: Setting, same: str):
    row = contain(city, wanted("party:council"))
    with pytest.raises(PlaceError, match="cannot approve it"):
        approve(city, row.id, same)


def test_who_approves_says_a_name_that_can_be_read(city: Setting):
    row = contain(city, wanted("party:council"))
    with pytest.raises(PlaceError, match="the person is no text"):
        approve(city, row.id, "bo\x1b[2J")
