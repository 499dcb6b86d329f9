"""A witness's own memory in a folder of its own, on its own machine.

    keys/sign-witness.key      its private key (owner only)
    witness.vkey               its name and public key, to hand out
    logs/<n>.vkey              the logs it follows: their public keys
    seen/<n>.checkpoint        of each, the checkpoint it co-signed last, with both signatures: proof for both sides
    lock                       held by the one process that answers

`<n>` is the beginning of the origin's SHA-256: an origin is a foreign text and names no file.

INVARIANTS
- Comparing with what is remembered and replacing it is one step, and durable before the answer is given.
- What is remembered is checked each time it is read: a damaged memory ends in an `EvidenceError`, never in a cosignature.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Lock
from types import TracebackType

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.keys.private import write_private
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import NOTE_MOST, Checkpoint, LogKey, check_origin, opened, parse_key
from cityward.evidence.cosignature import WitnessKey, cosigned, parse_witness_key
from cityward.evidence.witness import Answer, answer

LOGS_MOST = 10_000
_MEND = "a witness that lost its memory must get a new name and key: else it could sign two histories"


def make_witness(folder: Path, name: str) -> WitnessKey:
    """Begin a witness of this name; the one that is there, where it has this name already.

    Raises:
        EvidenceError: the name cannot be one, or another witness lives in the folder.
        LinkError: the folder cannot be written.
    """
    check_origin(name)
    key = WitnessKey(name, signing_key(folder / "keys", "witness").public)
    path = folder / "witness.vkey"
    if path.exists() and path.read_text().strip() != key.text():
        raise EvidenceError("another witness lives in this folder", where=str(path), mend="name another folder")
    write_private(path, f"{key.text()}\n".encode(), mode=0o644)
    return key


class FollowedLogs:
    """The logs a witness follows. May be added to beside the process that answers: it looks them up at every request."""

    def __init__(self, folder: Path) -> None:
        """Of a witness that `make_witness` began.

        Raises:
            LinkError: there is none.
        """
        if not (folder / "witness.vkey").is_file():
            raise LinkError(f"no witness lives in {folder}", mend="begin one: cityward witness init")
        self._folder = folder

    def follow(self, key: LogKey) -> None:
        """Co-sign this log's checkpoints from now on.

        Raises:
            EvidenceError: the log is followed by another key: somebody must find out why it has a new one.
            LinkError: the folder cannot be written.
        """
        here = self.key(key.origin)
        if here is not None and here != key:
            raise EvidenceError(
                f"{key.origin} is followed by another key ({here.fingerprint})",
                mend="ask the log's owner why it has a new one; a new key is a new log, with a name of its own",
            )
        if here is None and len(self.all()) >= LOGS_MOST:
            raise EvidenceError(f"this witness follows {LOGS_MOST} logs", mend="begin another witness")
        write_private(_path(self._folder, "logs", key.origin, "vkey"), f"{key.text()}\n".encode(), mode=0o644)

    def all(self) -> list[LogKey]:
        """In the order of their names."""
        keys = [parse_key(path.read_text()) for path in (self._folder / "logs").glob("*.vkey")]
        return sorted(keys, key=lambda key: key.origin)

    def key(self, origin: str) -> LogKey | None:
        """By which a log is followed; None where it is not."""
        data = _bytes_of(_path(self._folder, "logs", origin, "vkey"))
        key = None if data is None else parse_key(data.decode(errors="replace"))
        return key if key is not None and key.origin == origin else None


class WitnessFolder:
    """A witness at work. One process at a time, of any number of threads."""

    def __init__(self, folder: Path, now_s: Callable[[], int] = lambda: int(time.time())) -> None:
        """Open a witness that `make_witness` began.

        Raises:
            LinkError: there is none, or another process answers for it.
            EvidenceError: its key does not belong to its name.
        """
        self._folder, self._now_s = folder, now_s
        self._one_at_a_time = Lock()
        try:
            self.key = parse_witness_key((folder / "witness.vkey").read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise LinkError(f"no witness lives in {folder}", mend="begin one: cityward witness init") from error
        self._followed = FollowedLogs(folder)
        self._signer = signing_key(folder / "keys", "witness")
        if self._signer.public != self.key.public:
            raise EvidenceError("the witness's key is not the one it was begun with", where=str(folder), mend=_MEND)
        self._lock = _held(folder / "lock")

    def close(self) -> None:
        """Let another process answer."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> WitnessFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def follow(self, key: LogKey) -> None:
        """See `FollowedLogs.follow`."""
        self._followed.follow(key)

    def logs(self) -> list[LogKey]:
        """See `FollowedLogs.all`."""
        return self._followed.all()

    def seen(self, origin: str) -> Checkpoint | None:
        """What it co-signed last of a log; None where nothing.

        Raises:
            EvidenceError: what is remembered is damaged.
        """
        note, key = _bytes_of(_path(self._folder, "seen", origin, "checkpoint")), self._followed.key(origin)
        if note is None or key is None:
            return None
        return opened(note, key)

    def seen_note(self, origin: str) -> bytes | None:
        """The same as a note, with the signatures of the log and of the witness."""
        return _bytes_of(_path(self._folder, "seen", origin, "checkpoint"))

    def answer(self, body: bytes) -> Answer:
        """Judge a request to co-sign; what must be remembered is on disk when this returns.

        Raises:
            EvidenceError: what is remembered is damaged.
            LinkError: the disk did not take it; nothing was co-signed.
        """
        with self._one_at_a_time:
            given = answer(body, self._keys, self.seen, self._cosign)
            if given.remember is not None:
                write_private(_path(self._folder, "seen", given.origin, "checkpoint"), given.remember, mode=0o644)
            return given

    def _cosign(self, note: bytes) -> str:
        return cosigned(note, self.key.name, self._signer, self._now_s())

    def _keys(self, origin: str) -> list[LogKey]:
        key = self._followed.key(origin)
        return [] if key is None else [key]


def _path(folder: Path, kind: str, origin: str, ending: str) -> Path:
    (folder / kind).mkdir(parents=True, exist_ok=True)
    return folder / kind / f"{sha256(origin.encode()).hexdigest()[:32]}.{ending}"


def _bytes_of(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(NOTE_MOST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LinkError(f"the witness's memory cannot be read: {error.strerror}", where=str(path)) from error


def _held(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise LinkError("another process answers for this witness", where=str(path), mend="end it first") from error
    return handle
