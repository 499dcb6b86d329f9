"""The outbox emptied: each alert ends once and on record; a channel that is silent delays nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from cityward.errors import LinkError
from cityward.evidence.records import Alerted, AnyRecord
from cityward.place.model import Place
from cityward.runtime.watching import alerting
from cityward.runtime.watching.alerting import MOST_TRIES, MOST_WAITING, Alerting, AlertPorts, look, run_alerting
from cityward.runtime.watching.ports import AlertRow
from declarations import TOWN, loaded

ALERTS = """
alerts:
  desk: {flow: alarms, endpoint: "https://desk.example/hook"}
  mail: {flow: alarms-late, endpoint: "smtp://desk.example", sender: a@b.example, recipients: [c@d.example]}
"""


def town(agreement_ends: str = "2030-01-01") -> Place:
    return loaded(_with_flows(agreement_ends)).place


def _with_flows(ends: str) -> str:
    flow = (
        "{from: PLATFORM, to: desk, datasets: [DATASET], purpose: PURPOSE, observability: enforced, agreement: AGREED"
    )
    place = loaded(TOWN).place
    dataset, purpose = next(iter(place.datasets)), next(iter(place.purposes))
    named = flow.replace("PLATFORM", str(place.platform)).replace("DATASET", dataset).replace("PURPOSE", purpose)
    more = {
        "parties": "  desk: {kind: company, incorporated_in: "
        + next(iter(place.jurisdictions))
        + ", addresses: [desk.example]}\n",
        "agreements": "  desk-1: {kind: sharing, parties: [desk, "
        + f"{place.responsible}], datasets: [{dataset}], purposes: [{purpose}], ends: {ends}, starts: 2020-01-01}}\n",
        "flows": f"  alarms: {named.replace('AGREED', 'desk-1')}, protocol: webhook}}\n"
        f"  alarms-late: {named.replace('AGREED', 'desk-1')}, protocol: smtp, valid_to: 2024-01-01}}\n",
    }
    text = TOWN
    for kind, lines in more.items():
        head = f"\n{kind}:\n"
        text = text.replace(head, head + lines) if head in text else f"{text}{head}{lines}"
    return text + ALERTS


@dataclass
class Box:
    """An outbox in memory."""

    rows: dict[int, AlertRow] = field(default_factory=dict[int, AlertRow])

    def put(self, channel: str, n: int) -> None:
        self.rows[n] = AlertRow(channel, f"i{n}", "opened", b"{}", ordinal=n)

    def alerts_due(self, now_us: int, most: int) -> Sequence[AlertRow]:
        return [row for row in self.rows.values() if row.state == "waiting" and row.next_at <= now_us][:most]

    def alerts_beyond(self, waiting: int, most: int) -> Sequence[AlertRow]:
        rows = [row for row in self.rows.values() if row.state == "waiting"]
        return list(reversed(rows[waiting:]))[:most]

    def alert_settled(self, ordinal: int, state: str, tries: int, next_at: int) -> None:
        self.rows[ordinal] = replace(self.rows[ordinal], state=state, tries=tries, next_at=next_at)


@dataclass
class World:
    box: Box = field(default_factory=Box)
    sent: list[str] = field(default_factory=list[str])
    records: list[AnyRecord] = field(default_factory=list[AnyRecord])
    silent: bool = False
    full: bool = False  # the disk of the evidence
    now: int = 0

    def send(self, row: AlertRow) -> None:
        if self.silent:
            raise LinkError("nobody answers")
        self.sent.append(row.incident)

    def record(self, records: Sequence[AnyRecord]) -> None:
        if self.full:
            raise LinkError("no space left on device")
        self.records.extend(records)

    def ports(self, today: date = date(2026, 1, 1)) -> AlertPorts:
        return AlertPorts(
            outbox=self.box,
            send={"desk": self.send, "mail": self.send},
            record=self.record,
            now_us=lambda: self.now,
            city_us=lambda: self.now,
            today=lambda: today,
        )

    def outcomes(self) -> list[tuple[str, str]]:
        return [(r.incident, r.outcome) for r in self.records if isinstance(r, Alerted)]


def go(place: Place, world: World, today: date = date(2026, 1, 1), told: Alerting | None = None) -> None:
    """One look, and what every channel makes of it."""

    async def one() -> None:
        progress = told if told is not None else Alerting()
        await look(place, world.ports(today), progress)
        await asyncio.gather(*progress.hands.values())
        progress.hands.clear()

    asyncio.run(one())


def test_what_is_due_is_sent_once_and_on_record():
    world, place = World(), town()
    world.box.put("desk", 1)
    go(place, world)
    go(place, world)
    assert world.sent == ["i1"]
    assert world.outcomes() == [("i1", "sent")]


def test_what_is_not_taken_waits_longer_each_time_and_fails_in_the_end():
    world, place = World(silent=True), town()
    world.box.put("desk", 1)
    waits: list[int] = []
    for _ in range(MOST_TRIES):
        go(place, world)
        waits.append(world.box.rows[1].next_at - world.now)
        world.now = max(world.now, world.box.rows[1].next_at)
    assert waits[:4] == [10_000_000, 20_000_000, 40_000_000, 80_000_000]
    assert world.outcomes() == [("i1", "failed")]
    assert world.box.rows[1].tries == MOST_TRIES


def test_an_agreement_that_ended_refuses_and_that_is_on_record():
    world, place = World(), town(agreement_ends="2025-12-31")
    world.box.put("desk", 1)
    go(place, world)
    assert (world.sent, world.outcomes()) == ([], [("i1", "refused")])


def test_a_flow_that_is_not_declared_for_today_refuses():
    world, place = World(), town()
    world.box.put("mail", 1)
    go(place, world)
    assert world.outcomes() == [("i1", "refused")]
    world.box.put("mail", 2)
    go(place, world, date(2023, 6, 1))
    assert world.outcomes()[1:] == [("i2", "sent")]


def test_a_channel_that_is_no_longer_declared_refuses():
    world, place = World(), town()
    world.box.put("gone", 1)
    go(place, world)
    assert world.outcomes() == [("i1", "refused")]


def test_what_waits_behind_too_many_is_shed_and_that_is_on_record():
    world, place = World(silent=True), town()
    for n in range(MOST_WAITING + 3):
        world.box.put("desk", n)
    go(place, world)
    assert sorted(world.outcomes()) == sorted((f"i{n}", "shed") for n in range(MOST_WAITING, MOST_WAITING + 3))


def test_a_receiver_that_never_ends_its_answer_holds_up_its_own_channel_and_nobody_else():
    place, release, entered = town(), threading.Event(), list[str]()
    world = World()
    world.box.put("desk", 1)
    world.box.put("mail", 2)

    def endless(row: AlertRow) -> None:
        entered.append(row.incident)
        release.wait(30)

    async def turns() -> None:
        ports = replace(world.ports(date(2023, 6, 1)), send={"desk": endless, "mail": world.send})
        told = Alerting()
        async with asyncio.timeout(10):
            await look(place, ports, told)
            while not (entered and world.box.rows[2].state == "sent"):
                await asyncio.sleep(0)
            world.box.put("mail", 3)
            world.box.put("desk", 4)
            while world.box.rows[3].state != "sent":  # what comes later need not wait for it either
                await look(place, ports, told)
            assert (entered, world.sent) == (["i1"], ["i2", "i3"])  # no second thread
            assert (world.box.rows[1].state, world.box.rows[1].tries) == ("waiting", 0)
            release.set()
            while world.box.rows[4].state != "sent":
                await look(place, ports, told)

    asyncio.run(turns())


def test_what_was_sent_is_not_sent_again_while_the_evidence_takes_nothing():
    world, place, told = World(full=True), town(), Alerting()
    world.box.put("desk", 1)
    world.box.put("desk", 2)
    for _ in range(3):
        go(place, world, told=told)
    assert (world.sent, world.outcomes()) == (["i1"], [])
    assert {row.state for row in world.box.rows.values()} == {"waiting"}
    assert told.last_error == "no space left on device"
    world.full = False
    go(place, world, told=told)
    assert (world.sent, world.outcomes()) == (["i1", "i2"], [("i1", "sent"), ("i2", "sent")])
    assert told.ended == {}


def test_what_is_on_record_is_not_put_there_again_while_the_outbox_takes_nothing(monkeypatch: pytest.MonkeyPatch):
    world, place, told = World(), town(), Alerting()
    world.box.put("desk", 1)

    def away(*_: object) -> None:
        raise LinkError("the database is away")

    with monkeypatch.context() as gone:
        gone.setattr(world.box, "alert_settled", away)
        for _ in range(3):
            go(place, world, told=told)
    go(place, world, told=told)
    assert (world.sent, world.outcomes()) == (["i1"], [("i1", "sent")])
    assert world.box.rows[1].state == "sent"


def test_a_channel_that_is_still_busy_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alerting, "LEAVE_S", 0.05)
    world, place, release, entered = World(), town(), threading.Event(), threading.Event()
    world.box.put("desk", 1)

    def endless(_: AlertRow) -> None:
        entered.set()
        release.wait(30)

    async def until_stopped() -> None:
        stop = asyncio.Event()
        ports = replace(world.ports(), send={"desk": endless})
        running = asyncio.create_task(run_alerting(place, ports, stop))
        async with asyncio.timeout(10):
            await asyncio.to_thread(entered.wait)
            stop.set()
            await running

    try:
        asyncio.run(until_stopped())
    finally:
        release.set()
    assert world.box.rows[1].state == "waiting"


def test_a_channel_that_fails_by_itself_is_one_more_try_and_ends_no_other():
    world, place, told = World(), town(), Alerting()
    ports = world.ports()

    def broken(_: AlertRow) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a key file that somebody wrote over")

    async def two_looks() -> None:
        for _ in range(2):
            await look(place, replace(ports, send={"mail": world.send, "desk": broken}), told)
            await asyncio.gather(*told.hands.values())

    world.box.put("desk", 1)
    world.box.put("mail", 2)
    asyncio.run(two_looks())
    assert (world.box.rows[1].state, world.box.rows[1].tries) == ("waiting", 1)
    assert world.outcomes() == [("i2", "refused")]  # its flow is over, and that it is told is what matters here
    assert told.last_error
