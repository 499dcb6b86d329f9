"""May this connection come in? The judgement apart from the wire: facts in, an `Entry` or a `Refusal` out.

A device comes in by MQTT, as itself (its own secret, or its own certificate from the city's authority), active, not barred, and
under a client id that is its own. A MQTT client id is a key to a session, and whoever connects with it cuts off who had it: so
it is the device's id, or that with `:` and a few characters behind it, or one that the broker made up.

A recipient that subscribes (`by: live`) comes in by MQTT or NATS as `recipient:<id>`, from its declared addresses only, with its
own key or certificate. It can be taken for no device: no id holds a colon.

INVARIANTS
- Whoever is not known, or errs in anything, is refused: there is no way in but through all the questions.
- A secret is compared as SHA-256 in constant time, and is never part of what is told.
- A device that cannot prove who it is learns nothing of that device: it is told `no` for any reason.

Fails when: a device lets others have its secret. Then two are one; `connections` tells where from, the watch says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from cityward.policy.origins import NOWHERE, Origins
from cityward.runtime.ports import BarRow, CredentialRow

MOST_SUFFIX = 16
LONGEST_SECRET = 512
_MADE_UP = re.compile(r"[0-9A-Za-z]{22}")  # SPEC: nats-io/nuid; the broker makes one up for an empty client id
_SUFFIX = re.compile(rf"[0-9A-Za-z_-]{{1,{MOST_SUFFIX}}}")
_NOBODY = bytes(32)


class Why(StrEnum):
    """Why somebody is turned away."""

    NOT_A_DEVICE = "not-a-device"  # not by MQTT: the inner door is for the city's own roles
    NO_NAME = "no-name"
    UNKNOWN = "unknown-device"
    NO_CREDENTIAL = "no-credential"
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - a reason, not a secret
    WRONG_CERTIFICATE = "wrong-certificate"
    SPENT = "spent-secret"
    INACTIVE = "inactive"
    BARRED = "barred"
    CLIENT_ID = "client-id"
    TOO_OFTEN = "too-often"
    TOO_MANY = "too-many-connections"
    NO_ROOM = "no-room"  # the connections of a budget that it shares are used up: no fault of its own
    FROM_ELSEWHERE = "from-elsewhere"  # a recipient, from an address that is not declared
    FAULT = "fault"


RECIPIENT = "recipient:"
"""What a recipient's name begins with."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the broker tells it. `certificate`: (common name, SHA-256) of one that the broker has verified."""

    by: str  # mqtt | nats | websocket
    name: str
    secret: str
    client_id: str
    source: str
    connection: int
    certificate: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class LiveRecipient:
    """One that subscribes. Without an active credential it is not here."""

    recipient: str
    origins: Origins
    key_sha256: bytes | None
    certificate_sha256: bytes | None

    @property
    def proof(self) -> tuple[bytes, bytes]:
        """What it proves itself with, as hashes."""
        return self.key_sha256 or b"", self.certificate_sha256 or b""


@dataclass(frozen=True, slots=True)
class Roll:
    """Everybody who is known. `status`: what each declared device is: active, planned, stored, ..."""

    status: Mapping[str, str]
    credentials: Mapping[str, CredentialRow]
    bars: Mapping[str, tuple[BarRow, ...]]
    spent: Mapping[bytes, tuple[str, str]]
    recipients: Mapping[str, LiveRecipient] = field(default_factory=dict[str, "LiveRecipient"])  # by their names here

    def bar_of(self, device: str, now_us: int) -> BarRow | None:
        """The bar that is in force; the first where there are several."""
        for bar in self.bars.get(device, ()):
            if bar.from_us <= now_us and (bar.until_us is None or now_us < bar.until_us):
                return bar
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """It may come in, as this device."""

    device: str
    recipient: str = ""  # it is no device, but this recipient; `device` is its name here


@dataclass(frozen=True, slots=True)
class Refusal:
    """It may not. `device`: whom it claimed to be. `state`: what bars it, or became of its secret: it had proved who it is.
    `budget`: which one has no room.
    """

    why: Why
    device: str
    state: str = ""
    budget: str = ""


