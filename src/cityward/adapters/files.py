"""Files below one folder, read by name: how a declaration and its includes come in.

SECURITY: a declaration may come from somebody else. Names are resolved, links followed, and what lies outside the folder, is no
regular file (a pipe would block, a device would never end) or is too large is refused.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

MAX_FILE_BYTES = 16 * 2**20  # PRECEDENT: what the loader takes for a whole declaration


def read_from(folder: Path) -> Callable[[str], bytes]:
    """A reader of the files below a folder: name -> bytes. It raises OSError for every name it does not read."""
    root = folder.resolve()

    def read(name: str) -> bytes:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise PermissionError(errno.EACCES, "it lies outside the folder of the place", name)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no regular file", name)
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"it is larger than {MAX_FILE_BYTES >> 20} MiB", name)
        return raw

    return read
