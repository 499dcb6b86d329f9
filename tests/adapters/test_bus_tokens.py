"""NATS keys and tokens: what the broker makes is read, what anybody forged is not."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from cityward.adapters.bus import jwt, nkeys
from cityward.adapters.bus.nkeys import Kind

SERVER = nkeys.Signer.of(bytes(range(32)), Kind.SERVER)
OTHER = nkeys.Signer.of(bytes(32), Kind.SERVER)

# The user key of the nkeys project's own documentation would be somebody's text: this one was printed by nats-server 2.15.
OF_A_SERVER = "NA24AXYYWKOVL23ZDUW3EIFRF55RINSWF25BPGFQGMQX5KOERVFSNDJ4"


class Claims(msgspec.Struct, frozen=True):
    aud: str


def test_reads_a_key_that_a_real_server_wrote_and_writes_it_the_same() -> None:
    raw = nkeys.read(OF_A_SERVER, Kind.SERVER)
    assert len(raw) == 32
    assert nkeys.written(raw, Kind.SERVER) == OF_A_SERVER


@pytest.mark.parametrize("kind", list(Kind))
def test_a_keys_first_letter_says_what_it_is_for(kind: Kind) -> None:
    text = nkeys.written(bytes(32), kind)
    assert (text[0], len(text)) == (kind.name[0] if kind is not Kind.SERVER else "N", 56)


@pytest.mark.parametrize(
    "text",
    ["", OF_A_SERVER[:-1], "A" + OF_A_SERVER[1:], OF_A_SERVER[:-1] + "5", OF_A_SERVER.lower(), "!" * 56, "é" * 56],
    ids=["empty", "short", "another kind", "another checksum", "small letters", "no base32", "no ASCII"],
)
def test_refuses_what_is_no_key_of_a_server(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        nkeys.read(text, Kind.SERVER)


def test_a_token_is_read_as_it_was_signed() -> None:
    token = jwt.signed({"aud": "x"}, SERVER)
    assert jwt.read(token.encode(), Kind.SERVER, Claims) == (SERVER.public, Claims(aud="x"))


def forged() -> dict[str, str]:
    """Name -> a token that must not be believed."""

    def coded(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    head, claims, signature = jwt.signed({"aud": "x"}, SERVER).split(".")
    _, _, others = jwt.signed({"aud": "x"}, OTHER).split(".")
    return {
        "nothing": "",
        "two parts": f"{head}.{claims}",
        "other claims under the signature": f"{head}.{coded({'aud': 'y', 'iss': SERVER.public})}.{signature}",
        "another's signature": f"{head}.{claims}.{others}",
        "no signature": f"{head}.{claims}.",
        "no algorithm": f"{coded({'typ': 'JWT', 'alg': 'none'})}.{claims}.",
        "a symmetric algorithm": f"{coded({'typ': 'JWT', 'alg': 'HS256'})}.{claims}.{signature}",
        "no issuer": f"{head}.{coded({'aud': 'x'})}.{signature}",
        "deep": f"{head}.{coded('')}.{signature}",
        "no base64": f"{head}.%%%.{signature}",
        "a user's key": jwt.signed({"aud": "x"}, nkeys.Signer.of(bytes(32), Kind.USER)),
        "another shape": jwt.signed({"aud": 7}, SERVER),
        "far too long": "x" * (jwt.MOST + 1),
        "nested without end": f"{head}.{base64.urlsafe_b64encode(b'[' * 50_000).decode().rstrip('=')}.{signature}",
    }


@pytest.mark.parametrize("name", list(forged()))
def test_believes_no_forged_token(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jwt.read(forged()[name].encode(), Kind.SERVER, Claims)


def test_a_flipped_byte_anywhere_is_noticed() -> None:
    token = jwt.signed({"aud": "x"}, SERVER).encode()
    for at in range(0, len(token) - 1):  # the last character carries bits that are no part of the signature
        other = token[:at] + (b"A" if token[at : at + 1] != b"A" else b"B") + token[at + 1 :]
        with pytest.raises(ValueError, match=r".+"):
            jwt.read(other, Kind.SERVER, Claims)
