"""A camera's child and who minds it: real processes, real decoders, and everything a stream can do to them."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.video.films import clip, film, units
from cityward.adapters.video import watching
from cityward.adapters.video.exchange import (
    LENGTH,
    Clip,
    Fault,
    Looked,
    Segment,
    Settings,
    Show,
    Step,
    Unit,
    read_answer,
    write,
)
from cityward.adapters.video.watching import Backlog, Watching
from cityward.errors import LinkError
from cityward.place.cameras import CountLine

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
DEMONSTRATION = Path(__file__).parents[3] / "examples" / "doggerford" / "video"
LINE = {"door": CountLine(begin=(0.5, 0), end=(0.5, 1))}


def watch(wrong: str = "", **settings: object) -> Watching:
    command = (sys.executable, STAND_IN, *([wrong] if wrong else []))
    return Watching(Settings(counts=LINE, **settings), command=command, unit_s=10.0)  # type: ignore[arg-type]


def looking(watching_: Watching, body: Callable[[Watching], Awaitable[None]]) -> None:
    async def main() -> None:
        try:
            await body(watching_)
        finally:
            await watching_.close()
        counts = watching_.counts
        assert counts.asked == counts.answered + counts.dropped + counts.lost

    asyncio.run(main())


def of(bytes_: bytes, n: int, coding: str = "h264") -> Unit:
    return Unit(at_s=100 + n / 5, coding=coding, body=bytes_)  # type: ignore[arg-type]


@pytest.mark.parametrize(("coder", "coding"), [("libx264", "h264"), ("libx265", "hevc"), ("mjpeg", "mjpeg")])
def test_a_stream_is_decoded_looked_at_and_counted(coder: str, coding: str) -> None:
    async def body(w: Watching) -> None:
        seen = []
        for n, (unit, _) in enumerate(units(coder, 12)):
            looked = await w.look(of(unit, n, coding))
            assert looked is not None
            seen += looked.seen
        assert len(seen) >= 10 and not w.is_broken
        assert seen[0].measures.light == pytest.approx(95, abs=15)
        assert (w.counts.refused, w.counts.lost, w.counts.children) == (0, 0, 1)

    looking(watch(), body)


def test_a_clip_is_played_for_ever_at_the_pace_of_the_clock() -> None:
    async def body(w: Watching) -> None:
        w.clip = film(pictures=10)  # one second
        decoded = []
        for n in range(10):
            looked = await w.look(Step(at_s=50 + n / 2))
            assert looked is not None and len(looked.seen) == 1
            decoded.append(looked.decoded)
        # at 0 s the first picture; half a second later 5 more; at the end it begins again
        assert decoded[0] == 1 and 4 <= decoded[1] <= 6 and sum(decoded) >= 40

    looking(watch(), body)


def test_pictures_are_looked_at_no_more_often_than_declared() -> None:
    async def body(w: Watching) -> None:
        seen = 0
        for n, (unit, _) in enumerate(units(pictures=20)):
            looked = await w.look(Unit(at_s=n / 25, coding="h264", body=unit))
            assert looked is not None
            seen += len(looked.seen)
        assert w.counts.pictures == 20 and 3 <= seen <= 5  # 0.8 s at 5 a second

    looking(watch(frames_per_s=5.0), body)


def jpeg(bytes_: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(bytes_, np.uint8), cv2.IMREAD_COLOR)


def test_a_picture_is_shown_covered_with_its_mark_and_clear_only_where_that_is_asked_for() -> None:
    async def body(w: Watching) -> None:
        with pytest.raises(LinkError, match="nobody looks"):
            await w.show(Show(mark="op-7"))
        await w.look(of(units()[0][0], 0))
        covered, clear = jpeg(await w.show(Show(mark="op-7"))), jpeg(await w.show(Show(mark="op-7", clear=True)))
        assert np.median(covered) == pytest.approx(7, abs=3) and covered.max() > 200  # the mark
        assert np.median(clear) == pytest.approx(90, abs=8)

    looking(watch(), body)


def test_masked_parts_are_black_before_anything_looks() -> None:
    async def body(w: Watching) -> None:
        looked = await w.look(of(units()[0][0], 0))
        assert looked is not None and looked.seen[0].measures.light == pytest.approx(0, abs=1)
        clear = jpeg(await w.show(Show(mark=".", clear=True)))
        assert np.median(clear) == pytest.approx(0, abs=2)

    looking(watch(masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),)), body)


def test_segments_are_covered_whole_and_playable() -> None:
    async def body(w: Watching) -> None:
        segments = []
        for n, (unit, _) in enumerate(units(pictures=30)):
            looked = await w.look(of(unit, n))
            assert looked is not None
            segments += [looked.segment] if looked.segment is not None else []
        first, *_ = segments
        assert (first.begin_s, first.pictures) == (100.0, 10) and first.end_s == pytest.approx(101.8)
        with av.open(io.BytesIO(first.body)) as played:
            pictures = [f.to_ndarray(format="bgr24") for f in played.decode(video=0)]
        assert len(pictures) == 10 and all(abs(float(np.median(p)) - 7) < 4 for p in pictures)

    looking(watch(keep=True, segment_s=2), body)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("dies", "it ended"),
        ("hangs", "no answer within"),
        ("eats", "ended"),
        ("babbles", "longer than"),
        ("answers-too-long", "longer than"),
        ("nan", "measures that cannot be"),
        ("invents", "counts that cannot be"),
    ],
)
def test_a_child_that_misbehaves_is_ended_told_and_replaced(wrong: str, why: str) -> None:
    async def body(w: Watching) -> None:
        w.unit_s = 2.0 if wrong == "hangs" else 10.0
        for n, (unit, _) in enumerate(units()[:2]):
            looked = await w.look(of(unit, n))
        assert looked is None and w.is_broken and why in w.why
        assert w.pid is None and w.counts.lost >= 1
        assert await w.look(of(units()[2][0], 2)) is None  # the pause: nobody is started at once
        assert w.counts.dropped >= 1
        w.clock = lambda: time.monotonic() + 3600
        w.command = watch().command
        looked = await w.look(of(units()[0][0], 3))
        assert looked is not None and not w.is_broken and w.counts.children >= 2

    looking(watch(wrong), body)


def test_a_child_that_was_taken_over_reaches_nothing_but_its_pipe() -> None:
    async def body(w: Watching) -> None:
        await w.look(of(units()[0][0], 0))
        assert await w.look(of(units()[1][0], 1)) is None
        assert w.why == "nothing"

    looking(watch("reaches-out"), body)


def test_a_killed_child_is_one_lost_picture_and_a_new_child() -> None:
    async def body(w: Watching) -> None:
        await w.look(of(units()[0][0], 0))
        assert w.pid is not None
        os.kill(w.pid, signal.SIGKILL)
        assert await w.look(of(units()[1][0], 1)) is None
        w.clock = lambda: time.monotonic() + 3600
        assert await w.look(of(units()[0][0], 2)) is not None
        assert (w.counts.lost, w.counts.children) == (1, 2)

    looking(watch(), body)


def test_a_child_holds_nothing_but_its_pipes_open() -> None:
    async def body(w: Watching) -> None:
        await w.look(of(units()[0][0], 0))
        links = {fd.name: str(fd.readlink()) for fd in Path(f"/proc/{w.pid}/fd").iterdir()}
        assert set(links) == {"0", "1", "2"} and links["2"] == "/dev/null"
        assert all(links[n].startswith(("pipe:", "socket:")) for n in "01")
        assert w.pid is not None and os.getsid(w.pid) == w.pid  # an interrupt of the terminal does not reach it
        status = Path(f"/proc/{w.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status and "Threads:\t1" in status
        assert set(Path(f"/proc/{w.pid}/environ").read_bytes().split(b"\0")) <= {
            b"", b"OPENBLAS_NUM_THREADS=1", b"OMP_NUM_THREADS=1", b"MKL_NUM_THREADS=1",
        }  # fmt: skip

    looking(watch(), body)


def flipped(body: bytes, seed: int, flips: int) -> bytes:
    chance, out = random.Random(seed), bytearray(body)
    for _ in range(flips):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def test_hundreds_of_flipped_units_cost_pictures_and_nothing_else() -> None:
    async def body(w: Watching) -> None:
        w.clock = _hastening()
        for n in range(300):
            unit, _ = units()[n % 30]
            await w.look(of(flipped(unit, n, 1 + n % 20), n))
        w.clock = lambda: time.monotonic() + 1e6
        looked = [await w.look(of(unit, 400 + n)) for n, (unit, _) in enumerate(units())]
        assert looked[-1] is not None and not w.is_broken and w.counts.pictures >= 50

    looking(watch(), body)


def _hastening() -> Callable[[], float]:
    """A clock on which every pause is over when it is looked at again."""
    ticks = iter(range(0, 1 << 40, 1000))
    return lambda: float(next(ticks))


@pytest.mark.parametrize(("coder", "form"), [("libx264", "mp4"), ("mpeg4", "avi"), ("mjpeg", "avi")])
def test_damaged_files_are_told_or_played_and_never_an_outage(coder: str, form: str) -> None:
    """Flipped, cut, and not a film at all; each in the same watching, whose child must go on or be replaced."""
    whole = film(coder, form)
    bodies = [flipped(whole, seed, 40) for seed in range(12)] + [whole[: len(whole) // k] for k in (2, 3, 10)]
    bodies += [
        b"",
        b"not a film",
        whole[:100] * 50,
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ]

    async def body(w: Watching) -> None:
        w.clock = _hastening()
        for n, damaged in enumerate(bodies):
            await w._asked(Clip(body=damaged), 20.0)
            for step in range(3):
                await w.look(Step(at_s=1000.0 * n + step))
        w.clip = whole
        await w.close()
        assert await w.look(Step(at_s=1e6)) is not None

    looking(watch(), body)


async def play_damaged(w: Watching, name: str, seeds: range) -> None:
    """The demonstration's clip, flipped in its head, its index or anywhere, cut at the end in every third; then as it is."""
    whole = (DEMONSTRATION / name).read_bytes()
    w.clock, w.unit_s = _hastening(), 20.0
    for seed in seeds:
        chance, damaged = random.Random(seed), bytearray(whole)
        span = [(0, 4096), (len(whole) - 8192, len(whole)), (0, len(whole))][seed % 3]
        for _ in range(chance.choice((1, 4, 60))):
            damaged[chance.randrange(*span)] ^= 1 << chance.randrange(8)
        await w._asked(Clip(body=bytes(damaged[: len(whole) // (1 + seed % 2)])), 20.0)
        for step in range(2):
            await w.look(Step(at_s=1000.0 * seed + 2 * step))
    w.clip = whole
    await w.close()
    assert await w.look(Step(at_s=1e9)) is not None


@pytest.mark.parametrize("name", ["square-1.mp4", "ring-1.mp4"])
def test_clips_with_flipped_bits_are_played_or_told(name: str) -> None:
    looking(watch(), lambda w: play_damaged(w, name, range(12)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["square-1.mp4", "square-2.mp4", "ring-1.mp4", "ring-2.mp4"])
def test_many_hundred_clips_with_flipped_bits_are_played_or_told(name: str) -> None:
    looking(watch(), lambda w: play_damaged(w, name, range(1000, 1200)))


def test_a_huge_picture_is_refused_before_memory_is_taken_for_it() -> None:
    async def body(w: Watching) -> None:
        bomb, _ = units("libx264", 1, 8192, 4352)[0]  # 30 kB that stand for 107 MB
        assert len(bomb) < 300_000
        looked = await w.look(of(bomb, 0))
        assert looked is None or (looked.refused >= 1 and looked.seen == ())
        w.clock = lambda: time.monotonic() + 3600
        assert await w.look(of(units()[0][0], 1)) is not None and w.counts.lost <= 1

    looking(watch(), body)


def test_a_clip_of_very_many_tiny_pictures_costs_no_more_than_its_bound() -> None:
    async def body(w: Watching) -> None:
        w.clip = film(pictures=400, width=32, height=32)
        looked = await w.look(Step(at_s=10.0))
        assert looked is not None
        looked = await w.look(Step(at_s=10_000.0))  # as if it had stood still for hours
        assert looked is not None and looked.decoded <= 64

    looking(watch(), body)


def test_the_citys_own_eye_looks_records_and_covers_within_its_confinement() -> None:
    async def body(w: Watching) -> None:
        w.clip = (DEMONSTRATION / "square-1.mp4").read_bytes()
        learned, segments = 0, 0
        for n in range(40):
            looked = await w.look(Step(at_s=10 + n / 5))
            assert looked is not None, w.why
            learned += sum(not seen.learning for seen in looked.seen)
            segments += looked.segment is not None
        assert learned >= 10 and segments >= 1 and w.counts.refused == 0
        assert jpeg(await w.show(Show(mark="op-7"))).shape == (480, 640, 3)
        status = Path(f"/proc/{w.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "Threads:\t1" in status

    looking(Watching(Settings(counts=LINE, keep=True, segment_s=2)), body)


@pytest.mark.parametrize("name", ["vtest.avi", "car-detection.mp4"])
def test_the_real_clips_are_played(name: str) -> None:
    async def body(w: Watching) -> None:
        w.clip = clip(name)
        for n in range(8):
            looked = await w.look(Step(at_s=10 + n / 5))
            assert looked is not None and len(looked.seen) == 1
        assert w.counts.refused == 0

    looking(watch(), body)


# -- between reader and child ---------------------------------------------------------------------------------------------


def unit(n: int, size: int = 10) -> Unit:
    return Unit(at_s=float(n), coding="h264", body=bytes(size))


def test_a_full_backlog_drops_whole_groups_of_pictures() -> None:
    backlog = Backlog(most=3)
    for n in range(8):  # key pictures: 0 and 6
        backlog.put(unit(n), n in (0, 6))
    assert [backlog.take() for _ in range(3)] == [unit(0), unit(1), unit(2)]
    assert backlog.take() is None and backlog.dropped() == 5  # 6 was a key picture, but it was full still
    backlog.put(unit(8), False)
    assert backlog.take() is None
    backlog.put(unit(9), True)
    assert backlog.take() == unit(9) and backlog.dropped() == 1


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=200))
def test_a_backlog_is_bounded_and_accounts_for_everything(steps: list[tuple[int, bool, bool]]) -> None:
    backlog, given_, taken, dropped = Backlog(most=5, most_bytes=100), 0, 0, 0
    for size, is_key, take in steps:
        backlog.put(unit(0, size), is_key)
        given_ += 1
        dropped += backlog.dropped()
        if take:
            taken += backlog.take() is not None
    left = 0
    while backlog.take() is not None:
        left += 1
    assert left <= 5 and given_ == taken + dropped + left


def test_pauses_between_children_grow_and_are_bounded() -> None:
    w = Watching(Settings(), command=("/bin/false",), clock=lambda: 0.0)
    for _ in range(12):
        asyncio.run(w._lose("x"))
    assert w._not_before == watching.LONGEST_PAUSE_S


def test_an_answer_that_nobody_waited_for_is_never_given_to_another_question() -> None:
    async def body(w: Watching) -> None:
        for n, (unit, _) in enumerate(units("libx264", 5)):
            await w.look(of(unit, n))
        clear = asyncio.create_task(w.show(Show(mark="two persons", clear=True)))
        await asyncio.sleep(0)  # it is asked, and waits for its answer
        clear.cancel()
        await asyncio.gather(clear, return_exceptions=True)
        assert w.pid is None
        with pytest.raises(LinkError):
            await w.show(Show(mark="one person"))

    looking(watch(), body)


@pytest.mark.parametrize(
    ("begin_s", "end_s"), [(90.0, 101.0), (100.0, 1e300), (5e9, 6e9)], ids=["before", "for ever", "later"]
)
def test_a_segment_of_another_time_than_its_child_was_fed_in_is_no_answer(begin_s: float, end_s: float) -> None:
    w = watch(keep=True)
    made = Segment(begin_s=begin_s, end_s=end_s, pictures=5, form="mp4", body=b"lie")
    honest = Segment(begin_s=100, end_s=101, pictures=5, form="mp4", body=b"covered")
    w._hold_to_its_time(of(b"", 0), Looked())
    w._hold_to_its_time(of(b"", 5), Looked(segment=honest))
    with pytest.raises(ValueError, match="another time"):
        w._hold_to_its_time(of(b"", 6), Looked(segment=made))


@pytest.mark.parametrize(
    "lie",
    [
        Looked(decoded=1 << 62),
        Looked(refused=-1),
        Looked(why="x" * 10_000),
        Fault(why="x" * 10_000),
        Looked(segment=Segment(begin_s=1, end_s=2, pictures=5, form="mp4", body=b"nobody asked for it")),
    ],
    ids=["counts", "less than none", "words", "words of a fault", "a segment where none is kept"],
)
def test_what_no_honest_child_says_is_no_answer(lie: Looked | Fault) -> None:
    with pytest.raises(ValueError, match=r"more|cannot be"):
        read_answer(write(lie)[LENGTH:], Settings())
