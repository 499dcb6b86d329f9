"""What musts wait for, as small predicates over what was seen: each gives the city time at which it was so, or None.

Every one counts from a step on: what was so before the step has another cause. Does not live here: what a must is (`scenario`),
judging it (`judging`).
INVARIANT: a predicate about a step that was not carried out yet is None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from cityward.evidence.records import (
    Admission,
    CommandIssued,
    Contained,
    Found,
    Lifecycle,
    Read,
    Record,
    ReleaseRefused,
    Standing,
)
from cityward.exercises.seen import R, Seen

When = Callable[[Seen], int | None]

DOUBTED = frozenset({"suspect", "quarantined"})


def noticed(since: str, *detectors: str, of: Callable[[str], bool] | None = None) -> When:
    """A detector told of a subject, in an episode that began (or went on) after the step.

    An episode that an earlier attack began may go on: then its next word counts, as the watch does not begin it twice.
    """

    def such(one: Found) -> bool:
        return one.detector in detectors and one.phase != "ended" and (of is None or of(one.subject))

    return recorded(since, Found, such)


def knocked(since: str, address: str) -> When:
    """That many tries from an address fail is told. # INVARIANT: of its own address; others may knock at the same time."""
    return noticed(since, "failed-entries", of=lambda subject: subject == f"address:{address}")


def doubted(since: str, units: Collection[str]) -> When:
    """The last of the units was trusted less than in full: suspect or quarantined."""

    def when(seen: Seen) -> int | None:
        fell = [
            recorded(since, Standing, lambda one, u=u: one.device == u and one.state in DOUBTED)(seen) for u in units
        ]
        known = [at for at in fell if at is not None]
        return max(known) if known and len(known) == len(fell) else None

    return when


def recorded(since: str, kind: type[R], such: Callable[[R], bool]) -> When:
    """Such a record was written after the step."""

    def when(seen: Seen) -> int | None:
        begun = seen.done.get(since)
        return None if begun is None else seen.first(kind, such, begun)

    return when


def held(since: str, kind: type[R], never: Callable[[R], bool]) -> When:
    """To be kept: no such record was written after the step. A finding counts from when what it tells of began: what came before
    the step, and was told after it, the step did not do.
    """

    def when(seen: Seen) -> int | None:
        begun = seen.done.get(since)
        if begun is None:
            return None
        broke = seen.first(
            kind, lambda one: never(one) and not (isinstance(one, Found) and one.began_at < begun), begun
        )
        return seen.now if broke is None else None

    return when


def refused_rows(since: str, flow: str, *reasons: str, least: int = 1) -> When:
    """At least so many rows of a flow were refused or shed after the step; without reasons: for any."""

    def when(seen: Seen) -> int | None:
        begun = seen.done.get(since)
        count = 0
        for one in seen.of(Admission) if begun is not None else ():
            if begun is not None and one.at >= begun:
                by = one.by_reason.get(flow, {})
                count += sum(n for reason, n in by.items() if not reasons or reason in reasons)
                if count >= least:
                    return one.at
        return None

    return when


def goes_on(since: str, flows: Collection[str], after_s: float = 0.0) -> When:
    """Rows of one of the flows were admitted, so many city seconds after the step or later."""

    def such(one: Admission) -> bool:
        return any(one.by_flow[flow][1] > 0 for flow in flows if flow in one.by_flow)

    def when(seen: Seen) -> int | None:
        begun = seen.done.get(since)
        return None if begun is None else seen.first(Admission, such, begun + round(after_s * 1e6))

    return when


def answered(step: str, *statuses: int) -> When:
    """The step was answered with one of the statuses."""

    def when(seen: Seen) -> int | None:
        answer = seen.answers.get(step)
        return answer.at if answer is not None and answer.status in statuses else None

    return when


