"""Recordings shown again: the real child, the real archive; nothing altered is shown, and children are few."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from cityward.adapters.video.recording import Recorder
from cityward.adapters.video.replaying import MOST, SETTINGS, Replays
from cityward.adapters.video.segments import Archive, Piece
from cityward.adapters.video.watching import Watching
from cityward.errors import EvidenceError, LinkError
from cityward.time import SECOND
from viewings import Watchers, watchers

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
START = 1_700_000_000 * SECOND


def replays_of(archive: Archive) -> Replays:
    """With children whose eye is the tests' own: what is shown again is not looked at."""
    return Replays(archive, make=lambda: Watching(SETTINGS, command=(sys.executable, STAND_IN)))


def film() -> bytes:
    """Two seconds, five pictures a second: dark, then light."""
    recorder = Recorder(1000.0)
    for n in range(10):
        recorder.add(np.full((120, 160, 3), 20 if n < 5 else 230, np.uint8), n / 5)
    closed = recorder.close()
    assert closed is not None
    return closed.body


@dataclass
class Kept:
    town: Watchers
    archive: Archive


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with watchers(tmp_path) as town:
        archive = Archive(tmp_path / "state" / "video", town.setting.state.segments)
        with town.setting.ledger("cameras") as ledger:
            for camera in ("quay", "gate", "yard"):
                archive.keep(Piece(camera, START, START + 2 * SECOND, 10, film()), ledger, "cameras", "d")
        yield Kept(town, archive)


def light(jpeg: bytes) -> float:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return float(np.median(image))


def test_shows_what_was_recorded_at_a_moment_also_backwards(kept: Kept) -> None:
    async def look() -> list[bytes]:
        replays = replays_of(kept.archive)
        try:
            return [await replays.picture("quay", START + at * SECOND // 10, "ada") for at in (2, 18, 3)]
        finally:
            await replays.close()

    dark, bright, again = asyncio.run(look())
    assert light(dark) < 60 < 180 < light(bright)
    assert light(again) < 60


def test_of_what_is_not_kept_or_was_altered_nothing_is_shown(kept: Kept) -> None:
    [row] = kept.archive.between("gate", START, START + 1)
    path = kept.town.setting.home.root / "video" / row.name
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    async def look() -> None:
        replays = replays_of(kept.archive)
        with pytest.raises(LinkError, match="nothing is kept"):
            await replays.picture("quay", START - SECOND, "ada")
        with pytest.raises(EvidenceError):
            await replays.picture("gate", START, "ada")
        await replays.close()

    asyncio.run(look())


def test_no_more_children_than_a_few(kept: Kept) -> None:
    async def look() -> list[int | None]:
        replays = replays_of(kept.archive)
        pids: list[int | None] = []
        for camera in ("quay", "gate", "yard"):
            await replays.picture(camera, START, "ada")
        pids = [one.watching.pid for one in replays._open.values()]
        await replays.close()
        return pids

    assert len(asyncio.run(look())) == MOST


def test_the_first_moment_that_is_asked_for_is_shown_not_the_first_of_its_recording(kept: Kept) -> None:
    async def look() -> bytes:
        replays = replays_of(kept.archive)
        try:
            return await replays.picture("quay", START + 18 * SECOND // 10, "ada")
        finally:
            await replays.close()

    assert light(asyncio.run(look())) > 180


def test_a_child_that_was_ended_for_another_one_while_it_was_asked_does_not_live_on(kept: Kept) -> None:
    async def look() -> list[Watching]:
        made: list[Watching] = []

        def make() -> Watching:
            made.append(Watching(SETTINGS, command=(sys.executable, STAND_IN)))
            return made[-1]

        replays = Replays(kept.archive, make=make)
        asked = [replays.picture(camera, START, "ada") for camera in ("quay", "gate", "yard")]
        await asyncio.gather(*asked, return_exceptions=True)
        await replays.close()
        return made

    made = asyncio.run(look())
    assert len(made) == 3 and [one.pid for one in made] == [None] * 3
