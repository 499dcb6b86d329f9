"""Time stamps of third parties on checkpoints (RFC 3161): that the log had so many entries at that time, or before.

    <log>/stamps/<size>.checkpoint     the checkpoint that was stamped
    <log>/stamps/<size>.tsr            the authority's answer, as it came

Optional: needs `rfc3161-client` (extra `timestamps`). What is sent is a hash. No service waits for a time stamp.

INVARIANT: kept is only an answer that verifies: granted, for this very checkpoint and this request, by a certificate for time
stamping that leads to a root the caller trusts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from cityward.adapters.ledgers.reading import folder_reader, key_of
from cityward.adapters.ledgers.witnessing import by_hand, signed_by_log
from cityward.adapters.outward.connect import Outward
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import NOTE_MOST, opened

STAMPS = "stamps"
STAMPS_MOST = 1000
ANSWER_MOST = 65_536
QUERY = "application/timestamp-query"  # SPEC: RFC 3161 3.4

Ask = Callable[[bytes], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A checkpoint of so many entries existed at `at`."""

    size: int
    at: datetime
    note: bytes


def asker(address: str) -> Ask:
    """The way to a time-stamping authority."""
    return lambda body: by_hand(Outward(), "POST", address, body, ANSWER_MOST, QUERY)


def roots_in(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        EvidenceError: there is none in it.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise EvidenceError("there is no certificate in that file", mend="give the authority's root, in PEM") from error


def stamp_newest(folder: Path, ask: Ask, roots: Sequence[x509.Certificate]) -> Stamp:
    """Have a log's newest checkpoint stamped, and keep the answer.

    Raises:
        LinkError: the authority did not answer, or the disk did not take it.
        EvidenceError: its answer does not verify.
    """
    client = _client()
    note, state = signed_by_log(folder_reader(folder), key_of(folder))
    query = client.TimestampRequestBuilder().data(note).hash_algorithm(client.HashAlgorithm.SHA256).build()
    status, body = ask(query.as_bytes())
    if status != 200:
        raise LinkError(f"the time-stamping authority answered {status}")
    at = _checked(note, body, roots, query.nonce)
    _keep(folder / STAMPS, f"{state.size}.tsr", body)
    _keep(folder / STAMPS, f"{state.size}.checkpoint", note)
    return Stamp(state.size, at, note)


def stamps_of(folder: Path, roots: Sequence[x509.Certificate]) -> list[Stamp]:
    """The stamps beside a log, each checked, in the order of their sizes; at most the newest 1000.

    Whether the log grew out of what was stamped is for `verifier.verify` to say: give it the notes.

    Raises:
        EvidenceError: one does not verify.
    """
    key = key_of(folder)
    paths = [path for path in (folder / STAMPS).glob("*.checkpoint") if path.stem.isdecimal() and path.is_file()]
    found: list[Stamp] = []
    for path in sorted(paths, key=lambda path: int(path.stem))[-STAMPS_MOST:]:
        note = _beginning(path, NOTE_MOST)
        at = _checked(note, _beginning(path.with_suffix(".tsr"), ANSWER_MOST), roots, None)
        found.append(Stamp(opened(note, key).size, at, note))
    return found


def _checked(note: bytes, answer: bytes, roots: Sequence[x509.Certificate], nonce: int | None) -> datetime:
    client = _client()
    builder = client.VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        response = client.decode_timestamp_response(answer)
        builder.build().verify_message(response, note)
        return response.tst_info.gen_time
    except (client.VerificationError, ValueError, TypeError) as error:
        what = f"the time stamp does not verify: {error}"[:300]
        raise EvidenceError(what, mend="compare the authority's root certificate; ask for another stamp") from error


def _client():  # a module, imported when it is used
    try:
        import rfc3161_client  # noqa: PLC0415
    except ImportError as error:
        raise LinkError("time stamps need rfc3161-client", mend="pip install 'cityward[timestamps]'") from error
    return rfc3161_client


def _beginning(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise EvidenceError(f"a time stamp cannot be read: {error.strerror}", where=str(path)) from error


def _keep(folder: Path, name: str, data: bytes) -> None:
    try:
        folder.mkdir(exist_ok=True)
        new = folder / f"{name}.new"
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / name)
    except OSError as error:
        raise LinkError(f"the time stamp cannot be kept: {error.strerror}", where=str(folder / name)) from error
