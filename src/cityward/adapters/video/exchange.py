"""What the watching side and its child say to each other: four bytes of length and a body of MessagePack. Pure.

One message, one answer. Both sides bound what they read before they read it. What a child says is foreign: it may have been taken
over by what it decoded, so that `sound` holds every answer to what an honest child can say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from cityward.insight.sight.seen import Seen
from cityward.place.cameras import CountLine, Point

LENGTH = 4
MOST_CLIP = 64 << 20  # of a file that is played
MOST_UNIT = 4 << 20  # of one coded picture. PRECEDENT: key pictures of 4K cameras at best quality are below 2 MB
MOST_ASKED = MOST_CLIP + 4096
MOST_SEGMENT = 16 << 20  # a segment is closed before it grows beyond
MOST_JPEG = 800 << 10
MOST_ANSWER = MOST_SEGMENT + (1 << 20)
MOST_SEEN, MOST_BOXES, MOST_PASSED = 64, 1000, 200
MOST_WHY = 300  # characters

Coding = Literal["h264", "hevc", "mjpeg"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="settings"):
    """How to look: see `place.cameras.Camera`. keep: whether segments are made; plates: whether they are searched for.

    The first message; answered when confined.
    """

    masks: tuple[tuple[Point, ...], ...] = ()
    counts: dict[str, CountLine] = {}
    frames_per_s: float = 5.0
    width_most: int = 768
    segment_s: int = 10
    keep: bool = False
    plates: bool = True


class Clip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="clip"):
    """A whole file, to be played by `Step`s."""

    body: bytes


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="step"):
    """Look at the clip as it is at this moment of the stream's clock; behind its end it begins again."""

    at_s: float


class Unit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="unit"):
    """One coded picture of a stream (H.264 and H.265 as Annex B), which came at `at_s`."""

    at_s: float
    coding: Coding
    body: bytes


class Close(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="close"):
    """Close the segment under way: nothing comes any more, or the child is to end. Answered by `Looked`."""


class Show(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="show"):
    """The newest picture as JPEG with this mark; covered unless `clear` (a granted clear view, and nothing else)."""

    mark: str
    clear: bool = False


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closed piece of covered recording."""

    begin_s: float
    end_s: float
    pictures: int
    form: Literal["mp4", "mkv"]
    body: bytes


class Ready(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ready"):
    """confined: whether the kernel's filter holds. memory_mb: address space it may have."""

    confined: bool = True
    memory_mb: int = 0


class Looked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="looked"):
    """What came of a step or unit. decoded: pictures; refused: units or pictures that could not be, with the last `why`."""

    seen: tuple[Seen, ...] = ()
    decoded: int = 0
    refused: int = 0
    why: str = ""
    width: int = 0
    height: int = 0
    segment: Segment | None = None


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="picture"):
    """A JPEG."""

    jpeg: bytes


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="fault"):
    """It could not be done; the child goes on."""

    why: str


Asked = Settings | Clip | Step | Unit | Show | Close
Answer = Ready | Looked | Picture | Fault

_ASKED, _ANSWERS = msgspec.msgpack.Decoder(Asked), msgspec.msgpack.Decoder(Answer)
_ENCODER = msgspec.msgpack.Encoder()


def write(message: Asked | Answer) -> bytes:
    """One frame.

    Raises:
        ValueError: longer than its reader takes.
    """
    body = _ENCODER.encode(message)
    most = MOST_ANSWER if isinstance(message, Answer) else MOST_ASKED
    if len(body) > most:
        raise ValueError(f"{len(body)} bytes are more than a frame holds, {most}")
    return len(body).to_bytes(LENGTH, "big") + body


def length_of(head: bytes, most: int) -> int:
    """How long the body is.

    Raises:
        ValueError: longer than it may be.
    """
    length = int.from_bytes(head, "big")
    if length > most:
        raise ValueError(f"a frame of {length} bytes is longer than {most}")
    return length


def read_asked(body: bytes) -> Asked:
    """What the watching side says. Raises `msgspec.DecodeError`."""
    return _ASKED.decode(body)


def read_answer(body: bytes, settings: Settings) -> Answer:
    """What a child says, held to what an honest one can say.

    Args:
        body: the frame's body.
        settings: what it was told: the lines to count at, whether segments are made.

    Raises:
        ValueError: it is none (`msgspec.DecodeError` is a `ValueError`).
    """
    answer = _ANSWERS.decode(body)
    if isinstance(answer, (Looked, Fault)) and len(answer.why) > MOST_WHY:
        raise ValueError("more words than are told")
    if isinstance(answer, Looked):
        _sound(answer, settings)
    if isinstance(answer, Picture) and not (answer.jpeg[:2] == b"\xff\xd8" and len(answer.jpeg) <= MOST_JPEG):
        raise ValueError("a picture that is no JPEG, or too large")
    return answer


def _sound(looked: Looked, settings: Settings) -> None:
    told = (looked.decoded, looked.refused)
    if len(looked.seen) > MOST_SEEN or min(told) < 0 or max(told) > 2 * MOST_SEEN:
        raise ValueError("more pictures than were asked for")
    if looked.segment is not None and not (settings.keep and _is_sound_segment(looked.segment)):
        raise ValueError("a segment that cannot be")
    for seen in looked.seen:
        _sound_seen(seen, settings.counts)


def _is_sound_segment(segment: Segment) -> bool:
    times = math.isfinite(segment.begin_s) and math.isfinite(segment.end_s) and segment.begin_s <= segment.end_s
    return times and 0 < len(segment.body) <= MOST_SEGMENT and 0 < segment.pictures <= 1_000_000


def _sound_seen(seen: Seen, counts: Mapping[str, CountLine]) -> None:
    m = seen.measures
    numbers = [seen.at_s, m.light, m.contrast, m.sharpness, m.moved, m.likeness, m.shift_x, m.shift_y, m.noise]
    numbers += [n for box in seen.boxes for n in (box.x, box.y, box.width, box.height)]
    if len(seen.boxes) > MOST_BOXES or len(seen.passed) > MOST_PASSED or not all(map(math.isfinite, numbers)):
        raise ValueError("measures that cannot be")
    for passed in seen.passed:
        if passed.line not in counts or not (0 <= passed.forward <= 1000 and 0 <= passed.back <= 1000):
            raise ValueError("counts that cannot be")
