"""Numbers of an exercise, each worked out by hand from a few entries."""

from __future__ import annotations

from dataclasses import replace

from cityward.assurance.examples import admission
from cityward.evidence.records import (
    AnyRecord,
    CommandIssued,
    CommandOutcome,
    CommandRefused,
    Found,
    Heartbeat,
    Standing,
)
from cityward.exercises.judging import Judgement
from cityward.exercises.scenario import Kind, Must, Plan
from cityward.exercises.scoring import WORDS, score
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Send
from cityward.time import HOUR, SECOND

PLAN = Plan(
    steps=(Send(key="lie", at_s=0, unit="counter-1", body=b"[]"),),
    musts=(),
    services=("street-light",),
    alarms=("drift",),
)


def judged(kind: Kind, took_s: float | None, met: bool = True) -> Judgement:
    must = Must(id=f"{kind}-{took_s}", kind=kind, said="", when=lambda _: None, since="lie", within_s=60)
    return Judgement(must, met, took_s if met else None)


def seen(*records: AnyRecord) -> Seen:
    return Seen(0, HOUR, [(f"log:{i}", one) for i, one in enumerate(records)], {}, {}, {})


def numbers(*records: AnyRecord, held: tuple[Judgement, ...] = ()) -> dict[str, float]:
    return score(PLAN, held, seen(*records))


def command(id_: str, at: int = 0, sources: tuple[str, ...] = ()) -> CommandIssued:
    return CommandIssued(
        at=at,
        by="service",
        command_id=id_,
        service="street-light",
        device="lamp-1",
        command="dim",
        value=40,
        cause={},
        sources=sources,
    )


def outcome(id_: str, outcome: str) -> CommandOutcome:
    return CommandOutcome(at=SECOND, by="service", command_id=id_, device="lamp-1", outcome=outcome, level=None)


def found(detector: str, incident: str, began_at: int = SECOND) -> Found:
    return Found(
        at=began_at,
        by="watch",
        finding=f"{detector}-{incident}",
        detector=detector,
        what="",
        subject="counter-1",
        property="",
        severity="high",
        phase="began",
        began_at=began_at,
        score=1.0,
        incident=incident,
        facts={},
    )


def beat(number: int) -> Heartbeat:
    return Heartbeat(at=number, by="worker-0", gate="admit", beat=number, decided={})


def test_detection_takes_its_first_time_and_containment_its_last() -> None:
    held = tuple(judged(kind, took) for kind in (Kind.DETECTED, Kind.CONTAINED) for took in (20, 50))
    told = numbers(held=held)
    assert (told["detect_s"], told["contain_s"]) == (20, 50)


def test_what_was_not_all_contained_has_no_time() -> None:
    told = numbers(held=(judged(Kind.CONTAINED, 20), judged(Kind.CONTAINED, None, met=False)))
    assert "contain_s" not in told
    assert "recover_s" not in told


def test_a_share_of_what_had_to_be_refused_was() -> None:
    assert numbers(held=(judged(Kind.REFUSED, 1), judged(Kind.REFUSED, None, met=False)))["refused"] == 0.5


def test_the_blast_radius_counts_units_flows_and_services_once() -> None:
    standing = Standing(at=1, by="watch", device="counter-1", trust=0.1, state="quarantined", because=())
    refused = CommandRefused(
        at=1, by="service", service="street-light", device="l", command="dim", value=1, reason="rate"
    )
    told = numbers(
        standing,
        standing,
        replace_(standing, "trusted", "lamp-1"),
        admission("in", 3, 1, "stale"),
        admission("ok", 3),
        refused,
    )
    assert (told["units"], told["flows"], told["services"]) == (1, 1, 1)


def replace_(standing: Standing, state: str, device: str) -> Standing:
    return Standing(at=1, by="watch", device=device, trust=1.0, state=state, because=standing.because)


def test_commands_that_rest_on_the_liar_are_wrong() -> None:
    assert numbers(command("a", sources=("counter-1",)), command("b", sources=("other",)))["wrong_commands"] == 1


def test_the_service_level_is_what_was_acknowledged_of_what_was_answered() -> None:
    told = numbers(command("a"), command("b"), outcome("a", "acknowledged"), outcome("b", "timed-out"))
    assert told["service_level"] == 0.5
    assert "service_level" not in numbers(command("a"))


def test_an_unanswered_command_leaves_the_evidence_incomplete() -> None:
    assert numbers(command("a"))["evidence_complete"] == 0
    assert numbers(command("a", at=HOUR - SECOND))["evidence_complete"] == 1  # it may still be answered
    assert numbers(command("a"), outcome("a", "timed-out"))["evidence_complete"] == 1


def test_a_missing_beat_leaves_the_evidence_incomplete() -> None:
    assert numbers(beat(4), beat(5))["evidence_complete"] == 1
    assert numbers(beat(4), beat(6))["evidence_complete"] == 0


def test_what_had_to_be_recorded_and_was_not_leaves_the_evidence_incomplete() -> None:
    assert numbers(held=(judged(Kind.RECORDED, None, met=False),))["evidence_complete"] == 0


def test_an_incident_with_a_finding_about_the_attack_is_no_false_alarm() -> None:
    told = numbers(found("drift", "i1"), found("flatline", "i1"), found("flatline", "i2"))
    assert told["false_alarms"] == 1


def test_what_an_attack_before_this_one_set_off_is_no_false_alarm() -> None:
    assert score(PLAN, (), seen(found("flood", "i1")), others=("flood",))["false_alarms"] == 0


def test_what_began_before_the_exercise_is_no_false_alarm_of_it() -> None:
    before = replace(seen(found("flatline", "i1", began_at=SECOND)), began=2 * SECOND)
    assert score(PLAN, (), before)["false_alarms"] == 0


def test_every_number_is_told_in_words() -> None:
    held = tuple(judged(kind, 1) for kind in Kind)
    assert set(numbers(command("a"), outcome("a", "acknowledged"), held=held)) == set(WORDS)
