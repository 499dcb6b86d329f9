"""JSON as a gate must read it: bounded, and refusing what parsers quietly repair.

Python's and msgspec's parsers let the last of two equal keys win, accept NaN (Python's), and differ on deep nesting. A
sender that two readers understand differently can smuggle a value past one of them, so all of it is refused here.

INVARIANT: `parse` raises only `DecodeError`, and costs time and memory in proportion to `MAX_BYTES` at most.
SPEC: RFC 8259; RFC 7493 (I-JSON) 2.1 (UTF-8, no lone surrogates), 2.3 (unique names).
"""

from __future__ import annotations

import json
import re

import msgspec
import numpy as np

from cityward.errors import DecodeError
from cityward.guard.reasons import Reason

MAX_BYTES = 1_048_576  # PRECEDENT: the broker's own default for one message; FlowLimits.max_message_bytes ends here too
MAX_DEPTH = 32

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()

# Only what nests is kept, braces written as brackets (whether they pair up is the parser's business).
_NESTING = bytes.maketrans(b"{}", b"[]")
_NOT_NESTING = bytes(b for b in range(256) if b not in b'[]{}"')
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"?')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(payload: bytes) -> object:
    """The value of one JSON text, as dicts, lists, strings, numbers, booleans and None.

    A number beyond the range of a float comes back as an infinity or a long integer: `values.number` refuses it, so that
    one wild reading does not take its whole batch with it.

    Raises:
        DecodeError: TOO_LARGE, TOO_DEEP, NOT_UTF8, NOT_JSON, DUPLICATE_KEY, or NOT_FINITE (the words NaN, Infinity).
    """
    if len(payload) > MAX_BYTES:
        raise refusal(Reason.TOO_LARGE, f"{len(payload)} bytes are more than {MAX_BYTES}")
    if nests_too_deep(payload):
        raise refusal(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if b"\\" not in payload:
        try:
            value = _DECODER.decode(payload)
            if members(value) == payload.count(b":"):
                return value
        except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
            pass  # the careful reader below says what is wrong
    return _careful(payload)


def members(value: object) -> int:
    """The number of `:` in the value written as JSON.

    Why it finds duplicates: in a text without a backslash every `:` either separates a member's name from its value or
    stands inside a string. All that was kept is written again; a member that was dropped has taken at least its own `:`
    along. So the text has more colons than this exactly when a key came twice.
    """
    return _ENCODER.encode(value).count(b":")


def nests_too_deep(payload: bytes) -> bool:
    """Whether arrays and objects nest deeper than `MAX_DEPTH`, without parsing.

    Follows the brackets that stand outside strings. Up to where a text stops being JSON this is the parser's own depth;
    what comes behind that place the parser never reaches.
    """
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return False
    if b"\\" in payload:
        payload = _ESCAPE.sub(b"", payload)
    nesting = payload.translate(_NESTING, _NOT_NESTING).replace(b'""', b"")
    if b'"' in nesting:
        nesting = _STRING.sub(b"", nesting)
    opens = np.frombuffer(nesting, dtype=np.uint8) == ord("[")
    return int(np.cumsum(np.where(opens, 1, -1), dtype=np.int32).max(initial=0)) > MAX_DEPTH


def refusal(reason: Reason, what: str) -> DecodeError:
    """The error that becomes a fault of this reason."""
    return DecodeError(reason.name, what)


def _careful(payload: bytes) -> object:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise refusal(Reason.TOO_DEEP, "nested too deep to parse") from None
    except UnicodeEncodeError:
        raise refusal(Reason.NOT_UTF8, "half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise refusal(Reason.NOT_JSON, f"not JSON at character {error.pos}") from None
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refusal(Reason.DUPLICATE_KEY, "a key is given twice in one object")
    return found


def _constant(word: str) -> object:
    raise refusal(Reason.NOT_FINITE, f"{word} is not a JSON number")


def _integer(digits: str) -> int | float:
    # SECURITY: int() of many digits takes quadratic time; beyond a float's range only the infinity is needed.
    return int(digits) if len(digits) <= 310 else float(digits)
