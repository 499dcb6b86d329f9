"""Cameras: what one looks at, why, on what lawful basis, what is kept of it, and who may look through it.

A camera is a device; its record here says what makes it one. Points of a picture are shares of its width and height, (0, 0) is
the top left.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from cityward.ids import Id
from cityward.place.record import Record

Share = Annotated[float, Meta(ge=0, le=1)]
Point = tuple[Share, Share]


class CountLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line across the picture. What passes it is counted, apart for each direction: forward is from its left to its right hand,
    seen from `begin` towards `end`."""

    begin: Point
    end: Point


class Viewing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may see pictures, and how much. purposes: for nothing else is a picture shown.

    longest_minutes: a view ends by itself. cameras_most: different cameras that one person may open within an hour. clear:
    whether the uncovered live picture may be asked for at all (two persons, each time); else faces and plates stay covered.
    """

    purposes: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=16)]
    longest_minutes: Annotated[float, Meta(gt=0, le=240)] = 15.0
    cameras_most: Annotated[int, Meta(ge=1, le=100)] = 4
    clear: bool = False


class Camera(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera, by its `device` (a unit: a group's member is named `harbour-cameras-02`).

    view: in words, for the sign below it. lawful_basis: as the declaration of the processing has it. stream: `rtsp://` or
    `rtsps://` with a host, or `file:` with a path below the declaration (a recorded clip, played for ever: demonstrations and
    tests). Its pictures come here by `flow` and go nowhere else. counts: a picture is never told where a count serves. masks:
    polygons that are black before anything else is done. keep_hours: covered pictures are kept so long, in segments of
    `segment_s`; 0: none are kept. onvif: where the camera is asked for its own events and settings. no_vehicles: why no vehicle
    can come into view; plates are then not searched for, and a plate that stands still is not covered.
    """

    device: Id
    flow: Id
    dataset: Id
    purpose: Id
    lawful_basis: Literal["public-task", "legal-obligation", "vital-interests", "legitimate-interests"]
    view: Annotated[str, Meta(max_length=300)]
    stream: Annotated[str, Meta(max_length=512, pattern=r"^(rtsps?://|file:).+$")]
    onvif: Annotated[str, Meta(max_length=512, pattern=r"^https?://.+$")] | None = None
    masks: Annotated[
        tuple[Annotated[tuple[Point, ...], Meta(min_length=3, max_length=32)], ...], Meta(max_length=16)
    ] = ()
    counts: dict[Id, CountLine] = field(default_factory=dict[Id, CountLine])
    viewing: Viewing | None = None  # None: nobody sees a picture, counts only
    keep_hours: Annotated[float, Meta(ge=0, le=24 * 92)] = 0.0
    segment_s: Annotated[int, Meta(ge=2, le=600)] = 10
    no_vehicles: Annotated[str, Meta(min_length=10, max_length=300)] | None = None
    frames_per_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    width_most: Annotated[int, Meta(ge=64, le=1920)] = 768
