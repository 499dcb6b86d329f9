"""Asks witnesses to co-sign a log's checkpoint: by HTTP, or on the spot, and keeps what they answer beside the log.

    <log>/witnessed/<name>-<key hash>.checkpoint     the newest checkpoint that this witness co-signed, with its line

One file for each witness, so that one that is away takes nothing from what another vouched for.

INVARIANTS
- Kept is only what verifies by the witness's declared key over a checkpoint that the log signed.
- One request, and one more from the size the witness says it holds, through the one door outward (`adapters.outward`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from cityward.adapters.ledgers.reading import CHECKPOINT, KEY, WITNESSED, Read, folder_reader
from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import Checkpoint, LogKey, opened, parse_key
from cityward.evidence.cosignature import WitnessKey, with_lines
from cityward.evidence.tiles import ENTRY_MOST, WIDTH, is_tile_path, node_reader, tile_path
from cityward.evidence.tree import consistency_proof
from cityward.evidence.witness import Question, asked
from cityward.place.exits import Exit, exit_by_hand

ANSWER_MOST = 16_384
FILE_MOST = WIDTH * (ENTRY_MOST + 2)

Post = Callable[[bytes], tuple[int, bytes]]
"""A request's body -> status and body of the answer. Raises `LinkError` when nobody answers."""


def signed_by_log(read: Read, key: LogKey) -> tuple[bytes, Checkpoint]:
    """The log's newest checkpoint, as a note and as a value.

    Raises:
        EvidenceError: there is none, or the key did not sign it.
    """
    note = read(CHECKPOINT)
    if note is None:
        raise EvidenceError(f"{key.origin} has no checkpoint")
    return note, opened(note, key)


def key_beside(read: Read) -> LogKey:
    """The public key that lies with a log.

    Raises:
        EvidenceError: there is none, or it is damaged.
    """
    return parse_key((read(KEY) or b"").decode(errors="replace"))


def ask(post: Post, read: Read, key: LogKey, witness: WitnessKey, old: int) -> tuple[bytes, Checkpoint]:
    """Have a log's newest checkpoint co-signed.

    Args:
        post: the way to the witness.
        read: gives the log's files.
        key: the log's.
        witness: the witness's.
        old: what it co-signed last, as far as is known; 0 when it is not.

    Returns:
        The checkpoint with the witness's line, and what it says.

    Raises:
        LinkError: it did not answer, or will not.
        EvidenceError: it saw another history of this log, or answered with no valid cosignature.
    """
    note, state = signed_by_log(read, key)
    status, body = post(_question(read, note, state, min(old, state.size)))
    if status == 409:
        status, body = post(_question(read, note, state, _size_held(body, state, witness)))
    if status != 200:
        raise _refusal(status, body, state, witness)
    lines = body[:ANSWER_MOST].decode(errors="replace").splitlines()
    return with_lines(note, lines, witness), state


def _question(read: Read, note: bytes, state: Checkpoint, old: int) -> bytes:
    def tile(level: int, n: int) -> bytes:
        whole = read(tile_path(level, n))
        width = min(WIDTH, (state.size >> 8 * level) - n * WIDTH)
        return whole or (read(tile_path(level, n, width)) if 0 < width < WIDTH else None) or b""

    proof = consistency_proof(old, state.size, node_reader(tile)) if old else []
    return asked(Question(old, proof, note))


def _size_held(body: bytes, state: Checkpoint, witness: WitnessKey) -> int:
    text = body.decode(errors="replace").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise LinkError(f"{witness.name} holds another size and does not say which")
    if int(text) > state.size:
        raise EvidenceError(
            f"{witness.name} has co-signed {int(text)} entries of {state.origin}, which has {state.size} now",
            mend="stop and investigate: the log was rolled back, or it has two histories; ask the witness for its checkpoint",
        )
    return int(text)


