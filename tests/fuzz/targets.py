"""What is fuzzed: for every reader of foreign bytes one function that reads them and holds the reader to its word.

A function takes any bytes and returns, or an assertion fails, or an error gets out that the reader does not document. Each reads
twice: the same bytes give the same answer. Used by `run` (coverage-guided, `make fuzz`) and by `test_seeds` (kept seeds,
and hypothesis, in every run of the tests). Nothing here keeps anything from one input to the next.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.protocols.samples import REGISTRY, as_rows, check_invariants
from cityward.adapters.bus import jwt, nkeys
from cityward.adapters.bus.entry import Caller, Entry, Refusal, Roll, may_enter
from cityward.adapters.exchange.imports import importers
from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.flow_logs.reading import FAULTS_KEPT, LINE_MOST, read_flow_log
from cityward.adapters.protocols import codecs, strict_json
from cityward.adapters.protocols.ngsi_ld.batches import JSON, JSON_LD, MAX_ENTITIES, Batch, split_batch
from cityward.compose.asking.imports import EVERYTHING, import_model
from cityward.errors import CitywardError, DecodeError, EvidenceError, PlaceErrors
from cityward.evidence import records, tiles, verifier
from cityward.evidence.checkpoint import Checkpoint, LogKey, Signer, opened, signed
from cityward.evidence.tree import CompactRange
from cityward.guard.batch import Messages
from cityward.guard.reasons import Reason
from cityward.place.alerts import PORTS, read_endpoint
from cityward.place.loader import load, load_with
from cityward.place.reading.source import plain, read_yaml
from cityward.runtime import commands
from cityward.runtime.ports import CredentialRow
from cityward.text import harmless, harmless_json
from cityward.watch import alerts, events, memory
from declarations import TOWN, ZONES, reader

NOW_US = 1_785_585_600_000_000

One = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One reader.

    share: of the runs asked for, how many it gets: a reader that is slow, or small, gets fewer.
    most: bytes of one input. words: what its inputs are made of, for the fuzzer's dictionary.
    """

    one: One
    share: float = 1.0
    most: int = 4096
    words: tuple[str, ...] = ()


def _same(read: Callable[[], Any]) -> Any:
    """What `read` gives, or the error it raises as (its type, its text); the second time the same as the first."""
    first, second = _outcome(read), _outcome(read)
    assert first == second, "the same bytes gave another answer"
    return first


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (CitywardError, ValueError) as error:
        if isinstance(error, CitywardError):
            assert str(error) == "\n".join(map(harmless, str(error).split("\n"))), "an error that drives terminals"
        return (type(error), str(error)) if not isinstance(error, DecodeError) else (type(error), error.reason)


def _raised(outcome: Any, *allowed: type[Exception]) -> bool:
    """Whether an error came out; then it is one of those that are documented."""
    if not (isinstance(outcome, tuple) and len(outcome) == 2 and isinstance(outcome[0], type)):
        return False
    assert issubclass(outcome[0], allowed), f"{outcome[0].__name__} is not documented: {outcome[1]}"
    if issubclass(outcome[0], DecodeError):
        assert outcome[1] in Reason.__members__, outcome[1]
    return True


# -- what devices send ----------------------------------------------------------------------------------------------------

_UNITS = {"senml": "counter-1", "json": "weather-1", "ngsi-ld": "air-1"}


def codec(format_: str) -> One:
    """A codec: total, one row at least for every message, and no message says anything of another."""
    made = codecs()[format_]
    unit = REGISTRY.unit_index[_UNITS[format_]]

    def one(data: bytes) -> None:
        def claims(payload: list[bytes]) -> Any:
            count = len(payload)
            messages = Messages([unit] * count, payload, [NOW_US] * count, list(range(1, count + 1)))
            found = made.decode(messages, REGISTRY)
            check_invariants(found, count)
            return found

        alone = claims([data])
        assert len(alone.message) <= len(data) + 1, "more rows than bytes"
        assert {int(REGISTRY.channel_unit[c]) for c in alone.channel.tolist() if c >= 0} <= {unit}
        rows = as_rows(alone)
        assert repr(as_rows(claims([data, data]))) == repr([*rows, *rows])

    return one


def json_text(data: bytes) -> None:
    """What is read is I-JSON: written and read again it is the same, and Python's reader agrees."""
    outcome = _same(lambda: [strict_json.parse(data)])
    if _raised(outcome, DecodeError):
        return
    assert repr(json.loads(data.decode())) == repr(outcome[0])
    json.dumps(outcome[0], ensure_ascii=False).encode()


