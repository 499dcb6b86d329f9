"""Signing in by the city's OpenID provider: authorization code with PKCE, state and nonce; `joserfc` verifies the ID token.

SPEC: OpenID Connect Core 1.0 3.1; RFC 7636 (PKCE, S256); RFC 9700 (the issuer of the answer is checked where it is told).

INVARIANTS
- An answer is taken once, in the browser that asked, within two minutes.
- The ID token is for our client, of our issuer, not over, signed by a key that the provider publishes, asymmetrically.
- Who comes in is who an account names by issuer and subject; mail addresses and names prove nothing.
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cityward.errors import LinkError
from cityward.web.ports import OidcSettings

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
SKEW_S = 60
KEPT_S = 3600.0
MOST_BODY = 256 * 1024


class Discovered(msgspec.Struct, frozen=True):
    """What is used of the provider's metadata."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Tokens(msgspec.Struct, frozen=True):
    """What is used of the token answer."""

    id_token: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the provider, for one browser."""

    state: str
    nonce: str
    verifier: str
    back: str


class Provider:
    """The one provider of this city. Its methods ask it over the network: call them in threads."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._found: tuple[float, Discovered, KeySet] | None = None

    def ask(self, back: str) -> tuple[str, Asked]:
        """(the address to send the browser to, what was asked).

        Raises:
            LinkError: the provider does not answer as one.
        """
        asked = Asked(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), back)
        challenge = urlsafe_b64encode(sha256(asked.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client,
            "redirect_uri": back,
            "scope": " ".join(self._settings.scopes),
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._discovered()[0].authorization_endpoint}?{urlencode(query)}", asked

    def subject(self, asked: Asked, state: str, code: str, issuer: str) -> str:
        """Who came back, by the provider's name for them.

        Raises:
            ValueError: the answer is not to what was asked, or its token does not hold.
            LinkError: the provider does not answer.
        """
        if not compare_digest(state.encode(), asked.state.encode()) or issuer not in ("", self._settings.issuer):
            raise ValueError("the answer is not to what was asked")
        found, keys = self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asked.back,
            "client_id": self._settings.client,
            "code_verifier": asked.verifier,
        } | ({"client_secret": self._settings.secret} if self._settings.secret else {})
        token = self._read(found.token_endpoint, Tokens, form).id_token
        return self._verified(token, keys, asked.nonce)

    def _verified(self, token: str, keys: KeySet, nonce: str) -> str:
        try:
            claims = self._decoded(token, keys)
        except JoseError:
            self._found = None  # its keys may have changed since
            try:
                claims = self._decoded(token, self._discovered()[1])
            except JoseError as error:
                raise ValueError("the token does not hold") from error
        audience = claims.get("aud")
        many = audience if isinstance(audience, list) else [audience]
        alone = len(many) == 1 or claims.get("azp") == self._settings.client
        said = str(claims.get("nonce", ""))
        now, ends, made = time.time(), claims.get("exp"), claims.get("iat")
        in_time = isinstance(ends, int | float) and now < ends + SKEW_S
        in_time = in_time and isinstance(made, int | float) and made < now + SKEW_S
        right = claims.get("iss") == self._settings.issuer and self._settings.client in many and alone
        if not right or not in_time or not compare_digest(said.encode(), nonce.encode()):
            raise ValueError("the token is not for us, not of now, or not for what was asked")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise ValueError("the token names nobody")
        return subject

    def _decoded(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (ValueError, TypeError, KeyError) as error:  # of a malformed token, not of joserfc's family
            raise ValueError("the token does not hold") from error

    def _discovered(self) -> tuple[Discovered, KeySet]:
        with self._lock:
            if self._found is not None and time.monotonic() < self._found[0] + KEPT_S:
                return self._found[1], self._found[2]
            issuer = self._settings.issuer
            found = self._read(f"{issuer.rstrip('/')}/.well-known/openid-configuration", Discovered, None)
            if found.issuer != issuer:
                raise LinkError(
                    f"the provider says it is `{found.issuer[:200]}`, not `{issuer}`", mend="mend the issuer"
                )
            self._check_endpoints(found)
            try:
                keys = KeySet.import_key_set(self._read(found.jwks_uri, dict, None))
            except (ValueError, TypeError, KeyError, JoseError) as error:
                raise LinkError("the provider's keys cannot be read") from error
            self._found = (time.monotonic(), found, keys)
            return found, keys

    def _check_endpoints(self, found: Discovered) -> None:
        scheme = urlsplit(self._settings.issuer).scheme
        for one in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if urlsplit(one).scheme != scheme:
                raise LinkError(f"the provider names `{one[:200]}`, which is not by {scheme}")

    def _read(self, address: str, kind: type[Any], form: Mapping[str, str] | None) -> Any:
        status, body = self._settings.fetch("GET" if form is None else "POST", address, form)
        if status != 200 or len(body) > MOST_BODY:
            raise LinkError(f"the OpenID provider answered {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LinkError("the OpenID provider did not answer as one") from error
