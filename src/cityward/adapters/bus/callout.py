"""Answers the broker's question who may come in: NATS authorization callout, on the wire.

Lives here: the question and the answer as the broker writes and reads them. Does not live here: the judgement (`entry`).

For every connection whose name is no role of ours, the broker asks on `SUBJECT`, in an account that holds nothing else. The
answer, signed with the key that its configuration names, is a user for this one connection with what it may say and hear, or a
refusal. A question that is not answered in time is refused by the broker.

INVARIANTS
- Fails closed: whatever goes wrong here, the connection is refused.
- Bounded: `MOST_WAITING` questions wait at most, later ones are refused by the broker's own deadline; both are counted.
- A question is answered only if it is signed by the server that asks, and its time is not over.

# SPEC: nats-io/nats-architecture-and-design ADR-26 (authorization callout), nats-io/jwt version 2.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from cityward.adapters.bus import jwt, nkeys
from cityward.adapters.bus.config import publishes, receives, subscribes
from cityward.adapters.bus.entry import Caller, Entry, Refusal, Why

log = structlog.get_logger(__name__)

SUBJECT = "$SYS.REQ.USER.AUTH"
MOST_WAITING = 16_384
_AUDIENCE = "nats-authorization-request"
_SUBSCRIPTIONS = 4

Judge = Callable[[Caller], Entry | Refusal]
"""Says whether a caller may come in; it is told of every question once."""


# The broker's own words: fields we have no use for are left out, and new ones are no fault.
class _Server(msgspec.Struct, frozen=True):
    id: str


class _Client(msgspec.Struct, frozen=True):
    host: str = ""
    id: int = 0
    type: str = ""
    mqtt_id: str = ""


class _Connect(msgspec.Struct, frozen=True):
    user: str = ""
    password: str = msgspec.field(default="", name="pass")


class _Tls(msgspec.Struct, frozen=True):
    verified_chains: list[list[str]] = []


class _Question(msgspec.Struct, frozen=True):
    server_id: _Server
    user_nkey: str
    client_info: _Client = _Client()
    connect_opts: _Connect = _Connect()
    client_tls: _Tls = _Tls()


class _Claims(msgspec.Struct, frozen=True):
    aud: str
    exp: int
    nats: _Question


class Callout:
    """Answers until closed. `counts`: answer or fault -> how many."""

    def __init__(self, client: Client, signer: nkeys.Signer, judge: Judge, now_s: Callable[[], float]) -> None:
        self._client, self._signer, self._judge, self._now_s = client, signer, judge, now_s
        self._asked: Subscription | None = None
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """From now on we are asked.

        Raises:
            nats.errors.Error: the bus did not answer.
        """
        self._asked = await self._client.subscribe(
            SUBJECT, cb=self._answer, pending_msgs_limit=MOST_WAITING, pending_bytes_limit=64 << 20
        )
        await self._client.flush()

    async def _answer(self, asked: Msg) -> None:
        try:
            issuer, claims = jwt.read(asked.data, nkeys.Kind.SERVER, _Claims)
            if issuer != claims.nats.server_id.id or claims.aud != _AUDIENCE:
                raise ValueError("not a question of this server")
            nkeys.read(claims.nats.user_nkey, nkeys.Kind.USER)
        except ValueError as error:  # nobody is named whom an answer could be addressed to
            self.counts["not-a-question"] += 1
            log.warning("the broker's question cannot be read", why=str(error))
            return
        if claims.exp <= self._now_s():
            self.counts["too-late"] += 1
            return
        await asked.respond(self._verdict(claims.nats).encode())

    def _verdict(self, question: _Question) -> str:
        try:
            said = self._judge(caller_of(question))
        except Exception:  # SECURITY: whatever it was, nobody comes in by it
            log.exception("a connection could not be judged")
            said = Refusal(Why.FAULT, "")
        self.counts["let-in" if isinstance(said, Entry) else said.why] += 1
        return answer_to(question, said, self._signer, int(self._now_s()))


def caller_of(question: _Question) -> Caller:
    """The broker's question in our words.

    Raises:
        ValueError: the certificate it tells of is none.
    """
    client, opts, chains = question.client_info, question.connect_opts, question.client_tls.verified_chains
    return Caller(
        by=client.type,
        name=opts.user,
        secret=opts.password,
        client_id=client.mqtt_id,
        source=client.host,
        connection=client.id,
        certificate=_leaf(chains[0][0]) if chains and chains[0] else None,
    )


def answer_to(question: _Question, said: Entry | Refusal, signer: nkeys.Signer, now_s: int) -> str:
    """The signed answer. A refusal names no reason: what is wrong is for us to know."""
    answer: dict[str, Any] = {"type": "authorization_response", "version": 2}
    if isinstance(said, Entry):
        user = (
            _recipient(question.user_nkey, said, now_s)
            if said.recipient
            else _user(question.user_nkey, said.device, now_s)
        )
        answer["jwt"] = jwt.signed(user, signer)
    else:
        answer["error"] = "not let in"
    return jwt.signed(_envelope(question, now_s) | {"nats": answer}, signer)


def _envelope(question: _Question, now_s: int) -> dict[str, Any]:
    return {"jti": secrets.token_hex(16), "iat": now_s, "aud": question.server_id.id, "sub": question.user_nkey}


def _user(nkey: str, device: str, now_s: int) -> dict[str, Any]:
    rights = {
        "pub": {"allow": publishes(device)},
        "sub": {"allow": subscribes(device)},
        "subs": _SUBSCRIPTIONS,
        "data": -1,
        "payload": -1,
        "allowed_connection_types": ["MQTT"],
        "type": "user",
        "version": 2,
    }
    return {"jti": secrets.token_hex(16), "iat": now_s, "aud": "CITY", "sub": nkey, "name": device, "nats": rights}


def _recipient(nkey: str, said: Entry, now_s: int) -> dict[str, Any]:
    """# SECURITY: a recipient hears its own subjects, and says nothing."""
    rights = {
        "pub": {"deny": [">"]},
        "sub": {"allow": receives(said.recipient)},
        "subs": _SUBSCRIPTIONS,
        "data": -1,
        "payload": -1,
        "allowed_connection_types": ["MQTT", "STANDARD"],
        "type": "user",
        "version": 2,
    }
    return {"jti": secrets.token_hex(16), "iat": now_s, "aud": "CITY", "sub": nkey, "name": said.device, "nats": rights}


def _leaf(pem: str) -> tuple[str, bytes]:
    """(common name, SHA-256) of a device's own certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise ValueError(f"the certificate has {len(names)} names")
    return str(names[0].value), certificate.fingerprint(SHA256())
