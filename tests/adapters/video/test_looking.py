"""The mark across a shown picture: whole in every size of picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cityward.adapters.video import looking
from cityward.adapters.video.looking import marked_with

MARK = "ada view-0123456789abcdef 2026-11-23 04:20:11 doggerford"


@pytest.mark.parametrize("size", [(160, 120), (320, 240), (768, 576)], ids=str)
def test_every_character_of_the_mark_is_inside_the_picture(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, int, int]] = []

    def put(
        image: np.ndarray,
        text: str,
        at: tuple[int, int],
        font: int,
        scale: float,
        _colour: object,
        thick: int,
        kind: int,
    ) -> None:
        wide = cv2.getTextSize(text, font, scale, thick)[0][0]
        drawn.append((text, at[0], at[0] + wide))

    monkeypatch.setattr(looking.cv2, "putText", put)
    marked_with(np.zeros((size[1], size[0], 3), np.uint8), MARK)
    copies = "".join(text for text, _, _ in drawn[::2])
    assert copies == MARK * 4
    assert all(left >= 0 and right <= size[0] for _, left, right in drawn)


def test_the_mark_is_drawn_and_the_picture_given_stays_as_it_was() -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    assert (marked_with(image, MARK) != image).any()
    assert (image == 128).all()
