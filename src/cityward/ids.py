"""Names: what an id looks like, and which partition a device belongs to."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

ID_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*(?!\n)$"  # `$` alone would let a final line break pass
ID_LENGTH = 64  # PRECEDENT: a DNS label is 63; an id is one token of a broker subject and one column of a table

Id = Annotated[str, Meta(pattern=ID_PATTERN, max_length=ID_LENGTH)]
"""A kebab-case id, unique within its kind."""

_IS_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Whether the text may be an id."""
    return len(text) <= ID_LENGTH and _IS_ID.fullmatch(text) is not None


def partition_of(device: str, partitions: int) -> int:
    """The partition of a device, as the broker computes it.

    INVARIANT: equal to NATS `{{partition(n,1)}}`: FNV-1a over the bytes of the token, modulo n. Permissions are compiled
    from this, so a broker that hashed otherwise would refuse every device; a test holds them together.
    """
    digest = 2166136261
    for byte in device.encode():
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return digest % partitions
