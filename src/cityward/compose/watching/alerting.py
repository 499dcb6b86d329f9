"""Alert channels of a running city: their keys, their ways out, and who is told of what."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from cityward import __version__
from cityward.adapters.alerts import mail, syslog, webhook
from cityward.adapters.keys.ways import WaySecrets
from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.signing import signed_at
from cityward.compose.outward import counted, outward_of
from cityward.compose.setting import Setting
from cityward.errors import LinkError, PlaceError
from cityward.place.alerts import AlertChannel, read_endpoint
from cityward.place.exits import alert_exit
from cityward.runtime.ports import EventSink
from cityward.runtime.serving.kept import NoticeRow
from cityward.runtime.watching.alerting import Alerting, AlertPorts, Send, refusal, run_alerting
from cityward.runtime.watching.ports import AlertRow
from cityward.time import from_us
from cityward.watch.alerts import AlertBody, body_of, cef, leads_to, plain_text, read_body, subject_line, wanted_by
from cityward.watch.contract import Severity
from cityward.watch.findings import Finding, Incident

ROLE = "alerts"


async def alerting(
    setting: Setting, stop: asyncio.Event, progress: Alerting | None = None, events: EventSink | None = None
) -> None:
    """Send what the watch wants told, until stopped. Evidence goes into a ledger of its own; `events` hears what is refused."""
    place = setting.loaded.place
    if not place.alerts:
        await stop.wait()  # whoever runs this takes its end for a failure
        return
    outward = outward_of(setting, "watch", events)
    with setting.ledger(ROLE) as ledger:
        ports = AlertPorts(
            outbox=setting.state.watch,
            send={}
            if setting.city.exercise
            else ways_out(setting, outward),  # a twin calls nobody: each is on record as refused
            record=ledger.append,
            now_us=_machine_us,
            city_us=setting.now_us,
            today=lambda: from_us(setting.now_us()).date(),
        )
        async with counted(setting.home.root, ROLE, outward):
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


def notice_alerts(setting: Setting) -> Callable[[NoticeRow], Sequence[AlertRow]]:
    """What goes into the outbox when a service gives an urgent notice, and when it is over: told as an incident of high
    severity is, each once.
    """
    place = setting.loaded.place

    def rows(notice: NoticeRow) -> Sequence[AlertRow]:
        stage = "opened" if notice.ended_at is None else "closed"
        incident = Incident(
            id=f"notice-{sha256(f'{notice.service} {notice.id} {notice.first_at}'.encode()).hexdigest()[:16]}",
            title=f"{notice.title}. {notice.do}" if notice.do else notice.title,
            shared=f"service:{notice.service}",
            severity=Severity.HIGH,
            began_at=notice.since,
            last_at=notice.ended_at or notice.first_at,
            findings=1,
            subjects=1,
            first_subjects=(notice.subject,),
            kinds=("notice",),
        )
        body = body_of(place.place, stage, incident, ())
        return [AlertRow(channel, incident.id, stage, body) for channel in wanted_by(place.alerts, stage, incident)]

    return rows


def _stage(stage: str, incident: Incident) -> str:
    """An incident may rise more than once: each severity is a stage of its own."""
    return f"{stage}-{incident.severity.value}" if stage == "raised" else stage


def ways_out(setting: Setting, outward: Outward) -> dict[str, Send]:
    """channel -> how its alerts are sent. A channel without the key or password it needs says so when it sends."""
    return {name: partial(_send, setting, outward, name, one) for name, one in setting.loaded.place.alerts.items()}


def _send(setting: Setting, outward: Outward, name: str, channel: AlertChannel, row: AlertRow) -> None:
    endpoint, body = read_endpoint(channel.endpoint), read_body(row.body)
    exit_, named = alert_exit(setting.loaded.place, name), f"{row.incident}.{row.stage}"
    if endpoint.protocol == "webhook":
        key = _secrets(setting, name).key()
        webhook.post(outward, exit_, endpoint.path, row.body, key, named, _machine_us() // 1_000_000)
    elif endpoint.protocol == "smtp":
        letter = mail.Letter(channel.sender, channel.recipients, subject_line(body), plain_text(body), named)
        mail.send(outward, exit_, letter, _login(setting, name, channel))
    else:
        syslog.send(outward, exit_, _syslog_line(setting, body))


def _syslog_line(setting: Setting, body: AlertBody) -> bytes:
    at = datetime.fromtimestamp(_machine_us() / 1_000_000, UTC)
    return syslog.syslog_line(setting.loaded.place.place, body.severity.value, cef(body, __version__), at)


def _login(setting: Setting, name: str, channel: AlertChannel) -> mail.Login | None:
    return mail.Login(channel.user, _secrets(setting, name).password()) if channel.user else None


def _secrets(setting: Setting, name: str) -> WaySecrets:
    return WaySecrets(setting.home.keys, "alert", name)


# -- for the command line -----------------------------------------------------------------------------------------------


def new_key(setting: Setting, name: str) -> str:
    """A new key for a webhook, in place of the one it had; told once, in hexadecimal.

    Raises:
        PlaceError: no such channel, or it is no webhook.
    """
    channel = channel_named(setting, name)
    if read_endpoint(channel.endpoint).protocol != "webhook":
        raise PlaceError(f"`{name}` is no webhook and has no key", mend="for mail: cityward alert password")
    return _secrets(setting, name).new_key()


def keep_password(setting: Setting, name: str, password: str) -> None:
    """Keep the password of a mail channel.

    Raises:
        PlaceError: no such channel, it has no `user`, or the password is none.
    """
    channel = channel_named(setting, name)
    if not channel.user:
        raise PlaceError(f"`{name}` has no `user`, so no password is asked of it", mend="declare its `user` first")
    _secrets(setting, name).keep_password(password)


def send_test(setting: Setting, name: str) -> str:
    """Send one alert that says it is a test; where it went.

    Raises:
        PlaceError: no such channel.
        LinkError: its flow may not carry it today, or it was not taken.
        Refused: its endpoint leads elsewhere.
    """
    channel = channel_named(setting, name)
    if why := refusal(setting.loaded.place, channel, from_us(setting.now_us()).date()):
        raise LinkError(why, mend="mend the declaration")
    row = AlertRow(name, f"test-{secrets.token_hex(4)}", "opened", body_of(*_a_test(setting)))
    outward = outward_of(setting, ROLE, None)
    _send(setting, outward, name, channel, row)
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
    return signed_at(bytes.fromhex(key), body, header) is not None


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


def _machine_us() -> int:
    return time.time_ns() // 1000
