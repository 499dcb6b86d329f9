"""The public half of the command key: left beside the key for who only checks, and never the key of yesterday."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.adapters.keys.commanding import PUBLIC, command_key, public_half, public_text, tell_public, verifier
from cityward.errors import LinkError


def test_who_only_checks_reads_the_public_half_and_opens_no_key(tmp_path: Path) -> None:
    told = tell_public(tmp_path)
    signer = command_key(tmp_path)
    assert told == public_text(signer)
    (tmp_path / "command.key").unlink()
    assert public_half(tmp_path) == told
    assert verifier(told)(b"dim", signer.sign(b"dim"))
    assert not (tmp_path / "command.key").exists(), "none was made for the asking"


def test_a_start_leaves_the_half_of_the_key_that_is_there_now(tmp_path: Path) -> None:
    before = tell_public(tmp_path)
    (tmp_path / "command.key").unlink()
    after = tell_public(tmp_path)
    assert after != before
    assert public_half(tmp_path) == after


def test_where_no_start_left_one_it_is_made(tmp_path: Path) -> None:
    assert public_half(tmp_path) == public_text(command_key(tmp_path))


@pytest.mark.parametrize("text", ["", "no key", "AAAA"])
def test_a_damaged_half_is_told(tmp_path: Path, text: str) -> None:
    tell_public(tmp_path)
    (tmp_path / PUBLIC).write_text(text)
    with pytest.raises(LinkError, match="damaged"):
        public_half(tmp_path)
