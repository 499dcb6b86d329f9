"""Receivers that answer a byte now and then, for ever: each send ends, and no other channel waits for it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date

import pytest

from adapters.alerts.test_ways_out import KEY, LETTER, receiver
from cityward.adapters.alerts import mail, webhook
from cityward.adapters.outward import connect
from cityward.errors import LinkError
from cityward.place.alerts import Endpoint, read_endpoint
from cityward.runtime.watching.alerting import Alerting, look
from cityward.runtime.watching.ports import AlertRow
from outward import Door, led_to
from runtime.test_alerting import World, town

BEGINNINGS = {"http": b"HTTP/1.1 2", "smtp": b"220-slow "}


@contextmanager
def dripping(scheme: str) -> Iterator[tuple[Endpoint, threading.Event]]:
    """A receiver that begins to answer and never ends; told when somebody is waiting for it."""
    waited_for, ended = threading.Event(), threading.Event()

    def drip(link: socket.socket) -> None:
        with link, suppress(OSError):
            link.sendall(BEGINNINGS[scheme])
            waited_for.set()
            while not ended.wait(0.05):
                link.sendall(b".")

    def take(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                link, _ = listener.accept()
                threading.Thread(target=drip, args=(link,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take, args=(listener,), daemon=True).start()
        try:
            yield read_endpoint(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"), waited_for
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)


SENDS: dict[str, Callable[[Endpoint], None]] = {
    "http": lambda endpoint: webhook.post(Door(), led_to(endpoint), "/", b"{}", KEY, "i1.opened", 0),
    "smtp": lambda endpoint: mail.send(Door(), led_to(endpoint), LETTER),
}


def within(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A shorter deadline of every whole exchange."""
    opened = connect.Outward.open
    monkeypatch.setattr(connect.Outward, "open", lambda door, exit_, _=0.0: opened(door, exit_, seconds))


@pytest.mark.parametrize("scheme", SENDS)
def test_a_send_ends_however_slowly_it_is_answered(scheme: str, monkeypatch: pytest.MonkeyPatch):
    within(monkeypatch, 0.3)
    with dripping(scheme) as (endpoint, waited_for):
        with pytest.raises(LinkError):
            SENDS[scheme](endpoint)
        assert waited_for.is_set()


def test_the_next_channel_sends_meanwhile_and_the_slow_one_tries_again(monkeypatch: pytest.MonkeyPatch):
    within(monkeypatch, 3.0)
    world, place, told = World(), town(), Alerting()
    world.box.put("desk", 1)
    world.box.put("mail", 2)

    async def turns(slow: Endpoint, waited_for: threading.Event, port: int) -> None:
        ports = replace(
            world.ports(date(2023, 6, 1)), send={"desk": lambda row: to(slow, row), "mail": lambda row: to(fast, row)}
        )
        fast = read_endpoint(f"http://127.0.0.1:{port}/")
        async with asyncio.timeout(30):
            await look(place, ports, told)
            while not (waited_for.is_set() and world.box.rows[2].state == "sent"):
                await asyncio.sleep(0)
            assert told.busy == {"desk"}
            await told.hands["desk"]
            assert (world.box.rows[1].state, world.box.rows[1].tries) == ("waiting", 1)
            assert told.busy == set()
            world.now = world.box.rows[1].next_at
            ports = replace(ports, send={"desk": lambda row: to(fast, row), "mail": world.send})
            await look(place, ports, told)
            await told.hands["desk"]

    with dripping("http") as (slow, waited_for), receiver(204, None) as (port, got):
        asyncio.run(turns(slow, waited_for, port))
    assert [headers["Cityward-Alert"] for _, headers, _ in got.requests] == ["i2.opened", "i1.opened"]
    assert world.outcomes() == [("i2", "sent"), ("i1", "sent")]


def to(endpoint: Endpoint, row: AlertRow) -> None:
    webhook.post(Door(), led_to(endpoint), "/", row.body, KEY, f"{row.incident}.{row.stage}", 0)
