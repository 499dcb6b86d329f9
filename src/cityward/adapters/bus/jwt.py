"""NATS tokens: JSON Web Tokens signed by a NATS key, as the broker asks with and is answered with.

Lives here: reading a signed token into a struct, writing one. Does not live here: what a token's claims mean (`callout`).

INVARIANTS
- A token is bounded before it is looked at, and its signature holds before its claims are read.
- The algorithm is fixed: what a token says of its own is compared, never followed.

# SPEC: nats-io/jwt, version 2: header `{"typ":"JWT","alg":"ed25519-nkey"}`; the signature covers `header.claims`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from cityward.adapters.bus import nkeys

MOST = (
    128 * 1024
)  # PRECEDENT: a certificate chain of three in PEM has 6 kB; a server's own limit on a CONNECT is 4 kB more
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}

T = TypeVar("T")


class _Issuer(msgspec.Struct, frozen=True):
    """Who signed; everything else is read after the signature held."""

    iss: str = ""


def signed(claims: dict[str, Any], by: nkeys.Signer) -> str:
    """A token of these claims; `iss` is put in."""
    parts = (msgspec.json.encode(_HEADER), msgspec.json.encode(claims | {"iss": by.public}))
    body = b".".join(map(_coded, parts))
    return (body + b"." + _coded(by.sign(body))).decode()


def read(token: bytes, kind: nkeys.Kind, type_: type[T]) -> tuple[str, T]:
    """(who signed it, its claims).

    Raises:
        ValueError: it is no token, not signed by the key it names, or its claims are of another shape.
    """
    if len(token) > MOST:
        raise ValueError(f"a token of {len(token)} bytes; at most {MOST}")
    head, _, rest = token.partition(b".")
    claims, _, signature = rest.partition(b".")
    try:
        if msgspec.json.decode(_bytes(head)) != _HEADER:
            raise ValueError("the token is not signed the way NATS does")
        body = _bytes(claims)
        issuer = msgspec.json.decode(body, type=_Issuer).iss
        nkeys.verify(issuer, kind, _bytes(signature), head + b"." + claims)
        return issuer, msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, binascii.Error, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"not a token: {type(error).__name__}") from None


def _coded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
