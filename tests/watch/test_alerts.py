"""What an alert says, to whom, and that no text of others' becomes syntax of ours."""

from __future__ import annotations

import pytest

from cityward.place.alerts import AlertChannel, read_endpoint
from cityward.watch.alerts import LARGEST, body_of, cef, leads_to, plain_text, read_body, subject_line, wanted_by
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import Finding, Incident

AT = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z


def incident(title: str = "2 devices are frozen", severity: Severity = Severity.HIGH) -> Incident:
    return Incident(
        id="i1",
        title=title,
        shared="maker:acme",
        severity=severity,
        began_at=AT,
        last_at=AT + 60_000_000,
        findings=3,
        subjects=2,
        first_subjects=("lamp-01", "lamp-02"),
        kinds=("freeze/frozen",),
    )


def finding(words: str, todo: str = "look at it") -> Finding:
    return Finding(
        id="f",
        detector="freeze",
        kind="frozen",
        title="Frozen",
        subject="lamp-01",
        property="lux",
        severity=Severity.HIGH,
        phase=Phase.BEGAN,
        began_at=AT,
        at=AT,
        score=1.0,
        words=words,
        technique="T0856",
        todo=todo,
    )


def test_a_body_says_what_how_bad_since_when_and_what_to_do():
    body = read_body(body_of("town", "opened", incident(), [finding("lamp-01 says 5 lx since an hour")]))
    assert subject_line(body) == "[town] high opened: 2 devices are frozen"
    text = plain_text(body)
    for part in ("Severity: high", "Began: 2023-11-14T22:13:20Z", "lamp-01, lamp-02", "says 5 lx", "- look at it"):
        assert part in text


def test_cef_escapes_what_its_syntax_means():
    body = read_body(body_of("town", "opened", incident("a|b\\c"), [finding("x=1\ny|2")]))
    line = cef(body, "1.0")
    assert line.startswith("CEF:0|Cityward|Cityward|1.0|opened|a\\|b\\\\c|8|")
    assert "\n" not in line
    assert "x\\=1" in line


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m", "a\r\nBcc: x@y.example", "\u202egnp.exe", "\x00", "a\u2028b"])
def test_what_others_wrote_is_made_harmless(text: str):
    body = read_body(body_of("town", "opened", incident(text), [finding(text, text)]))
    for out in (subject_line(body), cef(body, "1")):
        assert out.isprintable()
    assert all(line.isprintable() for line in plain_text(body).split("\n"))


def test_a_body_is_bounded():
    huge = [finding("w" * 100_000, "t" * 100_000) for _ in range(1000)]
    assert len(body_of("town", "opened", incident("t" * 100_000), huge)) <= LARGEST


def test_channels_are_told_from_their_severity_on_and_at_their_stages():
    channels = {
        "all": AlertChannel(flow="f", endpoint="https://a.example/", least="low", on=("opened", "closed")),
        "bad": AlertChannel(flow="f", endpoint="https://a.example/", least="critical"),
    }
    assert wanted_by(channels, "opened", incident()) == ["all"]
    assert wanted_by(channels, "raised", incident(severity=Severity.CRITICAL)) == ["bad"]
    assert wanted_by(channels, "closed", incident(severity=Severity.LOW)) == ["all"]


def test_where_a_channel_leads_is_told_without_its_path():
    channel = AlertChannel(flow="f", endpoint="https://hooks.example/T00/secret")
    assert leads_to(channel) == "https://hooks.example:443"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://a.example", "scheme"),
        ("https://user:word@a.example/", "password"),
        ("https:///path", "host"),
        ("smtp://a.example/path", "behind the host"),
        ("https://a.example/ x", "characters"),
        ("https://a.example:99999/", "ort"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(text: str, why: str):
    with pytest.raises(ValueError, match=why):
        read_endpoint(text)
