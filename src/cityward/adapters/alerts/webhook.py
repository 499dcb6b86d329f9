"""An alert as a signed POST. The receiver proves by the signature that it is ours, and by its time that it is no replay.

`Cityward-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`; `Cityward-Alert: <incident>.<stage>` is the same for
every try, so that a receiver can leave out what it has.
"""

from __future__ import annotations

import hmac
import ssl
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from cityward.adapters.alerts.whole import cut_off_in_time
from cityward.errors import LinkError
from cityward.place.alerts import Endpoint

SIGNATURE = "Cityward-Signature"
ALERT = "Cityward-Alert"
DEADLINE_S = 10.0
MOST_ANSWER = 4096


def signature(key: bytes, body: bytes, at_s: int) -> str:
    """The signature header of a body at a time."""
    mac = hmac.new(key, f"{at_s}.".encode() + body, sha256).hexdigest()
    return f"t={at_s},v1={mac}"


def post(
    endpoint: Endpoint, body: bytes, key: bytes, alert: str, at_s: int, trust: ssl.SSLContext | None = None
) -> None:
    """Send one alert. Blocks for at most `DEADLINE_S` until it is connected, and `WHOLE_S` from then on.

    Args:
        endpoint: where to; `https`, or `http` where the declaration allows it.
        body: JSON.
        key: the channel's own.
        alert: what names this alert in every try.
        at_s: the machine's time, seconds.
        trust: whom to trust; None: the system's authorities.

    Raises:
        LinkError: it was not taken: no connection, or an answer other than 2xx (a redirect is not followed). What stands behind
            a 2xx may be cut short: it was taken.
    """
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: signature(key, body, at_s),
        ALERT: alert,
        "User-Agent": "cityward",
        "Connection": "close",
    }
    connection = _connection(endpoint, trust)
    try:
        connection.connect()
        link = connection.sock  # `connection` forgets it with the answer's headers
        with cut_off_in_time(lambda: link):
            connection.request("POST", endpoint.path, body, headers)
            answer = connection.getresponse()
            answer.read(MOST_ANSWER)
    except (OSError, HTTPException, ValueError) as error:
        raise LinkError(f"{endpoint.host} did not answer: {type(error).__name__}", mend="it is tried again") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise LinkError(f"{endpoint.host} answered {answer.status}", mend="see what its log says")


def _connection(endpoint: Endpoint, trust: ssl.SSLContext | None) -> HTTPConnection:
    if endpoint.scheme == "http":
        return HTTPConnection(endpoint.host, endpoint.port, timeout=DEADLINE_S)
    context = trust or ssl.create_default_context()
    return HTTPSConnection(endpoint.host, endpoint.port, timeout=DEADLINE_S, context=context)
