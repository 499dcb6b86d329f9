"""Giving and taking roles: who may give what to whom, what ends by itself, what waits for a second person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.compose.people.first import begin_people
from cityward.compose.people.giving import PeopleDesk
from cityward.errors import PlaceError
from cityward.evidence.records import Granted
from cityward.place.roles import Right
from cityward.runtime.people import Held, Passkey, Stance, Step, Wish, comes_from, held_now
from cityward.time import HOUR
from web.staff import open_staff, staffed_place

PLACE = staffed_place()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PeopleDesk]:
    setting, desk, _ = open_staff(tmp_path)
    for who in ("ada", "bo", "cy"):
        desk.add(who, who, "council", "test")
    desk.add("eve", "Eve", "northlight", "test")
    yield desk
    setting.state.dispose()


def held(desk: PeopleDesk, who: str, after_us: int = 0, source: str = "127.0.0.1") -> Held:
    standing = desk.standing(who)
    assert standing is not None
    begun = max((grant.since for grant in standing.grants), default=0)
    return held_now(PLACE, standing, begun + after_us, source)


def steps(desk: PeopleDesk) -> list[tuple[str, str]]:
    with desk.setting.ledger("people") as ledger:
        return [(one.person, one.step) for _, one in ledger.tail(100) if isinstance(one, Granted)]


def test_nobody_holds_anything_before_it_is_given_and_all_roles_add_up(desk: PeopleDesk) -> None:
    assert held(desk, "ada").rights == frozenset()
    desk.give(Wish("ada", "desk", "watches"), "machine")
    desk.give(Wish("ada", "second", "agrees"), "machine")
    mine = held(desk, "ada")
    assert mine.rights == {Right.LOOK, Right.DATA, Right.WATCH, Right.CONTAIN, Right.APPROVE, Right.AUDIT}
    assert mine.datasets == {"traffic"}
    assert Right.CONTAIN not in mine.alone and Right.WATCH in mine.alone
    assert steps(desk) == [("ada", "given"), ("ada", "given")]


def test_what_is_taken_away_is_gone_at_once(desk: PeopleDesk) -> None:
    grant = desk.give(Wish("ada", "desk", "watches"), "machine")
    desk.take(grant.id, "bo")
    assert held(desk, "ada").rights == frozenset()
    with pytest.raises(PlaceError, match="is not given now"):
        desk.take(grant.id, "bo")


def test_a_grant_for_a_task_ends_by_itself_to_the_microsecond(desk: PeopleDesk) -> None:
    desk.give(Wish("eve", "engineer", "lamp 7 flickers", 2 * 3600), "machine")
    assert Right.OPERATE in held(desk, "eve", 2 * HOUR - 1).rights
    assert held(desk, "eve", 2 * HOUR).rights == frozenset()


def test_what_is_not_standing_lasts_no_longer_than_declared_also_where_no_time_is_named(desk: PeopleDesk) -> None:
    with pytest.raises(PlaceError, match="longer than 14400 s"):
        desk.give(Wish("eve", "engineer", "for ever", 5 * 3600), "machine")
    grant = desk.give(Wish("eve", "engineer", "lamp 7 flickers"), "machine")
    assert grant.until - grant.since == 4 * HOUR


@pytest.mark.parametrize(
    ("wish", "by", "why"),
    [
        (Wish("ada", "desk", "why not"), "ada", "nobody gives a role to themselves"),
        (Wish("eve", "desk", "why not"), "ada", "for people of `council`"),
        (Wish("ada", "engineer", "why not"), "bo", "for people of `northlight`"),
        (Wish("nobody", "desk", "why not"), "bo", "there is nobody"),
        (Wish("ada", "king", "why not"), "bo", "there is no role"),
        (Wish("ada", "desk", " "), "bo", "the reason is no text"),
        (Wish("ada", "desk", "why not", -1), "bo", "longer than"),
    ],
    ids=str,
)
def test_refuses_to_give(desk: PeopleDesk, wish: Wish, by: str, why: str) -> None:
    with pytest.raises(PlaceError, match=why):
        desk.give(wish, by)
    assert held(desk, "ada").rights == frozenset()


@pytest.mark.parametrize(("first", "then"), [("desk", "giver"), ("giver", "desk"), ("registrar", "glass")])
def test_whoever_gives_roles_does_not_also_work_with_them(desk: PeopleDesk, first: str, then: str) -> None:
    desk.give(Wish("ada", first, "one"), "machine")
    with pytest.raises(PlaceError, match="would give roles and"):
        desk.give(Wish("ada", then, "other"), "machine")
    if then == "glass":
        with pytest.raises(PlaceError, match="would give roles and"):
            desk.break_glass(Wish("ada", then, "help"))


def test_a_role_that_is_asked_for_waits_until_another_one_opens_it(desk: PeopleDesk) -> None:
    asked = desk.ask(Wish("eve", "engineer", "lamp 7", 3600))
    assert asked.state is Step.ASKED and held(desk, "eve").rights == frozenset()
    with pytest.raises(PlaceError, match="asked for already"):
        desk.ask(Wish("eve", "engineer", "again"))
    with pytest.raises(PlaceError, match="nobody gives a role to themselves"):
        desk.open(asked.id, "eve")
    opened = desk.open(asked.id, "ada")
    assert opened.until - opened.since == HOUR
    assert Right.OPERATE in held(desk, "eve").rights
    with pytest.raises(PlaceError, match="is not asked now"):
        desk.open(asked.id, "ada")


def test_a_role_counts_for_nothing_from_elsewhere(desk: PeopleDesk) -> None:
    desk.give(Wish("eve", "far-engineer", "lamp 7"), "machine")
    assert held(desk, "eve", source="198.51.100.7").rights == {Right.LOOK, Right.DATA, Right.OPERATE}
    for elsewhere in ("127.0.0.1", "198.51.101.1", "", "198.51.100.7.example", "::1"):
        away = held(desk, "eve", source=elsewhere)
        assert (away.rights, away.elsewhere) == (frozenset(), ("far-engineer",))


@pytest.mark.parametrize(
    ("source", "inside"),
    [("192.0.2.5", True), ("::ffff:192.0.2.5", True), ("192.0.3.5", False), ("2001:db8::1", True), ("office", False)],
)
def test_an_address_is_compared_as_what_it_is(source: str, inside: bool) -> None:
    assert comes_from(("192.0.2.0/24", "2001:db8::/32", "office.example"), source) is inside
    assert comes_from((), source)


def test_glass_is_broken_only_where_the_role_says_so_and_ends_in_a_review_by_another(desk: PeopleDesk) -> None:
    with pytest.raises(PlaceError, match="who holds no role"):
        desk.break_glass(Wish("ada", "glass", "nobody answers"))
    desk.give(Wish("ada", "second", "agrees"), "machine")
    with pytest.raises(PlaceError, match="cannot be taken without leave"):
        desk.break_glass(Wish("ada", "desk", "nobody answers"))
    grant = desk.break_glass(Wish("ada", "glass", "nobody answers"))
    assert Right.CONTAIN in held(desk, "ada", HOUR - 1).alone
    assert Right.CONTAIN not in held(desk, "ada", HOUR).rights
    with pytest.raises(PlaceError, match="nobody reviews themselves"):
        desk.review(grant.id, "ada")
    assert desk.review(grant.id, "bo").reviewed_by == "bo"
    assert steps(desk)[-2:] == [("ada", "glass-broken"), ("ada", "reviewed")]


def test_a_second_person_is_another_account_than_who_gives_and_who_is_given(desk: PeopleDesk) -> None:
    waiting = desk.ask_to_give(Wish("ada", "desk", "watches"), "bo")
    assert held(desk, "ada").rights == frozenset()
    for same in ("ada", "bo"):
        with pytest.raises(PlaceError, match="cannot be the second person"):
            desk.approve(waiting.id, same)
    desk.approve(waiting.id, "cy")
    assert Right.WATCH in held(desk, "ada").rights
    with pytest.raises(PlaceError, match="nothing waits"):
        desk.approve(waiting.id, "cy")


def test_opening_what_was_asked_for_takes_another_account_than_who_opens_and_who_asked(desk: PeopleDesk) -> None:
    asked = desk.ask(Wish("eve", "engineer", "lamp 7"))
    assert desk.ask_to_open(asked.id, "bo").state is Step.ASKED
    with pytest.raises(PlaceError, match="waits for a second person already"):
        desk.ask_to_open(asked.id, "bo")
    [waiting] = desk.seconds()
    for same in ("eve", "bo"):
        with pytest.raises(PlaceError, match="cannot be the second person"):
            desk.approve(waiting.id, same)
    assert held(desk, "eve").rights == frozenset()
    desk.approve(waiting.id, "cy")
    assert Right.OPERATE in held(desk, "eve").rights
    assert desk.grants("eve")[0].given_by == "bo, cy"


def test_what_somebody_asked_for_who_was_locked_since_is_done_by_nobody(desk: PeopleDesk) -> None:
    waiting = desk.ask_to_give(Wish("ada", "desk", "watches"), "bo")
    desk.stand("bo", Stance.LOCKED, "machine")
    with pytest.raises(PlaceError, match="`bo`, who asked for this, is locked"):
        desk.approve(waiting.id, "cy")
    assert held(desk, "ada").rights == frozenset()


def test_nobody_becomes_another_by_a_link_but_who_has_nothing_to_lose_yet(desk: PeopleDesk) -> None:
    assert desk.link_for_another("ada", "bo", alone=False)
    desk.give(Wish("ada", "desk", "watches"), "machine")
    assert desk.link_for_another("ada", "bo", alone=True)
    with pytest.raises(PlaceError, match="holds roles, and these take two persons"):
        desk.link_for_another("ada", "bo", alone=False)
    desk.add_passkey(Passkey(b"credential", "ada", b"key", 0, "localhost", "my key", 1))
    for alone in (True, False):
        with pytest.raises(PlaceError, match="proves who they are by `passkey`"):
            desk.link_for_another("ada", "bo", alone=alone)
    assert desk.link("ada", "machine"), "at the machine a lost passkey is replaced"


def test_forgetting_what_is_not_ones_own_is_neither_done_nor_put_on_record(desk: PeopleDesk) -> None:
    desk.add_passkey(Passkey(b"credential", "ada", b"key", 0, "localhost", "my key", 1))
    assert not desk.drop_passkey("bo", b"credential")
    assert [key.person for key in desk.passkeys("ada")] == ["ada"]
    with desk.setting.ledger("people") as ledger:
        assert not [one for _, one in ledger.tail(100) if getattr(one, "event", "") == "passkey forgotten"]


def test_what_a_second_person_agrees_to_is_held_to_the_rules_of_that_moment(desk: PeopleDesk) -> None:
    waiting = desk.ask_to_give(Wish("ada", "desk", "watches"), "bo")
    desk.stand("ada", Stance.LOCKED, "bo")
    with pytest.raises(PlaceError, match="is locked"):
        desk.approve(waiting.id, "cy")
    desk.stand("ada", Stance.ACTIVE, "bo")
    assert held(desk, "ada").rights == frozenset()


def test_who_is_locked_or_removed_holds_nothing_and_has_no_link(desk: PeopleDesk) -> None:
    desk.give(Wish("ada", "desk", "watches"), "machine")
    desk.link("ada", "machine")
    desk.stand("ada", Stance.LOCKED, "bo")
    assert held(desk, "ada") == Held()
    with pytest.raises(PlaceError, match="is locked"):
        desk.link("ada", "machine")
    desk.stand("ada", Stance.ACTIVE, "bo")
    assert Right.WATCH in held(desk, "ada").rights
    desk.stand("ada", Stance.REMOVED, "bo")
    with pytest.raises(PlaceError, match="is removed"):
        desk.stand("ada", Stance.ACTIVE, "bo")


def test_a_role_that_is_no_longer_declared_or_of_another_party_gives_nothing(desk: PeopleDesk) -> None:
    desk.give(Wish("ada", "desk", "watches"), "machine")
    standing = desk.standing("ada")
    assert standing is not None
    moved = replace(standing, person=replace(standing.person, party="northlight"))
    assert held_now(PLACE, moved, standing.grants[0].since, "127.0.0.1") == Held()


def test_the_first_person_gives_roles_and_nothing_else_but_in_the_demonstration(tmp_path: Path) -> None:
    for demo, rights in ((False, {Right.LOOK, Right.PEOPLE}), (True, None)):
        setting, desk, _ = open_staff(tmp_path / str(demo))
        assert begin_people(setting, demo) == "operator" == begin_people(setting, demo)
        mine = held(desk, "operator").rights
        assert mine == rights if rights else Right.PEOPLE not in mine and Right.WATCH in mine
        setting.state.dispose()
