"""A disk that takes no more, by the operating system itself: no file of this process may grow."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def files_may_not_grow_beyond(size: int) -> Iterator[None]:
    """While this holds, a write beyond `size` bytes of any file fails with EFBIG ("File too large"), as on a full disk.

    Python ignores the signal that goes with it (SIGXFSZ).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
