"""What is told of one picture: the contract between who looks (`insight.sight`) and who decodes (`adapters.video`)."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["person", "vehicle", "other"]
Trouble = Literal["black", "covered", "defocused", "re-aimed", "frozen", "looped", "drifting", "silent", "broken"]
"""What may be wrong with a camera. `silent`: no picture came; `broken`: its bytes could not be decoded; `drifting`: its clock."""


TROUBLE_CODES: dict[Trouble, int] = {
    "silent": 1,
    "broken": 2,
    "black": 3,
    "covered": 4,
    "defocused": 5,
    "re-aimed": 6,
    "frozen": 7,
    "looped": 8,
    "drifting": 9,
}
"""The values of the property `camera-trouble`; 0: nothing. Of several the first in this order is told."""


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that moves, in shares of the picture. track: the same from picture to picture, new after each start."""

    x: float
    y: float
    width: float
    height: float
    kind: Kind
    track: int


class Passed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What passed a line since the last picture."""

    line: str
    kind: Kind
    forward: int
    back: int


class Measures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the whole picture, for judging the camera: no one can be known by them.

    light, contrast: mean and standard deviation of grey, 0..255. sharpness: variance of the Laplacian, of the still parts.
    moved: share of the picture that is foreground. likeness: to the learned background, -1..1 (correlation of edges).
    shift_x, shift_y: how far it lies off the background, shares of the picture. fingerprint: 64 bits that are the same of the
    same picture and near of near ones. noise: how much the still parts differ from the picture before; 0 is exactly the same.
    hidden: share of the background's cells with edges that have lost them and have another light. same: whether nothing changed
    since some picture before, beyond what a coder does.
    """

    light: float
    contrast: float
    sharpness: float
    moved: float
    likeness: float
    shift_x: float
    shift_y: float
    fingerprint: int
    noise: float
    hidden: float = 0.0
    same: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture. at_s: by the stream's clock. learning: the background is not known yet, nothing is counted."""

    at_s: float
    boxes: tuple[Box, ...] = ()
    passed: tuple[Passed, ...] = ()
    measures: Measures
    troubles: tuple[Trouble, ...] = ()
    learning: bool = False
