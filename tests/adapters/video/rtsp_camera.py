"""A camera that speaks RTSP 1.0 over TCP, in the test's own process: it plays coded pictures, and misbehaves where told to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.video.films import units
from adapters.video.packing import nals, packets, sender_report

USER, PASSWORD, REALM = "cityward", "correct horse", "camera"
_PART = re.compile(r'([a-z]+)="?([^",]*)"?')


@dataclass
class Camera:
    """wrong: what it does instead. way: `none`, `MD5`, `SHA-256`, `MD5-no-qop` or `basic`."""

    way: str = "none"
    wrong: str = ""
    coder: str = "libx264"
    timeout_s: int = 60
    said: list[str] = field(default_factory=list)  # requests, first lines
    logins: list[str] = field(default_factory=list)
    keep_alives: int = 0
    torn_down: bool = False
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _links: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    @property
    def uri(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                self._links.append(link)
                thread = threading.Thread(target=self._speak, args=(link,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _speak(self, link: socket.socket) -> None:
        held, playing = b"", None
        with contextlib.suppress(OSError, ValueError):
            while True:
                while b"\r\n\r\n" in held:
                    head, _, held = held.partition(b"\r\n\r\n")
                    lines = head.decode().split("\r\n")
                    method, uri = lines[0].split()[:2]
                    self.said.append(lines[0])
                    fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
                    self._answer(link, method, uri, fields)
                    if method == "PLAY" and playing is None and self.wrong != "silence":
                        playing = threading.Thread(target=self._play, args=(link,), daemon=True)
                        playing.start()
                data = link.recv(4096)
                if not data:
                    return
                held += data

    def _answer(self, link: socket.socket, method: str, uri: str, fields: dict[str, str]) -> None:
        head = f"CSeq: {fields['cseq']}\r\n"
        if self.wrong == "redirects":
            link.sendall(f"RTSP/1.0 302 Moved\r\n{head}Location: rtsp://203.0.113.9/live\r\n\r\n".encode())
            return
        if not self._knows(method, uri, fields.get("authorization", "")):
            link.sendall(f"RTSP/1.0 401 Unauthorized\r\n{head}{self._challenge()}\r\n".encode())
            return
        match method:
            case "DESCRIBE":
                body = self._description()
                if self.wrong == "endless description":
                    link.sendall(f"RTSP/1.0 200 OK\r\n{head}Content-Length: 99999999\r\n\r\n".encode() + body)
                    return
                link.sendall(f"RTSP/1.0 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            case "SETUP":
                udp = self.wrong == "udp only"
                way = "RTP/AVP;unicast;server_port=9000-9001" if udp else "RTP/AVP/TCP;unicast;interleaved=0-1"
                more = f"Transport: {way}\r\nSession: 7f3a;timeout={self.timeout_s}\r\n"
                link.sendall(f"RTSP/1.0 200 OK\r\n{head}{more}\r\n".encode())
            case _:
                self.keep_alives += method == "GET_PARAMETER"
                self.torn_down = self.torn_down or method == "TEARDOWN"
                link.sendall(f"RTSP/1.0 200 OK\r\n{head}Session: 7f3a\r\n\r\n".encode())

    def _play(self, link: socket.socket) -> None:
        coding = {"libx264": "h264", "libx265": "hevc"}[self.coder]
        stream = [unit for unit, _ in units(self.coder, 30)]
        with contextlib.suppress(OSError):
            if self.wrong == "garbage":
                link.sendall(b"\x00\xff garbage between \x07" * 50)
            if self.wrong == "endless packet lines":
                link.sendall(b"R" * (1 << 20))
            if self.wrong == "asks us elsewhere":
                link.sendall(b"REDIRECT rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://203.0.113.9/\r\n\r\n")
            sequence, begun = 0, time.time()
            while True:
                for n, packet in enumerate(packets(stream, coding, 400, sequence)):
                    if self.wrong == "loses packets" and n % 7 == 3:
                        continue
                    link.sendall(b"$\x00" + len(packet).to_bytes(2, "big") + packet)
                    if n % 10 == 0:
                        ahead = 30.0 * (time.time() - begun) if self.wrong == "drifts" else 0.0
                        report = sender_report(time.time() + ahead, n)
                        link.sendall(b"$\x01" + len(report).to_bytes(2, "big") + report)
                    time.sleep(0.002)
                sequence += len(packets(stream, coding, 400))

    def _description(self) -> bytes:
        if self.wrong == "no video":
            return b"v=0\r\nm=audio 0 RTP/AVP 0\r\n"
        name = {"libx264": "H264", "libx265": "H265"}[self.coder]
        sets = [nal for nal in nals(units(self.coder, 30)[0][0]) if len(nal) < 60][:3]
        told = ",".join(base64.b64encode(one).decode() for one in sets)
        return (
            f"v=0\r\ns=camera\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {name}/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={told}\r\na=control:track1\r\n"
        ).encode()

    # -- who is asked for

    def _challenge(self) -> str:
        if self.way == "basic":
            return f'WWW-Authenticate: Basic realm="{REALM}"\r\n'
        qop = "" if self.way == "MD5-no-qop" else ', qop="auth"'
        algorithm = ", algorithm=SHA-256" if self.way == "SHA-256" else ""
        return f'WWW-Authenticate: Digest realm="{REALM}", nonce="{self._nonce}"{algorithm}{qop}\r\n'

    def _knows(self, method: str, uri: str, said: str) -> bool:
        if self.way == "none":
            return True
        self.logins.append(said)
        if self.wrong == "takes no login" or not said:
            return False
        if self.way == "basic":
            return said == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        hashed = hashlib.sha256 if self.way == "SHA-256" else hashlib.md5

        def h(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        parts = dict(_PART.findall(said))
        secret, asked = h(f"{USER}:{REALM}:{PASSWORD}"), h(f"{method}:{uri}")
        between = "" if self.way == "MD5-no-qop" else f"{parts['nc']}:{parts['cnonce']}:auth:"
        return parts["uri"] == uri and parts["response"] == h(f"{secret}:{self._nonce}:{between}{asked}")

    def end_links(self) -> None:
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.end_links()
        for thread in self._threads:
            thread.join(5)
        for link in self._links:
            link.close()


@contextlib.contextmanager
def camera(**how: object) -> Iterator[Camera]:
    made = Camera(**how)  # type: ignore[arg-type]
    thread = threading.Thread(target=made._serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(5)
