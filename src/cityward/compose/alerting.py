"""Alert channels of a running city: their keys, their ways out, and who is told of what."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cityward import __version__
from cityward.adapters.alerts import mail, syslog, webhook
from cityward.adapters.keys.private import read_private, write_private
from cityward.compose.home import Home
from cityward.compose.setting import Setting
from cityward.errors import LinkError, PlaceError
from cityward.place.alerts import AlertChannel, Endpoint, read_endpoint
from cityward.runtime.alerting import Alerting, AlertPorts, Send, refusal, run_alerting
from cityward.runtime.watch_ports import AlertRow
from cityward.time import from_us
from cityward.watch.alerts import AlertBody, body_of, cef, leads_to, plain_text, read_body, subject_line, wanted_by
from cityward.watch.contract import Severity
from cityward.watch.findings import Finding, Incident

ROLE = "alerts"
KEY_BYTES = 32
LONGEST_PASSWORD = 1024


async def alerting(setting: Setting, stop: asyncio.Event, progress: Alerting | None = None) -> None:
    """Send what the watch wants told, until stopped. Evidence goes into a ledger of its own."""
    place = setting.loaded.place
    if not place.alerts:
        return
    with setting.ledger(ROLE) as ledger:
        ports = AlertPorts(
            outbox=setting.state.watch,
            send=ways_out(setting),
            record=ledger.append,
            now_us=_machine_us,
            city_us=setting.now_us,
            today=lambda: from_us(setting.now_us()).date(),
        )
        await run_alerting(place, ports, stop, progress)


def alert_rows(setting: Setting) -> Callable[[Sequence[tuple[str, Incident]], Sequence[Finding]], Sequence[AlertRow]]:
    """What goes into the outbox when incidents change: (stage, incident) pairs, and the turn's findings."""
    place = setting.loaded.place

    def rows(stages: Sequence[tuple[str, Incident]], findings: Sequence[Finding]) -> Sequence[AlertRow]:
        if not place.alerts or not stages:
            return ()
        out: list[AlertRow] = []
        for stage, incident in stages:
            mine = [finding for finding in findings if finding.incident == incident.id]
            for channel in wanted_by(place.alerts, stage, incident):
                body = body_of(place.place, stage, incident, mine)
                out.append(AlertRow(channel, incident.id, _stage(stage, incident), body))
        return out

    return rows


def _stage(stage: str, incident: Incident) -> str:
    """An incident may rise more than once: each severity is a stage of its own."""
    return f"{stage}-{incident.severity.value}" if stage == "raised" else stage


def ways_out(setting: Setting) -> dict[str, Send]:
    """channel -> how its alerts are sent. A channel without the key or password it needs says so when it sends."""
    return {name: partial(_send, setting, name, channel) for name, channel in setting.loaded.place.alerts.items()}


def _send(setting: Setting, name: str, channel: AlertChannel, row: AlertRow) -> None:
    endpoint, body = read_endpoint(channel.endpoint), read_body(row.body)
    named = f"{row.incident}.{row.stage}"
    if endpoint.protocol == "webhook":
        webhook.post(endpoint, row.body, _key(setting.home, name), named, _machine_us() // 1_000_000)
    elif endpoint.protocol == "smtp":
        mail.send(endpoint, _letter(channel, body, named), _login(setting.home, name, channel))
    else:
        _syslog(setting, endpoint, body)


def _letter(channel: AlertChannel, body: AlertBody, named: str) -> mail.Letter:
    return mail.Letter(channel.sender, channel.recipients, subject_line(body), plain_text(body), named)


def _syslog(setting: Setting, endpoint: Endpoint, body: AlertBody) -> None:
    at = datetime.fromtimestamp(_machine_us() / 1_000_000, UTC)
    host = setting.loaded.place.place
    syslog.send(endpoint, syslog.syslog_line(host, body.severity.value, cef(body, __version__), at))


def _login(home: Home, name: str, channel: AlertChannel) -> mail.Login | None:
    if not channel.user:
        return None
    kept = read_private(_password_file(home, name))
    if kept is None:
        raise LinkError(f"channel `{name}` has no password", mend=f"cityward alert password {name}")
    return mail.Login(channel.user, kept.decode())


def _key(home: Home, name: str) -> bytes:
    kept = read_private(_key_file(home, name))
    if kept is None:
        raise LinkError(f"channel `{name}` has no key", mend=f"cityward alert key {name}")
    return bytes.fromhex(kept.decode())


# -- for the command line -----------------------------------------------------------------------------------------------


def new_key(setting: Setting, name: str) -> str:
    """A new key for a webhook, in place of the one it had; told once, in hexadecimal.

    Raises:
        PlaceError: no such channel, or it is no webhook.
    """
    channel = channel_named(setting, name)
    if read_endpoint(channel.endpoint).protocol != "webhook":
        raise PlaceError(f"`{name}` is no webhook and has no key", mend="for mail: cityward alert password")
    key = secrets.token_bytes(KEY_BYTES).hex()
    write_private(_key_file(setting.home, name), key.encode())
    return key


def keep_password(setting: Setting, name: str, password: str) -> None:
    """Keep the password of a mail channel.

    Raises:
        PlaceError: no such channel, it has no `user`, or the password is none.
    """
    channel = channel_named(setting, name)
    if not channel.user:
        raise PlaceError(f"`{name}` has no `user`, so no password is asked of it", mend="declare its `user` first")
    if not 0 < len(password) <= LONGEST_PASSWORD or not password.isprintable():
        raise PlaceError(f"that is no password of 1 to {LONGEST_PASSWORD} printable characters")
    write_private(_password_file(setting.home, name), password.encode())


def send_test(setting: Setting, name: str) -> str:
    """Send one alert that says it is a test; where it went.

    Raises:
        PlaceError: no such channel.
        LinkError: its flow may not carry it today, or it was not taken.
    """
    channel = channel_named(setting, name)
    if why := refusal(setting.loaded.place, channel, from_us(setting.now_us()).date()):
        raise LinkError(why, mend="mend the declaration")
    row = AlertRow(name, f"test-{secrets.token_hex(4)}", "opened", body_of(*_a_test(setting)))
    _send(setting, name, channel, row)
    return leads_to(channel)


def channel_named(setting: Setting, name: str) -> AlertChannel:
    """The declared channel.

    Raises:
        PlaceError: there is none of that name.
    """
    channel = setting.loaded.place.alerts.get(name)
    if channel is None:
        known = ", ".join(f"`{one}`" for one in setting.loaded.place.alerts) or "none"
        raise PlaceError(f"there is no alert channel `{name}`", mend=f"declared are: {known}")
    return channel


def is_signed(key: str, header: str, body: bytes) -> bool:
    """Whether a webhook's signature header is that of a body: what a receiver does."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    if not fields.get("t", "").isdecimal():
        return False
    return hmac.compare_digest(webhook.signature(bytes.fromhex(key), body, int(fields["t"])), header)


def _a_test(setting: Setting) -> tuple[str, str, Incident, Sequence[Finding]]:
    now = setting.now_us()
    incident = Incident(
        id="test",
        title="This is a test of the alert channel",
        shared="",
        severity=Severity.LOW,
        began_at=now,
        last_at=now,
        findings=0,
        subjects=0,
        first_subjects=(),
        kinds=(),
    )
    return setting.loaded.place.place, "opened", incident, ()


def _key_file(home: Home, name: str) -> Path:
    return home.keys / f"alert-{name}.key"


def _password_file(home: Home, name: str) -> Path:
    return home.keys / f"alert-{name}.password"


def _machine_us() -> int:
    return time.time_ns() // 1000