def turned_away(*steps: str, statuses: Collection[int] = (0, 401, 403)) -> When:
    """All the steps were refused: the time of the last one. Of a step with copies every copy was."""

    def when(seen: Seen) -> int | None:
        answers = [seen.answers.get(step) for step in steps]
        if any(one is None or not set(one.by_status or {one.status: 1}) <= {*statuses} for one in answers):
            return None
        return max(one.at for one in answers if one is not None)

    return when


def broker_said_no(since: str, device: str) -> When:
    """What the broker refused of a topic, or of a message too large, is on record under the device's name.

    Whose topic it was, or who the sender of a message too large said it was.
    """

    def such(one: Lifecycle) -> bool:
        return one.event == "broker-refusals" and any(name.endswith(f" {device}") for name in one.detail)

    return recorded(since, Lifecycle, such)


def broker_refused(since: str, devices: Collection[str], least: int) -> When:
    """So many messages on topics of these devices were refused by the broker, on record.

    It acknowledges them all the same (SPEC: MQTT 3.1.1 3.3.5): what it said to a step does not tell.
    """
    names = tuple(f" {device}" for device in devices)

    def when(seen: Seen) -> int | None:
        begun = seen.done.get(since)
        count = 0
        for one in seen.of(Lifecycle) if begun is not None else ():
            if begun is not None and one.at >= begun and one.event == "broker-refusals":
                count += sum(int(n) for name, n in one.detail.items() if name.endswith(names))
                if count >= least:
                    return one.at
        return None

    return when


def stopped(steps: Collection[str], since: str, devices: Collection[str]) -> When:
    """Each of the steps came to nothing: its sender was turned away, or the broker refused its message, on record.

    Which of the two is a question of time: whoever is cut off in the midst gets no further than the door.
    """

    def when(seen: Seen) -> int | None:
        answers = [answer for step in steps if (answer := seen.answers.get(step)) is not None]
        if len(answers) < len(steps):
            return None
        away = [one.at for one in answers if one.status != 200]
        let_in = len(answers) - len(away)
        at = broker_refused(since, devices, let_in)(seen) if let_in else 0
        return None if at is None else max([at, *away])

    return when


def entries_refused(since: str) -> When:
    """The broker put on record that somebody did not prove who they are."""
    return recorded(since, Lifecycle, lambda one: one.event == "broker-turned-away")


def no_command_rests_on(since: str, units: Collection[str]) -> When:
    """To be kept: once the last of the units was doubted, no command rests on one of them.

    A command that was permitted within a minute of it may have been decided before.
    """
    names = frozenset(units)

    def when(seen: Seen) -> int | None:
        from_ = doubted(since, names)(seen)
        if from_ is None:
            return None
        late = seen.first(CommandIssued, lambda one: not names.isdisjoint(one.sources), from_ + 60_000_000)
        return None if late is not None else seen.now

    return when


def contained(since: str, step: str, target: str = "") -> When:
    """A containment took this step: asked, approved, begun, lifted, expired or refused."""
    return recorded(since, Contained, lambda one: one.step == step and target in one.target)


def was_read(since: str, person: str) -> When:
    """What a person read after the step is on record."""
    return recorded(since, Read, lambda one: one.person == person)


def release_refused(since: str, recipient: str, *reasons: str) -> When:
    """That a recipient (or `person:<name>`) asked and got nothing is on record, with one of the reasons."""

    def such(one: ReleaseRefused) -> bool:
        return one.recipient == recipient and (not reasons or not set(reasons).isdisjoint(one.reasons))

    return recorded(since, ReleaseRefused, such)


def never(since: str, kind: type[Record]) -> When:
    """To be kept: no record of a kind was written after the step."""
    return held(since, kind, lambda _: True)


def both(*whens: When) -> When:
    """All of them: the time of the last."""

    def when(seen: Seen) -> int | None:
        times = [one(seen) for one in whens]
        known = [at for at in times if at is not None]
        return max(known) if len(known) == len(times) else None

    return when
