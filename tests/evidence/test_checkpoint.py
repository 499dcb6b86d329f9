"""Signed notes: another implementation's example, the round trip, and any changed byte."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import Checkpoint, LogKey, Signer, opened, parse_key, signed

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(PRIVATE.public_key().public_bytes_raw(), PRIVATE.sign)
KEY = LogKey("doggerford/worker-0", SIGNER.public)
STATE = Checkpoint("doggerford/worker-0", 1234, bytes(range(32)))


def test_reads_a_key_and_a_signature_made_by_another_implementation():
    # Source: the example in the documentation of golang.org/x/mod/sumdb/note.
    key = parse_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    with pytest.raises(EvidenceError, match="size"):  # the signature is right; the text is no checkpoint
        opened(note.encode(), key)
    with pytest.raises(EvidenceError, match="no valid signature"):
        opened(note.replace("think", "thing").encode(), key)


def test_opens_what_was_signed():
    assert opened(signed(STATE, SIGNER), KEY) == STATE


def test_writes_the_key_as_it_is_read():
    assert parse_key(KEY.text()) == KEY
    assert len(KEY.fingerprint) == 39


@given(st.data())
def test_notices_any_changed_byte(data: st.DataObject):
    note = bytearray(signed(STATE, SIGNER))
    at = data.draw(st.integers(0, len(note) - 1))
    note[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EvidenceError):
        opened(bytes(note), KEY)


@given(st.binary(max_size=200))
def test_raises_nothing_but_evidence_errors_for_any_bytes(data: bytes):
    with pytest.raises(EvidenceError):
        opened(data, KEY)
    with pytest.raises(EvidenceError):
        parse_key(data.decode(errors="replace"))


def test_passes_over_the_signatures_of_witnesses():
    witness = "\u2014 witness.example AAAAAAAA\n"
    assert opened(signed(STATE, SIGNER) + witness.encode(), KEY) == STATE


def test_refuses_a_checkpoint_of_another_log_signed_with_the_same_key():
    other = signed(Checkpoint("doggerford/worker-1", 1, bytes(32)), SIGNER)
    with pytest.raises(EvidenceError, match="no valid signature"):
        opened(other, KEY)


def test_refuses_a_note_that_is_too_long():
    with pytest.raises(EvidenceError, match="not a signed note"):
        opened(signed(STATE, SIGNER) + b"\xe2\x80\x94 a b\n" * 10_000, KEY)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak", "x" * 256, "tab\t"])
def test_refuses_an_origin_that_cannot_name_a_log(origin: str):
    with pytest.raises(EvidenceError, match="cannot name a log"):
        signed(Checkpoint(origin, 0, bytes(32)), SIGNER)
