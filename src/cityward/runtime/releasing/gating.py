"""Rows held to an allowed decision: the one way from what is held to the release gate, for who asks and for who is sent to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.guard.cells import Asked, Atoms
from cityward.guard.release import Passed, RecipientKeys, Rows, release
from cityward.insight.marks import Mark, covered
from cityward.policy.contract import Decision
from cityward.runtime.releasing.ports import ReleaseBook
from cityward.runtime.releasing.rules import Lane, ReleaseRules


class GatePorts(Protocol):
    """What holding rows to a decision needs."""

    @property
    def book(self) -> ReleaseBook: ...
    @property
    def keys(self) -> Callable[[str], RecipientKeys]: ...
    @property
    def marks(self) -> Callable[[], Sequence[Mark]]: ...
    @property
    def now_us(self) -> Callable[[], int]: ...


def gated(rows: Rows, decision: Decision, rules: ReleaseRules, lane: Lane, asked: Asked, ports: GatePorts) -> Passed:
    """Rows held to an allowed decision."""
    told = ports.book.told(asked.since, asked.until) if decision.form.aggregate else Atoms.none()
    passed = release(
        rows,
        decision,
        rules.layout,
        recipient=lane.recipient,
        keys=ports.keys(lane.recipient),
        now_us=ports.now_us(),
        asked=asked,
        told=told,
        suspect=suspects(rows, ports.marks(), rules),
    )
    assert isinstance(passed, Passed)
    return passed


def suspects(rows: Rows, marks: Sequence[Mark], rules: ReleaseRules) -> NDArray[np.bool_] | None:
    """(N,) which rows are marked; None where none can be."""
    return covered(rows.channel, rows.observed_at, marks, rules.layout.registry) if marks else None
