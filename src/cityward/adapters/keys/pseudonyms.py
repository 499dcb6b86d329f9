"""The keys by which one recipient is told names and marks: held apart from data, made when first needed, gone when erased.

<state>/keys/recipients/<recipient>.names   makes its pseudonyms
<state>/keys/recipients/<recipient>.mark    makes its watermark

Whoever has the first can try every device's id; without it a name is 64 random bits. When it is destroyed, nobody can say any
more which device a name stood for, here or there, and the recipient's next names have nothing to do with the last. The mark is
kept: whose a copy is can be told for as long as the recipient is known.

INVARIANTS
- The keys of one recipient say nothing about another's.
- A key is in one owner-only file, and nowhere else: no table, no log, no backup of ours.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cityward.adapters.keys.private import kept_private, private_folder
from cityward.errors import LinkError
from cityward.guard.forms import RecipientKeys
from cityward.ids import is_id

KEY_BYTES = 32


class RecipientKeyring:
    """The keys of recipients in one folder. Any number of processes may use it at once."""

    def __init__(self, keys: Path) -> None:
        """keys: the city's folder of keys (`Home.keys`)."""
        self._folder = keys / "recipients"

    def of(self, recipient: str) -> RecipientKeys:
        """Its keys, made if there are none yet.

        Raises:
            LinkError: they cannot be read or written, others may read them, or they are torn.
        """
        return RecipientKeys(names=self._kept(recipient, "names"), mark=self._kept(recipient, "mark"))

    def known(self) -> tuple[str, ...]:
        """The recipients that have a key, sorted."""
        return tuple(sorted({path.stem for path in self._folder.glob("*.*") if is_id(path.stem)}))

    def forget_names(self, recipient: str) -> bool:
        """Destroy the key of its pseudonyms; whether there was one. What was told under it can be traced to no device.

        Raises:
            LinkError: it could not be removed.
        """
        path = self._path(recipient, "names")
        try:
            path.unlink()
            _synced(path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LinkError(f"cannot remove a key: {error.strerror}", where=str(path)) from error
        return True

    def _kept(self, recipient: str, kind: str) -> bytes:
        path = self._path(recipient, kind)
        private_folder(self._folder)
        key = kept_private(path, lambda: secrets.token_bytes(KEY_BYTES))
        if len(key) != KEY_BYTES:
            mend = "put it back from where it came, or remove it: the recipient's names then begin anew"
            raise LinkError(f"a key has {KEY_BYTES} bytes, this one {len(key)}", where=str(path), mend=mend)
        return key

    def _path(self, recipient: str, kind: str) -> Path:
        if not is_id(recipient):  # SECURITY: it becomes the name of a file
            raise ValueError(f"{recipient!r} is no recipient's id")
        return self._folder / f"{recipient}.{kind}"


def _synced(folder: Path) -> None:
    """Make the folder's names outlast a power cut: a key that is gone does not come back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
