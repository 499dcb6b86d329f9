"""What people stated and what they bear, for the web door: made by children of their own, see `compose.beside`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cityward.compose.beside import Asked, Question
from cityward.errors import LinkError
from cityward.text import harmless_tree

STATEMENTS = (sys.executable, "-m", "cityward", "attest", "list")
RISKS = (sys.executable, "-m", "cityward", "risk", "list")
MOST_BYTES = 64 << 20
FRESH_S = 60.0
MOST_RISKS = 100  # of those that are told one by one
_MEND = "run `cityward attest list` and `cityward risk list` on the city's machine: they say what is wrong"


def asked_statements(state: Path, program: Sequence[str] = STATEMENTS) -> Asked[bytes]:
    """The newest statement on each subject, those that end first first, as JSON."""
    return _asked("the list of statements", program, state, lambda told: told)


def asked_risks(state: Path, program: Sequence[str] = RISKS) -> Asked[bytes]:
    """The counts of the risk register, and what somebody bears, with its owner and end, as JSON."""
    return _asked("the risk register", program, state, _borne)


def _asked(
    said: str, program: Sequence[str], state: Path, cut: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Asked[bytes]:
    def made(data: bytes) -> bytes:
        try:
            return msgspec.json.encode(harmless_tree(dict(cut(msgspec.json.decode(data, type=dict[str, Any])))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
            raise LinkError(f"{said} could not be read", mend=_MEND) from None

    program = (*program, "--state", str(state), "--json")
    return Asked(Question(said=said, program=program, made=made, most_bytes=MOST_BYTES, mend=_MEND, fresh_s=FRESH_S))


def _borne(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those with an owner: what nobody bears is the report's to tell."""
    owned = [one for one in told["risks"] if one["owner"]]
    return {**{name: told[name] for name in ("threats", "by_standing", "drilled", "stale", "borne")},
            "risks": owned[:MOST_RISKS], "more": max(0, len(owned) - MOST_RISKS)}  # fmt: skip
