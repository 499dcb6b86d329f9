"""Whole turns of services, as playbooks: memory, pasts, documents, jobs, notices, plans, what is told, and faults in each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from cityward.errors import LinkError
from cityward.evidence.records import PlanEnded, PlanIssued, PlanRefused
from cityward.guard.permit import Proposal, Urgency
from cityward.insight.marks import Mark, MarkState
from cityward.place.registry import number
from cityward.place.services import PlanLimits
from cityward.place.services import Service as Declared
from cityward.runtime.serving.binding import Bound, bind_services
from cityward.runtime.serving.kept import NoticeRow
from cityward.runtime.serving.ports import HeldDocument, Pace
from cityward.runtime.serving.runner import ServiceRunner
from cityward.runtime.watching.ports import AlertRow
from cityward.services.board import Board, Figure
from cityward.services.contract import MOST_MEMORY, Estimate, Job, Notice, PlanProposal, Stop, Turn, View, Window
from cityward.time import HOUR, MINUTE
from runtime.services_rogue import Keeper, Memory, Step, Told, count
from runtime.test_service_runner import NIGHT, POSITION, City, bound, town


def rogue(step: Step = count, name: str = "rogue", plans: dict[str, PlanLimits] | None = None, **more: Any) -> Bound:
    """A service of this step, declared beside the lights."""
    place = town()
    declared = Declared(kind="waste", operator="council", plans=plans or {})
    place = msgspec.structs.replace(place, services={name: declared})
    (one,) = bind_services(place, number(place), {"waste": Told(step, **more)})
    return one


class Book:
    """A runner of these services in a city; each `tick` is a minute."""

    def __init__(self, bounds: Sequence[Bound], city: City | None = None, keeper: Keeper | None = None, **ports: Any):
        self.city, self.keeper = city or City(), keeper or Keeper()
        filled = replace(self.city.ports(), keeper=self.keeper, **ports)
        pace = Pace(longest_wait_s=5.0, windows_apart_s=0.0)
        self.runner = ServiceRunner(bounds, POSITION, filled, pace)

    async def ticks(self, many: int = 1) -> None:
        for _ in range(many):
            await self.runner.tick(self.city.now)
            self.city.now += MINUTE

    @property
    def progress(self) -> Any:
        return self.runner.progress


def play(script: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(script(), 60))


async def until(true: Callable[[], bool]) -> None:
    """Wait for what goes on beside the loop; `play` has the deadline."""
    while not true():
        await asyncio.sleep(0.005)


# -- memory -----------------------------------------------------------------------------------------------------------


def test_what_a_service_remembers_is_kept_and_found_again_after_a_restart():
    async def script() -> None:
        book = Book([rogue()])
        await book.runner.start()
        await book.ticks(3)
        await book.runner.close()
        again = Book([rogue()], book.city, book.keeper)
        await again.runner.start()
        await again.ticks()
        assert msgspec.json.decode(again.keeper.memory["rogue"], type=Memory).turns == 4
        await again.runner.close()

    play(script)


def test_memory_that_did_not_change_is_not_written_again():
    async def script() -> None:
        book = Book([rogue(lambda view, memory: Turn(memory))])
        await book.ticks(3)
        assert [len(effects.memories) for effects in book.keeper.effects] == [1, 0, 0]
        await book.runner.close()

    play(script)


@pytest.mark.parametrize("kept", [b"", b"{", b'{"turns": "many"}', b"[" * 100_000, b"\xff", b"x" * (MOST_MEMORY + 1)])
def test_memory_that_cannot_be_read_is_a_fault_and_the_service_starts_from_its_defaults(kept: bytes):
    async def script() -> None:
        book = Book([rogue(), *bound()], keeper=Keeper({"rogue": kept}))
        await book.runner.start()
        await book.ticks()
        assert book.progress.service_errors == book.progress.faults["rogue"] == 1
        assert msgspec.json.decode(book.keeper.memory["rogue"], type=Memory).turns == 1
        await book.runner.close()

    play(script)


@pytest.mark.parametrize("memory", [Memory(ballast="x" * MOST_MEMORY), object(), Memory(turns="one"), None])  # type: ignore[arg-type]
def test_memory_that_cannot_be_kept_is_a_fault_and_forgotten(memory: Any):
    seen: list[Memory] = []

    def step(view: View[Any], before: Memory) -> Turn[Any]:
        seen.append(before)
        return Turn(memory)

    async def script() -> None:
        book = Book([rogue(step)])
        await book.ticks(2)
        assert seen == [Memory(), Memory()] and book.progress.faults["rogue"] == 2
        assert book.keeper.memory["rogue"] == msgspec.json.encode(Memory())
        await book.runner.close()

    play(script)


def test_memory_comes_after_evidence_and_waits_for_a_silent_ledger_and_a_silent_keeper():
    async def script() -> None:
        book = Book([rogue(plans=ROUNDS, step=planning()), *bound()])
        book.city.broken = {"ledger"}
        await book.ticks(2)
        assert not book.keeper.effects
        book.city.broken, book.keeper.silent = set(), True
        await book.ticks()
        assert not book.keeper.effects and book.city.of(PlanIssued)
        book.keeper.silent = False
        await book.ticks()
        assert book.keeper.memory["rogue"] and book.keeper.plans, "what the keeper did not take goes with the next turn"
        await book.runner.close()

    play(script)


# -- pasts and documents ----------------------------------------------------------------------------------------------


class Past:
    """`Pasts` in memory: a value a minute; `slow` devices never answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.broken = False

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        self.asked.append((device, until_us))
        if self.broken:
            raise LinkError("the history is silent")
        rows = [(properties[0], at, at / MINUTE) for at in range(since_us, until_us, MINUTE)]
        return rows[-most:]


