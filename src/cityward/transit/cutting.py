"""A feed's bytes without some of what it says: everything else stays as its sender wrote it, extensions included."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Collection, Mapping

from cityward.transit.decoding import parse_message


def without(body: bytes, entities: Collection[int], stops: Mapping[int, Collection[int]]) -> bytes:
    """The feed as protocol buffers, without these entities, and without these stop time updates of others.

    Args:
        body: what `decoding.decode` read.
        entities: their numbers.
        stops: entity -> the numbers of its stop time updates.

    Raises:
        DecodeError: as `decoding.decode`.
    """
    raw = parse_message(body)
    for entity, numbers in stops.items():
        updates = raw.entity[entity].trip_update.stop_time_update
        for number in sorted(numbers, reverse=True):
            del updates[number]
    gone = frozenset(entities)
    kept = [one for n, one in enumerate(raw.entity) if n not in gone]
    if gone:
        copies = [one.__class__.FromString(one.SerializePartialToString()) for one in kept]
        del raw.entity[:]
        raw.entity.extend(copies)
    return bytes(raw.SerializePartialToString(deterministic=True))
