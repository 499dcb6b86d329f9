"""The keys of recipients: apart from data, one file each, gone when erased."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cityward.adapters.keys.pseudonyms import RecipientKeyring
from cityward.errors import LinkError
from cityward.guard.forms import pseudonym


def test_keys_are_made_once_and_are_the_owners_only(tmp_path: Path):
    ring = RecipientKeyring(tmp_path)
    keys = ring.of("acme-desk")
    assert RecipientKeyring(tmp_path).of("acme-desk") == keys
    assert len({keys.names, keys.mark, ring.of("other-desk").names}) == 3
    files = [path for path in (tmp_path / "recipients").iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "recipients").stat().st_mode) == 0o700
    assert ring.known() == ("acme-desk", "other-desk")


def test_names_cannot_be_traced_once_their_key_is_gone(tmp_path: Path):
    ring = RecipientKeyring(tmp_path)
    before = ring.of("acme-desk")
    told = pseudonym("meter-01", 0, before.names)
    assert ring.forget_names("acme-desk")
    assert not ring.forget_names("acme-desk")
    after = RecipientKeyring(tmp_path).of("acme-desk")
    assert pseudonym("meter-01", 0, after.names) != told
    assert after.mark == before.mark  # whose a copy is can still be told
    assert not any(before.names in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["../door", "a/b", "A", "", "a.names"])
def test_nothing_but_an_id_becomes_the_name_of_a_file(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="no recipient"):
        RecipientKeyring(tmp_path).of(name)


def test_a_key_that_others_may_read_or_that_is_torn_is_refused(tmp_path: Path):
    ring = RecipientKeyring(tmp_path)
    ring.of("acme-desk")
    path = tmp_path / "recipients" / "acme-desk.names"
    path.write_bytes(b"torn")
    with pytest.raises(LinkError, match="32 bytes"):
        ring.of("acme-desk")
    path.chmod(0o644)
    with pytest.raises(LinkError, match="others"):
        ring.of("acme-desk")
