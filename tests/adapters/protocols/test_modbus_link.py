"""Registers of a real Modbus server, asked for as few times as may be, and never written."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from cityward.adapters.protocols.modbus.link import Cabinet, Span, spans_of
from cityward.errors import LinkError
from cityward.place.registers import read_register


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def asked(cabinet_of: Any, port: int) -> list[Any]:
    async def script() -> list[Any]:
        words = ModbusSequentialDataBlock(1, list(range(0, 200)))
        bits = ModbusSequentialDataBlock(1, [n % 3 == 0 for n in range(200)])
        context = ModbusServerContext(
            devices={7: ModbusDeviceContext(hr=words, ir=words, co=bits, di=bits)}, single=False
        )
        server = ModbusTcpServer(context, address=("127.0.0.1", port))
        serving = asyncio.create_task(server.serve_forever())
        try:
            for _ in range(200):
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
            return [msgspec.json.decode(one.body) for one in await cabinet_of().gather()]
        finally:
            await server.shutdown()
            serving.cancel()

    return asyncio.run(script())


def cabinet(port: int, *registers: str, unit: int = 7) -> Cabinet:
    return Cabinet("cabinet-1", "127.0.0.1", port, unit, spans_of(map(read_register, registers)), every_s=60)


def test_what_a_cabinet_holds_is_read_from_all_four_tables() -> None:
    port = free_port()
    names = ("holding:100:u16", "holding:103:u32", "input:5:f32", "coil:0:bit", "coil:1:bit", "discrete:6:bit")
    [body] = asked(lambda: cabinet(port, *names), port)
    blocks = {(one["table"], one["first"]): one["words"] for one in body["blocks"]}
    assert blocks == {
        ("holding", 100): [100, 101, 102, 103, 104],
        ("input", 5): [5, 6],
        ("coil", 0): [1, 0],
        ("discrete", 6): [1],
    }


@pytest.mark.parametrize(
    ("what", "unit", "register"), [("refuses", 7, "holding:5000:u16"), ("does not answer|refuses", 9, "holding:1:u16")]
)
def test_a_cabinet_that_says_no_is_a_link_error(what: str, unit: int, register: str) -> None:
    port = free_port()
    with pytest.raises(LinkError, match=what):
        asked(lambda: cabinet(port, register, unit=unit), port)


def test_a_cabinet_that_is_away_is_a_link_error() -> None:
    def script() -> Coroutine[Any, Any, Any]:
        return cabinet(free_port(), "holding:1:u16").gather()

    with pytest.raises(LinkError, match="does not answer"):
        asyncio.run(script())


@pytest.mark.parametrize(
    ("registers", "spans"),
    [
        (["holding:0:u16", "holding:1:f32"], [Span("holding", 0, 3)]),
        (["holding:0:u16", "holding:9:u16"], [Span("holding", 0, 10)]),  # eight between them
        (["holding:0:u16", "holding:10:u16"], [Span("holding", 0, 1), Span("holding", 10, 1)]),
        (["input:0:u16", "holding:0:u16"], [Span("holding", 0, 1), Span("input", 0, 1)]),
        ([f"holding:{n}:u16" for n in range(130)], [Span("holding", 0, 120), Span("holding", 120, 10)]),
        (["holding:5:u32", "holding:5:u16"], [Span("holding", 5, 2)]),
    ],
    ids=["next to each other", "over a gap", "too far", "two tables", "more than an answer holds", "the same"],
)
def test_registers_are_asked_for_in_few_spans(registers: list[str], spans: list[Span]) -> None:
    assert spans_of(map(read_register, registers)) == spans
