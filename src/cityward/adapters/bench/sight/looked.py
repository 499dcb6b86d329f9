"""What a person saw in the recorded clips: who passes a line when, and where heads are. Looked at by hand.

How it was counted: the clip was cut along the line (one column of pixels of each picture, side by side: who passes leaves a slim
figure), in two columns beside each other for the direction, and looked at again picture by picture where figures touch. The first
40 pictures are not counted: the eye learns. One who passes below the cut of the first look (picture 602) was found by the
machine, looked at and added.

How heads were marked: nine pictures, enlarged twice, with a grid; the centre of every head that a person can tell to be one, also
cut by the picture's edge. Each mark was looked at again, enlarged four times.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

Times = tuple[int, ...]
YARD, ROAD = "vtest.avi", "car-detection.mp4"
WARM_UP = 40  # pictures


@dataclass(frozen=True, slots=True)
class Passing:
    """A line of a clip (ends as shares of the picture), and the pictures in which somebody passes to its right hand or its left.

    `either`: where only the passing was looked at, not its direction.
    """

    clip: str
    name: str
    begin: tuple[float, float]
    end: tuple[float, float]
    forward: Times = ()
    back: Times = ()
    either: Times = ()

    @property
    def all(self) -> int:
        """How many pass."""
        return len(self.forward) + len(self.back) + len(self.either)


PASSINGS = (
    Passing(
        YARD,
        "yard, beside the cone",
        (0.4, 0.17),
        (0.4, 1.0),
        forward=(70, 169, 190, 231, 268, 291, 306, 378, 502, 539, 578, 654, 661, 697, 721, 762, 781),
        back=(90, 299, 318, 331, 337, 440, 585, 602, 663, 683, 728, 768, 774),
    ),
    Passing(
        YARD,
        "yard, in the junction",
        (0.75, 0.0),
        (0.75, 1.0),
        either=tuple(
            chain(
                (49, 85, 114, 120, 126, 136, 153, 175, 185, 190, 225, 250, 258),
                (364, 380, 388, 415, 452, 476, 498, 500, 517, 519),
                (572, 601, 612, 630, 670, 671, 719, 723, 731, 735, 737, 777),
            )
        ),
    ),
    Passing(ROAD, "road, its middle", (0.0, 0.5), (1.0, 0.5), either=(78, 206, 213, 333)),
)

HEADS: dict[int, tuple[tuple[int, int], ...]] = {
    60: ((374, 174), (391, 185), (410, 189), (486, 209), (516, 207), (631, 239)),
    150: ((79, 95), (409, 200), (449, 200), (454, 183), (647, 111), (669, 117), (718, 116), (602, 233)),
    240: ((50, 182), (249, 160), (464, 256), (626, 206), (683, 278), (654, 122), (676, 125)),
    330: ((270, 181), (305, 207), (375, 177), (489, 155), (633, 201), (660, 206)),
    420: ((310, 211), (563, 149), (766, 296)),
    500: ((322, 194), (582, 246), (595, 289), (625, 281), (766, 288)),
    580: ((295, 150), (599, 178), (698, 238), (654, 312), (253, 345), (206, 445)),
    660: ((190, 156), (283, 158), (475, 210), (630, 183), (703, 302), (308, 369)),
    740: ((24, 176), (135, 223), (278, 203), (355, 208), (448, 193), (569, 190), (596, 226), (634, 120), (750, 65)),
}
"""Of the yard (768 x 576): centres of heads in pixels, by picture."""
HEAD = 6  # radius in pixels

PLATES: dict[int, tuple[tuple[int, int, int, int], ...]] = {
    78: ((362, 329, 392, 343),),
    84: ((347, 235, 374, 246),),
    90: ((336, 148, 364, 160),),
    96: ((333, 79, 357, 90),),
    186: ((191, 48, 214, 58),),
    192: ((180, 119, 204, 130),),
    198: ((166, 207, 192, 218),),
    204: ((151, 309, 179, 320),),
    210: ((391, 331, 421, 344),),
    216: ((384, 234, 412, 246),),
    222: ((376, 152, 402, 165),),
    228: ((369, 79, 392, 90),),
    234: ((360, 18, 382, 30),),
    318: ((232, 31, 253, 42),),
    324: ((211, 148, 234, 161),),
    330: ((195, 291, 222, 303),),
}
"""Of the road (768 x 432): plates of four vehicles in pixels (left, top, right, bottom), by picture.

How they were marked: of the pictures shown at 10 and at 5 a second every sixth with a vehicle was looked at; where a plate
lies whole in the picture it was enlarged eight times with a scale on its sides, and its outer edge was read off.
"""
