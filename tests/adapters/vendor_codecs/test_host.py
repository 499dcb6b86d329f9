"""Vendors' codecs in their child: honest ones decode, hostile ones cost their own call and reach nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import quickjs

from cityward.adapters.vendor_codecs.host import VendorCodecs
from cityward.errors import DecodeError

HONEST = """
function decodeUplink(input) {
  const b = input.bytes;
  return { data: { temperature: ((b[0] << 8) | b[1]) / 10, port: input.fPort, at: input.recvTime.toISOString() } };
}
"""
LEAKY = "var seen = 0; function decodeUplink() { return { data: { seen: ++seen } }; }"
HOSTILE = {
    "for ever": "function decodeUplink() { while (true) {} }",
    "for ever while it is read": "while (true) {}",
    "backtracking": "function decodeUplink() { return { data: { x: /(a+)+$/.test('a'.repeat(40) + 'b') } }; }",
    "memory": "function decodeUplink() { const a = []; while (true) a.push(new Array(1e5).fill(1)); }",
    "one huge text": "function decodeUplink() { return { data: { x: 'x'.repeat(1e9) } }; }",
    "a long answer": "function decodeUplink() { return { data: { x: 'x'.repeat(1e6) } }; }",
    "recursion": "function decodeUplink() { return decodeUplink(); }",
    "deep": "function decodeUplink() { let d = 1; for (let i = 0; i < 5000; i++) d = { d }; return { data: d }; }",
    "require": "function decodeUplink() { return { data: require('fs').readFileSync('/etc/passwd') }; }",
    "import": "function decodeUplink() { return import('std').then(s => ({ data: s })); }",
    "module": "import * as os from 'os'; function decodeUplink() { return { data: { x: os.getcwd() } }; }",
    "fetch": "function decodeUplink() { return { data: { x: fetch('http://127.0.0.1/') } }; }",
    "XMLHttpRequest": "function decodeUplink() { return { data: { x: new XMLHttpRequest() } }; }",
    "process": "function decodeUplink() { return { data: process.env }; }",
    "not a function": "var decodeUplink = 7;",
    "nothing": "function decodeUplink() {}",
    "a text": "function decodeUplink() { return 'x'; }",
    "an array": "function decodeUplink() { return { data: [1] }; }",
    "half a surrogate": "function decodeUplink() { return { data: { x: '\\ud800' } }; }",
    "errors": "function decodeUplink() { return { errors: ['no'], data: {} }; }",
    "stringify replaced": "JSON.stringify = () => '{\"data\":1}{'; function decodeUplink() { return { data: { x: 1 } }; }",
    "stringify gives an object": "JSON.stringify = () => ({}); function decodeUplink() { return { data: { x: 1 } }; }",
    "twice the same key": 'JSON.stringify = () => \'{"data":{"x":1,"x":2}}\'; function decodeUplink() {}',
    "no script": "this is no JavaScript",
}


@pytest.fixture(scope="module")
def codecs() -> Iterator[VendorCodecs]:
    host = VendorCodecs(
        {
            "honest": HONEST,
            **HOSTILE,
            "leaky": "var seen = 0; function decodeUplink() { return { data: { seen: ++seen } }; }",
        }
    )
    yield host
    host.close()


def test_an_honest_codec_gets_its_bytes_its_port_and_the_time(codecs: VendorCodecs) -> None:
    assert codecs.decode("honest", 5, bytes([0, 215]), 1_785_585_600_000) == {
        "temperature": 21.5,
        "port": 5,
        "at": "2026-08-01T12:00:00.000Z",
    }


BUFFERS = """
function decodeUplink(input) {
  const b = Buffer.from(input.bytes);
  const w = Buffer.alloc(8);
  w.writeDoubleBE(-2.5, 0);
  return { data: {
    u16: b.readUInt16BE(0), i16: b.readInt16LE(0), u24: b.readUIntBE(0, 3), i24: b.readIntLE(1, 3), f: w.readDoubleBE(0),
    hex: b.toString("hex"), b64: b.toString("base64"), back: Buffer.from("/v8B", "base64").toString("hex"),
    part: b.slice(1, 3).toString("hex"), text: Buffer.from("6bc3b86e", "hex").toString(), atob: atob("aGk="), btoa: btoa("hi!"),
  } };
}
"""


def test_a_codec_may_use_a_buffer_as_network_servers_give_it() -> None:
    codecs = VendorCodecs({"buffers": BUFFERS})
    try:
        # fe ff 01 80, by hand: 0xfeff; 0xfffe less 65536; 0xfeff01; 0x8001ff less 2^24
        assert codecs.decode("buffers", 1, bytes.fromhex("feff0180"), 0) == {
            "u16": 65279, "i16": -2, "u24": 16711425, "i24": -8388097, "f": -2.5, "hex": "feff0180", "b64": "/v8BgA==",
            "back": "feff01", "part": "ff01", "text": "køn", "atob": "hi", "btoa": "aGkh",
        }  # fmt: skip
    finally:
        codecs.close()


def test_nothing_is_remembered_from_one_call_to_the_next(codecs: VendorCodecs) -> None:
    assert [codecs.decode("leaky", 1, b"", 0) for _ in range(3)] == [{"seen": 1}] * 3


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_codec_costs_its_own_call(codecs: VendorCodecs, name: str) -> None:
    with pytest.raises(DecodeError, match=f"the codec {name} did not decode it"):
        codecs.decode(name, 1, b"\x00", 0)
    assert codecs.decode("honest", 1, bytes([0, 1]), 0)["temperature"] == 0.1  # type: ignore[index]


MOODY = """
function decodeUplink(input) {
  if (input.bytes[0]) while (true) {}
  return { data: { temperature: 1 } };
}
"""


def test_who_makes_a_codec_run_long_again_and_again_is_not_heard_for_a_while_and_others_are() -> None:
    host = VendorCodecs({"moody": MOODY})
    try:
        for _ in range(12):
            with pytest.raises(DecodeError):
                host.decode("moody", 1, b"\x01", 0, "sensor-1")
            assert host.decode("moody", 1, b"\x00", 0, "sensor-2") == {"temperature": 1}, "no other pays for it"
        assert host.progress.passed_over >= 6, "a good call in between does not wipe it out"
    finally:
        host.close()


def test_a_codec_that_many_make_run_long_is_not_asked_for_a_while() -> None:
    host = VendorCodecs({"moody": MOODY, "honest": HONEST})
    try:
        for n in range(40):
            with pytest.raises(DecodeError):
                host.decode("moody", 1, b"\x01", 0, f"sensor-{n}")
        assert host.progress.passed_over >= 10
        assert host.decode("honest", 1, b"\x00\x01", 0, "sensor-1")
    finally:
        host.close()


def test_a_child_that_dies_is_replaced_and_the_call_refused(codecs: VendorCodecs) -> None:
    codecs.decode("honest", 1, bytes([0, 1]), 0)
    child = codecs._child
    assert child is not None
    child.kill()
    child.wait()
    with pytest.raises(DecodeError, match="it was stopped"):
        codecs.decode("honest", 1, bytes([0, 1]), 0)
    assert codecs.decode("honest", 1, bytes([0, 1]), 0)["temperature"] == 0.1  # type: ignore[index]


def test_too_long_a_payload_is_not_even_asked(codecs: VendorCodecs) -> None:
    with pytest.raises(DecodeError, match="more than a radio frame holds"):
        codecs.decode("honest", 1, bytes(600), 0)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux only: looks at the child in /proc")
def test_the_child_has_three_descriptors_no_environment_and_a_filter(codecs: VendorCodecs) -> None:
    codecs.decode("honest", 1, bytes([0, 1]), 0)
    assert codecs._child is not None
    seen = Path(f"/proc/{codecs._child.pid}")
    status = dict(line.split(":\t", 1) for line in (seen / "status").read_text().splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    assert sorted(one.name for one in (seen / "fd").iterdir()) == ["0", "1", "2"]
    assert (seen / "environ").read_bytes() == b""


PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "lorawan_codecs"


@dataclass(frozen=True)
class Vector:
    """One published case: what a vendor's own test says its script makes of these bytes."""

    script: str
    name: str
    port: int
    payload: bytes
    expected: object


