"""Files that only their owner reads.

INVARIANTS
- A secret never stands in a file that was, even for a moment, readable by others.
- A file is there whole or not at all; of two processes that begin it at once, one wins and both use the winner's.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cityward.errors import LinkError

_MOST = 65_536  # PRECEDENT: the largest thing here is a certificate, some 2 kB


def private_folder(folder: Path) -> None:
    """Make the folder (and those above it), for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def read_private(path: Path) -> bytes | None:
    """The file's bytes; None when there is none.

    Raises:
        LinkError: it cannot be read, or others than its owner may read it.
    """
    try:
        with path.open("rb") as file:
            # SECURITY: refused, not mended: whoever could read it may have.
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                mend = "chmod 600 it; if others use this machine, replace the key: it may be known"
                raise LinkError("others than its owner may read a private file", where=str(path), mend=mend)
            return file.read(_MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LinkError(f"cannot read a private file: {error.strerror}", where=str(path)) from error


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put the bytes in place, durably, over what was there.

    Raises:
        LinkError: the disk did not take it.
    """
    try:
        _written_aside(path, data, mode).replace(path)
    except OSError as error:
        raise LinkError(f"cannot write a private file: {error.strerror}", where=str(path)) from error


def kept_private(path: Path, make: Callable[[], bytes]) -> bytes:
    """What is in the file; when there is none, what `make` gives, from now on.

    Raises:
        LinkError: it cannot be read or written, or others may read it.
    """
    kept = read_private(path)
    if kept is not None:
        return kept
    try:
        aside = _written_aside(path, make(), 0o600)
        try:
            os.link(aside, path)  # unlike a rename it never replaces what another process put there meanwhile
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    except OSError as error:
        raise LinkError(f"cannot write a private file: {error.strerror}", where=str(path)) from error
    return read_private(path) or b""


def _written_aside(path: Path, data: bytes, mode: int) -> Path:
    private_folder(path.parent)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    return aside
