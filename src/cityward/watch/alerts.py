"""What is told of an incident, to whom, in which form: JSON for a webhook, text for mail, CEF for syslog.

Lives here: which channels want an incident, and the body each is sent. Does not live here: sending (`adapters/alerts`), trying
again (`runtime/watching/alerting`), and keys.

A body says what a person needs to decide whether to get up: what, how bad, since when, how many, what to do now. It holds no
reading and no secret. SECURITY: texts come from outside (a client id, a topic); they are made harmless here, and each form
escapes what its own syntax means.

INVARIANT: bounded: a body is at most `LARGEST` bytes, whatever the incident holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from cityward.place.alerts import AlertChannel, read_endpoint
from cityward.text import harmless, harmless_lines
from cityward.time import iso
from cityward.watch.contract import Severity
from cityward.watch.findings import Finding, Incident

LARGEST = 32_768
MOST_FINDINGS = 10
CEF_SEVERITY = {Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
"""SPEC: ArcSight CEF, revision 25: 0-3 low, 4-6 medium, 7-8 high, 9-10 very high."""


class AlertBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is told. The outbox holds it as JSON; each adapter writes it in its own form. Times RFC 3339."""

    place: str
    stage: str
    incident: str
    title: str
    severity: Severity
    began_at: str
    last_at: str
    findings: int
    subjects: int
    first_subjects: tuple[str, ...]
    words: tuple[str, ...]
    techniques: tuple[str, ...]
    todo: tuple[str, ...]


def wanted_by(channels: Mapping[str, AlertChannel], stage: str, incident: Incident) -> list[str]:
    """The channels that want to be told of an incident at this stage: `opened`, `raised` or `closed`."""
    return [
        name
        for name, channel in channels.items()
        if stage in channel.on and incident.severity.rank >= Severity(channel.least).rank
    ]


def body_of(place: str, stage: str, incident: Incident, findings: Sequence[Finding]) -> bytes:
    """The body as the outbox holds it: JSON, at most `LARGEST` bytes.

    Args:
        place: the place's id.
        stage: opened | raised | closed.
        incident: as it is now.
        findings: of the incident, the newest first; the first few are told.
    """
    told = [_short(finding) for finding in findings[:MOST_FINDINGS]]
    body = AlertBody(
        place=place,
        stage=stage,
        incident=incident.id,
        title=_cut(incident.title, 300),
        severity=incident.severity,
        began_at=iso(incident.began_at),
        last_at=iso(incident.last_at),
        findings=incident.findings,
        subjects=incident.subjects,
        first_subjects=tuple(_cut(subject, 100) for subject in incident.first_subjects[:MOST_FINDINGS]),
        words=tuple(words for words, _, _ in told),
        techniques=tuple(dict.fromkeys(technique for _, technique, _ in told if technique)),
        todo=tuple(dict.fromkeys(todo for _, _, todo in told if todo)),
    )
    return msgspec.json.encode(body)


def read_body(data: bytes) -> AlertBody:
    """The inverse of `body_of`.

    Raises:
        msgspec.DecodeError: not a body.
    """
    try:
        return msgspec.json.decode(data, type=AlertBody)
    except (UnicodeDecodeError, RecursionError) as error:  # neither is msgspec's own, both come out of its decoder
        raise msgspec.DecodeError(f"no body: {type(error).__name__}") from error


def subject_line(body: AlertBody) -> str:
    """One line for mail, without line breaks."""
    return _cut(f"[{body.place}] {body.severity.value} {body.stage}: {body.title}", 200)


def plain_text(body: AlertBody) -> str:
    """The alert as a person reads it in a mail."""
    others = f" and {body.subjects - len(body.first_subjects)} more" if body.subjects > len(body.first_subjects) else ""
    lines = [
        body.title,
        "",
        f"Severity: {body.severity.value}",
        f"Began: {body.began_at}; last seen: {body.last_at}",
        f"About: {', '.join(body.first_subjects)}{others}",
        f"Findings: {body.findings}",
        "",
        *(f"- {words}" for words in body.words),
        "",
        "What to do now:",
        *(f"- {todo}" for todo in body.todo),
        "",
        f"Incident {body.incident} of {body.place}.",
    ]
    return harmless_lines("\n".join(lines)) + "\n"


def cef(body: AlertBody, version: str) -> str:
    """The alert as one CEF event, one line.

    Source: ArcSight Common Event Format, revision 25: header fields escape backslash and pipe, extensions backslash, equals
    and line breaks.
    """
    header = ("Cityward", "Cityward", version, body.stage, body.title, str(CEF_SEVERITY[body.severity]))
    extension = {
        "rt": body.last_at,
        "start": body.began_at,
        "externalId": body.incident,
        "cnt": str(body.findings),
        "dvchost": body.place,
        "duser": ",".join(body.first_subjects),
        "cs1Label": "techniques",
        "cs1": ",".join(body.techniques),
        "cs2Label": "todo",
        "cs2": "; ".join(body.todo),
        "msg": "; ".join(body.words)[:1023],
    }
    head = "|".join(_header(text) for text in header)
    return f"CEF:0|{head}|" + " ".join(f"{key}={_extension(text)}" for key, text in extension.items() if text)


def leads_to(channel: AlertChannel) -> str:
    """scheme://host:port of a channel: what may be told of where it leads (a path may be a secret)."""
    endpoint = read_endpoint(channel.endpoint)
    return f"{endpoint.scheme}://{endpoint.host}:{endpoint.port}"


def _short(finding: Finding) -> tuple[str, str, str]:
    return _cut(finding.words, 500), finding.technique, _cut(finding.todo, 300)


def _cut(text: str, most: int) -> str:
    clean = harmless(text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _header(text: str) -> str:
    return harmless(text).replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    return harmless(re.sub(r"\r\n|\r|\n", r"\\n", text.replace("\\", "\\\\").replace("=", "\\=")))
