"""Rules of headers and clocks: what a feed says of itself, and when."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from cityward.transit.realtime import DIFFERENTIAL, Feed
from cityward.transit.rules.case import Case, Found, Need, error, warning

# PRECEDENT: both ends lie outside any feed's life, and inside what a clock in milliseconds or in days since some epoch gives.
FIRST_TIME = 946_684_800  # 2000-01-01
LAST_TIME = 4_102_444_800  # 2100-01-01
MOST_AHEAD_S = 60
MOST_REFRESH_S = 35
MOST_AGE_S = 65
VERSIONS = ("1.0", "2.0")


def _timestamps(feed: Feed) -> Iterator[tuple[int, str, int]]:
    """The time of the header, of each trip update and of each vehicle, where it is said; 0 says nothing."""
    if feed.header.timestamp:
        yield -1, "header.timestamp", feed.header.timestamp
    for i, update in feed.trip_updates():
        if update.timestamp:
            yield i, "trip_update.timestamp", update.timestamp
    for i, vehicle in feed.vehicles():
        if vehicle.timestamp:
            yield i, "vehicle.timestamp", vehicle.timestamp


def _times(feed: Feed) -> Iterator[tuple[int, str, int]]:
    """Every time of a feed."""
    yield from _timestamps(feed)
    for i, update in feed.trip_updates():
        for n, stop in enumerate(update.stops):
            for name, event in (("arrival", stop.arrival), ("departure", stop.departure)):
                if event is not None and event.time is not None:
                    yield i, f"trip_update.stop_time_update[{n}].{name}.time", event.time
    for i, alert in feed.alerts():
        for n, span in enumerate(alert.active):
            for name, at in (("start", span.start), ("end", span.end)):
                if at:
                    yield i, f"alert.active_period[{n}].{name}", at


@error("E001", "Not in POSIX time")
def not_posix(case: Case) -> Found:
    """Seconds between 2000 and 2100."""
    for entity, path, at in _times(case.feed):
        if not FIRST_TIME <= at < LAST_TIME:
            yield entity, path, f"{at} is no time of ours in seconds since 1970"


@error("E012", "Header `timestamp` should be greater than or equal to all other timestamps")
def header_not_newest(case: Case) -> Found:
    """A header without a time is W001's."""
    head = case.feed.header.timestamp
    for entity, path, at in _timestamps(case.feed):
        if head and at > head:
            yield entity, path, f"{at} is {at - head} s after the header's {head}"


@error("E017", "Content changed but has the same header `timestamp`", Need.BEFORE)
def same_time_other_content(case: Case) -> Found:
    """Content: the entities, in their order."""
    before, head = case.before, case.feed.header.timestamp
    if before is not None and head and head == before.timestamp and content(case) != before.content:
        yield -1, "header.timestamp", f"the content differs from the feed before, the time {head} does not"


@error("E018", "Header `timestamp` decreased between two sequential iterations", Need.BEFORE)
def ran_back(case: Case) -> Found:
    before, head = case.before, case.feed.header.timestamp
    if before is not None and head and head < before.timestamp:
        yield -1, "header.timestamp", f"{head} is {before.timestamp - head} s before the last one, {before.timestamp}"


@error("E038", "Invalid `header.gtfs_realtime_version`")
def wrong_version(case: Case) -> Found:
    version = case.feed.header.version
    if version not in VERSIONS:
        yield -1, "header.gtfs_realtime_version", f"`{version}` is none of {', '.join(VERSIONS)}"


@error("E039", "`FULL_DATASET` feeds should not include `entity.is_deleted`")
def deleted_in_full(case: Case) -> Found:
    """A header that does not say its incrementality is a full one: the standard's default."""
    if case.feed.header.incrementality == DIFFERENTIAL:
        return
    for i, entity in enumerate(case.feed.entities):
        if entity.is_deleted is not None:
            yield i, "is_deleted", f"a full feed says is_deleted: {str(entity.is_deleted).lower()}"


@error("E048", "`header` `timestamp` not populated (v2.0 and higher)")
def no_header_time(case: Case) -> Found:
    if _second(case.feed) and not case.feed.header.timestamp:
        yield -1, "header.timestamp", "not said"


@error("E049", "`header` `incrementality` not populated (v2.0 and higher)")
def no_incrementality(case: Case) -> Found:
    if _second(case.feed) and case.feed.header.incrementality is None:
        yield -1, "header.incrementality", "not said"


@error("E050", "`timestamp` is in the future", Need.NOW)
def in_the_future(case: Case) -> Found:
    """More than 60 s after now."""
    for entity, path, at in _timestamps(case.feed):
        if case.now is not None and at > case.now + MOST_AHEAD_S:
            yield entity, path, f"{at} is {at - case.now} s ahead of {case.now}"


@warning("W001", "`timestamp` not populated")
def no_time(case: Case) -> Found:
    """Of the header, trip updates and vehicles: alerts have no such field."""
    if not case.feed.header.timestamp:
        yield -1, "header.timestamp", "not said"
    for i, update in case.feed.trip_updates():
        if not update.timestamp:
            yield i, "trip_update.timestamp", "not said"
    for i, vehicle in case.feed.vehicles():
        if not vehicle.timestamp:
            yield i, "vehicle.timestamp", "not said"


@warning("W007", "Refresh interval is more than 35 seconds", Need.BEFORE)
def refreshed_seldom(case: Case) -> Found:
    """Only where it was looked at often enough to know: who asks once a minute sees a new feed each time."""
    before, head = case.before, case.feed.header.timestamp
    if before is None or not head or not before.timestamp:
        return
    asked = case.received - before.received if case.received is not None and before.received is not None else 0
    if head - before.timestamp > MOST_REFRESH_S >= asked:
        yield -1, "header.timestamp", f"{head - before.timestamp} s after the feed before"


@warning("W008", "Header `timestamp` is older than 65 seconds", Need.RECEIVED)
def old(case: Case) -> Found:
    head = case.feed.header.timestamp
    if head and case.received is not None and case.received - head > MOST_AGE_S:
        yield -1, "header.timestamp", f"{head} was {case.received - head} s old when it came"


def _second(feed: Feed) -> bool:
    """Version 2.0 or higher."""
    whole = feed.header.version.partition(".")[0]
    return whole.isascii() and whole.isdigit() and len(whole) < 5 and int(whole) >= 2


def content(case: Case) -> str:
    """A digest of the entities, worked out once for a case."""
    found = case.seen.get("content")
    if not isinstance(found, str):
        found = case.seen["content"] = sha256(msgspec.json.encode(case.feed.entities)).hexdigest()
    return found


RULES = (
    not_posix, header_not_newest, same_time_other_content, ran_back, wrong_version, deleted_in_full, no_header_time,
    no_incrementality, in_the_future, no_time, refreshed_seldom, old,
)  # fmt: skip
