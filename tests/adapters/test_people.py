"""The book of people and their sessions, on both engines."""

from __future__ import annotations

import threading

from cityward.adapters.stores.sessions import MOST_SESSIONS
from cityward.adapters.stores.state import SqlState
from cityward.runtime.people import Grant, Passkey, Person, Second, SessionRow, Stance, Step

ADA = Person("ada", "Ada Quay", "council", Stance.ACTIVE, 1)
KEY = Passkey(b"credential", "ada", b"cose", 0, "localhost", "laptop", 1)


def test_every_change_of_people_grants_passkeys_and_seconds_shows_in_the_version(store: SqlState) -> None:
    seen = [store.people_version()]
    for change in (
        lambda: store.put_person(ADA),
        lambda: store.put_passkey(KEY),
        lambda: store.put_grant(Grant("g", "ada", "desk", Step.GIVEN, "because", 1)),
        lambda: store.put_second(Second("s", "grant", "x", "{}", "bo", 1, 2)),
        lambda: store.drop_passkey("ada", b"credential"),
    ):
        change()
        seen.append(store.people_version())
    assert seen == [0, 1, 2, 3, 4, 5]


def test_what_is_on_file_of_a_person_comes_back_as_it_was(store: SqlState) -> None:
    grant = Grant("g", "ada", "glass", Step.GIVEN, "because", 5, "bo", 6, 7, 1, True, "cy", "di")
    store.put_person(ADA)
    store.put_grant(grant)
    store.put_passkey(KEY)
    standing = store.standing("ada")
    assert standing is not None
    assert (standing.person, standing.grants, standing.ways) == (ADA, (grant,), {"passkey"})
    assert store.passkey(b"credential") == KEY
    assert store.standing("bo") is None


def test_a_sign_count_only_grows_but_for_keys_that_never_count(store: SqlState) -> None:
    store.put_passkey(KEY)
    assert [store.use_passkey(b"credential", count, 9) for count in (0, 0, 5, 5, 4, 0, 6)] == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip
    assert not store.use_passkey(b"another", 1, 9)


def test_somebody_elses_passkey_is_not_forgotten(store: SqlState) -> None:
    store.put_passkey(KEY)
    assert not store.drop_passkey("bo", b"credential")
    assert store.drop_passkey("ada", b"credential")


def test_a_provider_names_nobody_by_an_empty_name(store: SqlState) -> None:
    store.put_person(ADA)
    assert store.person_of_subject("", "") is None


def test_of_many_who_settle_at_once_one_does(store: SqlState) -> None:
    store.put_second(Second("s", "grant", "x", "{}", "bo", 1, 2))
    together, said = threading.Barrier(4), list[bool]()

    def one(name: str) -> None:
        together.wait()
        said.append(store.settle_second("s", "approved", name))

    threads = [threading.Thread(target=one, args=(f"p{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [False, False, False, True]


def test_one_session_more_than_a_person_may_have_ends_the_oldest(store: SqlState) -> None:
    ended = [store.open(SessionRow(bytes([n]), "ada", 100, n, n)) for n in range(MOST_SESSIONS + 1)]
    assert ended == [[]] * MOST_SESSIONS + [[b"\x00"]]
    assert [row.opened_at for row in store.sessions_of("ada", 50)] == list(range(MOST_SESSIONS, 0, -1))
    store.close_all("ada")
    assert store.sessions_of("ada", 50) == []
