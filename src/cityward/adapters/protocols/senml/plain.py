"""The fast reader: packs of plain records, thousands at a time, as columns.

Theory of operation. Nearly all packs use only `bn bt bu` in their first record and `n u v t` in all. Those are decoded into
typed records message by message (so that no message can spill into its neighbour), turned into columns once, and resolved by
NumPy. This reader only ever says *yes*: a message with anything else in it, an unknown name, an odd time, is left to
`resolve`, which knows all the rules and finds the reason. A property-based test holds the two together.

INVARIANT: for every message accepted here, `resolve` gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.rows import NO_CHANNEL
from cityward.adapters.protocols.senml.names import Names
from cityward.adapters.protocols.senml.resolve import MAX_RECORDS
from cityward.adapters.protocols.strict_json import MAX_BYTES
from cityward.adapters.protocols.times import END_OF_TIME_US, LAST_S, RELATIVE_BELOW_S
from cityward.guard.batch import Claims, Messages
from cityward.time import SECOND

ABSENT = float("nan")  # no JSON number decodes to it, so a column knows by itself which records had none


class PlainRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fields of nearly all packs. Empty text and NaN mean: not given."""

    v: float
    n: str = ""
    t: float = ABSENT
    u: str = ""
    bn: str = ""
    bt: float = ABSENT
    bu: str = ""


Pack = list[PlainRecord]

_DECODER = msgspec.json.Decoder(Pack)


@dataclass(frozen=True, slots=True)
class Columns:
    """Packs, transposed: (N,) lists over all records, and the packs' lengths (K,)."""

    lengths: list[int]
    v: list[float]
    n: list[str]
    t: list[float]
    u: list[str]
    bn: list[str]
    bt: list[float]
    bu: list[str]


def read(messages: Messages, names: Names, conversions: Conversions) -> tuple[Claims, list[int]]:
    """(claims without a fault, positions of the messages that `resolve` must read), each in message order."""
    packs = [_pack(unit, payload) for unit, payload in zip(messages.unit, messages.payload, strict=True)]
    which = [i for i, pack in enumerate(packs) if pack]
    columns = _transpose([pack for pack in packs if pack])
    if not _hides_nothing(columns, [messages.payload[i] for i in which]):
        which = [i for i in which if _is_plain(packs[i] or [], messages.payload[i])]
        columns = _transpose([packs[i] or [] for i in which])
    claims = _resolve(columns, messages.take(which), np.array(which, dtype=np.int32), names, conversions)
    accepted = set(claims.message.tolist())
    return claims, [i for i in range(len(messages)) if i not in accepted]


def _pack(unit: int, payload: bytes) -> Pack | None:
    # A backslash is left to the careful reader: without one the colons can be counted (see `_hides_nothing`).
    if unit < 0 or len(payload) > MAX_BYTES or b"\\" in payload:
        return None
    try:
        pack = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return pack if len(pack) <= MAX_RECORDS else None


def _transpose(packs: Sequence[Pack]) -> Columns:
    records = list(chain.from_iterable(packs))
    return Columns(
        lengths=[len(pack) for pack in packs],
        v=[r.v for r in records],
        n=[r.n for r in records],
        t=[r.t for r in records],
        u=[r.u for r in records],
        bn=[r.bn for r in records],
        bt=[r.bt for r in records],
        bu=[r.bu for r in records],
    )


def _hides_nothing(columns: Columns, payloads: Sequence[bytes]) -> bool:
    """Whether no pack hides a duplicate key and none sets a base field after its first record, told by counting.

    SECURITY: of duplicate keys the decoder keeps the last and says nothing. In a text without backslashes every `:` stands
    for one member or inside one string; so the texts have more of them than the decoded fields account for exactly when a
    member was dropped. No text can have fewer, so equal sums mean that each text is equal.
    """
    texts = (columns.n, columns.u, columns.bn, columns.bu)
    colons = len(columns.v) + sum(_given(c) + "".join(c).count(":") for c in texts)
    colons += _given_numbers(columns.t) + _given_numbers(columns.bt)
    return colons == b"".join(payloads).count(b":") and _bases_come_first(columns)


