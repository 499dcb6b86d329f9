"""The outbox emptied: each alert ends once and on record; a channel that is silent delays nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from cityward.errors import LinkError
from cityward.evidence.records import Alerted, AnyRecord
from cityward.place.model import Place
from cityward.runtime.alerting import MOST_TRIES, MOST_WAITING, Alerting, AlertPorts, turn
from cityward.runtime.watch_ports import AlertRow
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
    now: int = 0

    def send(self, row: AlertRow) -> None:
        if self.silent:
            raise LinkError("nobody answers")
        self.sent.append(row.incident)

    def ports(self, today: date = date(2026, 1, 1)) -> AlertPorts:
        return AlertPorts(
            outbox=self.box,
            send={"desk": self.send, "mail": self.send},
            record=self.records.extend,
            now_us=lambda: self.now,
            city_us=lambda: self.now,
            today=lambda: today,
        )

    def outcomes(self) -> list[tuple[str, str]]:
        return [(r.incident, r.outcome) for r in self.records if isinstance(r, Alerted)]


def go(place: Place, world: World, today: date = date(2026, 1, 1)) -> None:
    asyncio.run(turn(place, world.ports(today), Alerting()))


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
        first = asyncio.create_task(turn(place, ports, told))
        async with asyncio.timeout(10):
            while not (entered and world.box.rows[2].state == "sent"):
                await asyncio.sleep(0)
        assert world.sent == ["i2"]
        assert await turn(place, ports, told) == 1  # asked again meanwhile: no second thread
        assert entered == ["i1"]
        assert world.box.rows[1].state == "waiting"
        release.set()
        await first

    asyncio.run(turns())