def may_enter(caller: Caller, roll: Roll, now_us: int) -> Entry | Refusal:
    """Judge one connection.

    Args:
        caller: who asks.
        roll: who is known.
        now_us: machine time.
    """
    device = caller.certificate[0] if caller.certificate is not None else caller.name
    if device.startswith(RECIPIENT):
        return _recipient_may(caller, device, roll)
    refused = _unknown(caller, device, roll) or _doubt(caller, device, roll) or _out(device, roll, now_us)
    if refused is None and not _is_own(caller.client_id, device, roll):
        refused = Refusal(Why.CLIENT_ID, device)
    return refused or Entry(device)


def _recipient_may(caller: Caller, name: str, roll: Roll) -> Entry | Refusal:
    one = roll.recipients.get(name)
    if one is None or caller.by not in ("mqtt", "nats"):
        return Refusal(Why.UNKNOWN, name)
    shown = sha256(caller.secret[:LONGEST_SECRET].encode("utf-8", "replace")).digest()
    if caller.certificate is not None:
        proven = one.certificate_sha256 is not None and compare_digest(one.certificate_sha256, caller.certificate[1])
    else:
        proven = one.key_sha256 is not None and compare_digest(one.key_sha256, shown)
    if not proven:
        return Refusal(Why.WRONG_SECRET if caller.certificate is None else Why.WRONG_CERTIFICATE, name)
    if one.origins.find(caller.source) == NOWHERE:
        return Refusal(Why.FROM_ELSEWHERE, name)
    own = caller.by == "nats" or caller.client_id == name or _MADE_UP.fullmatch(caller.client_id) is not None
    own = own or (
        caller.client_id.startswith(f"{name}:") and _SUFFIX.fullmatch(caller.client_id[len(name) + 1 :]) is not None
    )
    return Entry(name, one.recipient) if own else Refusal(Why.CLIENT_ID, name)


def _unknown(caller: Caller, device: str, roll: Roll) -> Refusal | None:
    if caller.by != "mqtt":
        return Refusal(Why.NOT_A_DEVICE, caller.name)
    if not device:
        return Refusal(Why.NO_NAME, "")
    return None if device in roll.status else Refusal(Why.UNKNOWN, device)


def _doubt(caller: Caller, device: str, roll: Roll) -> Refusal | None:
    """Why it is not proven that the caller is this device; None when it is."""
    row = roll.credentials.get(device)
    if row is None:
        return Refusal(Why.NO_CREDENTIAL, device)
    if caller.certificate is None:
        return _doubted_secret(caller.secret, row, roll)
    same = row.certificate_sha256 is not None and compare_digest(row.certificate_sha256, caller.certificate[1])
    return None if same and caller.name in {"", device} else Refusal(Why.WRONG_CERTIFICATE, device)


def _doubted_secret(secret: str, row: CredentialRow, roll: Roll) -> Refusal | None:
    wrong = Refusal(Why.WRONG_SECRET, row.device)
    if not secret or len(secret) > LONGEST_SECRET:
        return wrong
    if row.certificate_sha256 is not None:
        return Refusal(Why.WRONG_CERTIFICATE, row.device)  # its secret is its HTTP key; by MQTT it has a certificate
    shown = sha256(secret.encode("utf-8", "replace")).digest()
    if compare_digest(row.key_sha256 or _NOBODY, shown):
        return None
    owner, state = roll.spent.get(shown, ("", ""))
    return Refusal(Why.SPENT, row.device, "" if state == "active" else state) if owner == row.device else wrong


def _out(device: str, roll: Roll, now_us: int) -> Refusal | None:
    """Why a device that has proved who it is may not come in."""
    bar, state = roll.bar_of(device, now_us), roll.credentials[device].state
    if bar is not None or state != "active":
        return Refusal(Why.BARRED, device, state if bar is None else bar.why)
    status = roll.status[device]
    return None if status == "active" else Refusal(Why.INACTIVE, device, status)


def _is_own(client_id: str, device: str, roll: Roll) -> bool:
    if client_id == device:
        return True
    if client_id in roll.status:  # SECURITY: another's, whatever it looks like
        return False
    head, colon, rest = client_id.partition(":")
    return (head == device and _SUFFIX.fullmatch(rest) is not None) if colon else bool(_MADE_UP.fullmatch(client_id))
