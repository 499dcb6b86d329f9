"""An exercise that the web door follows ends with the pipe to it, and tells its progress in lines."""

from __future__ import annotations

import subprocess
import sys

from cityward.compose.exercising.progress import progress_of
from cityward.evidence.records import Admission, Found, Lifecycle, Standing
from cityward.exercises.judging import Judgement
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask

WAITS = """
import asyncio
from cityward.compose.exercising.following import end_with_the_pipe, told_to_the_door

async def main():
    await end_with_the_pipe(asyncio.current_task())
    print("ready", flush=True)
    await asyncio.Event().wait()

tell = told_to_the_door()
try:
    asyncio.run(main())
except asyncio.CancelledError:
    print("ended", flush=True)
"""


def test_the_end_of_the_pipe_ends_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdin.close()
        assert child.stdout.readline() == "ended\n"
        assert child.wait(20) == 0


def must(id_: str, kind: Kind = Kind.DETECTED) -> Must:
    return Must(id=id_, kind=kind, said=f"that {id_}", when=lambda seen: None, since="lie", within_s=60)


def found(phase: str) -> Found:
    return Found(
        at=11_000_000, by="watch", finding="f", detector="neighbours", what="unlike them", subject="loop-1",
        property="", severity="high", phase=phase, began_at=0, score=1, incident="", facts={},
    )  # fmt: skip


def admitted(refused: dict[str, int]) -> Admission:
    return Admission(
        at=10_000_000, by="worker-0", stream="s", partitions=(0,), first_seq=0, last_seq=9, received=9, admitted=9, shed=0,
        refused=refused, by_flow={}, digest="", declaration="",
    )  # fmt: skip


def test_what_is_out_of_the_ordinary_is_told_newest_first_and_musts_as_they_stand() -> None:
    plan = Plan(
        steps=(
            Ask(key="lie", at_s=0, who="", method="GET", path="/"),
            Ask(key="more", at_s=9, who="", method="GET", path="/"),
        ),
        musts=(must("noticed"), must("kept", Kind.KEPT), must("late")),
        settle_s=91,
    )
    scenario = Scenario(id="S-99", title="Tried", source="", limits="", plan=lambda scene, random: NotStaged(""))
    entries = (
        ("worker-0:1", admitted({})),
        ("worker-0:2", admitted({"unknown-device": 3})),
        ("watch:1", found("began")),
        ("watch:2", found("ended")),
        (
            "watch:3",
            Standing(at=12_000_000, by="watch", device="loop-1", trust=0.1, state="quarantined", because=("f",)),
        ),
        ("web:1", Lifecycle(at=13_000_000, by="web", event="started", detail={})),
    )
    seen = Seen(began=10_000_000, now=15_000_000, entries=entries, done={"lie": 10_000_000}, answers={}, values={})
    judged = {
        "noticed": Judgement(plan.musts[0], met=True, took_s=1.0),
        "late": Judgement(plan.musts[2], met=False, why="not within 60 s"),
    }
    told = progress_of(scenario, plan, judged, seen, 4711)
    assert (told.spent_s, told.of_s, told.steps) == (5.0, 100.0, (("lie", True), ("more", False)))
    assert [(one.id, one.state, one.took_s) for one in told.musts] == [
        ("noticed", "met", 1.0), ("kept", "open", None), ("late", "missed", None),
    ]  # fmt: skip
    assert [(one.entry, one.kind) for one in told.saw] == [
        ("watch:3", "distrusted"), ("watch:1", "found"), ("worker-0:2", "refused"),
    ]  # fmt: skip
    assert told.saw[2].words == "messages: 3 unknown-device"
    assert told.saw_in_all == 3