def upsert(data: bytes) -> None:
    """A batch of entities: each of its parts is of the bytes that were sent, or a problem says why there are none."""
    for content_type in (JSON, JSON_LD):
        outcome = _same(lambda content_type=content_type: [split_batch(data, content_type)])[0]
        if isinstance(outcome, Batch):
            assert 0 < len(outcome.parts) + len(outcome.misfits) <= MAX_ENTITIES
            assert all(part.body in data and len(part.entity) <= 256 for part in outcome.parts)
        else:
            assert 400 <= outcome.status < 500


def acknowledgement(data: bytes) -> None:
    """An actuator's answer, and a command as its device reads it."""
    outcome = _same(lambda: [commands.decode_acknowledgement(data)])
    if not _raised(outcome, DecodeError):
        assert commands.decode_acknowledgement(commands.encode_acknowledgement(outcome[0])) == outcome[0]
    _raised(_same(lambda: [commands.decode_command(data, lambda message, signature: True)]), DecodeError)


# -- who comes in -----------------------------------------------------------------------------------------------------------


class _Claims(msgspec.Struct, frozen=True):
    aud: str = ""
    exp: int = 0
    nats: dict[str, Any] = {}


@cache
def _server() -> nkeys.Signer:
    return nkeys.Signer.of(bytes(range(32)), nkeys.Kind.SERVER)


def token(data: bytes) -> None:
    """A token as it comes, and one whose claims are the data under a signature that holds."""
    _raised(_same(lambda: [jwt.read(data, nkeys.Kind.SERVER, _Claims)]), ValueError)
    head, _, _ = jwt.signed({}, _server()).encode().partition(b".")
    body = head + b"." + base64.urlsafe_b64encode(data).rstrip(b"=")
    whole = body + b"." + base64.urlsafe_b64encode(_server().sign(body)).rstrip(b"=")
    outcome = _same(lambda: [jwt.read(whole, nkeys.Kind.SERVER, _Claims)])
    if not _raised(outcome, ValueError):
        assert outcome[0][0] == _server().public


_SECRET = "river-stone-lamp"
_ROLL = Roll(
    status={"lamp-01": "active", "lamp-02": "planned"},
    credentials={
        name: CredentialRow(
            device=name,
            password_bcrypt=None,
            key_sha256=hashlib.sha256(_SECRET.encode()).digest(),
            certificate_sha256=None,
            state="active",
            issued_at=1,
        )
        for name in ("lamp-01", "lamp-02")
    },
    bars={},
    spent={},
)


def entry(data: bytes) -> None:
    """Nobody comes in without a name that is known, its secret, and a client id of its own."""
    by, name, secret, client_id, *_ = [*data.decode("utf-8", "surrogateescape").split("\x00"), "", "", "", ""]
    outcome = may_enter(Caller(by, name, secret, client_id, "192.0.2.7", 1), _ROLL, NOW_US)
    if isinstance(outcome, Entry):
        assert (by, name, secret) == ("mqtt", "lamp-01", _SECRET)
        assert client_id.partition(":")[0] == "lamp-01" or (len(client_id) == 22 and client_id.isascii())
    else:
        assert isinstance(outcome, Refusal)


# -- what is kept -----------------------------------------------------------------------------------------------------------


def event(data: bytes) -> None:
    """An event: read, written and read again it is the same."""
    outcome = _same(lambda: [events.decode(data)])
    if not _raised(outcome, msgspec.DecodeError):
        assert events.decode(events.encode(outcome[0])) == outcome[0]
        assert all(len(text) <= events.LONGEST for text in (outcome[0].subject, *outcome[0].detail.values()))


def record(data: bytes) -> None:
    """A record of the ledger; written again it is the same record, in its one canonical form."""
    outcome = _same(lambda: [records.decode(data)])
    if not _raised(outcome, msgspec.DecodeError):
        once = records.encode(outcome[0])
        assert records.encode(records.decode(once)) == once


@cache
def _log_signer() -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return Signer(key.public_key().public_bytes_raw(), key.sign)


@cache
def _log_key() -> LogKey:
    return LogKey("fuzz", _log_signer().public)


