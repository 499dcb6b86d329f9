"""Which data no longer arrive, and from when on: on the small town, worked out by hand."""

from __future__ import annotations

from cityward.reach.blast.lost import Lost, LostData, Underfed
from cityward.reach.blast.scenarios import cut
from cityward.reach.blast.subjects import subject_named
from cityward.reach.blast.wiring import compile_cascade
from declarations import loaded, town

FED = (
    "  to-acme:\n",
    "  to-bench: {from: cityward, to: workbench, datasets: [counts], purpose: planning, protocol: http,"
    " agreement: acme-2026, observability: enforced}\n  to-acme:\n",
)


def lost(subject: str, *edits: tuple[str, str]) -> LostData:
    place = loaded(town(FED, *edits)).place
    return cut(place, compile_cascade(place), [subject_named(place, subject)]).lost


def lasting(hours: int) -> tuple[str, str]:
    """The workbench falls so many hours after the platform."""
    bench = "workbench: {kind: analytics, site: yard, operator: acme"
    return bench + "}", f"{bench}, needs: [{{of: [cityward], buffer_hours: {hours}}}]}}"


def test_what_falls_only_later_is_told_to_stand_without_its_data_until_then() -> None:
    gone = lost("cityward", lasting(48)).gone
    assert Lost(dataset="counts", at="workbench") in gone


def test_what_is_dark_from_the_first_hour_is_not_told_to_lack_data() -> None:
    assert "workbench" not in {one.at for one in lost("cityward", lasting(0)).gone}


TO = "purpose: planning, protocol: http, observability: enforced"

RELAY = (
    "workbench: {kind: analytics, site: yard, operator: acme}",
    "workbench: {kind: analytics, site: yard, operator: acme}\n"
    "  feed: {kind: control, site: yard, operator: council}\n"
    "  relay: {kind: control, site: yard, operator: council, needs: [{of: [feed], buffer_hours: 9}]}\n"
    "  screen: {kind: control, site: yard, operator: council}",
)
RELAYED = (
    "  to-acme:\n",
    f"  to-relay: {{from: cityward, to: relay, datasets: [counts], {TO}}}\n"
    "  to-screen: {from: relay, to: screen, datasets: [counts], purpose: planning, protocol: http, observability: imported}\n"
    "  to-acme:\n",
)


def test_what_falls_later_hands_on_until_then() -> None:
    """The relay stands nine hours without its feed. What it misses once dark itself is not told of it."""
    assert lost("feed", RELAY, RELAYED).gone == (Lost(dataset="counts", at="screen", hours=9.0),)


def test_of_two_ways_the_one_that_lasts_counts() -> None:
    direct = f"  direct: {{from: cityward, to: screen, datasets: [counts], {TO}}}\n"
    assert lost("feed", RELAY, RELAYED, ("  to-acme:\n", f"{direct}  to-acme:\n")).gone == ()


def test_what_a_thing_sends_is_only_said_to_rest_perhaps_on_what_it_lacks() -> None:
    """The platform hands counts on, which it is brought: no part of it. The plans it sends are its own."""
    orders = f"  orders: {{from: cityward, to: screen, datasets: [plans], {TO}}}\n"
    plans = "  plans: {personal: false, sensitivity: internal, retention_days: 1}\n"
    told = lost("levels-in", RELAY, ("  to-acme:\n", f"{orders}  to-acme:\n"), ("flows:\n", f"{plans}flows:\n"))
    assert told.underfed == (Underfed(at="cityward", without=("levels",), sends=("plans",)),)
