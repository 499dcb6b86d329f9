"""What an exercise has seen of its twin so far: all that a must may look at.

INVARIANT: nothing is in here that the twin did not put on record, answer, or report as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from cityward.evidence.records import AnyRecord, Found, Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web door, or the broker, said to a step. status: HTTP's, or 0 where the broker refused, 200 where it took it.

    A broker acknowledges also what it throws away because the sender may not say it there (MQTT 3.1.1 3.3.5): such a step is
    answered 200, and its refusal is on record (`Lifecycle`, `broker-refusals`; a finding of `refused-topics`).
    by_status: of a step with copies. body: the last answer's, at most 64 KiB.
    """

    status: int
    at: int
    body: bytes = b""
    by_status: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at one moment.

    entries: id and record, in the order of their times, from the exercise's beginning on. values: (unit, property) -> city us,
    value. done: key of a step -> city us at which it was begun. answers: key of a step -> what was said. now: city us. alive:
    the twin's processes that run.
    """

    began: int
    now: int
    entries: Sequence[tuple[str, AnyRecord]]
    done: Mapping[str, int]
    answers: Mapping[str, Answer]
    values: Mapping[tuple[str, str], tuple[int, float]]
    alive: frozenset[str] = frozenset()

    def of(self, kind: type[R]) -> Sequence[R]:
        """The records of a kind, oldest first."""
        return cast("Sequence[R]", [record for _, record in self.entries if isinstance(record, kind)])

    def first(self, kind: type[R], such: Callable[[R], bool], since: int = 0) -> int | None:
        """When the first such record was written, from `since` on; None: there is none."""
        return next((record.at for record in self.of(kind) if record.at >= since and such(record)), None)

    def found(self, *detectors: str, of: Callable[[str], bool] | None = None, since: int = 0) -> int | None:
        """When one of the detectors first told of a subject (`of`: which), from `since` on."""
        return self.first(
            Found,
            lambda one: one.detector in detectors and one.phase == "began" and (of is None or of(one.subject)),
            since,
        )

    def status(self, step: str) -> int | None:
        """What a step was answered; None: not yet."""
        answer = self.answers.get(step)
        return None if answer is None else answer.status

    def refused(self, step: str, *statuses: int) -> int | None:
        """When a step was refused: by the broker, or with one of the statuses (default 401, 403)."""
        answer = self.answers.get(step)
        wanted = (0, *(statuses or (401, 403)))
        return answer.at if answer is not None and answer.status in wanted else None
