"""The memory of the watch as bytes: any detector's state written down, and read back into the shape that `begin` gives.

A state is a dataclass of NumPy arrays, numbers, texts, plain dicts, lists and dataclasses of those. It is written as MessagePack,
with a *signature* beside it: the names and types of the fields, the shapes of the arrays that `begin` made, the thresholds and
the channels. What was written under another signature is not read: the detector begins anew, and whoever reads says so.

SECURITY: nothing that is read is run: only the dataclasses that a fresh state is made of are ever made again.
INVARIANT: read(write(state)) equals state, to the last bit of its floats.
"""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast, get_args, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.watch.contract import Card
from cityward.watch.world import World

FORMAT = 1
MOST_BYTES = 8 << 30  # some 180 kB a channel: 40,000 channels
DEEPEST = 12
_DTYPE = re.compile(r"[<>|=][biufUS][0-9]{1,9}")  # no objects


class Notes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the watch writes down at one moment. `parts`: name -> (signature, bytes); `marks`: plain numbers and texts."""

    format: int
    at: int
    position: bytes
    parts: dict[str, tuple[str, bytes]]
    marks: dict[str, int | str] = {}


def pack(notes: Notes) -> bytes:
    """With a digest in front: what is torn is seen."""
    body = msgspec.msgpack.encode(notes)
    return sha256(body).digest() + body


def unpack(data: bytes) -> Notes:
    """The inverse of `pack`.

    Raises:
        DecodeError: torn, of another format, or not notes at all.
    """
    if len(data) > MOST_BYTES or sha256(data[32:]).digest() != data[:32]:
        raise _unreadable("the notes are torn")
    try:
        notes = msgspec.msgpack.decode(data[32:], type=Notes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(str(error)) from error
    if notes.format != FORMAT:
        raise _unreadable(f"the notes are of format {notes.format}, this Cityward writes {FORMAT}")
    return notes


def signature(fresh: Any, world: World, card: Card | None = None) -> str:
    """What the bytes of a state are good for: its shape, its detector's thresholds, the channels of the city."""
    made_of = sha256()
    made_of.update(repr(_shape(fresh, 0)).encode())
    if card is not None:
        made_of.update(repr((card.id, card.reads, sorted(card.parameters.items()))).encode())
    made_of.update(np.ascontiguousarray(world.registry.channel_name).tobytes())
    made_of.update("\n".join(unit.id for unit in world.registry.units).encode())
    return made_of.hexdigest()[:32]


def write(state: Any) -> bytes:
    """A state as bytes.

    Raises:
        TypeError: it holds what cannot be written down: a mistake in the detector.
    """
    return msgspec.msgpack.encode(_out(state, 0))


def read(data: bytes, fresh: Any) -> Any:
    """A state of the same make as `fresh`.

    Raises:
        DecodeError: the bytes are not one.
    """
    known = _classes(type(fresh), {})
    _classes_of_value(fresh, known, 0)
    try:
        state = _back(msgspec.msgpack.decode(data), known, 0)
    except (
        msgspec.DecodeError,
        RecursionError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
    ) as error:
        raise _unreadable(f"{type(error).__name__} {error}") from error
    if type(state) is not type(fresh):
        raise _unreadable(f"a {type(state).__name__} stands where a {type(fresh).__name__} should")
    return state


def _unreadable(why: str) -> DecodeError:
    return DecodeError(Reason.WRONG_SHAPE.name, why, where="the watch's notes", mend="nothing: the watch begins anew")


# -- out ------------------------------------------------------------------------------------------------------------------


def _out(value: Any, depth: int) -> Any:
    """Plain values as they are; all others as [tag, ...]."""
    if depth > DEEPEST:
        raise TypeError("a state nests too deep")
    match value:
        case np.ndarray():
            return _out_array(cast("NDArray[Any]", value))
        case np.generic():
            return _out(value.item(), depth)
        case None | bool() | float() | str() | bytes():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else ["i", str(value)]
        case _:
            return _out_composite(value, depth)


def _out_composite(value: Any, depth: int) -> list[Any]:
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return ["d", [[_out(k, depth + 1), _out(v, depth + 1)] for k, v in pairs]]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _out(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value)}
        return ["c", type(value).__qualname__, fields]
    return _out_sequence(value, depth)