def _refusal(status: int, body: bytes, state: Checkpoint, witness: WitnessKey) -> LinkError | EvidenceError:
    # 409 with our own size: the same number of entries, another root; with another size, somebody else asked meanwhile
    if status == 422 or (status == 409 and body.strip() == str(state.size).encode()):
        return EvidenceError(
            f"{witness.name} saw another history of {state.origin} than this one of {state.size} entries",
            mend="stop and investigate: ask the witness for the checkpoint it holds, and `cityward verify --earlier` it",
        )
    said = body[:200].decode(errors="replace").strip()
    mend = {
        404: "give the witness the log's key: cityward witness follow",
        403: "compare the log's key with the witness's copy",
    }
    return LinkError(f"{witness.name} does not co-sign {state.origin} ({status}): {said}", mend=mend.get(status, ""))


def keep_witnessed(folder: Path, witness: WitnessKey, note: bytes) -> Path:
    """Put a co-signed checkpoint beside the log, in place of the witness's older one.

    Raises:
        LinkError: it cannot be written.
    """
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", witness.name).strip("-.")[:100]
    path = folder / WITNESSED / f"{slug}-{witness.key_hash.hex()}.checkpoint"
    try:
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise LinkError(f"the co-signed checkpoint cannot be kept: {error.strerror}", where=str(path)) from error
    return path


# -- by HTTP ---------------------------------------------------------------------------------------------------------


def reader_of(source: str, outward: Outward) -> Read:
    """Reads a log's files out of a folder, or from an `https://` address under which they lie."""
    return web_reader(source, outward) if is_address(source) else folder_reader(Path(source))


def is_address(source: str) -> bool:
    """Whether a log is on the web, and not in a folder."""
    return source.startswith(("https://", "http://"))


def web_reader(address: str, outward: Outward) -> Read:
    """A function from a path inside the log to its bytes, None where the server has none.

    Raises (the function):
        LinkError: the server did not answer, or an address that is not protected.
    """

    def read(path: str) -> bytes | None:
        if path not in (CHECKPOINT, KEY) and not is_tile_path(path):
            return None
        status, body = by_hand(outward, "GET", f"{address.rstrip('/')}/{path}", most=FILE_MOST)
        if status in (404, 410):
            return None
        if status != 200:
            raise LinkError(f"{address} answered {status}")
        return body

    return read


def poster(outward: Outward, exit_: Exit, address: str) -> Post:
    """The way to a declared witness: `address` is its submission prefix. SPEC: C2SP tlog-witness, "add-checkpoint"."""
    path = f"{urlsplit(address).path.rstrip('/')}/add-checkpoint"
    headers = {"Content-Type": "text/plain; charset=utf-8"}

    def post(body: bytes) -> tuple[int, bytes]:
        return _answered(outward, exit_, Request("POST", path, body, headers, ANSWER_MOST))

    return post


def by_hand(
    outward: Outward,
    method: Literal["GET", "POST"],
    address: str,
    body: bytes = b"",
    most: int = ANSWER_MOST,
    type_: str = "",
) -> tuple[int, bytes]:
    """One request to an address that a person has just given.

    Raises:
        LinkError: no answer in time, one that is too long, or an address that is not protected.
    """
    try:
        exit_ = exit_by_hand("by-hand", address)
    except ValueError as error:
        raise LinkError(f"{address} is no address: {error}") from error
    if exit_.scheme != "https" and not _is_loopback(exit_.host):
        raise LinkError(f"{exit_.host} is not asked without TLS", mend="write https://")
    headers = {"Content-Type": type_} if type_ else {}
    return _answered(outward, exit_, Request(method, urlsplit(address).path or "/", body, headers, most))


def _answered(outward: Outward, exit_: Exit, request: Request) -> tuple[int, bytes]:
    answer = exchange(outward, exit_, request)
    if not answer.is_whole:
        raise LinkError(f"{exit_.host} answered with more than {request.most_answer} bytes, or was cut short")
    return answer.status, answer.body


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