def _bases_come_first(columns: Columns) -> bool:
    if len(columns.lengths) == len(columns.v):
        return True
    firsts = _firsts(columns).tolist()
    return (
        all(_given(c) == _given([c[i] for i in firsts]) for c in (columns.bn, columns.bu))
        and _given_numbers(columns.bt) == _given_numbers([columns.bt[i] for i in firsts])
    )  # fmt: skip


def _is_plain(pack: Pack, payload: bytes) -> bool:
    """`_hides_nothing` of one message: as much work for each, so that one hostile message is no lever on the batch."""
    if any(r.bn or r.bu or r.bt == r.bt for r in pack[1:]):
        return False
    members = sum(1 + (r.t == r.t) + (r.bt == r.bt) for r in pack)
    texts = [text for r in pack for text in (r.n, r.u, r.bn, r.bu) if text]
    return members + len(texts) + "".join(texts).count(":") == payload.count(b":")


def _given(texts: list[str]) -> int:
    return len(texts) - texts.count("")


def _given_numbers(numbers: list[float]) -> int:
    return len(numbers) - int(np.isnan(np.array(numbers, dtype=np.float64)).sum())


def _firsts(columns: Columns) -> NDArray[np.int64]:
    """(K,) where each pack begins."""
    ends = np.cumsum(np.array(columns.lengths, dtype=np.int64))
    return ends - np.array(columns.lengths, dtype=np.int64)


def _resolve(
    columns: Columns, messages: Messages, which: NDArray[np.int32], names: Names, conversions: Conversions
) -> Claims:
    """The claims of the packs of which every record is understood; `which`: (K,) their positions in the whole batch."""
    firsts = _firsts(columns)
    pack = np.repeat(np.arange(len(which)), columns.lengths)
    channel = _channels(columns, firsts.tolist(), messages.unit, names)
    observed_at, in_time = _times(columns, firsts, pack, np.array(messages.received_at, dtype=np.int64))
    value = _values(columns, firsts, pack, channel, conversions)
    understood = (channel >= 0) & in_time & np.isfinite(value)
    whole = np.logical_and.reduceat(understood, firsts) if len(which) else np.zeros(0, dtype=np.bool_)
    keep = whole[pack]
    return Claims(
        message=which[pack][keep],
        channel=channel[keep],
        value=value[keep],
        observed_at=observed_at[keep],
        fault=np.zeros(int(keep.sum()), dtype=np.uint8),
    )


def _channels(columns: Columns, firsts: list[int], units: Sequence[int], names: Names) -> NDArray[np.int32]:
    found: list[int] = []
    for first, length, unit in zip(firsts, columns.lengths, units, strict=True):
        after = names.after(unit, columns.bn[first]).get
        found += [after(name, NO_CHANNEL) for name in columns.n[first : first + length]]
    return np.array(found, dtype=np.int32)


def _times(
    columns: Columns, firsts: NDArray[np.int64], pack: NDArray[np.int64], received_at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    base = np.nan_to_num(np.array(columns.bt, dtype=np.float64)[firsts], nan=0.0)
    own = np.nan_to_num(np.array(columns.t, dtype=np.float64), nan=0.0)
    with np.errstate(over="ignore"):
        at = base[pack] + own
    sane = np.abs(at) <= LAST_S
    shift = np.rint(np.where(sane, at, 0.0) * SECOND).astype(np.int64)
    us = np.where(at < RELATIVE_BELOW_S, received_at[pack] + shift, shift)
    return us, sane & (us >= 0) & (us < END_OF_TIME_US)


def _values(
    columns: Columns,
    firsts: NDArray[np.int64],
    pack: NDArray[np.int64],
    channel: NDArray[np.int32],
    conversions: Conversions,
) -> NDArray[np.float64]:
    value = np.array(columns.v, dtype=np.float64)
    with np.errstate(over="ignore"):
        if not _given(columns.u) and not _given(columns.bu):
            return value * conversions.factor[channel] + conversions.offset[channel]
        base = [columns.bu[first] for first in firsts.tolist()]
        sent = [unit or base[k] for unit, k in zip(columns.u, pack.tolist(), strict=True)]
        pairs = np.array([conversions.find(c, s) for c, s in zip(channel.tolist(), sent, strict=True)]).reshape(-1, 2)
        return value * pairs[:, 0] + pairs[:, 1]
