"""The city's command key: what actuators know its commands by. Ed25519, in a file of its own, `<keys>/command.key`.

Kept apart from the keys that sign evidence and certificates: whoever must hold this one (the role `service`) needs none of those.

INVARIANT: the private key stays in its file and in the `Signer`; devices are given the public half only, and so are the city's
own processes that only check: it lies beside the key, in `command.pub`, as of the city's last start.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.adapters.keys.authority import signer_at
from cityward.errors import LinkError
from cityward.evidence.checkpoint import Signer
from cityward.guard.permit import Permitted
from cityward.runtime.commands import Verify, encode_command

PUBLIC = "command.pub"
NONCE_BYTES = 16  # 22 characters; at a thousand commands a second, twice the same in 10**8 years by an even chance


def command_key(folder: Path) -> Signer:
    """The city's command key, made when there is none.

    Raises:
        LinkError: it cannot be read or written, or others may read it.
    """
    return signer_at(folder, "command.key")


def public_text(signer: Signer) -> str:
    """The public half as devices are given it: 32 bytes in base64."""
    return b64encode(signer.public).decode()


def tell_public(folder: Path) -> str:
    """Leave the public half beside the key, and say it. For who may open the key: the start of a city.

    Raises:
        LinkError: the key cannot be read, or the file not written.
    """
    text, path = public_text(command_key(folder)), folder / PUBLIC
    if not path.is_file() or path.read_text("utf-8") != text:
        try:
            draft = path.with_suffix(".new")
            draft.write_text(text, "utf-8")
            draft.replace(path)
        except OSError as error:
            raise LinkError(f"the command key's public half was not written: {error}", where=str(path)) from error
    return text


def public_half(folder: Path) -> str:
    """The public half, as `public_text`, without opening the key where a start has left it.

    Raises:
        LinkError: neither is there, or it is damaged.
    """
    path = folder / PUBLIC
    if not path.is_file():
        return tell_public(folder)
    text = path.read_text("utf-8", errors="replace")
    verifier(text)
    return text


def encoder(signer: Signer) -> Callable[[Permitted], bytes]:
    """What writes permitted commands as their devices read them, each with a new nonce."""
    return lambda permitted: encode_command(permitted, secrets.token_urlsafe(NONCE_BYTES), signer.sign)


def verifier(public: str | None) -> Verify:
    """What an actuator checks commands by. `public`: as `public_text` gave it; None: it was given none, and obeys nobody.

    Raises:
        LinkError: it is no such key.
    """
    if public is None:
        return lambda message, signature: False
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public, validate=True))
    except (Base64Error, ValueError) as error:
        raise LinkError("the city's command key is damaged", mend="give the device a new secret") from error

    def good(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return good
