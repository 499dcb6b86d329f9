"""Commands for lamps behind a gateway: handed on once, answered in the lamp's name; levels become readings."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import pytest

from cityward.errors import LinkError
from cityward.runtime import relaying
from cityward.runtime.commands import ACK_PREFIX, Acknowledgement, Command, decode_acknowledgement, signed
from cityward.runtime.relaying import Bound, Relay
from cityward.time import MINUTE, SECOND, from_us, iso, to_us
from signing import CITY, STRANGER, is_citys

NIGHT = to_us(datetime.fromisoformat("2024-01-10T02:00+00:00"))
LAMP, OTHER = "lamp-01", "lamp-02"


def dim(
    level: float, name: str = "c1", device: str = LAMP, at: int = NIGHT, by: object = CITY, valid_s: int = 120
) -> bytes:
    body = {"id": name, "device": device, "command": "dim", "set": {"lamp-level": level}, "issued_at": iso(at)}
    body |= {"expires_at": iso(at + valid_s * SECOND), "nonce": f"nonce-of-{name:a<16}"}
    return signed(json.dumps(body).encode(), by.sign)  # type: ignore[attr-defined]


class Field:
    """A gateway: `status` decides what it says to the next commands; `stands` what its lamps stand at."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.stands: dict[str, float] = {LAMP: 100.0, OTHER: 100.0}
        self.says: list[str] = []  # of each command to come: done | taken | rejected | silent; done at the end
        self.away = False
        self.held: threading.Event | None = None  # a command waits for it

    def send(self, command: Command, now_us: int) -> Acknowledgement | None:
        if self.held is not None:
            assert self.held.wait(20)
        says = self.says.pop(0) if self.says else "done"
        if says == "silent":
            raise LinkError("the gateway does not answer")
        self.sent.append((command.device, command.set["lamp-level"]))
        if says == "taken":
            return None
        outcome = "rejected" if says == "rejected" else "done"
        return Acknowledgement(
            id=command.id, outcome=outcome, level=command.set["lamp-level"], at=from_us(now_us), reason=""
        )

    def levels(self) -> Mapping[str, float]:
        if self.away:
            raise LinkError("the gateway does not answer")
        return dict(self.stands)


