"""A bare MQTT 3.1.1 client for tests: enough to say exactly one thing and see exactly what comes back."""

from __future__ import annotations

import socket
import struct


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _length(n: int) -> bytes:
    out = b""
    while True:
        n, digit = divmod(n, 128)[0], n % 128
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return out


class Mqtt:
    """One connection. `code` is the CONNACK return code: 0 accepted, 5 not authorised. Not `clean`: its session is kept."""

    def __init__(
        self,
        port: int,
        user: str,
        password: str,
        *,
        client_id: str | None = None,
        will: tuple[str, str] | None = None,
        wait_s: float = 5.0,
        clean: bool = True,
    ) -> None:
        self._flags = 0b11000010 if clean else 0b11000000
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=wait_s)
        try:
            self.code = self._enter(user, password, user if client_id is None else client_id, will)
        except BaseException:
            self.socket.close()
            raise

    def _enter(self, user: str, password: str, client_id: str, will: tuple[str, str] | None) -> int:
        flags = self._flags | (0b00001100 if will else 0)
        body = _text("MQTT") + bytes([4, flags]) + struct.pack(">H", 60) + _text(client_id)
        body += b"".join(map(_text, will or ())) + _text(user) + _text(password)
        self._send(0x10, body)
        answer = self._read(4)
        return answer[3] if len(answer) == 4 else -1

    def __enter__(self) -> Mqtt:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def publish(self, topic: str, payload: bytes, packet_id: int = 1, *, retain: bool = False) -> bool:
        """QoS 1; whether the broker acknowledged it."""
        self._send(0x33 if retain else 0x32, _text(topic) + struct.pack(">H", packet_id) + payload)
        return self._read(4) == b"\x40\x02" + struct.pack(">H", packet_id)

    def publish_unacknowledged(self, topic: str, payload: bytes) -> None:
        """QoS 0."""
        self._send(0x30, _text(topic) + payload)

    def subscribe(self, topic: str) -> int:
        """The granted QoS, 0x80 when refused."""
        self._send(0x82, struct.pack(">H", 9) + _text(topic) + b"\x01")
        answer = self._read(5)
        return answer[4] if len(answer) == 5 else -1

    def receive(self) -> tuple[str, bytes]:
        """The next PUBLISH (QoS 0) of up to 127 bytes."""
        head = self._read(2)
        body = self._read(head[1])
        length = struct.unpack(">H", body[:2])[0]
        return body[2 : 2 + length].decode(), body[2 + length :]

    def closed_by_peer(self) -> bool:
        """Whether the broker closed the connection (waits for it)."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _send(self, kind: int, body: bytes) -> None:
        self.socket.sendall(bytes([kind]) + _length(len(body)) + body)

    def _read(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            try:
                part = self.socket.recv(count - len(out))
            except ConnectionError:
                part = b""
            if not part:
                break
            out += part
        return out
