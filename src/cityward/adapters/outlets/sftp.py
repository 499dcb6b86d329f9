"""Files put on an SFTP server (`runtime.releasing.ports.WayOut`), by `asyncssh` (extra `export`) over our own connection.

INVARIANTS
- The server proves to hold one of the host keys that were told when the recipient was added; nobody is trusted at first sight.
- A file appears under its name whole: it is written beside it and then renamed. A repeat replaces it.
- Nothing of the environment counts: no `~/.ssh`, no agent, no configuration, no password.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cityward.adapters.keys.ways import ServerAccess
from cityward.adapters.outlets.names import checked_name, within_s
from cityward.adapters.outward.connect import Link, Outward
from cityward.errors import LinkError, Refused
from cityward.place.exits import Exit

HELLO_S = 20.0
AT_ONCE = 65_536  # bytes of one write


@dataclass(frozen=True, slots=True)
class ServerWay:
    """One recipient's folder. access: asked for each time, so that a new one holds at once."""

    outward: Outward
    exit: Exit
    user: str
    folder: str
    access: Callable[[], ServerAccess]

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        """See `WayOut`; a file has no headers. Not for a thread in which an event loop runs.

        Raises:
            LinkError: the server did not take it, or there is no access to it.
            Refused: its name leads elsewhere, or it shows another host key.
        """
        ssh, access, whole_s = _ssh(), self.access(), within_s(body)
        path = f"{self.folder.rstrip('/')}/{checked_name(name)}"
        options = _options(ssh, self.user, access)
        with self.outward.open(self.exit, whole_s) as link:
            try:
                asyncio.run(_put(ssh, link, self.exit, options, path, body, whole_s))
            except ssh.HostKeyNotVerifiable as error:
                what = f"{self.exit.host} shows a host key that is not among those it was added with"
                mend = "find out why it changed; if it is theirs, add the recipient's access again"
                raise self.outward.refuse(self.exit, Refused(what, where=self.exit.by, mend=mend)) from error
            except (ssh.Error, OSError, ValueError) as error:
                why = type(error).__name__
                raise LinkError(f"{self.exit.host} did not take the file: {why}", mend="it is tried again") from error


def _ssh() -> Any:
    try:
        import asyncssh  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise LinkError("exports by SFTP need asyncssh", mend="pip install 'cityward[export]'") from error
    return asyncssh


def _options(ssh: Any, user: str, access: ServerAccess) -> dict[str, Any]:
    try:
        key = ssh.import_private_key(access.key)
        hosts = [ssh.import_public_key(text) for text in access.hosts]
    except (ssh.KeyImportError, ValueError):
        # SECURITY: without the cause, which could quote the key
        raise LinkError("a key of this recipient cannot be read", mend="add its access again") from None
    return {
        "username": user,
        "client_keys": [key],
        "known_hosts": (hosts, [], []),
        "config": None,
        "agent_path": None,
        "preferred_auth": "publickey",
        "gss_host": None,
        "x509_trusted_certs": None,
        "compression_algs": None,
        "connect_timeout": HELLO_S,
        "login_timeout": HELLO_S,
    }


async def _put(
    ssh: Any, link: Link, exit_: Exit, options: dict[str, Any], path: str, body: bytes, whole_s: float
) -> None:
    async with (
        asyncio.timeout(whole_s),
        ssh.connect(exit_.host, exit_.port, sock=link.sock, **options) as server,
        server.start_sftp_client() as files,
    ):
        await _written(ssh, files, path, body)


async def _written(ssh: Any, files: Any, path: str, body: bytes) -> None:
    folder, _, name = path.rpartition("/")
    if folder:
        await files.makedirs(folder, exist_ok=True)
    beside = f"{folder}/.{name}.part"
    async with files.open(beside, "wb") as file:
        for start in range(0, len(body), AT_ONCE):
            await file.write(body[start : start + AT_ONCE])
    try:
        await files.posix_rename(beside, path)  # replaces, at once
    except ssh.SFTPOpUnsupported:
        if await files.exists(path):
            await files.remove(path)
        await files.rename(beside, path)
