"""What a witness is asked and what it answers: C2SP tlog-witness, without the wire.

    old 20852014                                      the size it co-signed last
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      the proof that the log grew out of that
                                                      an empty line
    doggerford/worker-0 ...                           the new checkpoint, signed by its log

Theory of operation. A witness remembers one checkpoint of each log it follows: the newest it co-signed. It co-signs a new
one only when the log's key signed it and the proof shows that it continues the remembered one. So of two histories that one
key signed it co-signs at most one, whoever asks first.

Pure: bytes in, an `Answer` out. Whoever holds the memory must compare and replace it in one step (`Answer.remember`).

INVARIANTS
- Answered with 200: signed by the log's key, and consistent with what is remembered. Nothing else is co-signed.
- Total: any bytes get an answer, and nothing is raised.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import NOTE_MOST, Checkpoint, LogKey, note_parts, opened, told_by
from cityward.evidence.tree import EMPTY_ROOT, HASH_SIZE, check_consistency

PROOF_MOST = 63  # SPEC: tlog-witness, "add-checkpoint": no more than 63 proof lines
NOTE_ASKED_MOST = NOTE_MOST - 1024  # what is kept has the witness's own line behind it, and must still be a note
REQUEST_MOST = NOTE_ASKED_MOST + 64 * (PROOF_MOST + 2)
SIZE_TYPE = "text/x.tlog.size"  # SPEC: tlog-witness, of the answer that tells the size
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Question:
    """A request to co-sign: the size last co-signed, the proof from there, the new checkpoint as its log signed it."""

    old: int
    proof: Sequence[bytes]
    note: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers. `remember`: the checkpoint (as a note) to keep before it is sent; None: keep what is kept."""

    status: int
    body: bytes
    type: str = TEXT_TYPE
    remember: bytes | None = None
    origin: str = ""


def asked(question: Question) -> bytes:
    """The request's body."""
    proof = "".join(f"{base64.b64encode(step).decode()}\n" for step in question.proof)
    return f"old {question.old}\n{proof}\n".encode() + question.note


def read_question(body: bytes) -> Question:
    """The inverse of `asked`.

    Raises:
        EvidenceError: it is none.
    """
    head, gap, note = body.partition(b"\n\n")
    lines = head.decode("ascii", errors="replace").split("\n")
    old = lines[0].removeprefix("old ")
    proof = [_step(line) for line in lines[1:]]
    fits = len(note) <= NOTE_ASKED_MOST and gap and lines[0].startswith("old ") and len(proof) <= PROOF_MOST
    if not fits or not _is_size(old) or not all(proof):
        raise EvidenceError("the request is not an old size, a proof, an empty line and a checkpoint")
    return Question(int(old), [step for step in proof if step], note)


def answer(
    body: bytes,
    keys: Callable[[str], Sequence[LogKey]],
    seen: Callable[[str], Checkpoint | None],
    cosign: Callable[[bytes], str],
) -> Answer:
    """Judge a request.

    Args:
        body: as it came.
        keys: origin -> the keys that may sign it; none for a log that is not followed.
        seen: origin -> the checkpoint that was co-signed last.
        cosign: a checkpoint (as a note) -> the witness's line under it.
    """
    try:
        question = read_question(body)
        origin = told_by(question.note).origin
    except EvidenceError as error:
        return _refused(400, error.what)
    known = keys(origin)
    if not known:
        return _refused(404, "this witness does not follow that log")
    state = _signed_by_one(question.note, known)
    if state is None:
        return _refused(403, "none of the signatures is of a key that this witness knows for the log")
    return _judged(question, state, seen(origin) or Checkpoint(origin, 0, EMPTY_ROOT), cosign)


def _judged(question: Question, state: Checkpoint, last: Checkpoint, cosign: Callable[[bytes], str]) -> Answer:
    if question.old > state.size:
        return _refused(400, "the old size is above the checkpoint's")
    if question.old != last.size or (state.size == last.size and state.root != last.root):
        return Answer(409, f"{last.size}\n".encode(), SIZE_TYPE, origin=state.origin)
    try:
        # an old size of 0 proves nothing, and needs no proof: the empty log's root must still be the empty log's
        check_consistency(last.size, last.root, state.size, state.root, question.proof)
    except EvidenceError as error:
        return Answer(422, f"{error.what}\n".encode(), origin=state.origin)
    line = cosign(question.note)
    return Answer(200, line.encode(), remember=_with_line(question.note, line), origin=state.origin)


def _with_line(note: bytes, line: str) -> bytes:
    """The log's own signatures and the witness's: what is kept is proof for both."""
    text, lines = note_parts(note)
    return (text + "\n" + "".join(f"{one}\n" for one in lines) + line).encode()


def _signed_by_one(note: bytes, keys: Sequence[LogKey]) -> Checkpoint | None:
    for key in keys:
        try:
            return opened(note, key)
        except EvidenceError:
            continue
    return None


def _refused(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text


def _step(line: str) -> bytes | None:
    try:
        data = base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if len(data) == HASH_SIZE and base64.b64encode(data).decode() == line else None
