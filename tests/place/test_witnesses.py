"""Declared witnesses: somebody else, reached by a flow that may carry checkpoints."""

from __future__ import annotations

import pytest

from cityward.evidence.cosignature import WitnessKey
from declarations import errors_of, town

KEY = WitnessKey("witness.example/clerk", bytes(range(32))).text()
WITNESS = f"{{flow: to-acme, endpoint: 'https://clerk.example/w', key: '{KEY}'}}"
ACME = "  acme: {kind: company, incorporated_in: xb, owners: [{party: acme-group, share: 60}]}"
AT = ("\n" + ACME, "\n" + ACME[:-1] + ", addresses: [clerk.example, 127.0.0.1]}")


def declared(witness: str = WITNESS, *edits: tuple[str, str]) -> list[str]:
    return errors_of(town(AT, *edits) + f"witnesses:\n  clerk: {witness}\n")


def test_takes_a_witness_at_its_partys_address():
    assert declared() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://clerk.example/w", "https://elsewhere.example/w", "none of the declared addresses of `acme`"),
        ("https://clerk.example/w", "http://clerk.example/w", "`http` is no way to a witness"),
        ("https://clerk.example/w", "ftp://clerk", "the endpoint cannot be read"),
        (KEY, KEY[:-3], "that is no witness's key"),
        ("flow: to-acme", "flow: counts-in", "is declared as `mqtt`; a witness is asked by `http`"),
        ("flow: to-acme", "flow: to-acne", "to-acne"),
    ],
)
def test_says_what_is_wrong_with_a_witness(old: str, new: str, said: str):
    found = declared(WITNESS.replace(old, new))
    assert any(said in one for one in found), found


def test_loopback_needs_no_tls():
    assert declared(WITNESS.replace("https://clerk.example/w", "http://127.0.0.1:8090")) == []


def test_one_key_is_one_witness():
    found = declared(WITNESS + f"\n  press: {WITNESS}")
    assert any("`clerk` has the same key" in one for one in found), found
