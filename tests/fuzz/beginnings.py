"""What the fuzzer begins with: kept seeds, and what the rooms' own tests have as samples.

A kept seed is a file in `seeds/<target>/`: an input that once broke its reader, or leads far into it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from adapters.protocols.samples import samples
from cityward.adapters.protocols import codecs
from cityward.evidence import records
from cityward.runtime import commands
from cityward.watch import alerts, events, memory
from cityward.watch.contract import Severity
from declarations import TOWN
from fuzz.targets import fresh_state

HERE = Path(__file__).parent
_IMPORTS = HERE.parent / "adapters" / "exchange" / "imports" / "samples"
_CODECS = {"senml": "senml", "plain-json": "json", "ngsi-ld": "ngsi-ld"}


def kept(target: str) -> dict[str, bytes]:
    """Name -> a kept seed."""
    return {path.name: path.read_bytes() for path in sorted((HERE / "seeds" / target).glob("*"))}


def beginnings(target: str, most: int) -> dict[str, bytes]:
    """Name -> an input to begin with, at most `most` bytes: kept seeds and samples."""
    found = kept(target) | _samples(target)
    return {name: data for name, data in found.items() if len(data) <= most}


def _samples(target: str) -> dict[str, bytes]:
    if target in _CODECS:
        kind = type(codecs()[_CODECS[target]])
        every = samples(kind, "good") | samples(kind, "hostile")
        return {name: sample.payload() for name, sample in every.items()}
    if target.startswith("import-"):
        folder = _IMPORTS / target.removeprefix("import-")
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}
    return {f"made-{number}": data for number, data in enumerate(_MADE.get(target, ()))}


_BODY = alerts.AlertBody(
    place="town", stage="opened", incident="i-1", title="a | b = c", severity=Severity.HIGH, began_at="2026-08-01T12:00:00Z",
    last_at="2026-08-01T12:00:00Z", findings=2, subjects=3, first_subjects=("lamp-01",), words=("seen", "x\\y"),
    techniques=("T0836",), todo=("look",),
)  # fmt: skip
_MOMENT = "2026-08-01T12:00:00Z"
_MADE: dict[str, tuple[bytes, ...]] = {
    "declaration": (TOWN.encode(),),
    "proposal": (
        TOWN.encode(),
        b"removes: {services: [lights]}\nparties: {beta: {kind: company, incorporated_in: xa}}\n",
    ),
    "yaml": (TOWN.encode(), b"a: [1, 0x1, .inf, ~, 'x', \"\\u0041\"]\n? b\n: |-\n  c\n"),
    "strict-json": (b'{"a":[1,-0.5e3,"\\u00e9"],"b":{"c":null}}', b'{"a":1,"\\u0061":2}', b'["\\ud83d\\ude00"]'),
    "upsert": (b'[{"id":"urn:ngsi-ld:AirQualityObserved:air-1","type":"AirQualityObserved"}]',),
    "acknowledgement": (
        f'{{"id":"c-1","outcome":"done","level":0.5,"at":"{_MOMENT}"}}'.encode(),
        commands.signed(
            f'{{"id":"c-1","device":"lamp-01","command":"dim","set":{{"lamp-level":0.5}},"issued_at":"{_MOMENT}",'
            f'"expires_at":"{_MOMENT}","nonce":"AAAAAAAAAAAAAAAA"}}'.encode(),
            lambda message: bytes(64),
        ),
    ),
    "token": (b'{"aud":"x","exp":1,"nats":{"user_nkey":"U"}}',),
    "entry": (b"mqtt\x00lamp-01\x00river-stone-lamp\x00lamp-01:a", b"nats\x00lamp-02\x00\x00" + b"A" * 22),
    "event": tuple(
        events.encode(events.Event(at=1, kind=kind, by="gate", subject="lamp-01", detail={"why": "no"}, record="a:1"))
        for kind in events.EventKind
    ),
    "record": (
        records.encode(records.Lifecycle(at=1, by="web", event="started", detail={"version": "1"})),
        records.encode(
            records.Standing(at=1, by="watch", device="lamp-01", trust=0.5, state="suspect", because=("f-1",))
        ),
        records.encode(
            records.CommandOutcome(at=1, by="service", command_id="c", device="d", outcome="rejected", level=None)
        ),
    ),
    "alert": (msgspec.json.encode(_BODY),),
    "log": (b"tile/entries/000\x00\x00\x02{}\x00\x01a", b"tile/0/000\x00" + bytes(32), b"checkpoint\x00fuzz\n3\n"),
    "notes": (memory.write(fresh_state()), memory.write(fresh_state((1, 2**70)))),
    "flow-log": (
        b"start,src,src_port,dst,dst_port,proto,bytes_sent\n2026-03-02T12:00:00Z,192.0.2.7,50000,2001:db8::1,443,tcp,100\n",
        b"#separator \\x09\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n1\t192.0.2.7\t5\t192.0.2.8\t4\ttcp\n",
        b'{"ts":1.5,"id.orig_h":"192.0.2.7","id.orig_p":5,"id.resp_h":"192.0.2.8","id.resp_p":443,"proto":"udp"}\n',
    ),
    "endpoint": (b"https://alerts.example/a?b=c", b"smtp://mail.example:25", b"syslog+tls://[2001:db8::1]:6514"),
    "shown": ("a\u202eb\u200dc\u2028d\x1b]8;;e".encode(),),
}
