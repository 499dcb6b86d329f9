"""Incident files of a running city for its web door: made by a child of its own, see `compose.beside`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cityward.compose.beside import Asked, Question
from cityward.errors import LinkError

PROGRAM = (sys.executable, "-m", "cityward", "incident", "list", "--whole")
MOST_BYTES = 64 << 20
FRESH_S = 30.0
WAIT_S = 8.0
_MEND = "run `cityward incident list` on the city's machine: it says what is wrong"


@dataclass(frozen=True, slots=True)
class FilesMade:
    """The list of files as JSON; id -> the file as JSON."""

    list: bytes
    files: Mapping[str, bytes]


def asked_files(state: Path, program: Sequence[str] = PROGRAM) -> Asked[FilesMade]:
    """`web.ports.Doors.incidents`: the incident files of the city of a state directory."""
    question = Question(
        said="the list of incident files",
        program=(*program, "--state", str(state), "--json"),
        made=_made,
        most_bytes=MOST_BYTES,
        mend=_MEND,
        fresh_s=FRESH_S,
        wait_s=WAIT_S,
    )
    return Asked(question)


def _made(data: bytes) -> FilesMade:
    try:
        files = msgspec.json.decode(data, type=list[dict[str, Any]])
        told = {str(one["file"]["id"]): msgspec.json.encode(one) for one in files}
        lines = [_line(one) for one in files]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        raise LinkError("the incident files could not be read", mend=_MEND) from None
    return FilesMade(msgspec.json.encode({"incidents": lines}), told)


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    file = one["file"]
    kept = ("id", "title", "severity", "opened_at", "opened_by", "subjects", "incidents")
    return {"state": one["state"], "clocks": one["clocks"], **{key: file[key] for key in kept}}
