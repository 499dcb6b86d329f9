"""What the command line and the console do with recipients, the city running or not: what they prove themselves with. Beside it:
`agreements` (approvals) and `statements` (who was given what).

Each change is put on record first (a ledger of its own, so that a running city's are left alone), then made, then told to the
watch where the city runs. It takes force within a second: the rules are made anew when the store's version changes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from cityward.adapters.keys.authority import open_authority, recipient_certificate
from cityward.adapters.keys.private import write_private
from cityward.adapters.keys.secrets import new_secret
from cityward.adapters.keys.ways import ServerAccess, StoreAccess, WaySecrets
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.compose.watching.telling import tell_watch
from cityward.errors import PlaceError
from cityward.evidence.records import RecipientLife
from cityward.place.hints import did_you_mean
from cityward.place.outlets import read_outlet
from cityward.place.release import Recipient
from cityward.runtime.releasing.ports import RecipientRow
from cityward.watch.events import Event, EventKind

ROLE = "recipients"
"""The ledger of recipients' lives and of approvals; its own, so that it can be written while the city runs."""

PREFIX = "cwr_"  # of a key: whoever finds one lying about sees what it is
MOST_ACCESS = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """A city, one of its recipients, and who asks for the change."""

    state: Path
    recipient: str
    by: str


def add_recipient(asked: Asked, folder: Path | None = None, access: bytes | None = None) -> dict[str, str]:
    """What a declared recipient must be given: a key, a certificate with its key, or nothing where it has it elsewhere.

    Args:
        folder: where a certificate is put.
        access: of an export, the access we are given to its store or server, as JSON.

    Raises:
        PlaceError: it is not declared, or has one already, or the access is none.
    """
    setting = open_setting(Home(asked.state))
    row = setting.state.recipients.recipients().get(asked.recipient)
    if row is not None and row.state == "active":
        raise PlaceError(f"`{asked.recipient}` has been added", mend=f"cityward recipient rotate {asked.recipient}")
    given, record = _issue(setting, asked, "added", folder, access)
    _tell(setting, asked, "added", record)
    return given


def begin_played(asked: Asked) -> str:
    """A new key for a recipient that the demonstration plays: on record; the watch is not told, as of simulated devices.

    Raises:
        PlaceError: it is not declared.
    """
    given, _ = _issue(open_setting(Home(asked.state)), asked, "added", None, None)
    return given["key"]


def rotate_recipient(asked: Asked, folder: Path | None = None, access: bytes | None = None) -> dict[str, str]:
    """What it must be given in place of what it has, which is worth nothing within a second.

    Raises:
        PlaceError: it is not declared, or has nothing to replace.
    """
    setting = open_setting(Home(asked.state))
    row = setting.state.recipients.recipients().get(asked.recipient)
    if row is None or row.state != "active":
        raise PlaceError(f"`{asked.recipient}` has no credential", mend=f"cityward recipient add {asked.recipient}")
    given, record = _issue(setting, asked, "rotated", folder, access)
    _tell(setting, asked, "rotated", record)
    return given


def revoke_recipient(asked: Asked) -> bool:
    """It is given nothing from now on, also of what waits for it. False where it has no credential.

    Raises:
        PlaceError: it is not declared.
    """
    setting = open_setting(Home(asked.state))
    declared_of(setting, asked.recipient)
    row = setting.state.recipients.recipients().get(asked.recipient)
    if row is None or row.state != "active":
        return False
    record = _record(setting, asked, "revoked", {"kind": row.kind})
    setting.state.recipients.revoke(asked.recipient)
    WaySecrets(setting.home.keys, "recipient", asked.recipient).forget()
    _tell(setting, asked, "revoked", record)
    return True


def declared_of(setting: Setting, name: str) -> Recipient:
    """The declared recipient.

    Raises:
        PlaceError: there is none of that name.
    """
    known = setting.loaded.place.recipients
    if name not in known:
        what = f"there is no recipient `{name[:64]}`{did_you_mean(name, known)}"
        raise PlaceError(what, mend="declare it in the place, then add it")
    return known[name]


