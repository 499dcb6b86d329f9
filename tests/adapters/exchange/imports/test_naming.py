"""Foreign names as ids of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.exchange.imports.naming import RIVALS, Names, slug
from cityward.ids import is_id


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Acme GmbH & Co. KG", "acme-gmbh-co-kg"), ("Tromsø Vann", "tromso-vann"), ("Straße", "strasse"),
        ("ÉCLAIRAGE", "eclairage"), ("市役所", "party"), ("--", "party"), ("x" * 100, "x" * 64),
    ],
)  # fmt: skip
def test_a_name_is_made_kebab_case(text: str, name: str):
    assert slug(text, "party") == name


@given(st.lists(st.tuples(st.sampled_from(["parties", "systems", "zones", "flows"]), st.text(max_size=80))))
def test_no_two_things_that_may_stand_in_one_field_share_an_id(things: list[tuple[str, str]]):
    names = Names({"parties": ["acme", "a"]})
    given_ = [(kind, names.give(kind, str(i), text)) for i, (kind, text) in enumerate(things)]
    assert all(is_id(name) for _, name in given_)
    for i, (kind, name) in enumerate(given_):
        assert not any(name == other for rival, other in given_[:i] if rival in RIVALS[kind])
    assert all(name not in ("acme", "a") for kind, name in given_ if "parties" in RIVALS[kind])


def test_unknown_is_a_word_and_never_an_id():
    assert Names({}).give("parties", "k", "Unknown") == "unknown-2"


def test_long_names_that_are_equal_keep_their_number():
    names = Names({})
    assert [names.give("parties", str(i), "x" * 70)[-3:] for i in range(3)] == ["xxx", "x-2", "x-3"]


def test_a_name_that_looks_numbered_is_kept_clear_of():
    names = Names({})
    assert [names.give("parties", str(i), text) for i, text in enumerate(["a-2", "a", "a", "a"])] == [
        "a-2",
        "a",
        "a-3",
        "a-4",
    ]
