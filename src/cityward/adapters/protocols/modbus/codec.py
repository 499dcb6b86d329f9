"""The registers of a cabinet as its link read them: one JSON object of blocks, each a table, its first address, and the words.

```json
{"at": "2026-08-01T12:00:00Z", "blocks": [{"table": "holding", "first": 100, "words": [2301, 65535]}]}
```

Where a property stands, and of which type, is the model's `path` (`place.registers`). What no block holds is refused for its
property alone. Without `at` the reading is of when it came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.known import Known
from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.adapters.protocols.times import text_or_seconds_us
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registers import MOST_ADDRESS, TABLES, Register, read_register
from cityward.place.registry import Registry

ID = "modbus"
MOST_BLOCKS, MOST_WORDS = 64, 2000  # SPEC: 6.1, 6.3: 125 registers or 2000 bits in one answer
Words = dict[tuple[str, int], int]


def create() -> Codec:
    """A codec with an empty memory."""
    return ModbusCodec()


@dataclass(frozen=True, slots=True)
class Mapping:
    """Of a unit: (register, channel) of each property; None where the path names no register."""

    properties: tuple[tuple[Register | None, int], ...]


class ModbusCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self) -> None:
        self._known = Known(_mapping)

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        rows = Rows()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            try:
                mapping, conversions = self._known.of(registry, unit)
                body = _object(parse(payload))
                words = _words(body.get("blocks"))
                at = text_or_seconds_us(body["at"]) if "at" in body else int(messages.received_at[i])
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            _claim(rows, i, words, at, mapping, conversions)
        return rows.claims()


def _mapping(registry: Registry, unit: int) -> Mapping:
    model = registry.models[registry.units[unit].model]
    return Mapping(
        tuple((_register(how.path), registry.channel_by_property[unit, prop]) for prop, how in model.properties.items())
    )


def _register(path: str | None) -> Register | None:
    try:
        return read_register(path or "")
    except ValueError:
        return None


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise refusal(Reason.WRONG_SHAPE, "what was read is an object")
    return cast("dict[str, object]", value)


def _words(blocks: object) -> Words:
    """Every word by its table and address; of overlapping blocks the last says it."""
    if not isinstance(blocks, list) or not 0 < len(cast("list[object]", blocks)) <= MOST_BLOCKS:
        raise refusal(Reason.WRONG_SHAPE, f"`blocks` is a list of 1 to {MOST_BLOCKS}")
    found: Words = {}
    for block in cast("list[object]", blocks):
        said = _object(block)
        table, first, words = said.get("table"), said.get("first"), said.get("words")
        if (
            not isinstance(table, str)
            or table not in TABLES
            or type(first) is not int
            or not 0 <= first <= MOST_ADDRESS
        ):
            raise refusal(Reason.WRONG_SHAPE, "a block has a `table` and a `first` address")
        if not isinstance(words, list) or not 0 < len(cast("list[object]", words)) <= MOST_WORDS:
            raise refusal(Reason.WRONG_SHAPE, f"a block has 1 to {MOST_WORDS} `words`")
        most = 1 if table in ("coil", "discrete") else MOST_ADDRESS
        for n, word in enumerate(cast("list[object]", words)):
            if type(word) is not int or not 0 <= word <= most:
                raise refusal(Reason.NOT_A_NUMBER, f"a word of `{table}` is 0 to {most}")
            found[table, first + n] = word
    return found


def _claim(rows: Rows, i: int, words: Words, at: int, mapping: Mapping, conversions: Conversions) -> None:
    for register, channel in mapping.properties:
        spread = () if register is None else [(register.table, register.address + n) for n in range(register.words)]
        if register is None or any(place not in words for place in spread):
            rows.refuse(i, Reason.WRONG_SHAPE, channel)
            continue
        value = register.value([words[place] for place in spread])
        if not math.isfinite(value):
            rows.refuse(i, Reason.NOT_FINITE, channel)
            continue
        try:
            rows.claim(i, channel, conversions.convert(channel, value), at)
        except DecodeError as error:
            rows.refuse_for(i, error, channel)
    if not mapping.properties:
        rows.refuse(i, Reason.WRONG_SHAPE)
