"""What the command line and the console do with recipients, the city running or not: what they prove themselves with, approvals,
and who was given what.

Each change is put on record first (a ledger of its own, so that a running city's are left alone), then made, then told to the
watch where the city runs. It takes force within a second: the rules are made anew when the store's version changes.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from cityward.adapters.keys.authority import open_authority, recipient_certificate
from cityward.adapters.keys.private import write_private
from cityward.adapters.keys.secrets import new_secret
from cityward.adapters.keys.ways import ServerAccess, StoreAccess, WaySecrets
from cityward.compose.home import Home
from cityward.compose.outgoing.releasing import RulesKeeper, approve, pending_now
from cityward.compose.setting import Setting, open_setting
from cityward.compose.watching.telling import tell_watch
from cityward.errors import PlaceError
from cityward.evidence.records import RecipientLife
from cityward.place.hints import did_you_mean
from cityward.place.outlets import read_outlet
from cityward.place.release import Recipient
from cityward.policy.approvals import control_lines, difference, scope_lines
from cityward.reach.effective import Lands, lands_of
from cityward.runtime.releasing.ports import ApprovalRow, GivenRow, Receipt, RecipientCount, RecipientRow, RefusedRow
from cityward.time import DAY, iso, to_us
from cityward.watch.events import Event, EventKind

ROLE = "recipients"
"""The ledger of recipients' lives and of approvals; its own, so that it can be written while the city runs."""

PREFIX = "cwr_"  # of a key: whoever finds one lying about sees what it is
MOST_ACCESS = 65_536
MOST = 1000
NEWEST = 5  # receipts that a statement names


@dataclass(frozen=True, slots=True)
class Asked:
    """A city, one of its recipients, and who asks for the change."""

    state: Path
    recipient: str
    by: str