@cache
def _log() -> Mapping[str, bytes]:
    """A log of three entries, as files."""
    entries = [b'{"at":1,"by":"a"}', b'{"at":2}', b"{}"]
    edge = CompactRange()
    files = {w.path: w.data for w in tiles.hash_writes(edge, tiles.leaves_of(entries))}
    checkpoint = Checkpoint("fuzz", len(entries), edge.root())
    return {**files, tiles.entries_path(0): tiles.pack(entries), "checkpoint": signed(checkpoint, _log_signer())}


def log(data: bytes) -> None:
    """A log with one file replaced: `path NUL bytes`. OK only where what is signed is what stands there."""
    path, _, rest = data.partition(b"\x00")
    name = path.decode("utf-8", "replace")
    files = dict(_log()) | {name: rest}
    verdict = _same(lambda: [verifier.verify(files.get, _log_key().text())])[0]
    if verdict.ok:
        assert files["checkpoint"] == _log()["checkpoint"], "another checkpoint was believed"
        assert rest.startswith(_log().get(name, b"")) or name not in _log()
    entries, left = tiles.unpack(rest)
    assert tiles.pack(entries) + left == rest
    _raised(_same(lambda: tiles.asked(name, files.get)), EvidenceError)
    _raised(_same(lambda: [opened(rest, _log_key())]), EvidenceError)


# -- the watch's memory -------------------------------------------------------------------------------------------------------


@dataclass
class _Part:
    level: float = 0.0
    names: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


@dataclass
class _State:
    values: Any
    part: _Part
    window: Any = ()
    count: int = 0


def fresh_state(window: Any = ()) -> Any:
    """A state such as a detector has."""
    return _State(np.zeros(3), _Part(), window)


def notes(data: bytes) -> None:
    """Notes of the watch: as they come, under a digest that holds, and as a detector's state."""
    _raised(_same(lambda: [memory.unpack(data)]), DecodeError)
    _raised(_same(lambda: [memory.unpack(hashlib.sha256(data).digest() + data)]), DecodeError)
    outcome = _outcome(lambda: [memory.read(data, fresh_state())])
    if not _raised(outcome, DecodeError):
        assert type(outcome[0]) is _State


# -- what people bring --------------------------------------------------------------------------------------------------------


def declaration(data: bytes) -> None:
    """A declaration: holds together, or everything that is wrong with it is told."""
    read = reader({"place.yaml": data})
    outcome = _same(lambda: [load("place.yaml", read, ZONES).digest])
    _raised(outcome, PlaceErrors)


def proposal(data: bytes) -> None:
    """A proposal laid over a town; the town itself stays as it was."""
    read = reader({"place.yaml": TOWN})

    def laid() -> Any:
        found = load_with("place.yaml", read, "proposal.yaml", data, ZONES)
        return [found.base.digest, found.proposed.digest]

    outcome = _same(laid)
    if not _raised(outcome, PlaceErrors):
        assert outcome[0] == _town()


@cache
def _town() -> str:
    return load("place.yaml", reader({"place.yaml": TOWN}), ZONES).digest


def yaml_text(data: bytes) -> None:
    """Plain values, or what is wrong; never an object that YAML could make."""

    def read() -> Any:
        errors: list[Any] = []
        node = read_yaml("place.yaml", data, errors)
        return [None if node is None else repr(plain(node)), list(map(str, errors))]

    outcome = _same(read)
    assert outcome[0] is not None or outcome[1]


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="cityward-fuzz-")) / "log"


def flow_log(data: bytes) -> None:
    """A log of the network: every line is counted once."""
    _scratch().write_bytes(data)
    outcome = _same(lambda: [read_flow_log(_scratch(), most=50, strangers_most=50)])
    if _raised(outcome, DecodeError):
        return
    found = outcome[0]
    assert found.lines == found.kept + found.bad + found.beyond + found.strangers_beyond
    assert len(found.faults) <= FAULTS_KEPT
    assert all(len(fault) < LINE_MOST for fault in found.faults)


_NAMES = {"gleif": "lei2.csv", "sheets": "device_models.csv"}


def import_of(format_: str) -> One:
    """A model of another tool: a fragment, or what is wrong."""
    only = () if importers()[format_].schemes is None else (EVERYTHING,)

    def one(data: bytes) -> None:
        outcome = _same(lambda: [import_model(format_, [File(_NAMES.get(format_, "model"), data)], only=only)])
        if not _raised(outcome, DecodeError):
            assert all(isinstance(id_, str) for kind in outcome[0].fragment.values() for id_ in kind)

    return one


