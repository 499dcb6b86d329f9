"""What an exercise says in numbers, from what was judged and seen. Seconds are the city's; they are measured, not promised.

Does not live here: met or missed (`judging.py`).
INVARIANT: what was not measured has no number: there is no nought for "unknown".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from cityward.evidence.records import (
    Admission,
    CommandIssued,
    CommandOutcome,
    CommandRefused,
    Found,
    Heartbeat,
    Marked,
    PlanRefused,
    Standing,
)
from cityward.exercises.judging import Judgement
from cityward.exercises.planning import is_wrong
from cityward.exercises.scenario import Kind, Plan
from cityward.exercises.seen import Seen
from cityward.time import MINUTE, SECOND

ANSWERED_US = 5 * MINUTE  # a command younger than this may still be answered
WORDS = {
    "detect_s": "city seconds until the attack was first noticed",
    "contain_s": "city seconds until all that had to be contained was",
    "recover_s": "city seconds until all that had to be well again was",
    "refused": "of what had to be refused, this share was",
    "units": "devices under a mark, or no longer trusted",
    "flows": "flows of which something was refused or shed",
    "services": "services with a refused command or plan",
    "wrong_commands": "commands that were given because of the attack",
    "service_level": "share of commands to the touched services that were acknowledged",
    "evidence_complete": "1: every command answered, no beat missing, all that must be on record is, and it verifies",
    "false_alarms": "incidents that opened in the exercise's time and were not about the attack",
    "seconds": "how long it took",
}


def score(plan: Plan, judged: Sequence[Judgement], seen: Seen, others: Collection[str] = ()) -> dict[str, float]:
    """Every number that could be measured. others: detectors that an earlier attack on the same twin may still set off."""
    numbers: dict[str, float | None] = {
        "detect_s": _first(judged, Kind.DETECTED),
        "contain_s": _all(judged, Kind.CONTAINED),
        "recover_s": _all(judged, Kind.RECOVERED),
        "refused": _share(one.met for one in judged if one.must.kind is Kind.REFUSED),
        "units": len(_units(seen)),
        "flows": len(_flows(seen)),
        "services": len(_services(seen)),
        "wrong_commands": sum(is_wrong(plan, one) for one in seen.of(CommandIssued)),
        "service_level": _service_level(plan, seen),
        "evidence_complete": float(_complete(judged, seen)),
        "false_alarms": len(_false_alarms(seen, {*plan.alarms, *others})),
        "seconds": (seen.now - seen.began) / SECOND,
    }
    return {name: round(float(number), 3) for name, number in numbers.items() if number is not None}


def unverified(numbers: dict[str, float]) -> dict[str, float]:
    """The numbers of an exercise whose twin's log does not verify."""
    return {**numbers, "evidence_complete": 0.0}


def _times(judged: Sequence[Judgement], kind: Kind) -> list[float | None]:
    return [one.took_s for one in judged if one.must.kind is kind]


def _first(judged: Sequence[Judgement], kind: Kind) -> float | None:
    return min((took for took in _times(judged, kind) if took is not None), default=None)


def _all(judged: Sequence[Judgement], kind: Kind) -> float | None:
    times = _times(judged, kind)
    known = [took for took in times if took is not None]
    return max(known) if known and len(known) == len(times) else None


def _share(held: Iterable[bool]) -> float | None:
    all_ = list(held)
    return sum(all_) / len(all_) if all_ else None


def _units(seen: Seen) -> set[str]:
    marked = {one.device for one in seen.of(Marked) if one.state != "cleared"}
    return marked | {one.device for one in seen.of(Standing) if one.state != "trusted"}


def _flows(seen: Seen) -> set[str]:
    return {
        name
        for admission in seen.of(Admission)
        for name, (_, _, refused, shed) in admission.by_flow.items()
        if refused or shed
    }


def _services(seen: Seen) -> set[str]:
    return {one.service for one in seen.of(CommandRefused)} | {one.service for one in seen.of(PlanRefused)}


def _service_level(plan: Plan, seen: Seen) -> float | None:
    asked = {one.command_id for one in seen.of(CommandIssued) if one.service in plan.services}
    return _share(one.outcome == "acknowledged" for one in seen.of(CommandOutcome) if one.command_id in asked)


def _complete(judged: Sequence[Judgement], seen: Seen) -> bool:
    recorded = all(one.met for one in judged if one.must.kind is Kind.RECORDED)
    answered = {one.command_id for one in seen.of(CommandOutcome)}
    due = {one.command_id for one in seen.of(CommandIssued) if seen.now - one.at > ANSWERED_US}
    return recorded and due <= answered and _unbroken(seen)


def _unbroken(seen: Seen) -> bool:
    """No beat of any gate is missing between two that are there. A gate that begins again counts on from its last."""
    last: dict[str, int] = {}
    for one in seen.of(Heartbeat):
        if one.gate in last and one.beat != last[one.gate] + 1:
            return False
        last[one.gate] = one.beat
    return True


def _false_alarms(seen: Seen, expected: Collection[str]) -> set[str]:
    """Incidents that began here and of which no finding is about the attack."""
    begun = _incidents(seen, lambda one: one.phase == "began" and one.began_at >= seen.began)
    told = _incidents(seen, lambda one: one.detector in expected)
    return begun - told


def _incidents(seen: Seen, such: Callable[[Found], bool]) -> set[str]:
    return {one.incident for one in seen.of(Found) if such(one)}
