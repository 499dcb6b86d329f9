"""Asks witnesses to co-sign a log's checkpoint: by HTTP, or on the spot, and keeps what they answer beside the log.

    <log>/witnessed/<name>-<key hash>.checkpoint     the newest checkpoint that this witness co-signed, with its line

One file for each witness, so that one that is away takes nothing from what another vouched for.

INVARIANTS
- Kept is only what verifies by the witness's declared key over a checkpoint that the log signed.
- One request, and one more from the size the witness says it holds; no redirect is followed.
- Answers are bounded in size and time.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cityward.adapters.alerts.whole import cut_off_in_time
from cityward.adapters.ledgers.reading import CHECKPOINT, KEY, WITNESSED, Read, folder_reader
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import Checkpoint, LogKey, opened, parse_key
from cityward.evidence.cosignature import WitnessKey, with_lines
from cityward.evidence.tiles import ENTRY_MOST, WIDTH, is_tile_path, node_reader, tile_path
from cityward.evidence.tree import consistency_proof
from cityward.evidence.witness import Question, asked

DEADLINE_S = 10.0
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


def reader_of(source: str) -> Read:
    """Reads a log's files out of a folder, or from an `https://` address under which they lie."""
    return web_reader(source) if source.startswith(("https://", "http://")) else folder_reader(Path(source))


def web_reader(address: str, trust: ssl.SSLContext | None = None) -> Read:
    """A function from a path inside the log to its bytes, None where the server has none.

    Raises (the function):
        LinkError: the server did not answer.
    """

    def read(path: str) -> bytes | None:
        if path not in (CHECKPOINT, KEY) and not is_tile_path(path):
            return None
        status, body = request("GET", f"{address.rstrip('/')}/{path}", b"", FILE_MOST, trust)
        if status in (404, 410):
            return None
        if status != 200:
            raise LinkError(f"{address} answered {status}")
        return body

    return read


def poster(address: str, trust: ssl.SSLContext | None = None) -> Post:
    """The way to a witness's door: its submission prefix. SPEC: C2SP tlog-witness, "add-checkpoint"."""
    return lambda body: request("POST", f"{address.rstrip('/')}/add-checkpoint", body, ANSWER_MOST, trust)


def request(
    method: str,
    address: str,
    body: bytes,
    most: int,
    trust: ssl.SSLContext | None = None,
    content: str = "text/plain; charset=utf-8",
) -> tuple[int, bytes]:
    """One HTTP request, to this address and nowhere else.

    Raises:
        LinkError: no answer in time, one that is too long, or an address that is not protected.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise LinkError(f"{host or address} is not asked without TLS", mend="write https://")
    try:
        if parts.scheme == "https":
            context = trust or ssl.create_default_context()
            link = HTTPSConnection(host, parts.port, timeout=DEADLINE_S, context=context)
        else:
            link = HTTPConnection(host, parts.port, timeout=DEADLINE_S)
        try:
            link.connect()
            sock = link.sock  # `link` forgets it with the answer's headers
            with cut_off_in_time(lambda: sock):
                link.request(method, parts.path or "/", body or None, {"Content-Type": content, "Connection": "close"})
                response = link.getresponse()
                found = response.read(most + 1)
        finally:
            link.close()
    except (OSError, HTTPException, ValueError) as error:
        raise LinkError(f"{host} did not answer: {type(error).__name__}", mend="it is tried again") from error
    if len(found) > most:
        raise LinkError(f"{host} answered with more than {most} bytes")
    return response.status, found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
