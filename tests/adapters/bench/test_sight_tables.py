"""Counts, heads and troubles on clips made here, worked out by hand; the tables themselves on recorded ones."""

from __future__ import annotations

import numpy as np

from cityward.adapters.bench.sight.clips import Shown
from cityward.adapters.bench.sight.counting import judged, matched
from cityward.adapters.bench.sight.heads import cells_covered
from cityward.adapters.bench.sight.looked import HEADS, PASSINGS, Passing
from cityward.adapters.bench.sight.tampering import TAMPERS
from cityward.insight.sight.covering import pixelated


def test_one_passing_is_matched_once_by_the_nearest_in_time() -> None:
    assert matched((100, 130), (104, 106, 128)) == 2
    assert matched((100,), (80, 120)) == 0, "twenty pictures away"
    assert matched((), (5,)) == 0


def test_a_passing_the_wrong_way_is_untrue() -> None:
    line = Passing("c", "l", (0, 0), (1, 1), forward=(100, 200), back=(300,))
    assert judged(line, (100,), (200, 300)) == {"by hand": 3, "told": 3, "error %": 0.0, "matched": 2, "untrue": 1}


def test_cells_are_covered_where_the_cover_changed_them_and_nowhere_else() -> None:
    image = np.random.default_rng(1).integers(0, 255, (96, 320, 3), np.uint8)  # cells of 10
    mask = np.zeros((96, 320), np.bool_)
    mask[25, 47] = mask[95, 319] = True
    found = cells_covered(image, pixelated(image, mask))
    assert found[20:30, 40:50].all()
    assert found[90:96, 310:320].all()
    assert found.sum() == 100 + 60


def test_each_spoilt_clip_is_spoilt_from_where_it_says_and_keeps_its_size() -> None:
    chance = np.random.default_rng(2)
    clip = [Shown(n, n / 5, chance.integers(0, 255, (40, 60, 3), np.uint8)) for n in range(60)]
    for tamper in TAMPERS:
        spoilt = tamper.spoil(clip, 20, 25)
        assert spoilt.shape == (40, 60, 3), tamper.name
        assert spoilt.dtype == np.uint8, tamper.name
        assert (spoilt != clip[25].image).any(), tamper.name
        assert (spoilt == tamper.spoil(clip, 20, 25)).all(), "the same each time"


def test_what_a_person_looked_at_is_in_order_and_within_the_clip() -> None:
    for line in PASSINGS:
        for times in (line.forward, line.back, line.either):
            assert list(times) == sorted(set(times)), line.name
    assert sum(len(heads) for heads in HEADS.values()) == 56
    assert all(0 <= x < 768 and 0 <= y < 576 for heads in HEADS.values() for x, y in heads)
