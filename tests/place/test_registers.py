"""How a register is written in a declaration, and what its words mean."""

from __future__ import annotations

import math

import pytest

from cityward.place.registers import read_register


@pytest.mark.parametrize(
    ("text", "words", "value"),
    [
        ("holding:0:u16", [65535], 65535.0),
        ("holding:0:s16", [65535], -1.0),
        ("input:7:s16:0.1", [0xFFCE], -5.0),
        ("input:7:u32", [1, 2], 65538.0),
        ("input:7:u32-swapped", [2, 1], 65538.0),
        ("input:7:s32", [0xFFFF, 0xFFFE], -2.0),
        ("holding:65534:f32", [0x4292, 0x8000], 73.25),
        ("holding:65534:f32-swapped", [0x8000, 0x4292], 73.25),
        ("coil:3:bit:100", [1], 100.0),
        ("discrete:3:bit", [0], 0.0),
    ],
)
def test_words_become_a_value(text: str, words: list[int], value: float) -> None:
    register = read_register(text)
    assert register.words == len(words)
    assert math.isclose(register.value(words), value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is written"), ("holding", "is written"), ("holding:1:u16:1:1", "is written"), ("files:1:u16", "no table"),
        ("holding:-1:u16", "no address"), ("holding:65536:u16", "no address"), ("holding:1e3:u16", "no address"),
        ("holding:\u0661:u16", "no address"), ("holding:1:u64", "no type"), ("coil:1:u16", "no type"),
        ("holding:1:bit", "no type"), ("holding:1:u16-swapped", "no type"), ("holding:1:u16:0", "no scale"),
        ("holding:1:u16:nan", "no scale"), ("holding:1:u16:inf", "no scale"), ("holding:1:u16:ten", "no scale"),
    ],
)  # fmt: skip
def test_what_is_no_register_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_register(text)
