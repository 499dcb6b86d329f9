"""Whom a value may rest on."""

from __future__ import annotations

from cityward.guard.confidence import Confidence


def test_confidence_believes_whom_nobody_doubts():
    some = Confidence(trust={"a": 0.4}, quarantined=frozenset({"b"}))
    assert [some.believes(name, 0.5) for name in ("a", "b", "c")] == [False, False, True]
    assert some.believes("a", 0.0) and not some.believes("b", 0.0)
