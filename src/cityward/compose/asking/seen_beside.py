"""Promise against reality for the web door: declared flows with what was seen of them, made by a child, see `compose.beside`.

The child is `cityward reconcile`; what it says is cut down to what a picture of flows shows. Times are city ms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from cityward.compose.beside import Asked, Question
from cityward.compose.setting import Setting
from cityward.errors import LinkError
from cityward.reach.reconcile.outcomes import Bucket, Outcome
from cityward.time import CityClock

PROGRAM = (sys.executable, "-m", "cityward", "reconcile")
MOST_BYTES = 64 << 20
MOST_UNDECLARED = 200
FRESH_S = 60.0
_MEND = "run `cityward reconcile` on the city's machine: it says what is wrong"

State = Literal["seen", "otherwise", "never seen", "not expected", "nobody looks"]
_STATES: Mapping[str, State] = {
    Outcome.AS_DECLARED: "seen",
    Outcome.CHANGED: "otherwise",
    Outcome.SILENT: "never seen",
    Outcome.NOT_EXPECTED: "not expected",
    Outcome.NO_OBSERVER: "nobody looks",
    Outcome.NOT_OBSERVABLE: "nobody looks",
}


class FlowSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A declared flow. last_ms: when it was last seen, city time; differences: where what was seen is not what is declared."""

    flow: str
    state: State
    why: str
    count: int
    last_ms: int | None
    differences: tuple[str, ...]


class Undeclared(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What ran between two ends and is not declared; an end that is not declared either is ""."""

    from_: str
    to: str
    count: int
    last_ms: int | None
    why: str
    seen_at: str


class SeenTold(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. sources: the city itself and the logs that were read; undeclared_in_all: those that are cut included."""

    from_ms: int | None
    until_ms: int | None
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    flows: tuple[FlowSeen, ...]
    undeclared: tuple[Undeclared, ...]
    undeclared_in_all: int
    beyond: int


def asked_seen(setting: Setting, program: Sequence[str] = PROGRAM) -> Asked[bytes]:
    """`web.ports.Doors.seen`: `SeenTold` as JSON."""
    logs = [word for log in setting.city.network_logs if Path(log).is_file() for word in ("--log", log)]
    question = Question(
        said="what was seen",
        program=(*program, setting.city.place, "--state", str(setting.home.root), *logs, "--json"),
        made=partial(made, setting.city.city_clock),
        most_bytes=MOST_BYTES,
        mend=_MEND,
        fresh_s=FRESH_S,
    )
    return Asked(question)


def made(clock: CityClock, data: bytes) -> bytes:
    """What is told of what `cityward reconcile --json` said.

    Raises:
        LinkError: that is no such answer.
    """
    try:
        document = msgspec.json.decode(data, type=dict[str, Any])
        return msgspec.json.encode(_told(clock, document))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        raise LinkError("what was seen could not be read", mend=_MEND) from None


def _told(clock: CityClock, document: Mapping[str, Any]) -> SeenTold:
    given = document["given"]
    strays = sorted(_undeclared(clock, document["sightings"]), key=lambda one: -one.count)
    return SeenTold(
        from_ms=_ms(clock, document["from_us"]),
        until_ms=_ms(clock, document["until_us"]),
        sources=(*(["the city's own gates"] if given["city"] else []), *given["logs"]),
        notes=tuple(document["notes"]),
        flows=tuple(_flow(clock, one) for one in document["flows"]),
        undeclared=tuple(strays[:MOST_UNDECLARED]),
        undeclared_in_all=len(strays),
        beyond=given["beyond"],
    )


def _flow(clock: CityClock, one: Mapping[str, Any]) -> FlowSeen:
    return FlowSeen(
        flow=one["path"].removeprefix("flows."),
        state=_STATES[one["outcome"]],
        why=one["why"],
        count=one["count"],
        last_ms=_ms(clock, one["last_us"]),
        differences=tuple(f"{d['aspect']}: declared {d['declared']}, seen {d['found']}" for d in one["differences"]),
    )


def _undeclared(clock: CityClock, sightings: Iterable[Mapping[str, Any]]) -> Iterable[Undeclared]:
    """By their two ends."""
    by: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in sightings:
        if one["bucket"] == Bucket.UNDECLARED:
            seen = one["seen"]
            ends = (one["source"] or seen["source"], one["destination"] or seen["destination"])
            by.setdefault(ends, []).append(one)
    for (from_, to), mine in by.items():
        last = max((s["seen"]["last_us"] for s in mine if s["seen"]["last_us"] is not None), default=None)
        yield Undeclared(
            from_=from_,
            to=to,
            count=sum(s["seen"]["count"] for s in mine),
            last_ms=_ms(clock, last),
            why="; ".join(dict.fromkeys(s["why"] for s in mine if s["why"])),
            seen_at=str(mine[0]["seen"].get("where_from", "")),
        )


def _ms(clock: CityClock, machine_us: int | None) -> int | None:
    return None if machine_us is None else clock.to_city_us(machine_us) // 1000
