"""What musts wait for is met by the record that says so, after the step, and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from cityward.evidence.records import (
    Admission,
    AnyRecord,
    CommandIssued,
    Contained,
    Found,
    Lifecycle,
    Read,
    ReleaseRefused,
    Standing,
)
from cityward.exercises.expecting import (
    When,
    answered,
    both,
    broker_said_no,
    contained,
    doubted,
    entries_refused,
    goes_on,
    held,
    no_command_rests_on,
    noticed,
    refused_rows,
    release_refused,
    turned_away,
    was_read,
)
from cityward.exercises.scenarios.s_15_recorders_wiped import NO_STREAM
from cityward.exercises.scenarios.s_22_late_exclusion import _as_computed
from cityward.exercises.scenarios.s_23_injected_text import _clean
from cityward.exercises.seen import Answer, Seen
from cityward.time import MINUTE, SECOND

STEP = 1_000 * SECOND


def seen(*records: AnyRecord, answers: Mapping[str, Answer] | None = None, done: bool = True) -> Seen:
    entries = [(f"log:{n}", record) for n, record in enumerate(records)]
    return Seen(0, STEP + 10 * MINUTE, entries, {"step": STEP} if done else {}, answers or {}, {})


def found(at: int, detector: str = "silence", subject: str = "meter-01", phase: str = "began") -> Found:
    return Found(
        at=at, by="watch", finding="f", detector=detector, what="w", subject=subject, property="", severity="high",
        phase=phase, began_at=at, score=1.0, incident="i", facts={},
    )  # fmt: skip


def admission(at: int, admitted: int = 1, refused: Mapping[str, int] | None = None) -> Admission:
    by_reason = {"flow": dict(refused)} if refused else {}
    out = sum((refused or {}).values())
    return Admission(
        at=at, by="worker-0", stream="s", partitions=(0,), first_seq=1, last_seq=2, received=admitted + out,
        admitted=admitted, shed=0, refused=dict(refused or {}), by_flow={"flow": (admitted + out, admitted, out, 0)},
        by_reason=by_reason, digest="", declaration="",
    )  # fmt: skip


def command(at: int, *sources: str) -> CommandIssued:
    return CommandIssued(
        at=at, by="service", command_id="c", service="s", device="lamp-01", command="dim", value=40.0, cause={},
        sources=sources,
    )  # fmt: skip


def standing(at: int, state: str = "suspect") -> Standing:
    return Standing(at=at, by="watch", device="meter-01", trust=0.5, state=state, because=())


def refusal(at: int, *reasons: str) -> ReleaseRefused:
    return ReleaseRefused(
        at=at, by="web", recipient="desk", dataset="d", purpose="p", source="", reasons=reasons, count=1, rules=""
    )


def containment(at: int, step: str) -> Contained:
    return Contained(
        at=at, by="steward", containment="c", step=step, target="party:acme", person="ada", reason="r", until=0,
        units=1, digest="", cost={},
    )  # fmt: skip


def life(at: int, event: str, **detail: str) -> Lifecycle:
    return Lifecycle(at=at, by="steward", event=event, detail={name.replace("_", " "): n for name, n in detail.items()})


BROKER = Lifecycle(at=STEP + 1, by="steward", event="broker-refusals", detail={"broker-refused meter-01": "3"})
READ = Read(at=STEP + 1, by="web", person="ada", session="s", what={"device": 1}, since=0, until=1)
CASES: dict[str, tuple[When, AnyRecord]] = {
    "a finding": (noticed("step", "silence", of=lambda s: s == "meter-01"), found(STEP + 1)),
    "doubt": (doubted("step", ["meter-01"]), standing(STEP + 1)),
    "rows that were refused": (refused_rows("step", "flow", "replay", least=2), admission(STEP + 1, 0, {"replay": 2})),
    "a flow that goes on": (goes_on("step", ["flow"]), admission(STEP + 1)),
    "what the broker refused": (broker_said_no("step", "meter-01"), BROKER),
    "who was turned away": (entries_refused("step"), life(STEP + 1, "broker-turned-away", count="1")),
    "a containment": (contained("step", "begun", "acme"), containment(STEP + 1, "begun")),
    "what was read": (was_read("step", "ada"), READ),
    "a release that was refused": (release_refused("step", "desk", "pending"), refusal(STEP + 1, "pending")),
}
every_case = pytest.mark.parametrize(("when", "record"), CASES.values(), ids=CASES.keys())


@every_case
def test_it_is_met_when_the_record_is_there(when: When, record: AnyRecord) -> None:
    assert when(seen(record)) == STEP + 1


@every_case
def test_it_is_not_met_without_the_record_or_before_the_step(when: When, record: AnyRecord) -> None:
    assert when(seen()) is None
    assert when(seen(msgspec.structs.replace(record, at=STEP - 1))) is None
    assert when(seen(record, done=False)) is None


def test_a_finding_of_another_subject_or_that_ended_is_no_notice() -> None:
    when = noticed("step", "silence", of=lambda subject: subject == "meter-01")
    assert when(seen(found(STEP + 1, subject="meter-02"), found(STEP + 2, phase="ended"))) is None


def test_all_copies_have_to_be_turned_away() -> None:
    when = turned_away("step")
    assert when(seen(answers={"step": Answer(0, STEP + 5, by_status={0: 3})})) == STEP + 5
    assert when(seen(answers={"step": Answer(0, STEP + 5, by_status={0: 2, 200: 1})})) is None
    assert when(seen()) is None


def test_an_answer_has_to_have_the_status() -> None:
    assert answered("step", 200)(seen(answers={"step": Answer(200, STEP + 5)})) == STEP + 5
    assert answered("step", 200)(seen(answers={"step": Answer(500, STEP + 5)})) is None


def test_what_is_kept_holds_until_the_record_that_breaks_it() -> None:
    when = held("step", CommandIssued, lambda one: one.value < 50)
    assert when(seen()) == STEP + 10 * MINUTE
    assert when(seen(command(STEP + 1))) is None


def test_what_a_finding_tells_of_may_have_begun_before_the_step() -> None:
    when = held("step", Found, lambda one: one.severity == "high")
    earlier = msgspec.structs.replace(found(STEP + 5), began_at=STEP - 1)
    assert when(seen(earlier)) == STEP + 10 * MINUTE
    assert when(seen(earlier, found(STEP + 5))) is None


def test_a_command_may_rest_on_a_device_until_it_is_doubted() -> None:
    when = no_command_rests_on("step", ["meter-01"])
    doubt = standing(STEP + MINUTE, "quarantined")
    assert when(seen(command(STEP + 1, "meter-01"), doubt)) is not None
    assert when(seen(doubt, command(STEP + 3 * MINUTE, "meter-01"))) is None
    assert when(seen()) is None


def test_all_of_several_are_so_when_the_last_is() -> None:
    when = both(noticed("step", "silence"), noticed("step", "drift"))
    assert when(seen(found(STEP + 1), found(STEP + 7, "drift"))) == STEP + 7
    assert when(seen(found(STEP + 1))) is None


def test_an_entry_that_drives_a_terminal_is_seen() -> None:
    assert _clean(seen(refusal(STEP + 1, "pending"))) is not None
    bad = msgspec.structs.replace(refusal(STEP + 1, "pending"), dataset="a\x1b[2J")
    assert _clean(seen(bad)) is None


def test_an_answer_that_was_cut_is_not_what_was_computed() -> None:
    assert not _as_computed(b'{"devices": [', None)  # type: ignore[arg-type]
    assert NO_STREAM.startswith("file:")
