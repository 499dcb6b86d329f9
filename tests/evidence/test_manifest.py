"""A signed list of files: what comes back is what was signed, and no byte of it can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import LogKey
from cityward.evidence.manifest import Manifest, opened, signed
from signing import CITY as SIGNER
from signing import STRANGER

KEY = LogKey("town/report", SIGNER.public)
LISTED = Manifest(
    "town/report", {"assessment": "ab" * 32, "at": "2027-01-15T08:00:00.000Z"}, {"report.html": "0f" * 32}
)
NOTE = signed(LISTED, SIGNER)


def test_what_was_signed_comes_back() -> None:
    assert opened(NOTE, KEY) == LISTED


def test_the_files_stand_in_it_as_sha256sum_writes_them() -> None:
    assert f"\n{'0f' * 32}  report.html\n" in NOTE.decode()


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(at: int, by: int) -> None:
    changed = NOTE[:at] + bytes([NOTE[at] ^ by]) + NOTE[at + 1 :]
    with pytest.raises(EvidenceError):
        opened(changed, KEY)


def test_another_key_in_the_same_name_is_not_taken() -> None:
    with pytest.raises(EvidenceError, match="no valid signature of the key of town/report"):
        opened(signed(LISTED, STRANGER), KEY)


@pytest.mark.parametrize("name", ["../report.html", "a/b", "", ".hidden", "two words", "line\nbreak"])
def test_a_name_that_is_no_plain_file_is_not_signed(name: str) -> None:
    with pytest.raises(EvidenceError):
        signed(Manifest("town/report", {}, {name: "0f" * 32}), SIGNER)


def test_a_fact_cannot_forge_a_line() -> None:
    with pytest.raises(EvidenceError):
        signed(Manifest("town/report", {"at": f"now\nfiles\n{'00' * 32}  other"}, {}), SIGNER)
