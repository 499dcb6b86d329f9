"""One step of an incident file: `python -m cityward.compose.acting.filing_child STATE`.

What to do comes in on standard input (`Deed`, msgpack), what came of it goes out on the standard output (`Done`). See `filing`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import msgspec

from cityward.assurance.incidents.account import Account
from cityward.assurance.incidents.file import FileStep
from cityward.compose.proving.incident_files import Said, account_in, add_step, as_zip, open_file
from cityward.errors import CitywardError, EvidenceError, PlaceError

EXPORTED = "exported"
Line = tuple[str, str, str]
"""Of a file: its id, its state, its title."""


class Deed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """step: a `FileStep`, or `EXPORTED`. file: its id or the beginning of it."""

    step: str
    file: str
    said: Said


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of it; or the error, by who must act."""

    line: Line = ("", "", "")
    archive: bytes = b""
    error: Literal["", "place", "evidence", "link"] = ""
    what: str = ""
    mend: str = ""


def done(state: Path, deed: Deed) -> Done:
    """Do it."""
    try:
        if deed.step == EXPORTED:
            return Done(archive=as_zip(state, account_in(state, deed.file)))
        if deed.step == FileStep.OPENED:
            return Done(line=_line(open_file(state, deed.said)))
        return Done(line=_line(add_step(state, deed.file, FileStep(deed.step), deed.said)))
    except CitywardError as error:
        kind = "place" if isinstance(error, PlaceError) else "evidence" if isinstance(error, EvidenceError) else "link"
        return Done(error=kind, what=error.what, mend=error.mend)


def _line(account: Account) -> Line:
    return account.file.id, account.state, account.file.title


def main(arguments: list[str]) -> int:
    """One step."""
    deed = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Deed)
    sys.stdout.buffer.write(msgspec.msgpack.encode(done(Path(arguments[0]), deed)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
