"""The dishonest client against a real broker: what it may it does, what it may not it is told, and it never waits for ever."""

from __future__ import annotations

from pathlib import Path

from cityward.adapters.bus.server import free_port
from cityward.adapters.exercising.bare import BareLink
from cityward.adapters.exercising.visitor import NO_ANSWER, Visitor
from streets import PASSWORD, StreetCity, device_of, in_street

LAMP = "quay-street-lamps-01"


def test_it_is_let_in_by_its_own_secret_only(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        codes = []
        for secret in (PASSWORD, "wrong", None):
            async with await BareLink.to(city.settings.mqtt_port, f"{LAMP}:x", LAMP, secret) as link:
                codes.append(link.code)
        assert codes == [0, 5, 5]

    in_street(tmp_path, body)


def test_what_it_says_is_in_the_log_once_it_is_acknowledged(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        async with await BareLink.to(city.settings.mqtt_port, LAMP, LAMP, PASSWORD, "127.0.0.9") as link:
            assert [await link.publish(f"in/{LAMP}", b"%d" % n) for n in range(3)] == [True] * 3
        log = await city.log()
        assert [(device_of(one), one.payload) for one in log] == [(LAMP, b"%d" % n) for n in range(3)]

    in_street(tmp_path, body)


def test_what_it_says_for_another_is_acknowledged_and_thrown_away(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        async with await BareLink.to(city.settings.mqtt_port, LAMP, LAMP, PASSWORD) as link:
            assert await link.publish("in/quay-street-lamps-02", b"1")  # SPEC: MQTT 3.1.1 3.3.5-2
        assert await city.log() == []

    in_street(tmp_path, body)


def test_a_visitor_that_nobody_answers_says_so() -> None:
    assert Visitor(free_port()).ask("GET", "/", b"", {}).status == NO_ANSWER