class Log:
    """What the log was given. `silent`: for so many answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, str]] = []  # device, command, outcome, reason
        self.readings: list[tuple[str, float]] = []
        self.silent = 0

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        assert codec == "senml"
        [said] = json.loads(payload)
        assert said["n"] == "level" and said["u"] == "%"
        self.readings.append((device, said["v"]))
        return 1

    async def publish_to(self, subject: str, payload: bytes) -> int:
        if self.silent > 0:
            self.silent -= 1
            raise LinkError("the log is away")
        answer = decode_acknowledgement(payload)
        self.answers.append((subject.removeprefix(ACK_PREFIX), answer.id, answer.outcome, answer.reason))
        return 1


class Town:
    """The relay with its world; time stands still unless it is moved."""

    def __init__(self) -> None:
        self.field, self.log, self.now = Field(), Log(), NIGHT
        bound = [Bound(LAMP, "level"), Bound(OTHER, "level")]
        self.relay = Relay("gateway", self.field, bound, is_citys, lambda: self.now, 3600.0)

    @property
    def counts(self) -> Mapping[str, int]:
        return self.relay.progress.counts

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "AGAIN_S", 0.001)
    monkeypatch.setattr(relaying, "SOON_S", 0.001)


def play(story: Callable[[Town], Awaitable[None]]) -> Town:
    """A story while the relay runs; whatever is heard is done, rejected, unanswered or still waits."""

    async def run() -> Town:
        town, stop = Town(), asyncio.Event()
        running = asyncio.create_task(town.relay.run(town.log, stop))
        try:
            await story(town)
        finally:
            stop.set()
            await running
        ended = sum(town.counts[word] for word in ("done", "rejected", "unanswered"))
        assert town.counts["heard"] >= ended
        return town

    return asyncio.run(run())


def test_a_command_is_handed_on_and_answered_in_the_lamps_name():
    async def story(town: Town) -> None:
        town.relay.hear(LAMP, dim(40))
        await town.until(lambda: len(town.log.answers) == 1)

    town = play(story)
    assert town.field.sent == [(LAMP, 40.0)]
    assert town.log.answers == [(LAMP, "c1", "done", "")]


def test_what_the_city_did_not_say_to_this_lamp_now_reaches_no_gateway():
    async def story(town: Town) -> None:
        town.relay.hear(LAMP, dim(40, by=STRANGER))
        town.relay.hear(LAMP, b"no command")
        town.relay.hear(LAMP, dim(40, "others", device=OTHER))
        town.relay.hear(LAMP, dim(40, "late", at=NIGHT - 5 * MINUTE))
        town.relay.hear(LAMP, dim(40, "early", at=NIGHT + 5 * MINUTE))
        town.relay.hear("lamp-99", dim(40, "unbound", device="lamp-99"))
        town.relay.hear(LAMP, dim(40, "good"))
        town.relay.hear(LAMP, dim(40, "good"))
        await town.until(lambda: len(town.log.answers) == 6)

    town = play(story)
    assert town.field.sent == [(LAMP, 40.0)]
    told = {(outcome, reason) for _, _, outcome, reason in town.log.answers}
    assert told == {
        ("done", ""),
        *(("rejected", why) for why in ("bad-signature", "wrong-device", "expired", "in-the-future", "repeated")),
    }
    assert (town.counts["bad-signature"], town.counts["unreadable"]) == (1, 1)


def test_of_two_that_wait_the_newer_is_handed_on_and_another_lamp_is_not_held_up():
    async def story(town: Town) -> None:
        town.field.held = threading.Event()
        town.relay.hear(LAMP, dim(40, "first"))
        await town.until(lambda: town.relay._waiting == {})  # pyright: ignore[reportPrivateUsage]
        town.relay.hear(LAMP, dim(50, "second"))
        town.relay.hear(LAMP, dim(60, "third"))
        town.relay.hear(OTHER, dim(70, "other", device=OTHER))
        town.field.held.set()
        await town.until(lambda: len(town.log.answers) == 4)

    town = play(story)
    assert (LAMP, "second", "rejected", "overtaken") in town.log.answers
    assert [level for lamp, level in town.field.sent if lamp == LAMP] == [40.0, 60.0]
    assert (OTHER, 70.0) in town.field.sent


def test_what_was_only_taken_is_answered_when_a_look_shows_it():
    async def story(town: Town) -> None:
        town.field.says = ["taken"]
        town.relay.hear(LAMP, dim(40.2))
        await town.until(lambda: town.counts["looks"] > 3)
        assert town.log.answers == []
        town.field.stands[LAMP] = 41.0  # whole percents, rounded up
        await town.until(lambda: town.log.answers != [])

    assert play(story).log.answers == [(LAMP, "c1", "done", "")]


def test_what_was_taken_and_never_shown_is_not_answered_and_no_longer_waited_for():
    async def story(town: Town) -> None:
        town.field.says = ["taken"]
        town.relay.hear(LAMP, dim(40))
        await town.until(lambda: town.counts["looks"] > 3)
        town.now += 3 * MINUTE
        await town.until(lambda: town.counts["unanswered"] == 1)

    assert play(story).log.answers == []


def test_a_gateway_that_is_silent_is_asked_once_more_and_then_nothing_is_answered():
    async def story(town: Town) -> None:
        town.field.says = ["silent", "done", "silent", "silent"]
        town.relay.hear(LAMP, dim(40, "lucky"))
        await town.until(lambda: len(town.log.answers) == 1)
        town.now += SECOND
        town.relay.hear(LAMP, dim(50, "lost", at=town.now))
        await town.until(lambda: town.counts["unanswered"] == 1)
        assert town.relay.progress.trouble == "the gateway does not answer"

    town = play(story)
    assert town.log.answers == [(LAMP, "lucky", "done", "")]
    assert town.field.sent == [(LAMP, 40.0)]


def test_a_gateway_that_says_no_is_heard():
    async def story(town: Town) -> None:
        town.field.says = ["rejected"]
        town.relay.hear(LAMP, dim(40))
        await town.until(lambda: len(town.log.answers) == 1)

    assert play(story).log.answers[0][2] == "rejected"


def test_answers_wait_for_a_log_that_is_away():
    async def story(town: Town) -> None:
        town.log.silent = 3
        town.relay.hear(LAMP, dim(40))
        await town.until(lambda: len(town.log.answers) == 1)

    assert play(story).log.answers == [(LAMP, "c1", "done", "")]


def test_levels_become_readings_and_a_lamp_that_is_not_listed_is_told():
    async def story(town: Town) -> None:
        del town.field.stands[OTHER]
        town.field.stands["lamp-99"] = 3.0  # not bound: none of ours
        await town.until(lambda: town.log.readings != [])
        await town.until(lambda: town.relay.progress.trouble != "")

    town = play(story)
    assert town.log.readings == [(LAMP, 100.0)]
    assert town.relay.progress.trouble == "it says nothing of 1 of its 2 lamps"


def test_a_gateway_that_lists_nothing_is_told_and_asked_again(monkeypatch: pytest.MonkeyPatch):
    async def story(town: Town) -> None:
        town.field.away = True
        town.relay._every_s = 0.001  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(relaying, "LONGEST_PAUSE_S", 0.002)
        await town.until(lambda: town.counts["looks-failed"] >= 2)
        assert town.relay.progress.trouble == "the gateway does not answer"
        town.field.away = False
        await town.until(lambda: town.counts["looks"] >= 1)
        assert town.relay.progress.trouble == ""

    assert play(story).log.readings != []
