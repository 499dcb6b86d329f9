"""Where the chain picture was drawn last, on a real disk."""

from __future__ import annotations

from pathlib import Path

from cityward.compose.home import Home
from cityward.compose.keeping.drawn import FILE, DrawnFile
from cityward.reach.picture import chain_picture
from places import tiny_place


def test_what_was_drawn_is_read_again_to_the_bit(tmp_path: Path) -> None:
    picture = chain_picture(tiny_place())
    assert DrawnFile.of(Home(tmp_path)).before() is None
    DrawnFile.of(Home(tmp_path)).keep(picture)
    assert DrawnFile.of(Home(tmp_path)).before() == picture


def test_what_cannot_be_read_or_written_only_means_that_all_is_laid_out_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"width": 1')
    assert DrawnFile.of(Home(tmp_path)).before() is None
    nowhere = DrawnFile.of(Home(tmp_path / "gone"))
    nowhere.keep(chain_picture(tiny_place()))
    assert nowhere.before() is None
