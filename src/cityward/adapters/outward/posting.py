"""A signed POST: how an alert goes to a webhook, and how released rows go to a recipient's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.adapters.outward.connect import WHOLE_S, Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.adapters.outward.signing import SIGNATURE, signature
from cityward.errors import LinkError
from cityward.place.exits import Exit


@dataclass(frozen=True, slots=True)
class Posted:
    """What is posted. at_s: the machine's time, seconds; it is signed with the body."""

    path: str
    body: bytes
    at_s: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    whole_s: float = WHOLE_S


def post_signed(outward: Outward, exit_: Exit, posted: Posted, key: bytes) -> None:
    """Post it, signed. What stands behind a 2xx may be cut short: it was taken.

    Raises:
        LinkError: it was not taken: no connection, or an answer other than 2xx.
        Refused: the name, or a redirect, leads elsewhere.
    """
    headers = {**posted.headers, SIGNATURE: signature(key, posted.body, posted.at_s)}
    answer = exchange(outward, exit_, Request("POST", posted.path, posted.body, headers, whole_s=posted.whole_s))
    if not answer.is_taken:
        raise LinkError(f"{exit_.host} answered {answer.status}", mend="see what its log says")
