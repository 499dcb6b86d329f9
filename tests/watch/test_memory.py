"""What a detector knows, written down and read back: the same to the last bit, or not at all."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cityward.errors import DecodeError
from cityward.watch import find_detectors
from cityward.watch.memory import FORMAT, Notes, pack, read, signature, unpack, write
from cityward.watch.spells import Spells, new_spells
from watch.sample_town import sample_world

WORLD = sample_world()


@dataclass(slots=True)
class Inner:
    level: float = math.nan
    names: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class Outer:
    values: np.ndarray
    spells: Spells
    inner: dict[str, Inner] = field(default_factory=dict)
    pair: tuple[int, str] = (2**70, "x")
    window: Any = None
    truth: bool = True
    nothing: None = None


def outer() -> Outer:
    return Outer(np.array([1.5, np.nan, -0.0]), new_spells(3))


def test_every_kind_of_value_comes_back_as_it_was() -> None:
    state = outer()
    state.inner["a"] = Inner(math.inf, {"k": [1.0, math.nan]})
    state.window = deque([1, 2, 3], maxlen=3)
    state.spells.began[1] = 7
    back = read(write(state), outer())
    np.testing.assert_array_equal(back.values, state.values)
    assert np.signbit(back.values[2]) and back.values.flags.writeable
    assert back.spells.began.tolist() == [-1, 7, -1]
    assert back.inner["a"].level == math.inf and math.isnan(back.inner["a"].names["k"][1])
    assert (back.pair, back.window, back.window.maxlen, back.truth, back.nothing) == (
        (2**70, "x"), deque([1, 2, 3]), 3, True, None,
    )  # fmt: skip


@pytest.mark.parametrize("id_", sorted(find_detectors()))
def test_every_detector_can_be_written_down_and_read_back(id_: str) -> None:
    detector = find_detectors()[id_]
    state = detector.begin(WORLD)
    data = write(state)
    assert write(read(data, detector.begin(WORLD))) == data


def test_the_signature_knows_other_thresholds_other_shapes_and_other_channels() -> None:
    made = {signature(d.begin(WORLD), WORLD, d.card) for d in find_detectors().values()}
    assert len(made) == len(find_detectors())
    longer = Outer(np.zeros(4), new_spells(3))
    assert signature(outer(), WORLD) == signature(outer(), WORLD) != signature(longer, WORLD)


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"\x00" + b[1:], lambda b: b + b"x", lambda b: b""])
def test_notes_that_are_torn_are_refused(spoil: Any) -> None:
    notes = Notes(format=FORMAT, at=1, position=b"{}", parts={"a": ("s", write(outer()))})
    assert unpack(pack(notes)) == notes
    with pytest.raises(DecodeError):
        unpack(spoil(pack(notes)))


def test_bytes_of_another_make_are_refused_and_nothing_foreign_is_made() -> None:
    for data in (write(Inner()), b"\xff", write([1]), b""):
        with pytest.raises(DecodeError):
            read(data, outer())


def test_a_state_that_holds_what_cannot_be_written_is_a_mistake() -> None:
    state = outer()
    state.window = object()
    with pytest.raises(TypeError, match="object"):
        write(state)
