"""Reports that the web door gave out: made and signed by a child, kept in a folder each, and read again.

Theory of operation
-------------------
`give_out` starts one child, the same command that a person would type (`cityward report --out`), for one person at a time; who
asks meanwhile is told that it is being made. Its folder is `given/report-<moment>`, below the state directory. The newest of them
is what the next one, and the report on the page, are compared with.

INVARIANTS
- At most one child, bounded in time; it ends when the door does.
- A folder without a signed list was not finished: it is not told of, and never read.
- Nothing is given of a folder but the files that a report has, by their names.
- None is begun while the folders, unfinished ones too, are at their bound in number or in bytes. None is deleted: what was given
  out is on record, and whoever keeps the machine decides what goes.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cityward.assurance.reporting.changes import Changes, changes
from cityward.assurance.reporting.model import decode
from cityward.compose.reporting.folder import KEY, MANIFEST, read_report
from cityward.errors import CitywardError, LinkError
from cityward.evidence.checkpoint import parse_key
from cityward.evidence.manifest import opened

PROGRAM = (sys.executable, "-m", "cityward", "report")
FOLDER = "given"
FILES = (
    "report.html",
    "report.pdf",
    "report.json",
    "evidence.tar",
    "changes.json",
    "oscal.json",
    "findings.sarif",
    MANIFEST,
    KEY,
)
MOST_TOLD = 50
MOST_KEPT = 500
MOST_KEPT_BYTES = 1_000_000_000  # PRECEDENT: a signed report of the demonstration is 4 MB
CHILD_S = 300.0
_NAME = re.compile(r"report-[0-9]{8}T[0-9]{6}Z")
_MEND = "run `cityward report --out` on the city's machine: it says what is wrong"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One that was given out. files: name -> bytes; fingerprint: of the key that it is signed with. at: of the report, UTC."""

    name: str
    at: str
    digest: str
    fingerprint: str
    files: dict[str, int]


class GivenTold(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. making: one is being made now; failed: why the last one could not be made."""

    making: bool
    failed: str
    given: tuple[Given, ...]


class GivingDesk:
    """See the module. root: the state directory."""

    def __init__(self, root: Path, program: Sequence[str] = PROGRAM) -> None:
        self._root, self._program = root, program
        self._task: asyncio.Task[None] | None = None
        self._failed = ""

    async def told(self) -> GivenTold:
        """What was given out, and whether more is coming."""
        given = await asyncio.to_thread(given_under, self._root / FOLDER)
        making = self._task is not None and not self._task.done()
        return GivenTold(making=making, failed=self._failed, given=tuple(given[:MOST_TOLD]))

    async def give_out(self, person: str) -> bool:
        """Begin to make one; False while another is being made.

        Raises:
            LinkError: there is no room for more.
        """
        if self._task is not None and not self._task.done():
            return False
        before = await asyncio.to_thread(given_under, self._root / FOLDER)
        await asyncio.to_thread(_ask_room, self._root / FOLDER)
        if self._task is not None and not self._task.done():
            return False  # somebody came while the disk was read
        self._failed = ""
        self._task = asyncio.create_task(self._make(person, before[0].name if before else ""))
        return True

    async def changes(self, report: bytes) -> Changes | None:
        """What is different between the newest that was given out and this report (JSON); None: none was given out."""
        return await asyncio.to_thread(self._changes, report)

    def file(self, name: str, file: str) -> Path | None:
        """A file of one that was given out; None: there is none."""
        if not _NAME.fullmatch(name) or file not in FILES:
            return None
        folder = self._root / FOLDER / name
        path = folder / file
        return path if (folder / MANIFEST).is_file() and path.is_file() and not path.is_symlink() else None

    async def close(self) -> None:
        """End the child, if there is one."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _changes(self, report: bytes) -> Changes | None:
        before = given_under(self._root / FOLDER)
        return changes(read_report(self._root / FOLDER / before[0].name), decode(report)) if before else None

    async def _make(self, person: str, since: str) -> None:
        folder = self._root / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        out = folder / f"report-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        compared = ("--since", str(folder / since)) if since else ()
        child = await asyncio.create_subprocess_exec(
            *self._program, "--state", str(self._root), "--out", str(out), *compared, "--by", person, "--json",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await asyncio.wait_for(child.wait(), CHILD_S)
        except TimeoutError:
            self._failed = f"it was not made within {CHILD_S:.0f} s; {_MEND}"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if not self._failed and not (out / MANIFEST).is_file():  # exit 1 also says that a control fails
            self._failed = f"it could not be made; {_MEND}"


def given_under(folder: Path) -> list[Given]:
    """Those that were finished, newest first. Blocks."""
    try:
        names = sorted((one.name for one in folder.iterdir() if _NAME.fullmatch(one.name)), reverse=True)
    except OSError:
        return []
    found: list[Given] = []
    for name in names[:MOST_KEPT]:
        with suppress(OSError, CitywardError, UnicodeDecodeError):
            found.append(_given(folder / name))
    return found


def _ask_room(folder: Path) -> None:
    """Refuse where no more may be kept. What ended before it signed takes room, too. Blocks."""
    kept = [one for one in folder.glob("report-*") if _NAME.fullmatch(one.name)]
    taken = 0
    for file in (file for one in kept for file in one.glob("*")):
        with suppress(FileNotFoundError):  # moved away meanwhile
            taken += file.lstat().st_size
    mend = f"move the oldest folders out of `{FOLDER}` in the state directory; they can be checked wherever they lie"
    if len(kept) >= MOST_KEPT:
        raise LinkError(f"{len(kept)} reports are kept here, and {MOST_KEPT} are the most", mend=mend)
    if taken >= MOST_KEPT_BYTES:
        said = f"the reports kept here take {taken / 1e6:,.0f} MB, and {MOST_KEPT_BYTES / 1e6:,.0f} MB are the most"
        raise LinkError(said, mend=mend)


def _given(folder: Path) -> Given:
    key = parse_key((folder / KEY).read_text())
    manifest = opened((folder / MANIFEST).read_bytes(), key)
    sizes = {file: (folder / file).stat().st_size for file in FILES if (folder / file).is_file()}
    facts = manifest.facts
    return Given(
        name=folder.name,
        at=str(facts.get("at", "")),
        digest=str(facts.get("assessment", "")),
        fingerprint=key.fingerprint,
        files=sizes,
    )
