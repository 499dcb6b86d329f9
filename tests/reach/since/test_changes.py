"""What changed between two small declarations, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityward.place.model import Place
from cityward.reach.since.changes import changes, version_at
from cityward.reach.since.shapes import Since, Version
from cityward.time import DAY, to_us
from declarations import loaded, town

MARCH = to_us(datetime(2026, 3, 1, tzinfo=UTC))
VERSIONS = (Version(digest="a" * 64, at_us=MARCH), Version(digest="b" * 64, at_us=MARCH + 30 * DAY))
TO_ACME = "  to-acme:\n    from: cityward\n    to: acme\n    datasets: [counts]\n    purpose: planning\n"
LEVELS = (TO_ACME, TO_ACME.replace("[counts]", "[counts, levels]"))
AGREED = ("datasets: [counts], purposes: [planning], sites", "datasets: [counts, levels], purposes: [planning], sites")


def place(*edits: tuple[str, str]) -> Place:
    return loaded(town(*edits)).place


def since(before: Place, now: Place, at: int = MARCH + DAY) -> Since:
    return changes(before, now, VERSIONS, at, MARCH + 60 * DAY)


def test_a_flow_that_carries_more_gives_its_recipient_more_and_is_told_with_both_values() -> None:
    told = since(place(), place(LEVELS, AGREED))
    gained = {(one.who, one.mode, one.certain): one for one in told.gained if one.kind == "party"}
    assert gained["acme", "read", True].datasets == ("levels",)
    assert gained["acme", "read", True].sentence == "acme can now read levels."
    assert not [one for one in told.lost if one.who == "acme"]
    [flow] = told.flows
    assert (flow.flow, flow.what, flow.fields) == ("to-acme", "changed", ("datasets counts, now counts, levels",))


def test_what_is_taken_back_is_lost_and_not_gained() -> None:
    told = since(place(LEVELS, AGREED), place())
    assert told.gained == ()
    [lost] = [one for one in told.lost if one.who == "acme" and one.mode == "read"]
    assert lost.sentence == "acme could read levels; that no longer follows for certain."


def test_new_and_removed_flows_are_told_with_their_ends() -> None:
    now = place(("flows:\n", "flows:\n  also: {from: cityward, to: workbench, datasets: [levels], purpose: lighting, "
                 "protocol: http, observability: imported}\n"))  # fmt: skip
    told = since(place(), now)
    assert [(one.flow, one.what) for one in told.flows] == [("also", "added")]
    assert told.sentence.endswith("less of nobody. Flows: 1 added.")
    assert told.flows[0].sentence == "New: also, cityward to workbench, levels, for lighting."
    assert [(one.flow, one.what) for one in since(now, place()).flows] == [("also", "removed")]


def test_nothing_changed_says_so() -> None:
    told = since(place(), place())
    assert told.sentence == "Nothing changed: the same can reach the same, by the same flows."
    assert (told.gained_in_all, told.lost_in_all, told.flows_in_all) == (0, 0, 0)


def test_what_ends_by_its_own_date_counts_as_a_change() -> None:
    ending = place((TO_ACME, f"{TO_ACME}    valid_to: 2026-03-20\n"))
    told = since(ending, ending)
    assert [(one.flow, one.what) for one in told.flows] == [("to-acme", "removed")]


@pytest.mark.parametrize(
    ("at", "digest", "short"),
    [(MARCH - DAY, "a", True), (MARCH, "a", False), (MARCH + 29 * DAY, "a", False), (MARCH + 30 * DAY, "b", False)],
)
def test_the_version_in_force_at_a_moment_is_found(at: int, digest: str, short: bool) -> None:
    found, before = version_at(VERSIONS, at)
    assert (found.digest, before) == (digest * 64, short)