def looking(seen: list[View[Any]]) -> Step:
    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        seen.append(view)
        return Turn(memory)

    return step


SPEEDS = Window("loop", "vehicle-speed", HOUR)


def test_a_past_is_read_at_the_start_then_once_an_hour_and_shown():
    seen: list[View[Any]] = []

    async def script() -> None:
        past = Past()
        book = Book([rogue(looking(seen), windows=[SPEEDS, SPEEDS, Window("nobody", "x", HOUR)])], pasts=past)
        await book.runner.turn()
        await until(lambda: book.runner._windows.read_at("rogue") is not None)  # pyright: ignore
        read = len(past.asked)
        for _ in range(30):
            await book.runner.turn()
        assert len(past.asked) == read == 1, "a window named twice is one, and one of nobody none"
        series = seen[-1].series["loop", "vehicle-speed"]
        assert len(series.times) == 60 and np.all(np.diff(series.times) > 0) and series.left_out == 0
        book.city.now += HOUR
        await book.runner.turn()
        await until(lambda: len(past.asked) == 2)
        await book.runner.close()

    play(script)


def test_what_is_marked_or_not_believed_is_left_out_of_a_past_and_counted():
    seen: list[View[Any]] = []

    async def script() -> None:
        city = City()
        book = Book([rogue(looking(seen), windows=[SPEEDS])], city, pasts=Past())
        await book.runner.turn()
        await until(lambda: book.runner._windows.read_at("rogue") is not None)  # pyright: ignore
        span = {"since": NIGHT - 10 * MINUTE, "until": NIGHT - 5 * MINUTE}
        city.marked = [Mark(id="m", device="loop", state=MarkState.SUSPECT, **span)]
        await book.ticks()
        series = seen[-1].series["loop", "vehicle-speed"]
        assert (len(series.times), series.left_out) == (55, 5)
        city.doubt("loop", 0.1)
        await book.ticks()
        series = seen[-1].series["loop", "vehicle-speed"]
        assert (len(series.times), series.left_out) == (0, 60)
        await book.runner.close()

    play(script)


def test_a_history_that_is_silent_costs_the_past_and_nothing_else():
    async def script() -> None:
        past = Past()
        past.broken = True
        book = Book([rogue(windows=[SPEEDS])], pasts=past)
        await book.runner.turn()
        await until(lambda: book.progress.link_errors == 1)
        await book.ticks(2)
        assert book.keeper.memory["rogue"]
        await book.runner.close()

    play(script)


def test_documents_are_shown_with_their_age_and_positions_with_the_members():
    seen: list[View[Any]] = []

    async def script() -> None:
        def documents(flows: Sequence[str]) -> dict[str, HeldDocument]:
            return {flow: HeldDocument(b"feed", NIGHT - MINUTE) for flow in flows}

        book = Book([rogue(looking(seen), documents=["trips"]), rogue(looking(seen), "other")], documents=documents)
        await book.ticks()
        assert [view.documents for view in seen][1] == {}, "of the flows that it names"
        assert (seen[0].documents["trips"].body, seen[0].documents["trips"].age_us) == (b"feed", MINUTE)
        assert set(seen[0].positions) <= set(seen[0].members["loop"]) | set(seen[0].members["lux"])
        await book.runner.close()

    play(script)


