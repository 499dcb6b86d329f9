"""How long until a camera's trouble is told, and which are told without cause: on the clips, and on clips spoilt by us."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import av
import cv2
import numpy as np

from cityward.adapters.bench.sight.clips import FOLDER, Shown, shown
from cityward.adapters.bench.sight.looked import ROAD, YARD
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.eye import Eye, EyeSettings
from cityward.insight.sight.picture import Image
from cityward.insight.sight.seen import Trouble

PER_S = 5.0
FROM = 1 / 3  # of the clip
LOOP_S = 8.0
CODED = 300  # pictures: longer than what is spoilt of a clip
DAY_S = 86_400.0
SEED = 7

Spoil = Callable[[list[Shown], int, int], Image]
"""The picture shown instead: of all pictures, the one where it begins, the one that is."""


@dataclass(frozen=True, slots=True)
class Tamper:
    """Something done to a camera, and what is to be told of it."""

    name: str
    trouble: Trouble
    spoil: Spoil


def _painted(pictures: list[Shown], _begin: int, now: int, share: float) -> Image:
    """A dark, near thing before a share of the view; the sensor still trembles."""
    image = pictures[now].image.copy()
    chance = np.random.default_rng(SEED + now)
    width = round(image.shape[1] * share)
    image[:, :width] = 45 + chance.integers(0, 5, (image.shape[0], width, 3), np.uint8)
    return image


def _blurred(pictures: list[Shown], _begin: int, now: int, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(pictures[now].image, (0, 0), sigma), np.uint8)


def _turned(pictures: list[Shown], _begin: int, now: int, share: float) -> Image:
    image = pictures[now].image
    by = round(image.shape[1] * share)
    return np.asarray(cv2.copyMakeBorder(image[:, by:], 0, 0, 0, by, cv2.BORDER_REFLECT), np.uint8)


def _stopped(pictures: list[Shown], begin: int, _now: int) -> Image:
    return pictures[begin].image


def _stopped_anew(pictures: list[Shown], begin: int, now: int) -> Image:
    """The same picture, coded anew each time: it trembles by a level."""
    chance = np.random.default_rng(SEED + now)
    image = pictures[begin].image
    return np.asarray(np.clip(image.astype(np.int16) + chance.integers(-1, 2, image.shape), 0, 255), np.uint8)


def _stopped_stream(pictures: list[Shown], begin: int, now: int) -> Image:
    """The same picture, trembling, through H.264 at a low rate with a key picture every two seconds."""
    image = pictures[begin].image
    coded = _coded(image.tobytes(), image.shape[0] // 2 * 2, image.shape[1] // 2 * 2, image.shape[1])
    return coded[(now - begin) % len(coded)]


@lru_cache(maxsize=1)
def _coded(image: bytes, height: int, width: int, row: int) -> list[Image]:
    still = np.frombuffer(image, np.uint8).reshape(-1, row, 3)
    chance, made = np.random.default_rng(SEED), io.BytesIO()
    with av.open(made, mode="w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=round(PER_S), options={"crf": "32", "g": "10", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(CODED):
            now = np.clip(still[:height, :width].astype(np.int16) + chance.integers(-2, 3, (height, width, 3)), 0, 255)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(now.astype(np.uint8), format="bgr24")))
        out.mux(stream.encode())
    with av.open(io.BytesIO(made.getvalue()), mode="r") as held:
        frames = (np.asarray(f.to_ndarray(format="bgr24"), np.uint8) for f in held.decode(video=0))
        grown = (height, width) != still.shape[:2]
        return [np.asarray(cv2.resize(f, (row, still.shape[0])), np.uint8) if grown else f for f in frames]


def _again(pictures: list[Shown], begin: int, now: int) -> Image:
    length = min(begin, round(LOOP_S * PER_S))
    return pictures[begin - length + (now - begin) % length].image


def _dark(pictures: list[Shown], _begin: int, now: int) -> Image:
    chance = np.random.default_rng(SEED + now)
    return np.asarray(chance.integers(0, 4, pictures[now].image.shape), np.uint8)


TAMPERS = (
    Tamper("covered whole", "covered", partial(_painted, share=1.0)),
    Tamper("covered by four fifths", "covered", partial(_painted, share=0.8)),
    Tamper("defocused, sigma 6", "defocused", partial(_blurred, sigma=6.0)),
    Tamper("defocused, sigma 3", "defocused", partial(_blurred, sigma=3.0)),
    Tamper("turned by 15 % of its view", "re-aimed", partial(_turned, share=0.15)),
    Tamper("turned by 5 % of its view", "re-aimed", partial(_turned, share=0.05)),
    Tamper("the same picture for ever", "frozen", _stopped),
    Tamper("the same picture, coded anew", "frozen", _stopped_anew),
    Tamper("the same picture, through H.264", "frozen", _stopped_stream),
    Tamper(f"its last {LOOP_S:g} s for ever", "looped", _again),
    Tamper("black", "black", _dark),
)


def _dimming(pictures: list[Shown]) -> Iterator[tuple[float, Image]]:
    """The light falls to two thirds and comes back, once."""
    for n, one in enumerate(pictures):
        gain = 1 - abs(1 - abs(2 * n / len(pictures) - 1)) / 3
        yield one.at_s, np.asarray(cv2.convertScaleAbs(one.image, alpha=gain), np.uint8)


def _noisy(pictures: list[Shown]) -> Iterator[tuple[float, Image]]:
    """As at night: each pixel trembles by 4 levels (standard deviation)."""
    chance = np.random.default_rng(SEED)
    for one in pictures:
        noise = chance.normal(0, 4, one.image.shape).astype(np.float32)
        yield one.at_s, np.asarray(np.clip(one.image + noise, 0, 255), np.uint8)


HONEST: dict[str, Callable[[list[Shown]], Iterator[tuple[float, Image]]]] = {
    "as they are": lambda pictures: ((one.at_s, one.image) for one in pictures),
    "backwards": lambda pictures: ((pictures[-1].at_s - one.at_s, one.image) for one in reversed(pictures)),
    "dimming": _dimming,
    "noisy": _noisy,
}


def tamper_table(data: Path, tell: Callable[[str], None]) -> Table:
    """A row for each clip and what was done to it: seconds until it was told, and what else was.

    Raises:
        SightBenchError: a clip is not in `data/cctv`.
    """
    rows: list[dict[str, object]] = []
    looked_s, own_s, false = 0.0, 0.0, list[str]()
    for clip in (YARD, ROAD):
        pictures = list(shown(data / FOLDER / clip, PER_S))
        tell(f"tampering: {clip}")
        own_s += pictures[-1].at_s
        for way, honest in HONEST.items():
            looked_s += pictures[-1].at_s
            false += [f"{word} ({clip}, {way})" for word in _first_told(honest(pictures))]
        rows += [_row(clip, tamper, pictures) for tamper in TAMPERS]
    return table_of(
        "Troubles of a camera, made of the clips",
        rows,
        verdict=f"false alarms on unspoilt clips: {len(false)} in {looked_s:.0f} s {', '.join(false)}".rstrip(),
        notes=(
            f"{PER_S:g} pictures a second; each is spoilt from one third of the clip on, to its end",
            f"unspoilt: {own_s:.0f} s of clips, {', '.join(HONEST)}: {looked_s:.0f} s",
            f"without a false alarm {looked_s:.0f} s bound their rate by {3 * DAY_S / looked_s:,.0f} a camera-day (95 %) if they"
            f" were independent, {own_s:.0f} s by {3 * DAY_S / own_s:,.0f}; by no less",
        ),
    )


def _row(clip: str, tamper: Tamper, pictures: list[Shown]) -> dict[str, object]:
    begin = round(len(pictures) * FROM)
    begin_s = pictures[begin].at_s
    spoilt = (
        (one.at_s, tamper.spoil(pictures, begin, n) if n >= begin else one.image) for n, one in enumerate(pictures)
    )
    told = _first_told(spoilt)
    at = told.pop(tamper.trouble, None)
    return {
        "clip": clip,
        "what was done": tamper.name,
        "to be told": tamper.trouble,
        "after s": None if at is None else round(at - begin_s, 1),
        "also told": ", ".join(sorted(told)),
        "of s": round(pictures[-1].at_s - begin_s, 1),
    }


def _first_told(pictures: Iterator[tuple[float, Image]]) -> dict[Trouble, float]:
    """When each trouble was told first."""
    eye = Eye(EyeSettings(frames_per_s=PER_S))
    told: dict[Trouble, float] = {}
    for at_s, image in pictures:
        for trouble in eye.look(image, at_s).troubles:
            told.setdefault(trouble, at_s)
    return told
