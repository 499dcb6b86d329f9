"""Admissions in several entries: as many as it takes, and the same again when they are put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.evidence import admissions
from cityward.evidence.admissions import joined, split
from cityward.evidence.records import Admission, AdmissionPart, AnyRecord, Lifecycle, encode
from cityward.evidence.tiles import ENTRY_MOST

WORDS = ["out-of-range", "rate-exceeded", "not-json", "duplicate"]


def admission(flows: int, words: int = 1, last_seq: int = 9) -> Admission:
    return Admission(
        at=1, by="worker-0", stream="s", partitions=(0,), first_seq=1, last_seq=last_seq,
        received=flows, admitted=0, shed=0, refused={"out-of-range": flows},
        by_flow={f"flow-{n:06d}": (1, 0, 1, 0) for n in range(flows)},
        by_reason={f"flow-{n:06d}": dict.fromkeys(WORDS[:words], 1) for n in range(flows)},
        digest="0" * 64, declaration="d",
    )  # fmt: skip


def entries(*records: AnyRecord) -> list[tuple[str, AnyRecord]]:
    return [(f"log:{n}", record) for n, record in enumerate(records)]


def test_what_fits_is_one_entry() -> None:
    assert split(admission(10)) == (admission(10),)


@pytest.mark.parametrize(("flows", "words"), [(1_000, 1), (4_000, 1), (10_000, 4)])
def test_many_flows_take_several_entries_none_too_large(flows: int, words: int) -> None:
    whole = admission(flows, words)
    parts = split(whole)
    assert [type(p) for p in parts] == [AdmissionPart] * (len(parts) - 1) + [Admission]
    assert len(parts) > 1 and max(len(encode(p)) for p in parts) <= ENTRY_MOST
    [(entry, again)] = joined(entries(*parts))
    assert (entry, again.by_flow, again.by_reason) == (f"log:{len(parts) - 1}", whole.by_flow, whole.by_reason)


def test_parts_that_no_admission_follows_say_nothing() -> None:
    cut_short, whole = split(admission(4_000)), admission(3, last_seq=5)
    stopped = Lifecycle(at=1, by="steward", event="stopped", detail={})
    assert [r for _, r in joined(entries(*cut_short[:-1], whole, cut_short[0], stopped))] == [whole]


def test_an_admission_whose_first_parts_are_not_given_is_left_out() -> None:
    parts = split(admission(4_000))
    assert not [*joined(entries(*parts[1:]))]


@given(counts=st.lists(st.integers(1, 40), max_size=5), most=st.integers(1, 2000))
def test_any_series_comes_back_whole(counts: list[int], most: int) -> None:
    wholes = [admission(count, last_seq=n + 1) for n, count in enumerate(counts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admissions, "MOST", most)
        log = entries(*[part for whole in wholes for part in split(whole)])
    again = [r for _, r in joined(log)]
    assert [(r.last_seq, r.by_flow, r.by_reason) for r in again] == [
        (r.last_seq, r.by_flow, r.by_reason) for r in wholes
    ]