# -- jobs -------------------------------------------------------------------------------------------------------------


class Works:
    """`Works` in memory: answers when told, fails what is told to fail."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.free = asyncio.Event()

    async def work(self, kind: str, body: bytes, longest_s: float) -> bytes:
        self.begun.append(body)
        await self.free.wait()
        if body == b"bad":
            raise LinkError("it failed")
        return b"done " + body


def test_jobs_run_two_at_a_time_each_once_and_each_answer_is_told_once():
    done: list[Any] = []

    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        done.append(dict(view.done))
        jobs = [Job("a", b"a"), Job("b", b"bad"), Job("c", b"c")] if not any(done) else []
        return Turn(memory, jobs=jobs)

    async def script() -> None:
        works = Works()
        book = Book([rogue(step)], works=works)
        await book.ticks(3)
        await until(lambda: len(works.begun) == 2)
        assert book.keeper.effects[-1].statuses[0].jobs == ("a", "b", "c")
        works.free.set()
        await until(lambda: book.progress.jobs.total() == 3)
        await book.ticks(2)
        assert done[-2:] == [{"a": b"done a", "b": None, "c": b"done c"}, {}]
        assert works.begun == [b"a", b"bad", b"c"] and book.progress.jobs == {"done": 2, "failed": 1}
        await book.runner.close()

    play(script)


def test_a_flood_of_jobs_and_jobs_that_are_none_are_shed():
    junk: list[Any] = [None, "job", Job("", b""), Job("x", "text"), Job("x", b"", float("nan")), Job("x", b"", -1.0)]  # type: ignore[arg-type]

    async def script() -> None:
        jobs = [*junk, *(Job(str(n), b"") for n in range(50))]
        book = Book([rogue(lambda view, memory: Turn(memory, jobs=jobs))], works=Works())
        await book.ticks()
        assert book.progress.jobs["shed"] == len(junk) + 50 - 8
        await book.runner.close()

    play(script)


# -- notices ----------------------------------------------------------------------------------------------------------


def test_a_notice_stands_as_long_as_it_is_named_and_an_urgent_one_is_sent_once():
    names = ["fire"] * 3 + [""] * 2 + ["fire"]

    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        now = names[memory.turns % len(names)]
        notices = [Notice("fire-1", "bin-1", "It burns", Urgency.SAFETY, do="call the fire brigade")] if now else []
        return Turn(Memory(turns=memory.turns + 1), notices=notices)

    def alerts(row: NoticeRow) -> Sequence[AlertRow]:
        return [AlertRow("mail", f"notice-{row.first_at}", "opened", b"{}")]

    async def script() -> None:
        book = Book([rogue(step)], alert_rows=alerts)
        await book.ticks(3)
        row = book.keeper.notices["rogue", "fire-1"]
        assert (row.first_at, row.ended_at, row.urgency) == (NIGHT, None, "safety")
        assert book.progress.notices == {"rogue": 1}
        await book.ticks(2)
        assert book.keeper.notices["rogue", "fire-1"].ended_at == NIGHT + 3 * MINUTE
        await book.ticks()
        assert book.keeper.notices["rogue", "fire-1"] == row, "within the hour it goes on"
        assert len([alert for effects in book.keeper.effects for alert in effects.alerts]) == 1
        await book.runner.close()

    play(script)


def test_that_an_urgent_notice_is_over_is_told_once_when_it_can_no_longer_go_on():
    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        burns = memory.turns in (0, 1, 3)
        notices = (
            [Notice("fire-1", "bin-1", "It burns", Urgency.SAFETY), Notice("dull", "bin-1", "Full")] if burns else []
        )
        return Turn(Memory(turns=memory.turns + 1), notices=notices)

    def alerts(row: NoticeRow) -> Sequence[AlertRow]:
        stage = "opened" if row.ended_at is None else "closed"
        return [AlertRow("mail", f"{row.id}-{row.first_at}-{row.ended_at}", stage, b"{}")]

    async def script() -> None:
        book = Book([rogue(step)], alert_rows=alerts)

        def told() -> list[tuple[str, str]]:
            return [(a.stage, a.incident) for effects in book.keeper.effects for a in effects.alerts]

        await book.ticks(5)
        assert [stage for stage, _ in told()] == ["opened"], "it came back: nobody was told that it was over"
        for _ in range(2):
            book.city.now += HOUR
            await book.ticks()
        # named last in the fourth turn, so it ended with the fifth
        assert told()[1:] == [("closed", f"fire-1-{NIGHT}-{NIGHT + 4 * MINUTE}")]
        await book.runner.close()
        again = Book([rogue(lambda view, memory: Turn(memory))], book.city, book.keeper, alert_rows=alerts)
        await again.runner.start()
        await again.ticks()
        assert again.keeper.notices["rogue", "fire-1"].ended_at is not None, "what stood before a restart ends after it"
        await again.runner.close()

    play(script)


def test_a_service_that_fails_leaves_its_notices_standing():
    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        if view.now_us > NIGHT:
            raise ZeroDivisionError
        return Turn(memory, notices=[Notice("n", "s", "t")])

    async def script() -> None:
        book = Book([rogue(step)])
        await book.ticks(3)
        assert book.keeper.notices["rogue", "n"].ended_at is None
        status = book.keeper.effects[-1].statuses[0]
        assert (status.faults, status.last_fault) == (2, "a service failed")
        await book.runner.close()

    play(script)


# -- plans ------------------------------------------------------------------------------------------------------------

ROUNDS = {"round": PlanLimits(per_day=4, fixed=("loop",), valid_hours=2.0)}


def planning(kind: str = "round", subject: str = "loop") -> Step:
    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        stops = (Stop(subject, POSITION, view.now_us + MINUTE, "look"),)
        return Turn(Memory(turns=1), plans=[PlanProposal(kind, "crew", stops, {"why": "fixed"}, view.now_us)])

    return step


def test_a_plan_is_on_record_before_it_is_kept_and_a_newer_one_supersedes_it():
    async def script() -> None:
        book = Book([rogue(planning(), plans=ROUNDS)])
        await book.ticks(2)
        issued = book.city.of(PlanIssued)
        assert [record.fixed for record in issued] == [True, True], book.progress.plans_refused
        first, second = (book.keeper.plans[record.plan_id] for record in issued)
        assert (first.state, second.state) == ("superseded", "issued")
        assert second.record == f"service:{book.city.entries.index(issued[1])}"
        assert [record.outcome for record in book.city.of(PlanEnded)] == ["superseded"]
        await book.runner.close()

    play(script)


def test_plans_are_counted_over_a_restart_and_expire():
    async def script() -> None:
        book = Book([rogue(planning(), plans=ROUNDS)])
        await book.ticks(3)
        await book.runner.close()
        again = Book([rogue(planning(), plans=ROUNDS)], book.city, book.keeper)
        await again.runner.start()
        await again.ticks(3)
        assert len(book.city.of(PlanIssued)) == 4 and again.progress.plans_refused["rate-exceeded"] == 2
        book.city.now += 3 * HOUR
        await again.ticks()
        assert {row.state for row in book.keeper.plans.values()} == {"superseded", "expired"}
        await again.runner.close()

    play(script)


def test_a_plan_on_record_that_was_never_kept_is_withdrawn_and_counts():
    async def script() -> None:
        book = Book([rogue(planning(), plans=ROUNDS)])
        book.keeper.silent = True
        await book.ticks()
        await book.runner.close()
        book.keeper.silent = False
        again = Book([rogue(plans=ROUNDS)], book.city, book.keeper)
        await again.runner.start()
        await again.ticks()
        assert [record.outcome for record in book.city.of(PlanEnded)] == ["withdrawn"] and not book.keeper.plans
        await again.runner.close()

    play(script)


@pytest.mark.parametrize(("kind", "subject"), [("tour", "loop"), ("round", "nobody"), ("", "loop")])
def test_a_plan_that_is_not_declared_is_refused_and_on_record_once_an_hour(kind: str, subject: str):
    async def script() -> None:
        book = Book([rogue(planning(kind, subject), plans=ROUNDS)])
        await book.ticks(3)
        assert len(book.city.of(PlanRefused)) == 1 and not book.keeper.plans
        assert book.progress.plans_refused.total() == 3
        await book.runner.close()

    play(script)


def test_a_service_is_told_in_its_next_turn_that_its_plan_was_refused_and_why():
    seen: list[dict[tuple[str, str], str]] = []

    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        seen.append(dict(view.refused_plans))
        plans = planning("round", "nobody" if len(seen) == 1 else "loop")(view, memory).plans
        return Turn(Memory(turns=memory.turns + 1), plans=plans if len(seen) < 4 else ())

    async def script() -> None:
        book = Book([rogue(step, plans=ROUNDS)])
        await book.ticks(2)
        book.city.broken.add("ledger")
        await book.ticks()
        book.city.broken.clear()
        await book.ticks(2)
        assert seen == [{}, {("round", "crew"): "unknown-stop"}, {}, {("round", "crew"): "not-on-record"}, {}], seen
        await book.runner.close()

    play(script)


def test_a_service_is_told_in_its_next_turn_which_of_its_proposals_were_refused_and_why():
    seen: list[dict[tuple[str, str], str]] = []

    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        seen.append(dict(view.refused))
        made = Proposal("loop", "dim", 40.0, {"a": "b"}, view.now_us)
        return Turn(Memory(turns=memory.turns + 1), proposals=[made] if len(seen) == 1 else ())

    async def script() -> None:
        book = Book([rogue(step)])
        await book.ticks(3)
        assert seen == [{}, {("loop", "dim"): "not-an-actuator"}, {}]
        await book.runner.close()

    play(script)


# -- what is told, and faults -----------------------------------------------------------------------------------------


def test_estimates_documents_and_the_board_are_kept_where_they_are_new():
    def step(view: View[Any], memory: Memory) -> Turn[Any]:
        estimate = Estimate("bin-1", "days-to-full", view.now_us // HOUR * HOUR, NIGHT, 3.0, 2.0, 4.0)
        board = Board(summary="Fine\u202e", figures=(Figure(label="x", value="1"),) * 99)
        return Turn(memory, estimates=[estimate, estimate], published={"feed.pb": b"feed", "../x": b""}, board=board)

    async def script() -> None:
        book = Book([rogue(step)])
        await book.ticks(3)
        assert [len(e.estimates) for e in book.keeper.effects] == [1, 0, 0]
        assert [[row.name for row in e.published] for e in book.keeper.effects] == [["feed.pb"], [], []]
        board = msgspec.json.decode(book.keeper.effects[0].boards["rogue"], type=Board)
        assert board.summary == "Fine\ufffd" and len(board.figures) == 16 and not book.keeper.effects[1].boards
        assert book.progress.turn_shed["documents"] == 3
        await book.runner.close()

    play(script)


PARTS = ("proposals", "plans", "estimates", "notices", "jobs", "published", "board")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "junk",
    [None, 7, ["x"], [object()], {"a": object()}, "text"],
    ids=["nothing", "a number", "texts", "objects", "a mapping", "a text"],  # an address is another in each process
)
def test_a_part_of_a_turn_that_is_nothing_of_its_kind_costs_that_part(part: str, junk: Any):
    if part == "board" and junk is None:
        return

    async def script() -> None:
        book = Book([rogue(lambda view, memory: Turn(Memory(turns=memory.turns + 1), **{part: junk})), *bound()])
        await book.ticks(2)
        assert msgspec.json.decode(book.keeper.memory["rogue"], type=Memory).turns == 2
        assert book.keeper.effects[-1].statuses[1].service == "lights"
        await book.runner.close()

    play(script)


class Urgent:
    """It has an urgency, and is no proposal."""

    urgency = Urgency.SAFETY


@pytest.mark.parametrize(
    "junk",
    [Urgent(), Proposal([], {}, "x", None, "now", sources=7), Proposal("a" * 10**6, "\ud800", float("nan"), {1: 2}, 1)],
    ids=["another", "odd", "long"],
)  # type: ignore[arg-type]
def test_a_proposal_that_is_none_is_refused_and_the_other_services_go_on(junk: Any):
    async def script() -> None:
        book = Book([rogue(lambda view, memory: Turn(Memory(turns=memory.turns + 1), proposals=[junk])), *bound()])
        await book.ticks(2)
        assert msgspec.json.decode(book.keeper.memory["rogue"], type=Memory).turns == 2
        assert book.keeper.effects[-1].statuses[1].service == "lights"
        await book.runner.close()

    play(script)


@pytest.mark.parametrize("answer", [None, 7, [], {}])
def test_an_answer_that_is_no_turn_is_a_fault(answer: Any):
    async def script() -> None:
        book = Book([rogue(lambda view, memory: answer)])
        await book.ticks()
        assert book.progress.faults == {"rogue": 1}
        await book.runner.close()

    play(script)
