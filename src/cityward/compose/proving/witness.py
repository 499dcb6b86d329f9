"""A witness for other parties' logs: begun, told whom to follow, asked by HTTP or on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.ledgers.reading import Read, ledgers_under
from cityward.adapters.ledgers.witness_door import serve_witness
from cityward.adapters.ledgers.witness_folder import FollowedLogs, WitnessFolder, make_witness
from cityward.adapters.ledgers.witnessing import (
    ask,
    is_address,
    keep_witnessed,
    key_beside,
    reader_of,
    signed_by_log,
)
from cityward.adapters.outward.connect import Outward
from cityward.errors import CitywardError, EvidenceError, LinkError
from cityward.evidence.checkpoint import LogKey, parse_key
from cityward.evidence.cosignature import WitnessKey

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking at one log. outcome: co-signed | contradicts | not-followed | unreadable."""

    source: str
    origin: str
    outcome: str
    size: int
    said: str
    kept: Path | None = None


def begin_witness(folder: Path, name: str) -> WitnessKey:
    """See `make_witness`."""
    return make_witness(folder, name)


def follow(folder: Path, keys: list[str]) -> list[LogKey]:
    """Follow the logs of these public keys; all that are followed now.

    Raises:
        EvidenceError: one is no key, or its log is followed by another.
        LinkError: no witness lives here.
    """
    logs = FollowedLogs(folder)
    for key in keys:
        logs.follow(parse_key(key))
    return logs.all()


def look_once(folder: Path, source: str) -> list[Looked]:
    """Look at the logs in a folder (or at one address), and co-sign those that continue what was seen before.

    Raises:
        LinkError: no witness lives in the folder.
    """
    places = [source] if is_address(source) else [str(path) for path in ledgers_under(Path(source))]
    with WitnessFolder(folder) as witness:
        return [_look(witness, place) for place in places]


def _look(witness: WitnessFolder, place: str) -> Looked:
    read = reader_of(place, Outward())
    try:
        key = key_beside(read)
        signed_by_log(read, key)
    except CitywardError as error:
        return Looked(place, "", "unreadable", 0, error.what)
    if key not in witness.logs():
        mend = "get the log's key by another way, compare it, then: cityward witness follow"
        return Looked(place, key.origin, "not-followed", 0, mend)
    try:
        return _co_signed(witness, place, read, key)
    except EvidenceError as error:
        return Looked(place, key.origin, "contradicts", 0, error.what)
    except CitywardError as error:
        return Looked(place, key.origin, "unreadable", 0, error.what)


def _co_signed(witness: WitnessFolder, place: str, read: Read, key: LogKey) -> Looked:
    held = witness.seen(key.origin)
    note, state = ask(lambda body: _asked(witness, body), read, key, witness.key, held.size if held else 0)
    kept = None if is_address(place) else keep_witnessed(Path(place), witness.key, note)
    return Looked(place, key.origin, "co-signed", state.size, f"up to entry {state.size - 1}", kept)


def _asked(witness: WitnessFolder, body: bytes) -> tuple[int, bytes]:
    answer = witness.answer(body)
    return answer.status, answer.body


async def answer_http(
    folder: Path, host: str, port: int, tls: tuple[Path, Path] | None, started: Callable[[int, str], None]
) -> None:
    """Answer at `/add-checkpoint` until told to stop.

    Raises:
        LinkError: no witness lives here, or plain HTTP was asked for beyond loopback.
    """
    if tls is None and host not in LOOPBACK:
        raise LinkError(
            f"plain HTTP on {host}", mend="give --tls-certificate and --tls-key, or put a proxy in front of loopback"
        )
    with WitnessFolder(folder) as witness:
        await serve_witness(witness, host, port, tls, lambda bound: started(bound, witness.key.text()))
