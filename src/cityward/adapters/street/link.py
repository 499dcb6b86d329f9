"""One device's MQTT connection, on asyncio: paho does the protocol, the event loop moves the bytes.

A link is kept up by its own `run`: it connects, and when the connection ends it connects again, waiting longer each time. What
was published and not yet acknowledged is sent again by then (QoS 1, at least once): a device never forgets a reading because
the city was away.

INVARIANTS
- `publish` returns when the broker acknowledged, not before.
- At most `INFLIGHT` messages are unacknowledged; further ones wait their turn.
- paho is touched by the event loop's thread, and by one other only while it connects (`publish` waits meanwhile).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from cityward.errors import LinkError

INFLIGHT = 64
KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MqttDoor:
    """Where devices connect. `ca`: the city's certificate authority; None for plain MQTT on loopback."""

    host: str
    port: int
    ca: Path | None = None


class DeviceLink:
    """See the module. `password` is asked anew for each connection, so that a reissued credential is taken up."""

    def __init__(
        self,
        door: MqttDoor,
        device: str,
        password: Callable[[], str],
        *,
        client_id: str | None = None,
        subscriptions: Mapping[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        self.device, self._door, self._password = device, door, password
        self._subscriptions = dict(subscriptions or {})
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._room = asyncio.Semaphore(INFLIGHT)
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self.connections = 0
        self.resent = 0
        self._client = self._make_client(client_id or device)

    @property
    def is_up(self) -> bool:
        """Whether the broker accepted this device's connection and it still stands."""
        return self._up.is_set()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the connection until `stop`."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        wait = FIRST_WAIT_S
        try:
            while not stop.is_set():
                before = self.connections
                await self._connect_and_tend(stop)
                wait = FIRST_WAIT_S if self.connections > before else min(wait * 2, LONGEST_WAIT_S)
                await _either(stop, wait)
        finally:
            self._client.disconnect()
            self._closed()
            for future in self._waiting.values():
                future.cancel()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1 and return when acknowledged, over as many connections as that takes.

        Raises:
            LinkError: the message cannot be sent at all.
        """
        async with self._room:
            await self._up.wait()
            info = self._client.publish(topic, payload, qos=1)
            if info.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
                raise LinkError(f"{self.device} cannot publish: {mqtt.error_string(info.rc)}")
            future = asyncio.get_running_loop().create_future()
            self._waiting[info.mid] = future
            try:
                await future
            finally:
                self._waiting.pop(info.mid, None)

    async def _connect_and_tend(self, stop: asyncio.Event) -> None:
        """One connection, from its beginning to its end."""
        self._down.clear()
        try:
            self._client.username_pw_set(self.device, self._password())
            await asyncio.to_thread(self._client.reconnect)
        except (OSError, ValueError, LinkError) as problem:
            _log.debug("device not connected", device=self.device, problem=type(problem).__name__)
            return
        with contextlib.suppress(OSError):
            while not stop.is_set() and not self._down.is_set():
                await _either(self._down, 1.0, stop)
                self._client.loop_misc()  # keep-alive: pings, and notices a broker gone silent
        if not self._down.is_set():
            self._client.disconnect()
        self._closed()

    # -- between paho and the event loop ------------------------------------------------------------------------------

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv311)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(INFLIGHT)
        if self._door.ca is not None:
            context = ssl.create_default_context(cafile=str(self._door.ca))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            client.tls_set_context(context)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.connect_async(self._door.host, self._door.port, KEEPALIVE_S)
        return client

    def _in_loop(self, act: Callable[..., Any], *args: Any) -> None:
        assert self._loop is not None
        if threading.get_ident() == self._thread:
            act(*args)
        else:
            self._loop.call_soon_threadsafe(act, *args)

    def _on_socket_open(self, _client: Any, _data: Any, sock: Any) -> None:
        assert self._loop is not None
        self._in_loop(self._loop.add_reader, sock.fileno(), self._read, sock)

    def _on_socket_close(self, _client: Any, _data: Any, sock: Any) -> None:
        assert self._loop is not None
        if (number := sock.fileno()) >= 0:
            self._in_loop(self._loop.remove_reader, number)
            self._in_loop(self._loop.remove_writer, number)

    def _on_register_write(self, _client: Any, _data: Any, sock: Any) -> None:
        assert self._loop is not None
        self._in_loop(self._start_writing, sock)

    def _start_writing(self, sock: socket.socket) -> None:
        if self._loop is not None and sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._client.loop_write)

    def _on_unregister_write(self, _client: Any, _data: Any, sock: Any) -> None:
        assert self._loop is not None
        if (number := sock.fileno()) >= 0:
            self._in_loop(self._loop.remove_writer, number)

    def _read(self, sock: Any) -> None:
        self._client.loop_read()
        # TLS holds whole records back from the selector: what is decrypted already must be read now
        while isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0 and sock.pending():
            self._client.loop_read()

    # -- what paho tells ----------------------------------------------------------------------------------------------

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("device refused by the broker", device=self.device, reason=str(reason))
            return
        self.connections += 1
        self.resent += len(self._waiting)
        for topic in self._subscriptions:
            client.subscribe(topic, qos=1)
        self._up.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._closed()

    def _closed(self) -> None:
        self._up.clear()
        self._down.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if (future := self._waiting.get(mid)) is not None and not future.done():
            future.set_result(None)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        topic = message.topic
        below = (a for t, a in self._subscriptions.items() if t.endswith("/#") and topic.startswith(t[:-1]))
        if (act := self._subscriptions.get(topic) or next(below, None)) is not None:
            act(bytes(message.payload))


async def _either(event: asyncio.Event, seconds: float, other: asyncio.Event | None = None) -> None:
    """Until an event or the time, whichever comes first."""
    waits = [asyncio.ensure_future(e.wait()) for e in (event, other) if e is not None]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
