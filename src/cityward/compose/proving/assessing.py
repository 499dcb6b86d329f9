"""A city's assessment, from its state directory: the declaration it runs by, and its signed logs, read whole.

Does not live here: what controls say (`assurance`), how it is told (`cli/report.py`).

INVARIANTS
- Only the city's own logs are read: in its own folder, signed in its own name, by the key that it holds for that log. A log of a
  twin, of another place or by another key is refused loudly, and so is the absence of a log that there is a key of.
- Entries come in the order of their time over all logs; those of one log in its own order, whatever its clock did.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

from cityward.adapters.keys.authority import signing_keys
from cityward.adapters.ledgers.reading import (
    folder_reader,
    key_of,
    ledgers_under,
    records_between,
    signed_state,
    witnessed_notes,
)
from cityward.assurance.assessing import Assessment, assess
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.trail import Trail
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.errors import EvidenceError
from cityward.evidence.admissions import joined
from cityward.evidence.records import Admission, AdmissionPart, AnyRecord
from cityward.evidence.verifier import verify

_CHUNK = 2_048  # entries of a log that are held at once


def assess_city(state: Path) -> Assessment:
    """What the controls say of the city of a state directory, running or stopped.

    Raises:
        EvidenceError: a log does not read as it was signed: nothing is said of a city whose evidence is not whole.
        LinkError: no city ran there, or the disk did not answer.
    """
    setting = open_setting(Home(state))
    hold_to_their_word(setting)
    return assess(Dossier(setting.loaded, Trail(entries(state)), setting.now_us()), find_controls())


def own_logs(state: Path) -> list[Path]:
    """The folders of a city's logs, sorted; of no other state directory that lies inside."""
    return [folder for folder in ledgers_under(state / "ledger") if folder.parent == state / "ledger"]


def hold_to_their_word(setting: Setting) -> None:
    """Check every log of a city, and that each is its own.

    Raises:
        EvidenceError: one does not read as it was signed, is not the city's, or is gone.
    """
    keys = signing_keys(setting.home.keys, "ledger-")
    for folder in own_logs(setting.home.root):
        _is_ours(setting, folder, keys.get(folder.name))
        _hold_to_its_word(folder)
    for role in keys:
        if not setting.home.ledger(role).exists():
            raise EvidenceError(
                f"the log `{role}` is gone: its key is here, and its folder is not",
                where=str(setting.home.ledger(role)),
                mend="bring it back from a copy; nothing is said of a city whose evidence is not whole",
            )


def _is_ours(setting: Setting, folder: Path, public: bytes | None) -> None:
    """# SECURITY: the key that lies beside a log proves nothing of whose it is: the city's own does."""
    beside, origin = key_of(folder), setting.city.ledger_origin(setting.loaded.place.place, folder.name)
    if beside.origin != origin or beside.public != public:
        raise EvidenceError(
            f"the log `{folder.name}` is not this city's: it is signed as `{beside.origin}`"
            f"{'' if public == beside.public else ' by a key that the city does not hold'}",
            where=str(folder),
            mend=f"move it out of {folder.parent}, and find out how it came there",
        )


def _hold_to_its_word(folder: Path) -> None:
    verdict = verify(folder_reader(folder), key_of(folder).text(), witnessed_notes(folder))
    if not verdict.ok:
        raise EvidenceError(
            f"the log `{folder.name}` is not what was signed: {verdict.what}",
            where=verdict.file or str(folder),
            mend="see `cityward verify`; nothing is said of a city whose evidence is not whole",
        )


def entries(state: Path, until_us: int | None = None) -> Iterator[tuple[str, AnyRecord]]:
    """Every entry of every log of a city, by time; admissions whole. until_us: none of later (city us).

    Raises:
        EvidenceError: one is missing or is not a record.
        LinkError: the disk did not answer.
    """
    for _, entry, record in heapq.merge(*map(_of_log, own_logs(state)), key=lambda one: one[0]):
        if until_us is None or record.at <= until_us:
            yield entry, record


def _of_log(folder: Path) -> Iterator[tuple[int, str, AnyRecord]]:
    """(the latest moment of the log up to here, entry, record): the first never falls, also where a clock was set back."""
    signed, read, latest = signed_state(folder), folder_reader(folder), 0
    parts: list[tuple[str, AnyRecord]] = []  # of an admission that stands in the next chunk
    for first in range(0, signed.size, _CHUNK):
        stop = min(first + _CHUNK, signed.size)
        chunk = [*parts, *records_between(read, signed.origin, first, stop)]
        parts = _open_end(chunk)
        whole = dict(joined(chunk))
        for entry, record in chunk:
            if isinstance(record, AdmissionPart):
                continue
            latest = max(latest, record.at)
            yield latest, entry, whole.get(entry, record) if isinstance(record, Admission) else record


def _open_end(chunk: Sequence[tuple[str, AnyRecord]]) -> list[tuple[str, AnyRecord]]:
    """The parts that a chunk ends with: what they are parts of stands behind them."""
    end = len(chunk)
    while end and isinstance(chunk[end - 1][1], AdmissionPart):
        end -= 1
    return list(chunk[end:])