def endpoint(data: bytes) -> None:
    """Where a channel leads: a host and a port, and no secret."""
    text = data.decode("utf-8", "surrogateescape")
    outcome = _same(lambda: [read_endpoint(text)])
    if not _raised(outcome, ValueError):
        found = outcome[0]
        assert found.scheme in PORTS and found.host and 0 <= found.port < 65536
        assert "@" not in found.host and (found.host + found.path).isprintable()


def alert(data: bytes) -> None:
    """The body of an alert, and each form it leaves in: one line where one line is meant."""
    outcome = _same(lambda: [alerts.read_body(data)])
    if _raised(outcome, msgspec.DecodeError):
        return
    body = outcome[0]
    assert len(alerts.cef(body, "1").splitlines()) <= 1
    assert len(alerts.subject_line(body).splitlines()) <= 1
    alerts.plain_text(body)


def shown(data: bytes) -> None:
    """A text made harmless is one line, and stays as it is when it is made so again; JSON keeps what it says."""
    text = data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace") if _is_text(data) else ""
    clean = harmless(text)
    assert harmless(clean) == clean and len(clean.splitlines()) <= 1
    assert len(clean) <= len(text)
    clean.encode()
    written = json.dumps([text], ensure_ascii=False)
    assert json.loads(harmless_json(written)) == [text]


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")
    except UnicodeDecodeError:
        return False
    return True


_JSON = ("{", "}", "[", "]", '":', '","', "null", "true", "1e999", "NaN", "\\ud800", "\\u0000", "-0", "1e-400")
_YAML = (
    "&a",
    "*a",
    "!!python/object",
    "<<:",
    "? ",
    "---",
    "...",
    "%YAML",
    "|-",
    ">+",
    "include:",
    "removes:",
    "\ufeff",
    "0x",
    ".inf",
)

TARGETS: dict[str, Target] = {
    "senml": Target(codec("senml"), words=(*_JSON, '"n":', '"bn":', '"bt":', '"u":', '"v":', '"t":', "count", "speed")),
    "plain-json": Target(codec("json"), words=(*_JSON, '"at":', '"readings":', "temperature", "2026-08-01T12:00:00Z")),
    "ngsi-ld": Target(codec("ngsi-ld"), words=(*_JSON, '"id":', '"type":', "Property", "observedAt", "unitCode", "@context")),
    "upsert": Target(upsert, words=(*_JSON, '"id":', '"type":', "urn:ngsi-ld:")),
    "strict-json": Target(json_text, words=_JSON),
    "acknowledgement": Target(acknowledgement, words=(*_JSON, '"id":', '"at":', '"level":', "2026-08-01T12:00:00Z")),
    "token": Target(token, words=(*_JSON, '"iss":', '"exp":', '"nats":', ".")),
    "entry": Target(entry, most=512, words=("mqtt\x00", "lamp-01\x00", f"{_SECRET}\x00", "lamp-01:a")),
    "event": Target(event, words=(*_JSON, '"kind":', '"at":', '"by":', '"detail":', *(kind.value for kind in events.EventKind))),
    "record": Target(record, words=(*_JSON, '"kind":', '"at":', '"by":', "admission", "finding", "lifecycle", "containment")),
    "log": Target(log, 0.05, words=("checkpoint\x00", "tile/entries/000\x00", "tile/0/000\x00", "\u2014 fuzz ")),
    "notes": Target(notes, words=("\x93\xa1a\xa3<f8", "\xa1c", "\xa1d", "\xa1q", "_State", "_Part", "values", "names")),
    "yaml": Target(yaml_text, 0.5, words=_YAML),
    "declaration": Target(declaration, 0.1, 8192, (*_YAML, "devices:", "flows:", "{from: ", "unknown")),
    "proposal": Target(proposal, 0.02, words=(*_YAML, "devices:", "parties:", "flows:", "unknown")),
    "flow-log": Target(flow_log, 0.3, words=("#fields\t", "#separator \\x09", "id.orig_h", "src", "192.0.2.7", "::1", '{"ts":')),
    **{f"import-{name}": Target(import_of(name), 0.1, words=(*_JSON, *_YAML)) for name in sorted(importers())},
    "endpoint": Target(endpoint, most=512, words=tuple(f"{scheme}://" for scheme in PORTS)),
    "alert": Target(alert, words=(*_JSON, '"title":', '"severity":', "\u2028", "\x85", "\\n")),
    "shown": Target(shown, most=512, words=("\u202e", "\u200d", "\x1b]8;;", "\u2028", "\x9b", "\U000e0041")),
}  # fmt: skip
