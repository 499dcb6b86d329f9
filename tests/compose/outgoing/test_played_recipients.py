"""The demonstration's recipients: who is played, and that nobody's key or no is touched by it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from cityward.compose.home import Home, write_city_file
from cityward.compose.outgoing.played_recipients import BY, add_played, playable
from cityward.compose.outgoing.recipients import Asked, add_recipient, revoke_recipient
from cityward.compose.places import load_place
from cityward.compose.setting import Setting, open_setting
from towns import stopped_city


@pytest.fixture
def doggerford(tmp_path: Path) -> Iterator[Setting]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(Path("examples/doggerford")))
    setting = open_setting(home)
    yield setting
    setting.state.dispose()


def test_only_who_asks_or_listens_from_this_machine_by_a_key_is_played():
    """The hooks' and the store's endpoints are elsewhere, the tides' recipient asks by certificate, others from elsewhere."""
    assert list(playable(load_place(Path("examples/doggerford")).place)) == ["planner-desk", "transit-feed"]


def test_they_are_added_once_on_their_own_with_keys_that_only_their_owner_reads(doggerford: Setting):
    first = add_played(doggerford)
    again = add_played(doggerford)
    rows = doggerford.state.recipients.recipients()
    assert {name: (row.state, row.by) for name, row in rows.items()} == {
        "planner-desk": ("active", BY), "transit-feed": ("active", BY),
    }  # fmt: skip
    assert [one.key() for one in first] == [one.key() for one in again]
    for one in first:
        assert sha256(one.key().encode()).digest() == rows[one.name].key_sha256
        file = doggerford.home.recipient_secrets / f"{one.name}.key"
        assert file.stat().st_mode & 0o077 == 0
    planner = first[0]
    assert ("pedestrian-counts", "transport-planning") in planner.lanes
    assert "city-indicators" in {dataset for dataset, _ in planner.lanes}  # made of what is observed
    assert planner.wrong is not None and planner.wrong not in planner.lanes


def test_what_a_person_added_or_revoked_stays_so(doggerford: Setting):
    add_recipient(Asked(doggerford.home.root, "planner-desk", "ada"))
    assert [one.name for one in add_played(doggerford)] == ["transit-feed"]
    revoke_recipient(Asked(doggerford.home.root, "transit-feed", "ada"))
    assert list(add_played(doggerford)) == []
    assert doggerford.state.recipients.recipients()["transit-feed"].state == "revoked"


def test_a_key_that_was_lost_on_the_way_is_replaced(doggerford: Setting):
    [before, *_] = add_played(doggerford)
    key = before.key()
    (doggerford.home.recipient_secrets / "planner-desk.key").unlink()
    [after, *_] = add_played(doggerford)
    assert after.key() != key
    assert sha256(after.key().encode()).digest() == doggerford.state.recipients.recipients()["planner-desk"].key_sha256
