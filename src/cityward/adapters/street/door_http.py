"""One device's way to the HTTP front door: NGSI-LD bodies by POST, with the device's key, until they are taken.

http.client on a thread: the few devices that speak HTTP do so every half an hour.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from cityward.errors import LinkError

UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
TIMEOUT_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
LARGEST_ANSWER = 65_536
LARGEST_ROWS = 16 << 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Where devices post. `base` such as `http://127.0.0.1:8080`; `ca` where it is https under the city's own CA."""

    base: str
    ca: Path | None = None


class HttpLink:
    """See the module. `key` is asked anew for each request."""

    def __init__(self, door: HttpDoor, device: str, key: Callable[[], str]) -> None:
        self._door, self.device, self._key = door, device, key
        self._connection: http.client.HTTPConnection | None = None
        self.refused = 0

    async def post(self, body: bytes, stop: asyncio.Event) -> bool:
        """Post until it is answered for good: True when taken, False when the city says that the body is wrong.

        Raises:
            LinkError: `stop` was set meanwhile.
        """
        wait = FIRST_WAIT_S
        while not stop.is_set():
            status = await asyncio.to_thread(self._once, body)
            if 200 <= status < 300:
                return True
            # 401 and 403 may mend themselves: the key was reissued, or the device is active again
            if 400 <= status < 500 and status not in (401, 403, 408, 425, 429):
                self.refused += 1
                _log.warning("reading refused by the city", device=self.device, status=status)
                return False
            try:
                await asyncio.wait_for(stop.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, LONGEST_WAIT_S)
        raise LinkError(f"{self.device} stopped before its reading was taken")

    def _once(self, body: bytes) -> int:
        """The status; 0 when there was no answer."""
        try:
            connection = self._connection or self._connect()
            self._connection = connection
            headers = {"Authorization": f"Bearer {self._key()}", "Content-Type": "application/json"}
            connection.request("POST", UPSERT, body, headers)
            response = connection.getresponse()
            response.read(LARGEST_ANSWER)
            if response.length:
                self.close()  # the rest is not ours to wait for
            return response.status
        except (OSError, http.client.HTTPException, LinkError) as problem:
            _log.debug("no answer", device=self.device, problem=type(problem).__name__)
            self.close()
            return 0

    def _connect(self) -> http.client.HTTPConnection:
        return _connected(self._door)

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def asked(door: HttpDoor, path: str, key: Callable[[], str]) -> tuple[int, Mapping[str, str]]:
    """Ask once, with a key: the status and the headers (lower case), the body thrown away. Status 0: no answer. Blocks."""
    connection = _connected(door)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key()}"})
        response = connection.getresponse()
        response.read(LARGEST_ROWS)
        return response.status, {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException, LinkError) as problem:
        _log.debug("no answer", problem=type(problem).__name__)
        return 0, {}
    finally:
        connection.close()


def _connected(door: HttpDoor) -> http.client.HTTPConnection:
    where = urlsplit(door.base)
    if where.scheme == "https":
        context = ssl.create_default_context(cafile=str(door.ca) if door.ca else None)
        return http.client.HTTPSConnection(where.hostname or "", where.port, timeout=TIMEOUT_S, context=context)
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=TIMEOUT_S)
