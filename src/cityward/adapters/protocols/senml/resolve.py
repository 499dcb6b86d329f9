"""The full rules of SenML, a record at a time: what `plain` cannot say yes to is decided here, and this is what it must equal.

SPEC: RFC 8428 4.1-4.6 (base fields hold until the next record that has them; names and units are resolved; times below
2**28 are relative to now), 4.4 and 12.3.1 (unknown fields are ignored, unless their label ends in `_`); RFC 9100 (the
version is a set of features).

Not read: sums (`s`, `bs`) and update times (`ut`) are known and set aside, since no property of the catalogue is an integral.
String, boolean and data values (`vs`, `vb`, `vd`) are refused: every property of the catalogue is a number, and a lamp's
`true` is not a level of 1 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from cityward.adapters.protocols.strict_json import refusal
from cityward.adapters.protocols.times import senml_us
from cityward.adapters.protocols.values import number
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason

MAX_RECORDS = 1000

VERSIONS = (10, 26)  # SPEC: RFC 9100 2: 10 is RFC 8428 itself; 26 adds the secondary units of RFC 8798
_OWN = frozenset(("n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"))


@dataclass(frozen=True, slots=True)
class Base:
    """The base fields in force at a record."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One record under its base. Nothing but its shape is checked yet."""

    base: Base
    fields: dict[str, object]

    def name(self) -> str:
        """The resolved name. Raises DecodeError: WRONG_SHAPE."""
        return self.base.name + _text(self.fields.get("n", ""))

    def unit(self) -> str:
        """The resolved unit, empty where none is named. Raises DecodeError: WRONG_SHAPE."""
        return _text(self.fields.get("u", "")) or self.base.unit

    def value(self) -> float:
        """The resolved value in the unit as sent. Raises DecodeError: NOT_A_NUMBER, NOT_FINITE."""
        if any(other in self.fields for other in ("vs", "vb", "vd")):
            raise refusal(Reason.NOT_A_NUMBER, "the value is not a number")
        return number(self.base.value + number(self.fields.get("v")))

    def observed_at(self, now_us: int) -> int:
        """The resolved time in us. Raises DecodeError: BAD_TIME."""
        return senml_us(self.base.time, self.fields.get("t", 0.0), now_us)


def readings(pack: object) -> Iterator[Reading]:
    """The records that carry a reading. One that only sets base fields carries none.

    Raises:
        DecodeError: the pack as a whole is refused: WRONG_SHAPE, TOO_LARGE.
    """
    if not isinstance(pack, list) or not pack:
        raise refusal(Reason.WRONG_SHAPE, "a SenML pack is an array of one or more records")
    if len(pack) > MAX_RECORDS:
        raise refusal(Reason.TOO_LARGE, f"{len(pack)} records are more than {MAX_RECORDS}")
    base = Base()
    for record in cast("list[object]", pack):
        if not isinstance(record, dict):
            raise refusal(Reason.WRONG_SHAPE, "a SenML record is an object")
        fields = cast("dict[str, object]", record)
        _check_understood(fields)
        base = _under(base, fields)
        if not _OWN.isdisjoint(fields):
            yield Reading(base, fields)


def _check_understood(fields: dict[str, object]) -> None:
    for label in fields:
        if label.endswith("_"):  # no field we know does
            raise refusal(Reason.WRONG_SHAPE, f"`{label[:32]}` must be understood, and is not")
    if fields.get("bver", VERSIONS[0]) not in VERSIONS:
        raise refusal(Reason.WRONG_SHAPE, f"versions understood: {VERSIONS}")


def _under(base: Base, fields: dict[str, object]) -> Base:
    """The base after this record's own base fields. A base field of a wrong type spoils all that follows: the pack goes."""
    if fields.keys().isdisjoint(("bn", "bt", "bu", "bv")):
        return base
    try:
        return Base(
            name=_text(fields.get("bn", base.name)),
            time=number(fields.get("bt", base.time)),
            unit=_text(fields.get("bu", base.unit)),
            value=number(fields.get("bv", base.value)),
        )
    except DecodeError as error:
        raise refusal(Reason.WRONG_SHAPE, "a base field of a wrong type") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refusal(Reason.WRONG_SHAPE, f"a {type(value).__name__} where a string belongs")
    return value
