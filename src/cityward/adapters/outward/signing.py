"""The signature of what is posted to others: by it a receiver knows that it is ours, and by its time that it is no replay.

`Cityward-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

SIGNATURE = "Cityward-Signature"
REPLAY_S = 300  # PRECEDENT: what receivers of signed webhooks usually allow

_FORM = re.compile(r"t=([0-9]{1,12}),v1=[0-9a-f]{64}\Z")


def signature(key: bytes, body: bytes, at_s: int) -> str:
    """The signature header of a body at a time."""
    mac = hmac.new(key, f"{at_s}.".encode() + body, sha256).hexdigest()
    return f"t={at_s},v1={mac}"


def signed_at(key: bytes, body: bytes, header: str) -> int | None:
    """When a body was signed; None where the header is not its signature. What a receiver asks first."""
    found = _FORM.match(header)
    if found is None:
        return None
    at_s = int(found.group(1))
    return at_s if hmac.compare_digest(signature(key, body, at_s), header) else None


def is_fresh(key: bytes, body: bytes, header: str, now_s: int) -> bool:
    """Whether a body was signed by the key, and within `REPLAY_S` of now: what a receiver does before it takes anything."""
    at_s = signed_at(key, body, header)
    return at_s is not None and abs(now_s - at_s) <= REPLAY_S
