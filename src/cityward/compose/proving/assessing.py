"""A city's assessment, from its state directory: the declaration it runs by, and its signed logs, read whole.

Does not live here: what controls say (`assurance`), how it is told (`cli/report.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

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
from cityward.compose.setting import open_setting
from cityward.errors import EvidenceError
from cityward.evidence.admissions import joined
from cityward.evidence.records import Admission, AdmissionPart, AnyRecord
from cityward.evidence.verifier import verify

_CHUNK = 10_000


def assess_city(state: Path) -> Assessment:
    """What the controls say of the city of a state directory, running or stopped.

    Raises:
        EvidenceError: a log does not read as it was signed: nothing is said of a city whose evidence is not whole.
        LinkError: no city ran there, or the disk did not answer.
    """
    setting = open_setting(Home(state))
    hold_to_their_word(state)
    return assess(Dossier(setting.loaded, Trail(entries(state)), setting.now_us()), find_controls())


def hold_to_their_word(state: Path) -> None:
    """Check every log of a city.

    Raises:
        EvidenceError: one does not read as it was signed.
    """
    for folder in ledgers_under(state):
        _hold_to_its_word(folder)


def _hold_to_its_word(folder: Path) -> None:
    verdict = verify(folder_reader(folder), key_of(folder).text(), witnessed_notes(folder))
    if not verdict.ok:
        raise EvidenceError(
            f"the log `{folder.name}` is not what was signed: {verdict.what}",
            where=verdict.file or str(folder),
            mend="see `cityward verify`; nothing is said of a city whose evidence is not whole",
        )


def entries(state: Path, until_us: int | None = None) -> Iterator[tuple[str, AnyRecord]]:
    """Every entry of every log of a city, each log in its order; admissions whole. until_us: none of later (city us).

    Raises:
        EvidenceError: one is missing or is not a record.
        LinkError: the disk did not answer.
    """
    for folder in ledgers_under(state):
        signed, read = signed_state(folder), folder_reader(folder)
        parts: list[tuple[str, AnyRecord]] = []  # of an admission that stands in the next chunk
        for first in range(0, signed.size, _CHUNK):
            stop = min(first + _CHUNK, signed.size)
            chunk = [*parts, *records_between(read, signed.origin, first, stop)]
            parts = _open_end(chunk)
            whole = dict(joined(chunk))
            for entry, record in chunk:
                if isinstance(record, AdmissionPart) or (until_us is not None and record.at > until_us):
                    continue
                yield entry, whole.get(entry, record) if isinstance(record, Admission) else record


def _open_end(chunk: Sequence[tuple[str, AnyRecord]]) -> list[tuple[str, AnyRecord]]:
    """The parts that a chunk ends with: what they are parts of stands behind them."""
    end = len(chunk)
    while end and isinstance(chunk[end - 1][1], AdmissionPart):
        end -= 1
    return list(chunk[end:])
