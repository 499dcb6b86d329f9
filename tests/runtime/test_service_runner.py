"""The service runner, as playbooks in a city of memory: real services, real lamps, a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from cityward.adapters.street.lamp import Lamp, LampSpec
from cityward.errors import LinkError, PlaceErrors
from cityward.evidence.records import AnyRecord, CommandIssued, CommandOutcome, CommandRefused, decode, encode
from cityward.guard.permit import Permitted, Proposal
from cityward.insight.marks import OPEN, Mark, MarkState
from cityward.place.model import Place
from cityward.place.registry import number
from cityward.place.services import Service as Declared
from cityward.place.things import CommandLimits, Device, DeviceModel, DeviceStatus, PropertyMapping
from cityward.runtime.commands import ACK_PREFIX, decode_acknowledgement
from cityward.runtime.doubt import doubt_of
from cityward.runtime.ports import CommandRow, Latest, LogMessage, SourceSpan
from cityward.runtime.serving.binding import Bound, bind_services
from cityward.runtime.serving.ports import Pace, RunnerPorts
from cityward.runtime.serving.runner import ServiceRunner
from cityward.services.contract import Commanded, NoMemory, Turn, View, Window
from cityward.services.lighting import SERVICE as LIGHTING
from cityward.time import HOUR, MINUTE, SECOND, to_us
from cityward.watch.findings import DeviceStanding, state_of
from signing import as_sent, is_citys

POSITION = (2.37, 54.9)
NIGHT = to_us(datetime.fromisoformat("2024-01-10T20:00+00:00"))
DIM = CommandLimits(sets="lamp-level", low=10, high=100, per_hour=30, fail_safe=100)
PLUGINS = {"lighting": LIGHTING}
SETTINGS: dict[str, Any] = {"streets": {"quay": {"lamps": ["lamps"], "light": ["lux"], "traffic": ["loop"]}}}


def town(dim: CommandLimits = DIM, **service: Any) -> Place:
    unknown = {"site": "unknown", "owner": "unknown"}
    lighting = {"kind": "lighting", "operator": "council", "actuators": ("lamps",), "settings": SETTINGS, **service}
    return Place(
        place="town",
        name="Town",
        position=POSITION,
        responsible="council",
        device_models={
            "lamp": DeviceModel(maker="unknown", properties={"lamp-level": PropertyMapping()}, commands={"dim": dim}),
            "lux": DeviceModel(maker="unknown", properties={"illuminance": PropertyMapping()}),
            "loop": DeviceModel(maker="unknown", properties={"vehicle-speed": PropertyMapping()}),
        },
        devices={
            "lamps": Device(model="lamp", positions=(POSITION, POSITION), **unknown),
            "lux": Device(model="lux", **unknown),
            "loop": Device(model="loop", **unknown),
        },
        services={"lights": Declared(**lighting)},
    )


def bound(dim: CommandLimits = DIM, **service: Any) -> list[Bound]:
    place = town(dim, **service)
    return bind_services(place, number(place), PLUGINS)


class City:
    """Every port of the runner, in memory. `broken` ports raise; lamps named `deaf` hear nothing."""

    def __init__(self, now: int = NIGHT) -> None:
        self.now = now
        self.entries: list[AnyRecord] = []
        self.rows: dict[str, CommandRow] = {}
        self.values: dict[tuple[str, str], Latest] = {}
        self.log: list[LogMessage] = []
        self.read_upto = 0
        self.journal: list[tuple[str, str]] = []
        self.broken: set[str] = set()
        self.deaf: set[str] = set()
        self.lamps = {name: Lamp(LampSpec(name, POSITION), now, is_citys) for name in ("lamps-01", "lamps-02")}
        self.refreshed: list[int] = []
        self.doubted: dict[str, DeviceStanding] = {}
        self.marked: list[Mark] = []

    def doubt(self, device: str, trust: float) -> None:
        self.doubted[device] = DeviceStanding(device=device, trust=trust, state=state_of(trust), since=self.now)

    def standings(self) -> Sequence[DeviceStanding]:
        self._ask("standings")
        return list(self.doubted.values())

    def marks(self) -> Sequence[Mark]:
        return self.marked

    def observe(self, device: str, property_id: str, value: float) -> None:
        self.values[device, property_id] = Latest(device, property_id, value, self.now, self.now, len(self.values))

    def ack(self, device: str, payload: bytes) -> None:
        self.log.append(LogMessage(ACK_PREFIX + device, payload, len(self.log) + 1, self.now))

    def _ask(self, port: str) -> None:
        if port in self.broken:
            raise LinkError(f"{port} is silent")

    # -- StateReader, ServiceBook
    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        self._ask("reader")
        return [row for row in self.values.values() if row.device in devices]

    def commands(self, most: int, device: str | None = None) -> Sequence[CommandRow]:
        self._ask("reader")
        return sorted(self.rows.values(), key=lambda row: -row.sent_at)[:most]

    def command_sent(self, row: CommandRow) -> None:
        self._ask("book")
        self.journal.append(("book", row.command_id))
        self.rows[row.command_id] = row

    def command_settled(self, command_id: str, state: str, at_us: int) -> None:
        self._ask("book")
        if command_id in self.rows:
            self.rows[command_id] = replace(self.rows[command_id], state=state, settled_at=at_us)

    def open_commands(self) -> Sequence[CommandRow]:
        return [row for row in self.rows.values() if row.state == "sent"]

    def set_expected(self, rows: Sequence[Any]) -> None: ...

    # -- Ledger
    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        self._ask("ledger")
        first = len(self.entries)
        self.entries += [decode(encode(record)) for record in records]
        self.journal += [("ledger", record.command_id) for record in records if isinstance(record, CommandIssued)]
        return [f"service:{n}" for n in range(first, len(self.entries))]

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return [(f"service:{n}", record) for n, record in enumerate(self.entries)][-most:]

    # -- CommandLink, LogReader
    async def send(self, permitted: Permitted) -> None:
        self._ask("link")
        self.journal.append(("link", permitted.command_id))
        lamp = self.lamps[permitted.device]
        if permitted.device not in self.deaf:
            self._hear(lamp, lamp.on_command(as_sent(permitted), self.now))

    def _hear(self, lamp: Lamp, said: Sequence[Any]) -> None:
        for publish in said:
            if publish.topic.startswith("ack/"):
                self.ack(lamp.spec.device, publish.payload)
            else:
                self.observe(lamp.spec.device, "lamp-level", json.loads(publish.payload)[0]["v"])

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        self._ask("acks")
        await asyncio.sleep(0)
        messages = self.log[self.read_upto : self.read_upto + most]
        self.read_upto += len(messages)
        if not messages:
            self.now += round(wait_s * SECOND)
        return messages

    async def close(self) -> None: ...

    # -- what tests look at
    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.entries if isinstance(record, kind)]

    def levels(self) -> list[float]:
        return [lamp.level for lamp in self.lamps.values()]

    def ports(self, refresh: Callable[[int], None] | None = None) -> RunnerPorts:
        return RunnerPorts(self, self, self, self, self, lambda: self.now, refresh, self.standings, self.marks)  # type: ignore[arg-type]


class Playbook:
    """A runner in a city; `passes` lets city time go by."""

    def __init__(self, city: City, bounds: Sequence[Bound] | None = None, refresh: Any = None, **pace: Any) -> None:
        self.city = city
        self.runner = ServiceRunner(
            bound() if bounds is None else bounds, POSITION, city.ports(refresh), Pace(longest_wait_s=5.0, **pace)
        )

    async def passes(self, duration_us: int, each_minute: Callable[[], None] = lambda: None) -> None:
        until, minute = self.city.now + duration_us, -1
        while self.city.now < until:
            if self.city.now // MINUTE != minute:
                minute = self.city.now // MINUTE
                each_minute()
            await self.runner.turn()


def play(script: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(script())


def quiet(city: City) -> Callable[[], None]:
    """Sensors of a dark and quiet street, reporting every minute."""

    def report() -> None:
        city.observe("lux", "illuminance", 0.0)
        city.observe("loop", "vehicle-speed", 29.0)

    return report


def test_a_quiet_street_is_dimmed_through_gate_evidence_book_and_lamp():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.runner.start()
        await book.passes(2 * MINUTE, quiet(city))
        assert city.levels() == [40, 40]
        assert [(r.device, r.value, r.state) for r in city.rows.values()] == [
            ("lamps-01", 40, "acknowledged"),
            ("lamps-02", 40, "acknowledged"),
        ]
        assert {(o.outcome, o.level) for o in city.of(CommandOutcome)} == {("acknowledged", 40)}
        issued = city.of(CommandIssued)[0]
        assert issued.cause["traffic"] == "quiet" and issued.service == "lights"
        assert city.rows[issued.command_id].record == f"service:{city.entries.index(issued)}"
        await book.runner.close()

    play(script)


def test_evidence_comes_first_then_the_book_then_the_lamp():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.passes(40 * MINUTE, quiet(city))
        assert len(city.rows) >= 4
        for command_id in city.rows:
            assert [where for where, which in city.journal if which == command_id] == ["ledger", "book", "link"]
        await book.runner.close()

    play(script)


def test_every_command_of_a_night_has_one_outcome_and_lamps_obeyed_the_last():
    async def script() -> None:
        city = City()
        book = Playbook(city)

        def minute() -> None:
            quiet(city)()
            if city.now // (20 * MINUTE) % 2:
                city.observe("loop", "vehicle-speed", 12.0)

        await book.passes(6 * HOUR, minute)
        await book.passes(2 * MINUTE, minute)
        issued = [record.command_id for record in city.of(CommandIssued)]
        assert len(issued) == len(set(issued)) > 20
        assert sorted(o.command_id for o in city.of(CommandOutcome)) == sorted(issued)
        progress = book.runner.progress
        assert progress.acknowledged == progress.sent == len(issued) and book.runner.open_commands == 0
        assert city.levels() == [max(city.rows.values(), key=lambda row: row.sent_at).value] * 2
        await book.runner.close()

    play(script)


def test_a_lamp_that_does_not_answer_times_out_and_the_others_go_on():
    async def script() -> None:
        city = City()
        city.deaf = {"lamps-01"}
        book = Playbook(city)
        await book.passes(3 * MINUTE, quiet(city))
        assert {row.device: row.state for row in city.rows.values()} == {
            "lamps-01": "timed-out",
            "lamps-02": "acknowledged",
        }
        assert {(o.device, o.outcome, o.level) for o in city.of(CommandOutcome)} == {
            ("lamps-01", "timed-out", None),
            ("lamps-02", "acknowledged", 40),
        }
        city.deaf = set()
        await book.passes(10 * MINUTE, quiet(city))
        assert city.levels() == [40, 40], "it was tried again"
        await book.runner.close()

    play(script)


def test_a_lamp_that_refuses_is_recorded_as_such():
    async def script() -> None:
        city = City()
        city.lamps["lamps-01"] = Lamp(LampSpec("lamps-01", POSITION, low=50), city.now, is_citys)
        book = Playbook(city)
        await book.passes(2 * MINUTE, quiet(city))
        assert ("rejected", 100) in {(o.outcome, o.level) for o in city.of(CommandOutcome)}
        assert book.runner.progress.rejected == 1
        await book.runner.close()

    play(script)


@pytest.mark.parametrize("port", ["ledger", "book", "link", "reader", "acks"])
def test_a_silent_world_costs_commands_but_never_the_loop(port: str):
    async def script() -> None:
        city = City()
        book = Playbook(city)
        city.broken = {port}
        for _ in range(10):
            quiet(city)()
            await book.runner.turn()
            city.now += MINUTE
        assert book.runner.progress.link_errors > 0
        if port != "acks":
            assert not [entry for entry in city.journal if entry[0] == "link"], "nothing is sent that is not on record"
        city.broken = set()
        await book.passes(25 * MINUTE, quiet(city))
        assert city.levels() == [40, 40]
        issued = {record.command_id for record in city.of(CommandIssued)}
        assert {o.command_id for o in city.of(CommandOutcome)} == issued
        await book.runner.close()

    play(script)


def test_commands_that_never_reached_the_ledger_do_not_use_up_the_hour():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        city.broken = {"ledger"}
        for _ in range(45):  # more turns than commands an hour
            quiet(city)()
            await book.runner.turn()
            city.now += MINUTE
        city.broken = set()
        await book.passes(3 * MINUTE, quiet(city))
        assert city.levels() == [40, 40] and not book.runner.progress.refused
        await book.runner.close()

    play(script)


def test_a_device_settles_only_its_own_commands():
    async def script() -> None:
        city = City()
        city.deaf = {"lamps-01"}
        book = Playbook(city)
        quiet(city)()
        await book.runner.turn()
        command_id = next(row.command_id for row in city.rows.values() if row.device == "lamps-01")
        forged = json.dumps({"id": command_id, "outcome": "done", "level": 40, "at": "2024-01-10T20:00:01Z"}).encode()
        assert decode_acknowledgement(forged).outcome == "done"
        for device in ("lamps-02", "lux", "lamps-01.x", ""):
            city.ack(device, forged)
        await book.passes(2 * MINUTE, quiet(city))
        assert city.rows[command_id].state == "timed-out"
        assert book.runner.progress.acks_stray == 4
        await book.runner.close()

    play(script)


def test_answers_that_cannot_be_read_are_counted_and_nothing_else():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        junk = [b"", b"{", b"[" * 1000, b"\xff", b"x" * 5000, b'{"id":"a","outcome":"done","level":NaN}', b"null"]
        for payload in junk:
            city.ack("lamps-01", payload)
        await book.passes(2 * MINUTE, quiet(city))
        assert book.runner.progress.acks_unreadable == len(junk)
        assert city.levels() == [40, 40]
        await book.runner.close()

    play(script)


def test_a_second_answer_changes_nothing():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.passes(2 * MINUTE, quiet(city))
        answers = list(city.log)
        for message in answers:
            city.ack(message.subject.removeprefix(ACK_PREFIX), message.payload)
        outcomes = len(city.of(CommandOutcome))
        await book.passes(MINUTE, quiet(city))
        assert len(city.of(CommandOutcome)) == outcomes and book.runner.progress.acks_stray == len(answers)
        await book.runner.close()

    play(script)


# -- after a crash ----------------------------------------------------------------------------------------------------


def test_an_answer_given_while_nobody_listened_is_found_at_the_next_start():
    async def script() -> None:
        city = City()
        quiet(city)()
        first = Playbook(city)
        old = b'{"id":"long-ago","outcome":"done","level":40,"at":"2024-01-01T00:00:00Z"}'
        for _ in range(3000):  # more than one turn takes in
            city.ack("lamps-01", old)
        await first.runner.tick(city.now)  # and killed, before it heard the lamps
        assert {row.state for row in city.rows.values()} == {"sent"}
        city.now += 20 * MINUTE
        second = Playbook(city)
        await second.runner.start()
        await second.runner.turn()
        assert {row.state for row in city.rows.values()} == {"acknowledged"}
        await first.runner.close()
        await second.runner.close()

    play(script)


def test_a_command_left_open_without_an_answer_is_settled_as_timed_out():
    async def script() -> None:
        city = City()
        city.deaf = {"lamps-01", "lamps-02"}
        quiet(city)()
        first = Playbook(city)
        await first.runner.tick(city.now)
        city.now += 20 * MINUTE
        second = Playbook(city)
        await second.runner.start()
        await second.runner.turn()
        assert [o.outcome for o in city.of(CommandOutcome)] == ["timed-out", "timed-out"]
        await first.runner.close()
        await second.runner.close()

    play(script)


def test_a_command_on_record_that_never_reached_the_book_is_recorded_as_timed_out():
    async def script() -> None:
        city = City()
        issued = CommandIssued(
            at=city.now,
            by="service",
            command_id="lights.lamps-01.1",
            service="lights",
            device="lamps-01",
            command="dim",
            value=40,
            cause={"a": "b"},
        )
        city.append([issued])
        book = Playbook(city)
        await book.runner.start()
        await book.runner.turn()
        assert [(o.command_id, o.outcome) for o in city.of(CommandOutcome)] == [("lights.lamps-01.1", "timed-out")]
        await book.runner.close()

    play(script)


def test_an_outcome_on_record_that_the_book_missed_is_not_recorded_twice():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.passes(2 * MINUTE, quiet(city))
        city.rows = {key: replace(row, state="sent", settled_at=None) for key, row in city.rows.items()}
        again = Playbook(city)
        await again.runner.start()
        await again.runner.turn()
        assert {row.state for row in city.rows.values()} == {"acknowledged"}
        assert len(city.of(CommandOutcome)) == 2
        await book.runner.close()
        await again.runner.close()

    play(script)


def test_the_hours_rate_is_remembered_over_a_restart():
    async def script() -> None:
        city = City()
        for n in range(30):
            at = city.now - n * MINUTE
            city.rows[str(n)] = CommandRow(str(n), "lights", "lamps-01", "dim", 100.0, {}, "r", "acknowledged", at, at)
        book = Playbook(city)
        await book.runner.start()
        await book.passes(11 * MINUTE, quiet(city))
        assert [row.device for row in city.rows.values() if row.value == 40] == ["lamps-02"]
        assert book.runner.progress.refused["rate-exceeded"] >= 1
        assert len([r for r in city.of(CommandRefused) if r.device == "lamps-01"]) == 1, "once an hour on record"
        await book.runner.close()

    play(script)


# -- services that misbehave, time that misbehaves --------------------------------------------------------------------


class Rogue:
    """A service that does as it is told here."""

    settings = dict
    memory = NoMemory
    example: Mapping[str, Any] = {}

    def __init__(self, step: Callable[[View[Any]], Sequence[Proposal]]) -> None:
        self._step = step

    def step(self, view: View[Any], memory: NoMemory) -> Turn[NoMemory]:
        return Turn(memory, self._step(view))

    def windows(self, settings: Any) -> Sequence[Window]:
        return ()

    def documents(self, settings: Any) -> Sequence[str]:
        return ()

    def work(self, body: bytes) -> bytes:
        raise ValueError("no work")

    def read_settings(self, raw: Mapping[str, Any], where: str) -> Any:
        return {}

    def reads(self, settings: Any) -> Sequence[str]:
        return ()

    def commands(self, settings: Any) -> Sequence[str]:
        return ()


def with_rogue(step: Callable[[View[Any]], Sequence[Proposal]]) -> list[Bound]:
    honest = bound()
    return [replace(honest[0], id="rogue", service=Rogue(step)), *honest]


def test_a_service_that_fails_does_not_stop_the_others():
    def fail(_: View[Any]) -> Sequence[Proposal]:
        raise ZeroDivisionError

    async def script() -> None:
        city = City()
        book = Playbook(city, with_rogue(fail))
        await book.passes(2 * MINUTE, quiet(city))
        assert city.levels() == [40, 40] and book.runner.progress.service_errors >= 2
        await book.runner.close()

    play(script)


@pytest.mark.parametrize(
    ("device", "command", "value"),
    [("lux", "dim", 50.0), ("lamps-01", "open", 50.0), ("lamps-01", "dim", 0.0), ("\ud800", "dim", float("nan"))],
)
def test_what_a_service_may_not_do_is_refused_and_on_record(device: str, command: str, value: float):
    async def script() -> None:
        city = City()
        rogue = with_rogue(lambda view: [Proposal(device, command, value, {"why": "not"}, view.now_us)])[:1]
        book = Playbook(city, rogue)
        await book.passes(3 * MINUTE)
        assert len(city.of(CommandRefused)) == 1 and not city.of(CommandIssued) and city.levels() == [100, 100]
        assert book.runner.progress.refused.total() >= 3
        await book.runner.close()

    play(script)


def test_a_flood_of_proposals_is_shed_and_counted_the_urgent_ones_kept():
    async def script() -> None:
        city = City()
        rogue = with_rogue(lambda view: [Proposal("lamps-01", "dim", 1.0, {"a": "b"}, view.now_us)] * 6000)[:1]
        book = Playbook(city, rogue)
        await book.runner.turn()
        assert (book.runner.progress.proposed, book.runner.progress.shed) == (6000, 1000)
        await book.runner.close()

    play(script)


def test_a_store_that_hangs_is_given_up_at_its_deadline():
    async def script() -> None:
        city, release = City(), threading.Event()
        city.latest_of = lambda devices: release.wait(60) and []  # type: ignore[method-assign]
        book = Playbook(city, call_s=0.05)
        await book.runner.turn()
        await book.runner.turn()
        assert book.runner.progress.link_errors >= 1
        release.set()
        await book.runner.close()

    play(script)


def test_a_clock_that_goes_back_does_not_stop_the_turns():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.passes(3 * MINUTE, quiet(city))
        city.now -= 5 * HOUR
        turns = book.runner.progress.turns
        await book.passes(3 * MINUTE, quiet(city))
        assert book.runner.progress.turns > turns
        await book.runner.close()

    play(script)


def test_expected_ranges_are_refreshed_every_few_hours_and_a_failure_is_survived():
    async def script() -> None:
        city = City()
        done = threading.Event()

        def refresh(now_us: int) -> None:
            city.refreshed.append(now_us)
            done.set()
            raise ValueError("no history yet")

        book = Playbook(city, [], refresh, expected_us=HOUR)
        for _ in range(3):
            done.clear()
            await book.runner.turn()
            await asyncio.to_thread(done.wait, 10)
            while book.runner.progress.service_errors < len(city.refreshed):
                await asyncio.sleep(0)
            city.now += HOUR
        assert len(city.refreshed) == 3
        await book.runner.close()

    play(script)


def test_runs_until_it_is_stopped():
    async def script() -> None:
        city, stop = City(), asyncio.Event()
        city.broken = {"reader"}
        book = Playbook(city, refresh=lambda _: stop.set())
        running = asyncio.create_task(book.runner.run(stop))
        while not book.runner.progress.link_errors:
            await asyncio.sleep(0)
        city.broken = set()
        async with asyncio.timeout(30):
            await running
        assert book.runner.progress.turns >= 1

    play(script)


# -- binding ----------------------------------------------------------------------------------------------------------


def test_all_errors_of_the_settings_are_reported_at_once_with_their_path():
    streets = {"quay": {"lamps": ["lamps"], "light": ["luxx"], "traffic": ["loop"]}, "b": {"lamps": ["lux"]}}
    with pytest.raises(PlaceErrors) as caught:
        bound(settings={"streets": streets})
    text = str(caught.value)
    assert "services.lights.settings" in text
    assert "`luxx` is not a declared device" in text and "`lux` is not among the service's actuators" in text


def test_a_kind_without_a_plug_in_is_left_alone():
    assert bound(kind="waste") == []


def test_lamps_that_are_not_active_are_not_shown_and_not_commanded():
    place = town()
    stored = replace_device(place, "lamps", DeviceStatus.STORED)
    (lights,) = bind_services(stored, number(stored), PLUGINS)
    assert lights.actuators == {} and not any(rule.active for rule in lights.rules.actuators.values())


def replace_device(place: Place, device: str, status: DeviceStatus) -> Place:
    import msgspec

    changed = msgspec.structs.replace(place.devices[device], status=status)
    return msgspec.structs.replace(place, devices={**place.devices, device: changed})


def test_a_faster_city_still_gives_lamps_five_real_seconds():
    pace = Pace.at_speed(600.0)
    assert (pace.tick_us, pace.answer_us) == (600 * SECOND, 3000 * SECOND)
    place = town()
    (lights,) = bind_services(place, number(place), PLUGINS, pace)
    assert lights.rules.valid_us == 3000 * SECOND


# -- what is not believed ---------------------------------------------------------------------------------------------


def test_a_command_keeps_the_devices_it_rests_on_and_when_they_were_read():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        await book.passes(2 * MINUTE, quiet(city))
        row = city.rows[city.of(CommandIssued)[0].command_id]
        # after sunset the light sensor decides nothing
        assert city.of(CommandIssued)[0].sources == ("loop",)
        assert list(row.sources) == [SourceSpan("loop", NIGHT, NIGHT)]
        await book.runner.close()

    play(script)


@pytest.mark.parametrize(("trust", "least", "why"), [(0.3, 0.0, "quarantined"), (0.7, 0.8, "not-trusted")])
def test_a_street_whose_detector_is_not_believed_goes_to_full_light_and_says_why(trust: float, least: float, why: str):
    async def script() -> None:
        city = City()
        book = Playbook(city, bound(msgspec.structs.replace(DIM, least_trust=least)))
        await book.passes(2 * MINUTE, quiet(city))
        assert city.levels() == [40, 40]
        city.doubt("loop", trust)
        await book.passes(3 * MINUTE, quiet(city))
        assert city.levels() == [100, 100]
        assert city.of(CommandIssued)[-1].cause["left_out"] == f"1, {why}"
        assert book.runner.progress.left_out == {why: 1}
        assert book.runner.progress.refused.total() == 0, "what is not shown is not proposed"
        city.doubted.clear()
        await book.passes(15 * MINUTE, quiet(city))
        assert city.levels() == [40, 40]
        await book.runner.close()

    play(script)


def test_a_reading_under_a_mark_is_not_shown_and_one_beside_it_is():
    async def script() -> None:
        city = City()
        book = Playbook(city)
        mark = {"id": "m", "device": "loop", "state": MarkState.SUSPECT}
        city.marked = [Mark(since=NIGHT - HOUR, until=NIGHT + 5 * MINUTE, **mark)]
        await book.passes(4 * MINUTE, quiet(city))
        assert city.levels() == [100, 100] and book.runner.progress.left_out == {"suspect": 1}
        await book.passes(15 * MINUTE, quiet(city))
        assert city.levels() == [40, 40] and not book.runner.progress.left_out
        await book.runner.close()

    play(script)


def test_nothing_is_proposed_while_nobody_can_say_who_is_trusted():
    async def script() -> None:
        city = City()
        city.broken = {"standings"}
        book = Playbook(city)
        await book.passes(3 * MINUTE, quiet(city))
        assert not city.rows and book.runner.progress.link_errors > 0
        city.broken = set()
        await book.passes(2 * MINUTE, quiet(city))
        assert city.levels() == [40, 40]
        await book.runner.close()

    play(script)


def test_too_few_independent_sources_make_a_street_safe_and_not_every_minute_again():
    async def script() -> None:
        city = City()
        for lamp in city.lamps.values():
            lamp.level = 10.0
        book = Playbook(city, bound(msgspec.structs.replace(DIM, quorum=2)))
        await book.passes(29 * MINUTE, quiet(city))
        assert city.levels() == [100, 100]
        assert book.runner.progress.refused["too-few-sources"] > 2
        assert {record.reason for record in city.of(CommandRefused)} == {"too-few-sources"}
        issued = city.of(CommandIssued)
        assert [(r.device, r.value, r.sources) for r in issued] == [("lamps-01", 100, ()), ("lamps-02", 100, ())]
        assert issued[0].cause["fail_safe"] == "40 was refused: too-few-sources"
        await book.passes(5 * MINUTE, quiet(city))
        assert len(city.of(CommandIssued)) == 4, "reminded after half an hour"
        await book.runner.close()

    play(script)


def test_what_a_doubted_reading_made_it_think_before_is_forgotten():
    last = Commanded("dim", 40.0, {"traffic": "quiet"}, "acknowledged", NIGHT, ("loop",))
    mark = Mark(id="m", device="loop", since=NIGHT - MINUTE, until=NIGHT + MINUTE, state=MarkState.RETRACTED)
    others = [msgspec.structs.replace(mark, device="lux"), msgspec.structs.replace(mark, since=NIGHT + 1, until=OPEN)]
    quarantined = DeviceStanding(device="loop", trust=0.1, state=state_of(0.1), since=NIGHT)
    assert doubt_of([], others).remembered(last, 0.0).cause == last.cause
    assert doubt_of([], [mark]).remembered(last, 0.0).cause == {}
    assert doubt_of([quarantined], []).remembered(last, 0.0).cause == {}
