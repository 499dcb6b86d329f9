"""Files that a person asked for: what cannot be written is an error of ours, with the path and a mend, never a traceback."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cityward.errors import LinkError

_MEND = "name a place in a folder that is there, where you may write and where there is room"


def write(path: Path, raw: bytes) -> None:
    """Put the bytes into a file, in place of what it held.

    Raises:
        LinkError: it cannot be written.
    """
    with writing(path):
        path.write_bytes(raw)


@contextmanager
def writing(path: Path) -> Generator[None]:
    """While a file or folder is written.

    Raises:
        LinkError: in place of OSError.
    """
    try:
        yield
    except OSError as error:
        raise LinkError(f"cannot write {path}: {_said(error)}", where=str(error.filename or path), mend=_MEND) from None


def refused_by_system(error: OSError) -> LinkError:
    """What the system said and nobody closer to it told, as an error of ours."""
    what = f"the system refused: {_said(error)}"
    return LinkError(
        what, where=str(error.filename or ""), mend="see that it is there, that you may use it, and for room"
    )


def _said(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
