"""What strangers write into events, and so into findings, incidents and alerts, is a text to all that reads those."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy

import msgspec
import pytest

from cityward.adapters.alerts.mail import Letter, _message
from cityward.adapters.alerts.syslog import syslog_line
from cityward.evidence import records
from cityward.watch import alerts, events
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import Finding, Incident
from hostile import BYTES, LONE_SURROGATE, TEXTS, drives

EVERY = TEXTS | {"lone surrogate": LONE_SURROGATE}


def body(text: str) -> alerts.AlertBody:
    incident = Incident(
        id="i1", title=text, shared="", severity=Severity.HIGH, began_at=1, last_at=2, findings=1, subjects=9,
        first_subjects=(text, text), kinds=("a/b",),
    )  # fmt: skip
    finding = Finding(
        id="f", detector="freeze", kind="frozen", title=text, subject=text, property="lux", severity=Severity.HIGH,
        phase=Phase.BEGAN, began_at=1, at=1, score=1.0, words=text, technique="T0856", todo=text,
    )  # fmt: skip
    return alerts.read_body(alerts.body_of("town", "opened", incident, [finding]))


@pytest.mark.parametrize("name", EVERY)
def test_an_event_carries_a_foreign_text_cut_and_harmless(name: str) -> None:
    text = events.cut(EVERY[name])
    assert len(text) <= events.LONGEST and drives(text) == []
    told = events.Event(
        at=1, kind=events.EventKind.TURNED_AWAY, by="gate", subject=text, source=text, detail={text: text}, record=text
    )
    assert events.decode(events.encode(told)) == told


@pytest.mark.parametrize("name", EVERY)
def test_an_alert_is_the_same_shape_whatever_it_tells(name: str) -> None:
    told = body(EVERY[name])
    assert len(msgspec.json.encode(told)) <= alerts.LARGEST
    assert drives(json.dumps(msgspec.to_builtins(told), ensure_ascii=False)) == []
    plain = alerts.plain_text(told)
    assert drives(plain) == []
    assert len(plain.splitlines()) == len(alerts.plain_text(body("x")).splitlines()) - (EVERY[name] == "")


@pytest.mark.parametrize("name", EVERY)
def test_a_line_of_cef_has_seven_fields_before_its_extension_and_ours_in_it(name: str) -> None:
    line = alerts.cef(body(EVERY[name]), "1.0")
    assert len(line.splitlines()) == 1 and drives(line) == []
    *head, extension = line.replace("\\\\", "").replace("\\|", "").split("|", 7)
    assert head[:5] == ["CEF:0", "Cityward", "Cityward", "1.0", "opened"] and head[6] == "8"
    keys = [word.rpartition(" ")[2] for word in extension.replace("\\=", "").split("=")[:-1]]
    known = ["rt", "start", "externalId", "cnt", "dvchost", "duser", "cs1Label", "cs1", "cs2Label", "cs2", "msg"]
    assert [key for key in keys if key not in known] == []
    sent = syslog_line("town", "high", line, datetime(2026, 1, 1, tzinfo=UTC))
    assert sent.startswith(b"<107>1 2026-01-01T00:00:00.000000Z town cityward - alert - CEF:0|") and b"\n" not in sent


@pytest.mark.parametrize("name", EVERY)
def test_a_mail_has_our_headers_only(name: str) -> None:
    told = body(EVERY[name])
    letter = Letter(
        "city@town.example", ("desk@town.example",), alerts.subject_line(told), alerts.plain_text(told), "i1"
    )
    read = message_from_bytes(_message(letter).as_bytes(), policy=policy.default)
    assert {key.lower() for key in read} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
        "content-transfer-encoding",
    }  # fmt: skip
    assert read.get_content_type() == "text/plain"


@pytest.mark.parametrize("name", TEXTS)
def test_a_record_reads_back_as_it_was_written(name: str) -> None:
    text = TEXTS[name]
    one = records.Acknowledged(at=1, by="web", incident=text, person=text, state="closed", note=text)
    line = records.encode(one)
    assert records.decode(line) == one and line.count(b"\n") == 0
    assert json.loads(line)["note"] == text


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_text_are_no_event_no_record_and_no_alert(name: str) -> None:
    for read, template in (
        (events.decode, b'{"at":1,"kind":"read","by":"%s"}'),
        (records.decode, b'{"kind":"acknowledgement","at":1,"by":"%s","incident":"","person":"","state":"","note":""}'),
        (alerts.read_body, b'{"place":"%s"}'),
    ):
        with pytest.raises(msgspec.DecodeError):
            read(template.replace(b"%s", BYTES[name]))
