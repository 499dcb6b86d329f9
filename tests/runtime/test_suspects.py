"""Suspect marks follow the standings of devices."""

from __future__ import annotations

from cityward.insight.marks import OPEN, MarkState
from cityward.runtime.watching.suspects import suspect_changes
from cityward.watch.findings import DeviceStanding, state_of

NOW = 1_760_011_200_000_000


def standing(device: str, trust: float) -> DeviceStanding:
    return DeviceStanding(device=device, trust=trust, state=state_of(trust), since=NOW - 5, because=("f1", "f2"))


def test_a_quarantined_device_is_suspect_from_the_beginning_of_what_was_found():
    begin, end = suspect_changes(
        [], {"loop": standing("loop", 0.2), "lux": standing("lux", 0.7)}, {"loop": NOW - 99}, NOW
    )
    assert [(m.device, m.since, m.until, m.state) for m in begin] == [("loop", NOW - 99, OPEN, MarkState.SUSPECT)]
    assert begin[0].why == "quarantined: f1, f2" and not end


def test_it_stays_marked_while_it_is_not_trusted_and_once_only():
    begin, _ = suspect_changes([], {"loop": standing("loop", 0.2)}, {}, NOW)
    assert begin[0].since == NOW - 5
    for trust in (0.1, 0.6):
        assert suspect_changes(begin, {"loop": standing("loop", trust)}, {}, NOW + 9) == ([], [])


def test_trusted_again_its_mark_has_an_end_and_keeps_its_id():
    begin, _ = suspect_changes([], {"loop": standing("loop", 0.2)}, {}, NOW)
    for standings in ({}, {"loop": standing("loop", 0.9)}):
        again, end = suspect_changes(begin, standings, {}, NOW + 9)
        assert not again and [(m.id, m.since, m.until) for m in end] == [(begin[0].id, begin[0].since, NOW + 9)]


def test_the_same_standing_seen_again_after_a_crash_is_the_same_mark():
    first, second = (
        suspect_changes([], {"loop": standing("loop", 0.2)}, {"loop": NOW - 99}, at)[0] for at in (NOW, NOW + 7)
    )
    assert first[0].id == second[0].id
