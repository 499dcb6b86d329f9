"""Recipients that prove themselves by their own OpenID provider: a signed access token, checked against the issuer's keys.

A token is good when one of the issuer's keys signed it, it is of the declared issuer and client, it is meant for this city
(`aud` holds `cityward:<place>`), and its time is now. Keys are fetched by the one door outward, from the issuer's own host only.

INVARIANTS
- No key and no algorithm comes from the token itself; `none` and shared secrets are no algorithms here.
- What the issuer does not answer is a no; it is asked again at most every `AGAIN_S`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from threading import Lock
from urllib.parse import urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.errors import CitywardError, LinkError
from cityward.place.exits import exit_by_hand
from cityward.place.model import Place

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
MOST_TOKEN = 8192
MOST_DOCUMENT = 65_536
FRESH_S, AGAIN_S = 600.0, 30.0
LEEWAY_S = 30
WITHIN_S = 10.0


class _About(msgspec.Struct, frozen=True):
    """What a token says of itself, unproven: only to find whose keys to ask for."""

    iss: str = ""


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    exp: float
    aud: str | tuple[str, ...] = ()
    nbf: float = 0.0
    sub: str = ""
    azp: str = ""
    client_id: str = ""


class OidcRecipients:
    """Of any number of threads. `outward`: the door; now_s: machine time."""

    def __init__(self, place: Place, outward: Outward, now_s: Callable[[], float] = time.time) -> None:
        self._outward, self._now_s, self._audience = outward, now_s, f"cityward:{place.place}"
        declared = [(n, one) for n, one in place.recipients.items() if one.sign_in == "oidc" and one.by == "query"]
        self._of = {(one.issuer.rstrip("/"), one.client): name for name, one in declared}
        self._issuers = {one.issuer.rstrip("/"): one.issuer for _, one in declared}
        self._keys: dict[str, tuple[float, KeySet | None]] = {}
        self._lock = Lock()

    def recipient_of(self, token: str) -> str:
        """Whose token it is; "" where it is nobody's, or no token."""
        if len(token) > MOST_TOKEN or token.count(".") != 2:
            return ""
        issuer = _said_issuer(token).rstrip("/")
        if issuer not in self._issuers:
            return ""
        claims = self._proven(token, issuer)
        if claims is None or claims.iss.rstrip("/") != issuer or not self._is_now(claims):
            return ""
        audience: Sequence[str] = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
        client = claims.azp or claims.client_id or claims.sub
        return self._of.get((issuer, client), "") if self._audience in audience else ""

    def _is_now(self, claims: _Claims) -> bool:
        now = self._now_s()
        return claims.nbf - LEEWAY_S <= now < claims.exp + LEEWAY_S

    def _proven(self, token: str, issuer: str) -> _Claims | None:
        for longest in (FRESH_S, AGAIN_S):  # a key that is not known yet is asked for once more
            keys = self._keys_of(issuer, longest)
            try:
                if keys is not None:
                    return msgspec.convert(jwt.decode(token, keys, algorithms=ALGORITHMS).claims, _Claims)
            except (JoseError, ValueError, msgspec.ValidationError):
                continue
        return None

    def _keys_of(self, issuer: str, longest: float) -> KeySet | None:
        with self._lock:
            at, keys = self._keys.get(issuer, (float("-inf"), None))
            now = time.monotonic()
            if now - at >= (longest if keys is not None else AGAIN_S):
                try:
                    keys = self._fetched(issuer)
                except CitywardError:
                    keys = keys if now - at < FRESH_S else None
                self._keys[issuer] = (now, keys)
            return keys

    def _fetched(self, issuer: str) -> KeySet:
        declared = self._issuers[issuer]
        found = self._get(f"{issuer}/.well-known/openid-configuration", issuer)
        try:
            said = msgspec.json.decode(found, type=_Discovery)
            if said.issuer.rstrip("/") != declared.rstrip("/"):
                raise ValueError("it names another issuer")
            return KeySet.import_key_set(
                msgspec.json.decode(self._get(said.jwks_uri, issuer), type=KeySetSerialization)
            )
        except (msgspec.DecodeError, ValueError, JoseError, RecursionError) as error:
            raise LinkError(f"the keys of {issuer} cannot be read", mend="see what the issuer publishes") from error

    def _get(self, address: str, issuer: str) -> bytes:
        here, there = urlsplit(issuer), urlsplit(address)
        # SECURITY: what the issuer publishes sends us nowhere else
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise LinkError(f"{issuer} publishes its keys elsewhere", mend="its keys must lie on its own host")
        exit_ = exit_by_hand(f"issuer:{here.hostname}", issuer)
        answer = exchange(self._outward, exit_, Request("GET", there.path, most_answer=MOST_DOCUMENT, whole_s=WITHIN_S))
        if not answer.is_taken or not answer.is_whole:
            raise LinkError(f"{issuer} answered {answer.status}", mend="it is tried again")
        return answer.body


def _said_issuer(token: str) -> str:
    part = token.split(".")[1]
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=_About).iss
    except (ValueError, msgspec.DecodeError, RecursionError):
        return ""
