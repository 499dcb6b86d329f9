"""May we sign this, asked at the web door: a proposal is judged by a child, one at a time, within bounds, and nothing is stored.

Theory of operation. The proposal may come from the very party it is about. So it is read and judged by a child process (the
command `whatif --sign -`), which is given its bytes by standard input, is ended when it takes too long or says too much, and
holds nothing of the door's. The loader's own bounds on YAML hold there.

INVARIANTS
- A name that a person sends is a label, never a path; the proposals offered here are found by listing one folder.
- At most one child at a time and `MOST_WAITING` who wait; it ends when the door does.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from cityward.compose.child import Bounds, said_by
from cityward.errors import LinkError
from cityward.reach.sign.report import SigningReport
from cityward.reach.whatif.signing import Signed, signed

MOST_PROPOSALS, MOST_BYTES = 50, 128 << 10
MOST_SAID = 16 << 20  # bytes of an answer
CHILD_S = 60.0
MOST_WAITING = 4
PROGRAM = (sys.executable, "-m", "cityward", "whatif")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEND = "ask on the city's machine: `cityward whatif --sign`"


class ProposalDesk:
    """Proposals of one place. `place`: its declaration, a folder or file."""

    def __init__(self, place: Path, program: Sequence[str] = PROGRAM, child_s: float = CHILD_S) -> None:
        self._place, self._program, self._child_s = place, program, child_s
        self._turn = asyncio.Lock()
        self._waiting = 0

    def proposals(self) -> Mapping[str, str]:
        """Those that lie beside the declaration, name -> text; what is too long or no UTF-8 is left out."""
        folder = (self._place if self._place.is_dir() else self._place.parent) / "proposals"
        found: dict[str, str] = {}
        for path in sorted(folder.glob("*.yaml"))[:MOST_PROPOSALS]:
            with suppress(OSError, UnicodeDecodeError):
                if path.is_file() and _LABEL.fullmatch(path.name) and path.stat().st_size <= MOST_BYTES:
                    found[path.name] = path.read_text("utf-8")
        return found

    async def judge(self, name: str, raw: bytes, day: date) -> Signed:
        """Whether it may be signed.

        Raises:
            LinkError: it could not be judged; too many ask.
        """
        if self._waiting >= MOST_WAITING:
            raise LinkError("too many proposals are being judged", mend="ask again shortly")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._asked(label_of(name), raw, day)
        finally:
            self._waiting -= 1

    async def _asked(self, name: str, raw: bytes, day: date) -> Signed:
        program = (*self._program, str(self._place), "--sign", "-", "--called", name, "--on", day.isoformat(), "--json")
        bounds = Bounds("the judgement of the proposal", _MEND, self._child_s, MOST_SAID)
        return await asyncio.to_thread(_answer, await said_by(program, bounds, raw), name)


def label_of(name: str) -> str:
    """What a file is called in its lines: its own name where that is plain."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return last if _LABEL.fullmatch(last) else "proposal.yaml"


def _answer(said: bytes, name: str) -> Signed:
    """What the child says is an answer, or nothing."""
    try:
        found = msgspec.json.decode(said, type=dict[str, Any])
        if "mistakes" in found:
            return msgspec.convert(found, Signed)
        kept = {field: found[field] for field in SigningReport.__struct_fields__}
        return signed(msgspec.convert(kept, SigningReport), name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        raise LinkError("the proposal could not be judged", mend=_MEND) from None
