"""What is said of decoders, of cabinets that are asked, and of systems that speak for devices."""

from __future__ import annotations

import pytest

from cityward.errors import PlaceErrors
from cityward.place.exits import exits_of
from declarations import errors_of, loaded, town

SENML = "  counter:\n    maker: acme\n"
MODBUS = ("  counter:\n    maker: acme\n", "  counter:\n    maker: acme\n    format: modbus\n")
REGISTERS = (
    "vehicle-speed: {key: speed, unit: km/h, low: 0, high: 40}\n      vehicle-count: {key: count}",
    'vehicle-speed: {path: "input:0:u16:0.1"}\n      vehicle-count: {path: "holding:7:u32"}',
)
PLACED = "area: quay, owner: council, position: [2.3, 54.9]}"
POLLED = (PLACED, PLACED[:-1] + ", polled: [{host: 10.20.0.7, unit: 3}]}")
ENTERS = ("    protocol: mqtt\n", "    protocol: modbus\n")
WORKBENCH = "workbench: {kind: analytics, site: yard, operator: acme"


def test_a_cabinet_that_is_declared_well_is_an_exit_of_its_own() -> None:
    found = loaded(town(MODBUS, REGISTERS, POLLED))
    exit_ = exits_of(found.place)["modbus:counter-1"]
    assert (exit_.host, exit_.port, exit_.sealed, exit_.is_named or bool(exit_.blocks)) == (
        "10.20.0.7",
        502,
        "none",
        True,
    )


WRONG = {
    "nobody says where it answers": ([MODBUS, REGISTERS], "found 0 of `polled`, expected 1"),
    "it speaks by itself": ([POLLED], "its model is `senml`, which speaks by itself"),
    "a path that is no register": (
        [MODBUS, POLLED, (REGISTERS[0], REGISTERS[1].replace("holding:7:u32", "/count"))],
        "`/count` is no register",
    ),
    "a name for an address": (
        [MODBUS, REGISTERS, (POLLED[0], POLLED[1].replace("10.20.0.7", '"abc:::"'))],
        "`abc:::` is no address",
    ),
    "a decoder of what is not LoRaWAN": (
        [(SENML, SENML + f"    decoder: {{script: codecs/a.js, sha256: {'0' * 64}}}\n")],
        "a `decoder` reads the bytes of `lorawan`, and the format is `senml`",
    ),
    "a script outside": (
        [(SENML, SENML + f"    format: lorawan\n    decoder: {{script: ../a.js, sha256: {'0' * 64}}}\n")],
        "decoder.script",
    ),
    "a system that speaks for nobody there": (
        [(WORKBENCH, WORKBENCH + ", speaks_for: [ghost-1]")],
        "`ghost-1`",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "told"), WRONG.values(), ids=list(WRONG))
def test_what_cannot_be_asked_is_an_error(edits: list[tuple[str, str]], told: str) -> None:
    said = errors_of(town(*edits))
    assert any(told in str(one) for one in said), said


def test_a_system_may_speak_for_a_group_and_for_one_of_its_members() -> None:
    found = loaded(town((WORKBENCH, WORKBENCH + ", speaks_for: [lamps, counter-1]")))
    assert found.place.systems["workbench"].speaks_for == ("lamps", "counter-1")
    with pytest.raises(PlaceErrors):
        loaded(town((WORKBENCH, WORKBENCH + ", speaks_for: [acme]")))
