"""How a property stands in the registers of a cabinet: `holding:100:s16:0.1`, read from the declaration.

`<table>:<address>:<type>[:<scale>]`. table: holding, input, coil, discrete. address: 0 to 65535, as on the wire (not 40001).
type: u16, s16, u32, s32, f32; with `-swapped` the lower word of two comes first; bit of coils and discretes. The value is what
is read, times the scale.

SPEC: MODBUS Application Protocol 1.1b3, sections 4.3, 4.4 and 6.1 to 6.4: big-endian words; function codes 1 to 4 read, all
others are never used.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""table -> the function code that reads it."""

_WORDS = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2, "bit": 1}
_PACKED = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}
MOST_ADDRESS = 65_535


@dataclass(frozen=True, slots=True)
class Register:
    """Where one value stands, and how it is read."""

    table: str
    address: int
    kind: str
    swapped: bool = False
    scale: float = 1.0

    @property
    def words(self) -> int:
        """How many registers, or bits, it takes."""
        return _WORDS[self.kind]

    def value(self, words: Sequence[int]) -> float:
        """What these registers (0 to 65535), or the bit (0, 1), mean. May be NaN or infinite where the type is f32."""
        if self.kind == "bit":
            return float(words[0]) * self.scale
        ordered = words[::-1] if self.swapped else words
        (read,) = struct.unpack(_PACKED[self.kind], b"".join(word.to_bytes(2, "big") for word in ordered))
        return float(read) * self.scale


def read_register(text: str) -> Register:
    """The register that a model's `path` names.

    Raises:
        ValueError: it is none; the text says why.
    """
    parts = text.split(":")
    if not 3 <= len(parts) <= 4:
        raise ValueError("it is written `<table>:<address>:<type>[:<scale>]`, as `holding:100:s16:0.1`")
    table, address, kind = parts[:3]
    swapped = kind.endswith("-swapped")
    kind = kind.removesuffix("-swapped")
    if table not in TABLES:
        raise ValueError(f"`{table}` is no table: {', '.join(TABLES)}")
    if not address.isascii() or not address.isdecimal() or len(address) > 5 or int(address) > MOST_ADDRESS:
        raise ValueError(f"`{address}` is no address from 0 to {MOST_ADDRESS}")
    if kind not in _WORDS or (kind == "bit") != (table in ("coil", "discrete")) or (swapped and _WORDS[kind] == 1):
        raise ValueError(f"`{parts[2]}` is no type of `{table}`")
    return Register(table, int(address), kind, swapped, _scale(parts[3]) if len(parts) == 4 else 1.0)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        raise ValueError(f"`{text}` is no scale") from None
    if not math.isfinite(scale) or scale == 0:
        raise ValueError(f"`{text}` is no scale")
    return scale