def _issue(
    setting: Setting, asked: Asked, to: str, folder: Path | None, access: bytes | None
) -> tuple[dict[str, str], str]:
    """What it must be given, and the record of that. The record comes first: a secret that nobody was given harms nobody."""
    declared = declared_of(setting, asked.recipient)
    if asks_by_certificate(declared) and setting.city.web_tls is None:
        raise PlaceError(
            f"`{asked.recipient}` asks by certificate, and the web door has no TLS of its own to see one",
            where=setting.loaded.where(f"recipients.{asked.recipient}.sign_in"),
            mend="start the city with --host and without --behind-proxy, or declare `sign_in: key`",
        )
    kind = declared.by if declared.by in ("webhook", "export") else declared.sign_in
    keep = _access(declared, asked.recipient, access)
    record = _record(setting, asked, to, {"kind": kind, "way": declared.by})
    ways = WaySecrets(setting.home.keys, "recipient", asked.recipient)
    given: dict[str, str] = {}
    row = RecipientRow(asked.recipient, kind, None, None, declared.client, "active", time.time_ns() // 1000, asked.by)
    if kind == "webhook":
        given = {"signing_key": ways.new_key()}
    elif isinstance(keep, StoreAccess):
        ways.keep_store(keep)
    elif isinstance(keep, ServerAccess):
        ways.keep_server(keep)
    elif kind == "key":
        key = PREFIX + new_secret()
        given, row = {"key": key}, _with(row, key_sha256=sha256(key.encode()).digest())
    elif kind == "certificate":
        given, digest = _certificate(setting, asked.recipient, folder or Path())
        row = _with(row, certificate_sha256=digest)
    else:
        given = {"issuer": declared.issuer, "client": declared.client}
    setting.state.recipients.issue_to(row)
    return given, record


def _with(row: RecipientRow, key_sha256: bytes | None = None, certificate_sha256: bytes | None = None) -> RecipientRow:
    return RecipientRow(
        row.recipient, row.kind, key_sha256, certificate_sha256, row.subject, row.state, row.issued_at, row.by
    )


def _access(declared: Recipient, name: str, access: bytes | None) -> StoreAccess | ServerAccess | None:
    if declared.by != "export":
        return None
    kind = StoreAccess if read_outlet(declared.endpoint, declared.store).scheme == "s3" else ServerAccess
    example = (
        '{"access": "...", "secret": "..."}' if kind is StoreAccess else '{"key": "...", "hosts": ["ssh-ed25519 ..."]}'
    )
    try:
        return msgspec.json.decode((access or b"")[:MOST_ACCESS], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # SECURITY: without the cause, which could quote the secret
        raise PlaceError(
            f"`{name}` is given files, and its access is none", mend=f"give it on standard input: {example}"
        ) from None


def _certificate(setting: Setting, name: str, folder: Path) -> tuple[dict[str, str], bytes]:
    now, home = datetime.now(UTC), setting.home
    authority = open_authority(home.keys, setting.loaded.place.place, now)
    made = recipient_certificate(authority, name, now)
    files = {kind: folder / f"{name}.{kind}" for kind in ("pem", "key")}
    write_private(files["key"], made.key)
    write_private(files["pem"], made.certificate, mode=0o644)
    paths = {"certificate": str(files["pem"]), "key": str(files["key"]), "ca": str(home.keys / "ca.pem")}
    return paths, made.sha256


def asks_by_certificate(recipient: Recipient) -> bool:
    """Whether the web door must ask its clients for a certificate, for this recipient."""
    return recipient.by == "query" and recipient.sign_in == "certificate"


def subject_of(name: str) -> str:
    """A recipient's name at the doors: no device has one with a colon in it."""
    return f"recipient:{name}"


def _record(setting: Setting, asked: Asked, to: str, detail: dict[str, str]) -> str:
    record = RecipientLife(
        at=setting.now_us(), by=ROLE, recipient=asked.recipient, to=to, person=asked.by, detail=detail
    )
    with setting.ledger_when_free(ROLE) as ledger:
        return ledger.append([record])[0]


def _tell(setting: Setting, asked: Asked, to: str, record: str) -> None:
    event = Event(
        at=setting.now_us(),
        kind=EventKind.PRIVILEGE,
        by="cli",
        subject=subject_of(asked.recipient),
        detail={"what": "recipient", "to": to, "given": "no" if to == "revoked" else "yes", "who": asked.by},
        record=record,
    )
    tell_watch(setting, [event])
