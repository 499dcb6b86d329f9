"""An alert as a signed POST. The receiver proves by the signature that it is ours, and by its time that it is no replay.

See `adapters.outward.signing` for the signature; `Cityward-Alert: <incident>.<stage>` is the same for every try, so that a
receiver can leave out what it has.
"""

from __future__ import annotations

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.posting import Posted, post_signed
from cityward.place.exits import Exit

ALERT = "Cityward-Alert"


def post(outward: Outward, exit_: Exit, path: str, body: bytes, key: bytes, alert: str, at_s: int) -> None:
    """Send one alert. Blocks for at most `WHOLE_S`.

    Args:
        outward: the door.
        exit_: where to; `https`, or `http` where the declaration allows it.
        path: of the endpoint, with its query.
        body: JSON.
        key: the channel's own.
        alert: what names this alert in every try.
        at_s: the machine's time, seconds.

    Raises:
        LinkError: it was not taken: no connection, or an answer other than 2xx.
        Refused: the name, or a redirect, leads elsewhere.
    """
    headers = {"Content-Type": "application/json", ALERT: alert}
    post_signed(outward, exit_, Posted(path, body, at_s, headers), key)
