"""Who may not speak: the store's rows, what the gate makes of them, and that no secret is good twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.adapters.stores.credentials import NOTICED_WITHIN_US, SPENT_KEPT
from cityward.adapters.stores.state import SqlState
from cityward.compose.bars import ISOLATED, PENALTY, bar_units, follow_bars, lift_units, take_bars
from cityward.place.registry import NEVER_BARRED, Registry, number
from cityward.runtime.ports import CredentialRow
from cityward.time import SECOND, CityClock
from places import tiny_place

AT = 1_000 * SECOND
LATER = 1_000_000_000_000 * SECOND  # of this machine's clock, by which `device_of_key` goes
CLOCK = CityClock(0, 7 * SECOND, 2.0)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqlState]:
    store = SqlState(f"sqlite:///{tmp_path / 'state.db'}")
    yield store
    store.dispose()


def registry() -> Registry:
    return number(tiny_place())


def spans(state: SqlState, unit: int = 0) -> list[tuple[int, int]]:
    """What the gate knows of a unit."""
    numbered = registry()
    take_bars(numbered, state, CLOCK)
    pairs = zip(numbered.unit_barred_from[unit], numbered.unit_barred_until[unit], strict=True)
    return [(int(a), int(b)) for a, b in pairs if a != NEVER_BARRED]


def city(machine_us: int) -> int:
    """By hand: twice as fast, seven seconds ahead."""
    return 2 * machine_us + 7 * SECOND


def name() -> str:
    return registry().units[0].id


def row(key: bytes, state: str = "active", at: int = 0) -> CredentialRow:
    return CredentialRow(name(), None, key.ljust(32, b"."), None, state, at)


def test_the_gate_begins_a_bar_when_every_worker_has_noticed_it(state: SqlState) -> None:
    bar_units(state, [name()], ISOLATED, AT, None, "test")
    assert spans(state) == [(city(AT + NOTICED_WITHIN_US), NEVER_BARRED)]


def test_a_lifted_bar_ends_for_all_at_one_moment(state: SqlState) -> None:
    bar_units(state, [name()], ISOLATED, AT, None, "test")
    assert lift_units(state, [name(), "nobody"], ISOLATED, AT + 60 * SECOND) == 1
    assert lift_units(state, [name()], PENALTY, AT + 60 * SECOND) == 0
    assert spans(state) == [(city(AT + 3 * SECOND), city(AT + 63 * SECOND))]


def test_a_bar_lifted_before_anybody_noticed_never_was(state: SqlState) -> None:
    bar_units(state, [name()], ISOLATED, AT, None, "test")
    lift_units(state, [name()], ISOLATED, AT)
    assert spans(state) == []


def test_bars_that_touch_are_one_and_of_many_the_newest_are_known(state: SqlState) -> None:
    for n in range(6):
        bar_units(state, [name()], PENALTY, AT + n * 100 * SECOND, AT + (n * 100 + 50) * SECOND, "test")
    bar_units(state, [name()], ISOLATED, AT + 540 * SECOND, AT + 600 * SECOND, "test")
    begins = [AT + s * SECOND for s in (203, 303, 403, 503)]
    ends = [AT + s * SECOND for s in (250, 350, 450, 600)]
    assert spans(state) == [(city(a), city(b)) for a, b in zip(begins, ends, strict=True)]


def test_every_change_is_seen_by_its_version(state: SqlState) -> None:
    versions = [state.version()]
    for change in (
        lambda: state.issue([row(b"a")]),
        lambda: state.take_away(name(), "lost", AT, "test"),
        lambda: state.give_back(name(), AT),
        lambda: bar_units(state, [name()], ISOLATED, AT, None, "test"),
        lambda: lift_units(state, [name()], ISOLATED, AT),
    ):
        change()
        versions.append(state.version())
    assert versions == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("word", ["revoked", "retired", "lost", "stolen"])
def test_a_secret_in_place_of_another_brings_back_nobody_who_was_taken_away_meanwhile(
    state: SqlState, word: str
) -> None:
    state.issue([row(b"a")])
    state.take_away(name(), word, AT, "A. Clerk")
    state.reissue([row(b"b", at=AT + 9 * SECOND)])
    assert [held.state for held in state.all() if held.device == name()] == [word]
    assert [(bar.why, bar.until_us) for bar in state.bars()] == [(word, None)]
    assert state.device_of_key(b"b".ljust(32, b".")) is None


def test_taking_a_credential_away_bars_and_a_new_one_ends_that(state: SqlState) -> None:
    state.issue([row(b"a")])
    assert state.take_away(name(), "revoked", AT, "A. Clerk")
    assert not state.take_away(name(), "revoked", AT, "A. Clerk")
    [bar] = state.bars()
    assert (bar.device, bar.why, bar.from_us, bar.until_us, bar.by) == (name(), "revoked", AT, None, "A. Clerk")
    state.issue([row(b"b", at=AT + 9 * SECOND)])
    assert spans(state) == [(city(AT + 3 * SECOND), city(AT + 12 * SECOND))]


def test_a_new_secret_alone_does_not_bring_a_stolen_device_back(state: SqlState) -> None:
    state.issue([row(b"a")])
    state.take_away(name(), "stolen", AT, "test")
    state.issue([row(b"b", state="stolen", at=AT + 9 * SECOND)])
    assert state.device_of_key(b"b".ljust(32, b".")) is None
    assert spans(state) == [(city(AT + 3 * SECOND), NEVER_BARRED)]
    assert state.late_key(b"a".ljust(32, b".")) == (name(), "stolen")
    assert state.give_back(name(), AT + 20 * SECOND)
    assert spans(state) == [(city(AT + 3 * SECOND), city(AT + 23 * SECOND))]


def test_a_credential_revoked_before_there_were_bars_still_bars(state: SqlState) -> None:
    state.issue([replace(row(b"a", state="revoked"), revoked_at=AT)])
    assert spans(state) == [(city(AT + 3 * SECOND), NEVER_BARRED)]


def test_a_bar_shuts_the_http_door_and_isolation_outlasts_a_new_secret(state: SqlState) -> None:
    key = b"a".ljust(32, b".")
    state.issue([row(b"a")])
    assert state.device_of_key(key) == name()
    bar_units(state, [name()], ISOLATED, 0, None, "test")
    assert state.device_of_key(key) is None
    assert state.late_key(key) == (name(), "isolated")
    state.issue([row(b"b")])
    assert state.device_of_key(b"b".ljust(32, b".")) is None


def test_a_bar_that_has_ended_or_not_begun_bars_nobody(state: SqlState) -> None:
    state.issue([row(b"a")])
    bar_units(state, [name()], PENALTY, 0, 1, "test")
    bar_units(state, [name()], PENALTY, LATER, None, "test")
    assert state.device_of_key(b"a".ljust(32, b".")) == name()


def test_no_secret_is_issued_to_two_devices_or_twice(state: SqlState) -> None:
    other = replace(row(b"a"), device="another")
    with pytest.raises(ValueError, match="one device, once"):
        state.issue([row(b"a"), other])
    state.issue([row(b"a")])
    for again in (other, row(b"a")):
        with pytest.raises(ValueError, match="one device, once"):
            state.issue([again])
    state.issue([row(b"b")])
    with pytest.raises(ValueError, match="never issued again"):
        state.issue([replace(other, key_sha256=b"a".ljust(32, b"."))])
    assert [r.key_sha256 for r in state.all()] == [b"b".ljust(32, b".")]


def test_of_each_device_few_spent_secrets_are_kept(state: SqlState) -> None:
    for n in range(10):
        state.issue([row(b"%d" % n, at=n)])
    assert sorted(key[:1] for key in state.spent()) == [b"%d" % n for n in range(9 - SPENT_KEPT, 9)]


def test_ten_thousand_bars_are_one_change(state: SqlState) -> None:
    names = [f"device-{n}" for n in range(10_000)]
    before = state.version()
    assert bar_units(state, names, ISOLATED, AT, None, "test") == 10_000
    assert lift_units(state, names, ISOLATED, AT) == 10_000
    assert state.version() == before + 2


def test_who_follows_the_bars_knows_of_one_while_it_runs(state: SqlState) -> None:
    numbered = registry()

    async def barred_while_following() -> None:
        stop = asyncio.Event()
        following = asyncio.create_task(follow_bars(numbered, state, state.version, CLOCK, stop))
        bar_units(state, [name()], ISOLATED, AT, None, "test")
        async with asyncio.timeout(10):
            while numbered.unit_barred_from[0, 0] == NEVER_BARRED:
                await asyncio.sleep(0.01)
        stop.set()
        await following

    asyncio.run(barred_while_following())
    assert numbered.unit_barred_from[0, 0] == city(AT + NOTICED_WITHIN_US)
