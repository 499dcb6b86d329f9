"""The report of a running city for its web door: made by a child of its own, see `compose.beside`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from cityward.assurance.reporting.model import MOST_BYTES, decode
from cityward.compose.beside import Asked, Question
from cityward.compose.reporting.html import html_of, policy
from cityward.compose.reporting.shown import shown
from cityward.errors import LinkError

WAIT_S = 8.0  # that one who asks is kept waiting
CHILD_S = 180.0
PROGRAM = (sys.executable, "-m", "cityward", "report")
_MEND = "run `cityward report` on the city's machine: it says what is wrong"


@dataclass(frozen=True, slots=True)
class ReportMade:
    """A report as data and as a page with the policy that it needs."""

    data: bytes
    page: bytes
    policy: str


def asked_report(state: Path, program: Sequence[str] = PROGRAM) -> Asked[ReportMade]:
    """`web.ports.Doors.reporting`: the report of the city of a state directory."""
    question = Question(
        said="the report",
        program=(*program, "--state", str(state), "--json"),
        made=partial(_shown, str(state)),
        most_bytes=2 * MOST_BYTES,  # it is indented there
        mend=_MEND,
        wait_s=WAIT_S,
        child_s=CHILD_S,
    )
    return Asked(question)


def _shown(state: str, data: bytes) -> ReportMade:
    try:
        report = decode(data)
    except msgspec.DecodeError:
        raise LinkError("the report could not be made", mend=_MEND) from None
    return ReportMade(msgspec.json.encode(report), html_of(shown(report, None, state)), policy())