class RecipientView(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient as its owner sees it. Counts in rows; refused: requests. lanes: what it may have now."""

    recipient: str
    party: str
    law: tuple[str, ...]
    possibly: tuple[str, ...]
    by: str
    to: str
    proves_by: str
    state: str
    flows: tuple[str, ...]
    triggered: int
    sent: int
    queued: int
    shed: int
    withheld: int
    refused: int
    last_sent_at: str
    lanes: tuple[dict[str, str], ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody was given of a dataset for a purpose: the answer to "who received my data, what, when, why, in what form"."""

    recipient: str
    party: str
    dataset: str
    purpose: str
    flow: str
    agreement: str
    form: dict[str, str]
    rows: int
    receipts: int
    first_day: str
    last_day: str
    law: tuple[str, ...]  # jurisdictions with power over the party now, for certain
    possibly: tuple[str, ...]
    newest_receipts: tuple[str, ...]  # the rest by `cityward recipient receipts`, `/api/received/receipts`


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A month of one recipient, or of everybody who was given a dataset."""

    about: str
    since: str
    until: str
    rows: int
    lines: tuple[Line, ...]
    refused: tuple[dict[str, str], ...]


# -- what they prove themselves with --------------------------------------------------------------------------------------


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


# -- agreements -----------------------------------------------------------------------------------------------------------


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that waits for an approval, and what changed since the last one; `first`: there was none."""

    agreement: str
    first: bool
    changed: tuple[str, ...]
    recipients: tuple[str, ...]


def pending_agreements(setting: Setting) -> Sequence[Pending]:
    """Those under which nothing leaves until somebody approves them."""
    keeper = RulesKeeper(setting)
    rows, lands = setting.state.recipients.approvals(), keeper.lands()
    return [_pending(setting, name, rows.get(name), lands) for name in sorted(pending_now(setting, lands))]


def _pending(setting: Setting, name: str, row: ApprovalRow | None, lands: Lands) -> Pending:
    place = setting.loaded.place
    now = (*control_lines(name, place, lands), *scope_lines(name, place))
    before = () if row is None else (*row.control_lines, *row.scope_lines)
    flows = {flow for flow, one in place.flows.items() if one.agreement == name}
    touched = tuple(r for r, one in place.recipients.items() if flows & set(one.flows))
    return Pending(agreement=name, first=row is None, changed=difference(before, now), recipients=touched)


def approve_agreement(setting: Setting, agreement: str, person: str) -> Pending:
    """Approve it as it stands now; what that changed.

    Raises:
        PlaceError: there is no such agreement.
    """
    known = setting.loaded.place.agreements
    if agreement not in known:
        raise PlaceError(f"there is no agreement `{agreement[:64]}`{did_you_mean(agreement, known)}")
    lands = RulesKeeper(setting).lands()
    told = _pending(setting, agreement, setting.state.recipients.approvals().get(agreement), lands)
    with setting.ledger_when_free(ROLE) as ledger:
        setting.state.recipients.begin()
        approve(setting, ledger, agreement, person, lands, ROLE)
    return told


# -- who was given what ---------------------------------------------------------------------------------------------------


def recipient_views(setting: Setting) -> Sequence[RecipientView]:
    """Every declared recipient, with its counts and what it may have now."""
    keeper = RulesKeeper(setting)
    rules, lands = keeper(), keeper.lands()
    rows = setting.state.recipients.recipients()
    counts = {count.recipient: count for count in setting.state.releases.counts()}
    now, found = setting.now_us(), list[RecipientView]()
    for name, one in setting.loaded.place.recipients.items():
        count = counts.get(name) or RecipientCount(name, 0, 0, 0, 0, 0, 0, 0)
        lanes = [(lane, rules.decide(lane, now)) for lane in rules.lanes.get(name, ())]
        certain, possible = lands.get(one.party, (frozenset[str](), frozenset[str]()))
        row = rows.get(name)
        found.append(
            RecipientView(
                recipient=name,
                party=one.party,
                law=tuple(sorted(certain)),
                possibly=tuple(sorted(possible)),
                by=one.by,
                to=one.endpoint or ", ".join(one.addresses),
                proves_by=one.sign_in if row is None else row.kind,
                state="not added" if row is None else row.state,
                flows=one.flows,
                triggered=count.triggered,
                sent=count.sent,
                queued=count.queued,
                shed=count.shed,
                withheld=count.withheld,
                refused=count.refused,
                last_sent_at=iso(count.last_sent_at) if count.last_sent_at else "",
                lanes=tuple(
                    {
                        "dataset": lane.dataset,
                        "purpose": lane.purpose,
                        "answer": "yes" if d.allowed else " ".join(d.reasons),
                    }
                    for lane, d in lanes
                ),
            )
        )
    return found


def month_of(text: str) -> tuple[int, int]:
    """The first and last city day (days since 1970) of `2026-11`.

    Raises:
        PlaceError: it is no month.
    """
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise PlaceError(f"`{text[:32]}` is no month", mend="write it as 2026-11") from None
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return _day(first), _day(last)


def statement(
    setting: Setting, days: tuple[int, int], *, recipient: str | None = None, dataset: str | None = None
) -> Statement:
    """What somebody was given, or who was given a dataset, between two city days, with the law it is under now."""
    book, lands = setting.state.releases, lands_of(setting.loaded.place)
    groups: dict[tuple[str, ...], list[GivenRow]] = {}
    for row in book.given(recipient, *days, dataset):
        key = (row.recipient, row.party, row.dataset, row.purpose, row.flow, row.agreement, row.form)
        groups.setdefault(key, []).append(row)
    lines = [_line(setting, rows, lands, days) for _, rows in sorted(groups.items())]
    refused = [one for one in book.refusals(recipient, MOST) if days[0] <= one.at // DAY <= days[1]]
    refused = [one for one in refused if dataset is None or one.dataset == dataset]
    return Statement(
        about=recipient or dataset or "everybody",
        since=_iso_day(days[0]),
        until=_iso_day(days[1]),
        rows=sum(line.rows for line in lines),
        lines=tuple(lines),
        refused=tuple(refusal_told(one) for one in refused),
    )


def _line(setting: Setting, rows: Sequence[GivenRow], lands: Lands, days: tuple[int, int]) -> Line:
    one = rows[0]
    certain, possible = lands.get(one.party, (frozenset[str](), frozenset[str]()))
    newest = setting.state.releases.receipts(
        recipient=one.recipient, dataset=one.dataset, purpose=one.purpose, days=days, most=NEWEST
    )
    return Line(
        recipient=one.recipient,
        party=one.party,
        dataset=one.dataset,
        purpose=one.purpose,
        flow=one.flow,
        agreement=one.agreement,
        form=msgspec.json.decode(one.form, type=dict[str, str]),
        rows=sum(row.rows for row in rows),
        receipts=sum(row.receipts for row in rows),
        first_day=_iso_day(min(row.day for row in rows)),
        last_day=_iso_day(max(row.day for row in rows)),
        law=tuple(sorted(certain)),
        possibly=tuple(sorted(possible)),
        newest_receipts=tuple(receipt.record for receipt in newest),
    )


def receipt_told(one: Receipt) -> dict[str, object]:
    """A receipt for people and the API."""
    return {
        "receipt": one.record, "recipient": one.recipient, "party": one.party, "dataset": one.dataset, "purpose": one.purpose,
        "flow": one.flow, "agreement": one.agreement, "way": one.way, "at": iso(one.at),
        "since": iso(one.since) if one.since else "", "until": iso(one.until) if one.until else "", "rows": one.rows,
        "devices": one.units, "digest": one.digest, "form": dict(one.form), "rules": one.rules, "state": one.state,
        "tries": one.tries, "reason": one.reason,
    }  # fmt: skip


def refusal_told(one: RefusedRow) -> dict[str, str]:
    """A refusal for people and the API."""
    return {
        "at": iso(one.at), "recipient": one.recipient, "dataset": one.dataset, "purpose": one.purpose, "source": one.source,
        "reasons": " ".join(one.reasons), "count": str(one.count), "record": one.record,
    }  # fmt: skip


def _day(day: date) -> int:
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)) // DAY


def _iso_day(day: int) -> str:
    return iso(day * DAY)[:10]
