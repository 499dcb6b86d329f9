"""Feeds from bytes: both forms, NYCT's extension, and bytes that are none."""

from __future__ import annotations

import msgspec
import pytest
from google.transit import gtfs_realtime_pb2
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import DecodeError
from cityward.transit import decoding
from cityward.transit.cutting import without
from cityward.transit.decoding import MOST_BYTES, MOST_JSON_BYTES, decode
from transits import NOON, alert, body, feed, stop, trip, update, vehicle


def wire(*, extension: tuple[int, bytes] | None = None) -> bytes:
    """A feed of one trip update as protocol buffers; extension: what stands under field 1001 of its trip."""
    raw = gtfs_realtime_pb2.FeedMessage()
    raw.header.gtfs_realtime_version = "1.0"
    raw.header.timestamp = NOON
    one = raw.entity.add(id="t")
    one.trip_update.trip.trip_id = "038236_A..N55R"
    if extension is not None:
        number, data = extension
        tag = (number << 3) | 2
        field = bytes([tag & 0x7F | 0x80, tag >> 7, len(data)]) + data
        one.trip_update.trip.MergeFromString(field)
    return raw.SerializeToString()


def test_both_forms_of_a_feed_say_the_same() -> None:
    said = feed(update(), vehicle(), alert({"routeId": "r1"}))
    assert decode(without(body(update(), vehicle(), alert({"routeId": "r1"})), (), {})) == said
    assert said.entities[0].trip_update is not None
    assert said.entities[0].trip_update.stops[0].arrival is not None
    assert said.entities[0].trip_update.stops[0].arrival.time == NOON + 300


def test_what_is_not_said_is_none_and_never_a_default() -> None:
    (entity,) = feed(update(stop(arrival={}, departure=None, scheduleRelationship=None), of={})).entities
    assert entity.trip_update is not None
    (one,) = entity.trip_update.stops
    assert (one.relationship, one.departure) == (None, None)
    assert one.arrival is not None
    assert (one.arrival.time, one.arrival.delay) == (None, None)
    assert (entity.is_deleted, entity.trip_update.trip.relationship) == (None, None)


def test_the_trip_of_nyct_says_its_train() -> None:
    # SPEC: NyctTripDescriptor: train_id = 1 (text), is_assigned = 2 (bool), direction = 3 (SOUTH is 3)
    said = decode(wire(extension=(1001, b"\x0a\x041A 0" + b"\x10\x01\x18\x03"))).entities[0].trip_update
    assert said is not None
    assert said.trip.nyct is not None
    assert (said.trip.nyct.train_id, said.trip.nyct.assigned, said.trip.nyct.direction) == ("1A 0", True, "SOUTH")


@pytest.mark.parametrize("extension", [(1002, b"\x0a\x01x"), (1001, b"\xff\xff")], ids=["another", "no message"])
def test_what_is_no_extension_of_nyct_is_passed_over(extension: tuple[int, bytes]) -> None:
    said = decode(wire(extension=extension)).entities[0].trip_update
    assert said is not None
    assert said.trip.nyct is None


def test_what_is_left_out_of_a_feed_leaves_the_rest_as_it_was() -> None:
    before = body(update(stop(), stop("bank", 3, 600), entity="one"), vehicle(entity="two"), update(entity="three"))
    after = decode(without(before, {2}, {0: {0}}))
    assert [e.id for e in after.entities] == ["one", "two"]
    assert after.entities[0].trip_update is not None
    assert [s.stop_id for s in after.entities[0].trip_update.stops] == ["bank"]
    assert after.entities[1] == decode(before).entities[1]
    kept = decode(without(wire(extension=(1001, b"\x0a\x01x")), set(), {})).entities[0].trip_update
    assert kept is not None
    assert kept.trip.nyct is not None


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "undecodable"),
        (b"\x00" * 17, "undecodable"),
        (b"hello, this is no feed", "undecodable"),
        (b"{}", "undecodable"),
        (b'{"header": {"gtfsRealtimeVersion": 1, "timestamp": "x"}}', "undecodable"),
        (b'{"header": {}, "header": {}}', "undecodable"),
        (b'{"header":' + b'{"a":' * 40 + b"1" + b"}" * 41, "too-deep"),
        (b"\xff" * 40, "undecodable"),
        (b" " * (MOST_BYTES + 1), "too-large"),
        (b"\x0a\x05\x0a\x032.0" + b"\x12\x00" * 50_001, "too-large"),
        (b"\x0a\x03\x0a\x01\xff", "undecodable"),
    ],
    ids=[
        "empty",
        "zeros",
        "text",
        "no header",
        "wrong types",
        "twice",
        "deep",
        "ones",
        "large",
        "entities",
        "no UTF-8",
    ],
)
def test_bytes_that_are_no_feed_are_refused_with_a_reason(blob: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(blob)
    assert caught.value.reason == reason


@given(st.binary(max_size=300))
def test_any_bytes_are_a_feed_or_an_error(blob: bytes) -> None:
    for data in (blob, b"{" + blob, wire() + blob):
        try:
            msgspec.json.encode(decode(data))
        except DecodeError as error:
            assert error.reason in {"too-large", "too-deep", "undecodable"}


def test_an_id_longer_than_any_is_cut() -> None:
    said = feed(update(of=trip(tripId="x" * 9000))).entities[0].trip_update
    assert said is not None
    assert said.trip.trip_id == "x" * 512


def test_more_json_than_is_read_in_time_is_refused_before_it_is_read() -> None:
    head = b'{"header": {"gtfsRealtimeVersion": "2.0"}, "entity": ['
    blob = head + b"{}," * ((MOST_JSON_BYTES - len(head)) // 3)
    assert len(blob) <= MOST_JSON_BYTES < len(blob) + 4
    with pytest.raises(DecodeError) as caught:
        decode(blob + b"{},{}")
    assert caught.value.reason == "too-large"


@pytest.mark.parametrize("unit", [b"{}", b'{"stopId":"a"}'], ids=["nothing", "a word"])
def test_json_of_more_objects_than_any_feed_has_is_refused_before_they_are_made(
    unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_OBJECTS", 100)
    head = b'{"header":{"gtfsRealtimeVersion":"2.0"},"entity":[{"id":"a","tripUpdate":{"trip":{},"stopTimeUpdate":['
    assert decode(head + b",".join([unit] * 90) + b"]}}]}").entities
    with pytest.raises(DecodeError, match="objects of JSON") as caught:
        decode(head + b",".join([unit] * 100) + b"]}}]}")
    assert caught.value.reason == "too-large"
