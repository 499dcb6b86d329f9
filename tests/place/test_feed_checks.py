"""What is said of feeds that cannot be fetched as they are declared."""

from __future__ import annotations

import pytest

from cityward.place.exits import exits_of
from declarations import errors_of, loaded, town

FLEET = "  fleet: {kind: vendor-cloud, site: yard, operator: council, addresses: [feeds.example]}\n"
SYSTEMS = ("\nsystems:\n", f"\nsystems:\n{FLEET}")


def fed(feed: str, protocol: str = "gtfs-realtime", more: str = "") -> str:
    flow = (
        f"\nflows:\n  live:\n    {{from: fleet, to: cityward, datasets: [counts], purpose: planning, protocol: {protocol},"
        f" observability: enforced, feed: {feed}}}\n{more}"
    )
    return town(SYSTEMS, ("\nflows:\n", flow))


PLAN = """  plan:
    {from: fleet, to: cityward, datasets: [counts], purpose: planning, protocol: gtfs, observability: enforced,
     feed: {file: plan.zip}}
"""
GOOD = '{url: "https://feeds.example/rt?key=1", every_s: 20, timetable: plan}'


def test_a_feed_that_is_declared_well_is_an_exit_of_the_platform() -> None:
    exits = exits_of(loaded(fed(GOOD, more=PLAN)).place)
    one = exits["feed:live"]
    assert (one.host, one.port, one.sealed, one.flows) == ("feeds.example", 443, "tls", ("live",))
    assert "feed:plan" not in exits  # it is a file


WRONG = {
    "two sources": (fed('{url: "https://feeds.example/rt", file: a.pb}'), "one source"),
    "no source": (fed("{every_s: 20}"), "one source"),
    "another's address": (fed('{url: "https://other.example/rt"}'), "none of the declared addresses"),
    "in the open": (fed('{url: "http://feeds.example/rt"}'), "protects nothing"),
    "no address": (fed('{url: "feeds.example/rt"}'), "cannot be read"),
    "no way to a feed": (fed('{url: "smtps://feeds.example"}'), "is no way to a feed"),
    "too large for the log": (fed("{file: a.pb, max_bytes: 2000000}"), "more than the log takes"),
    "a timetable that is none": (fed("{file: a.pb, timetable: live}"), "can be held against"),
    "another protocol": (fed("{file: a.pb}", "http"), "documents come to the platform"),
    "above the folder": (fed("{file: ../a.pb}"), "file"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_feed_that_cannot_be_fetched_is_an_error(mistake: str) -> None:
    text, said = WRONG[mistake]
    assert any(said in error for error in errors_of(text))


def test_documents_without_a_source_are_an_error() -> None:
    text = fed("{file: a.pb}").replace(", feed: {file: a.pb}", "")
    assert any("nothing says from where" in error for error in errors_of(text))
