"""Every kept seed, and some hundred inputs that hypothesis makes up, through every reader of foreign bytes."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.beginnings import HERE, beginnings, kept
from fuzz.targets import TARGETS, Target

EXAMPLES = 200
HANGS_S = 60  # no bar for speed: a reader that takes this long for a few bytes hangs


@contextmanager
def bounded() -> Iterator[None]:
    def over(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"still reading after {HANGS_S} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(HANGS_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in TARGETS for seed in kept(name)])
def test_a_kept_seed_breaks_nothing_any_more(name: str, seed: str) -> None:
    with bounded():
        TARGETS[name].one(kept(name)[seed])


def test_every_folder_of_seeds_is_of_a_target() -> None:
    assert {folder.name for folder in (HERE / "seeds").iterdir()} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_is_made_up_breaks_a_reader(name: str) -> None:
    target = TARGETS[name]
    founded = [*beginnings(name, target.most).values(), b""]

    @settings(max_examples=max(20, int(EXAMPLES * min(1, 4 * target.share))), deadline=None, database=None)
    @given(inputs(target, founded))
    def holds(data: bytes) -> None:
        with bounded():
            target.one(data)

    holds()


def inputs(target: Target, founded: list[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes, words of the reader's own in any order, and seeds that were spoiled."""
    words = [*(word.encode() for word in target.words), b"0", b'"', b" ", b"\n", b","]
    joined = st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=30).map(b"".join)
    spoiled = st.tuples(
        st.sampled_from(founded), st.integers(0, 2**32), st.lists(st.sampled_from(words), max_size=3)
    ).map(lambda drawn: spoil(*drawn))
    return st.one_of(st.binary(max_size=64), joined, spoiled).map(lambda data: data[: target.most])


def spoil(data: bytes, number: int, words: list[bytes]) -> bytes:
    """A seed with words put in, a byte changed, and perhaps its end cut off."""
    chance, made = random.Random(number), bytearray(data)
    for word in words:
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.choice([0, len(word)])] = word
    if made and chance.random() < 0.5:
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made[: chance.randrange(len(made) + 1)] if chance.random() < 0.2 else made)
