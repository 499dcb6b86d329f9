"""The secrets of ways out: keys, passwords and the like of alert channels and recipients, in `<state>/keys/`, the owner's only.

    keys/alert-<channel>.key         keys/recipient-<name>.key       what signs a webhook's posts (hexadecimal)
    keys/alert-<channel>.password                                    of a mail server
                                     keys/recipient-<name>.s3        access to a store (JSON)
                                     keys/recipient-<name>.sftp      our private key, and the host keys that are expected (JSON)

INVARIANT: what is missing is said when something is to be sent, with the command that mends it; nothing here has a default.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from cityward.adapters.keys.private import read_private, write_private
from cityward.errors import LinkError, PlaceError

KEY_BYTES = 32
LONGEST_PASSWORD = 1024

Line = Annotated[str, Meta(min_length=1, max_length=LONGEST_PASSWORD, pattern=r"^[!-~]+$")]
Kind = Literal["alert", "recipient"]
T = TypeVar("T")

_KEY: dict[Kind, str] = {"alert": "alert key", "recipient": "recipient rotate"}
"""What makes a new key."""


class StoreAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access to an S3-compatible store: only to put objects, under the prefix, is all that it needs."""

    access: Line
    secret: Line
    region: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+$")] = "us-east-1"


class ServerAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access to an SFTP server. key: our private key (OpenSSH or PEM). hosts: the server's public keys, `ssh-ed25519 AAAA...`."""

    key: Annotated[str, Meta(min_length=1, max_length=16_384)]
    hosts: Annotated[tuple[Annotated[str, Meta(min_length=16, max_length=4096)], ...], Meta(min_length=1, max_length=8)]


@dataclass(frozen=True, slots=True)
class WaySecrets:
    """Those of one way. folder: the city's keys."""

    folder: Path
    kind: Kind
    name: str

    def new_key(self) -> str:
        """A new key for a webhook, in place of the one it had; in hexadecimal, told once."""
        key = secrets.token_bytes(KEY_BYTES).hex()
        write_private(self._file("key"), key.encode())
        return key

    def key(self) -> bytes:
        """What signs its posts.

        Raises:
            LinkError: it has none.
        """
        kept = read_private(self._file("key"))
        if kept is None:
            raise self._missing("key", f"cityward {_KEY[self.kind]} {self.name}")
        return bytes.fromhex(kept.decode())

    def keep_password(self, password: str) -> None:
        """Keep a password.

        Raises:
            PlaceError: that is none.
        """
        if not 0 < len(password) <= LONGEST_PASSWORD or not password.isprintable():
            raise PlaceError(f"that is no password of 1 to {LONGEST_PASSWORD} printable characters")
        write_private(self._file("password"), password.encode())

    def password(self) -> str:
        """The password.

        Raises:
            LinkError: it has none.
        """
        kept = read_private(self._file("password"))
        if kept is None:
            raise self._missing("password", f"cityward {self.kind} password {self.name}")
        return kept.decode()

    def keep_store(self, access: StoreAccess) -> None:
        """Keep the access to a store."""
        write_private(self._file("s3"), msgspec.json.encode(access))

    def store(self) -> StoreAccess:
        """The access to a store.

        Raises:
            LinkError: it has none, or what is kept is damaged.
        """
        return self._kept("s3", StoreAccess)

    def keep_server(self, access: ServerAccess) -> None:
        """Keep the access to an SFTP server."""
        write_private(self._file("sftp"), msgspec.json.encode(access))

    def server(self) -> ServerAccess:
        """The access to an SFTP server.

        Raises:
            LinkError: it has none, or what is kept is damaged.
        """
        return self._kept("sftp", ServerAccess)

    def forget(self) -> None:
        """Throw all of them away: nothing is sent by this way any more."""
        for what in ("key", "password", "s3", "sftp"):
            self._file(what).unlink(missing_ok=True)

    def _kept(self, what: str, kind: type[T]) -> T:
        data = read_private(self._file(what))
        if data is None:
            raise self._missing("access", f"cityward {self.kind} add {self.name}")
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # SECURITY: without the cause, which could quote the secret
            raise LinkError(f"the access of {self.kind} `{self.name}` is damaged", mend="add it again") from None

    def _missing(self, what: str, mend: str) -> LinkError:
        return LinkError(f"{self._word} `{self.name}` has no {what}", mend=mend)

    def _file(self, what: str) -> Path:
        return self.folder / f"{self.kind}-{self.name}.{what}"

    @property
    def _word(self) -> str:
        return "channel" if self.kind == "alert" else "recipient"
