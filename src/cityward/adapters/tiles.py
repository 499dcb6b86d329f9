"""The map's tile archive, read in ranges."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cityward.errors import LinkError


class TileArchive:
    """Implements `web.ports.Tiles`: one PMTiles file, opened once, that does not change while it is served."""

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._handle).st_size
            with path.open("rb") as file:
                self._etag = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        except OSError as error:
            raise LinkError(f"the map cannot be read: {error.strerror}", where=str(path)) from error

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size

    @property
    def etag(self) -> str:
        """Of the content."""
        return self._etag

    def read(self, start: int, length: int) -> bytes:
        """The bytes `start .. start + length`.

        Raises:
            LinkError: the disk did not give them all.
        """
        data = os.pread(self._handle, length, start)
        if len(data) != length:
            raise LinkError(f"the map ends at {start + len(data)}, asked for up to {start + length}")
        return data