def _out_sequence(value: Any, depth: int) -> list[Any]:
    tag = {list: "l", tuple: "t", deque: "q", set: "s", frozenset: "f"}.get(type(value))
    if tag is None:
        raise TypeError(f"a state holds a {type(value).__name__}, which cannot be written down")
    items = sorted(value) if tag in "sf" else value
    extra = [value.maxlen] if tag == "q" else []
    return [tag, [_out(item, depth + 1) for item in items], *extra]


def _out_array(array: NDArray[Any]) -> list[Any]:
    if not _DTYPE.fullmatch(array.dtype.str):
        raise TypeError(f"a state holds an array of {array.dtype}, which cannot be written down")
    return ["a", array.dtype.str, list(array.shape), np.ascontiguousarray(array).tobytes()]


# -- back -----------------------------------------------------------------------------------------------------------------


def _back(value: Any, known: Mapping[str, type], depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError("nests too deep")
    if not isinstance(value, list):
        return value
    tag, *rest = cast("list[Any]", value)
    match tag:
        case "i":
            return int(rest[0])
        case "a":
            return _back_array(*rest)
        case "d":
            return {_back(k, known, depth + 1): _back(v, known, depth + 1) for k, v in rest[0]}
        case "c":
            return _back_class(known[rest[0]], rest[1], known, depth)
        case _:
            return _back_sequence(tag, rest, known, depth)


def _back_sequence(tag: str, rest: Sequence[Any], known: Mapping[str, type], depth: int) -> Any:
    items = [_back(item, known, depth + 1) for item in rest[0]]
    match tag:
        case "l":
            return items
        case "t":
            return tuple(items)
        case "q":
            return deque(items, maxlen=rest[1])
        case "s":
            return set(items)
        case "f":
            return frozenset(items)
        case _:
            raise ValueError(f"nothing is written as {tag!r}")


def _back_array(dtype: str, shape: Sequence[int], data: bytes) -> NDArray[Any]:
    # SECURITY: NumPy reads more in such a text than a type (it parses what stands in brackets): only these ever reach it
    if not _DTYPE.fullmatch(dtype):
        raise ValueError("an array of no known type")
    kind = np.dtype(dtype)
    return np.frombuffer(data, dtype=kind).reshape(tuple(shape)).copy()


def _back_class(kind: type, fields: Mapping[str, Any], known: Mapping[str, type], depth: int) -> Any:
    names = {f.name for f in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    if names != set(fields):
        raise ValueError(f"{kind.__name__} has the fields {sorted(names)}, the notes have {sorted(fields)}")
    made = object.__new__(kind)  # its fields say all: nothing of its own runs
    for name, value in fields.items():
        object.__setattr__(made, name, _back(value, known, depth + 1))
    return made


# -- what a state is made of ----------------------------------------------------------------------------------------------


def _classes(kind: Any, known: dict[str, type]) -> dict[str, type]:
    """The dataclasses that a type's fields name, and theirs."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if kind.__qualname__ not in known:
            known[kind.__qualname__] = kind
            for hint in get_type_hints(kind).values():
                _classes(hint, known)
        return known
    for argument in get_args(kind):
        _classes(argument, known)
    return known


def _classes_of_value(value: Any, known: dict[str, type], depth: int) -> None:
    """Those that only the values show: a field that is told as `Any`."""
    if depth > DEEPEST:
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        _classes(type(value), known)
        for field in dataclasses.fields(value):
            _classes_of_value(getattr(value, field.name), known, depth + 1)
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            _classes_of_value(item, known, depth + 1)
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[Any]", value):
            _classes_of_value(item, known, depth + 1)


def _shape(value: Any, depth: int) -> Any:
    """The make of a fresh state: names, types, shapes; no values."""
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return (array.dtype.str, array.shape)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and depth <= DEEPEST:
        fields = [(f.name, _shape(getattr(value, f.name), depth + 1)) for f in dataclasses.fields(value)]
        return (type(value).__qualname__, fields)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        pairs = cast("Mapping[Any, Any]", value).items()
        return sorted((repr(k), _shape(v, depth + 1)) for k, v in pairs)
    return type(value).__name__