def script_of(file: Path) -> str:
    """The script that a file of vectors is for: of its name, or else the only one whose name begins so."""
    name = file.stem.removeprefix("test_decode_")
    exact = file.with_name(f"{name}.js")
    [found] = [exact] if exact.exists() else file.parent.glob(f"{name}-*.js")
    return f"{found.parent.name}/{found.name}"


def vectors_of(file: Path) -> Iterator[Vector]:
    """They are written as JavaScript (hexadecimal numbers, comments), not as JSON."""
    text = quickjs.Context().eval(f"JSON.stringify({file.read_text()})")
    for case in json.loads(text):
        asked = case["input"]
        yield Vector(
            script_of(file), case["name"], asked.get("fPort", 0), bytes(asked["bytes"]), case["expected"].get("data")
        )


def outcome(codecs: VendorCodecs, case: Vector) -> object:
    """What comes out; None where the codec refuses."""
    try:
        return codecs.decode(case.script, case.port, case.payload, 0)
    except DecodeError:
        return None


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published device profiles are not here")
def test_every_published_vector_decodes_as_its_vendor_says() -> None:
    cases = [vector for file in sorted(PUBLISHED.glob("*/test_decode_*.json")) for vector in vectors_of(file)]
    codecs = VendorCodecs({case.script: (PUBLISHED / case.script).read_text() for case in cases})
    try:
        wrong = [case for case in cases if outcome(codecs, case) != case.expected]
    finally:
        codecs.close()
    assert len(cases) > 100 and wrong == []
