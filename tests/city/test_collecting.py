"""A running town asks a cabinet on its wire and takes a contractor's file: both become readings, judged like any other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from adapters.protocols.test_modbus_link import free_port
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home
from hearing import until
from towns import running_town, write_town

MORE = """  cabinet-1:
    model: cabinet
    site: hall
    owner: council
    polled: [{host: 127.0.0.1, port: PORT, unit: 3, every_s: 1}]
flows:
  cabinet-in:
    {from: cabinet-1, to: cityward, datasets: [power], purpose: environment, protocol: modbus, observability: enforced,
     protection: none}
"""
MODEL = """device_models:
  cabinet:
    maker: council
    format: modbus
    properties: {lamp-power: {path: "input:10:u16:0.1"}}
"""


def asked_town(folder: Path, port: int) -> Path:
    """Two meters whose readings a contractor drops as files, and a cabinet that is asked."""
    place = write_town(folder, 2)
    text = (place / "place.yaml").read_text()
    text = text.replace("flows:\n", MORE.replace("PORT", str(port)), 1).replace("device_models:\n", MODEL, 1)
    power = "  power: {personal: false, sensitivity: public, retention_days: 30, properties: [lamp-power]}\n"
    files = "  contractor: {kind: gateway, site: hall, operator: council, speaks_for: [meter], hands_over: files}\n"
    text = text.replace("datasets:\n", f"{files}datasets:\n{power}", 1).replace("protocol: mqtt", "protocol: files", 1)
    (place / "place.yaml").write_text(text)
    return place


@contextmanager
def cabinet(port: int, words: list[int]) -> Iterator[None]:
    """A real Modbus server in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    block = ModbusSequentialDataBlock(1, words)
    context = ModbusServerContext(devices={3: ModbusDeviceContext(ir=block)}, single=False)
    made: list[ModbusTcpServer] = []

    async def serve() -> None:
        made.append(ModbusTcpServer(context, address=("127.0.0.1", port)))
        await made[0].serve_forever(background=True)
        ready.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(serve()), loop.run_forever()))
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(made[0].shutdown(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.slow
def test_a_cabinet_is_asked_and_a_file_is_taken(tmp_path: Path) -> None:
    port, home = free_port(), Home(tmp_path / "state")
    with (
        cabinet(port, [0] * 10 + [735] + [0] * 10),
        running_town(asked_town(tmp_path / "town", port), home.root) as town,
    ):
        state = SqlState(home.state_url)

        def value(device: str, prop: str) -> float | None:
            return next((row.value for row in state.latest_of([device]) if row.property == prop), None)

        try:
            until(lambda: value("cabinet-1", "lamp-power") == 73.5, "what the cabinet holds")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            rows = f"meter-01,illuminance,300,{now}\nmeter-02,illuminance,900000,{now}\ncabinet-1,lamp-power,1,{now}\n"
            until(home.dropped("contractor").is_dir, "a folder to drop into")
            draft = tmp_path / "draft.csv"
            draft.write_text("device,property,value,observed_at\n" + rows)
            draft.replace(home.dropped("contractor") / "today.csv")
            until(lambda: value("meter-01", "illuminance") == 300.0, "a reading of the file")
            until(lambda: [row.reason for row in state.quarantine(9, "meter-02")] == ["out-of-range"], "a refusal")
            taken = home.dropped("contractor") / "taken" / "today.csv"
            until(taken.is_file, "the file is taken")
            assert "'cabinet-1' is no device" in taken.with_name("today.csv.why.txt").read_text()
            assert value("cabinet-1", "lamp-power") == 73.5 and "collector" in town.counts()["pids"]
        finally:
            state.dispose()
