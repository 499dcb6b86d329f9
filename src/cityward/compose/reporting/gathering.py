"""A city's report, from its state directory: the declaration it runs by, and its signed logs up to a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from cityward import __version__
from cityward.assurance.assessing import assess
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.reporting.building import report_of
from cityward.assurance.reporting.model import LogRead, Report
from cityward.assurance.trail import Trail
from cityward.compose.home import Home
from cityward.compose.proving.assessing import entries, hold_to_their_word
from cityward.compose.setting import Setting, open_setting
from cityward.errors import EvidenceError
from cityward.evidence.records import AnyRecord


@dataclass(frozen=True, slots=True)
class Gathered:
    """A report, and the city it is of."""

    report: Report
    setting: Setting


def gather(state: Path, at_us: int | None = None) -> Gathered:
    """The report of a city, running or stopped. at_us: of which moment (city us); None: now. Later entries are left out.

    Raises:
        EvidenceError: a log does not read as it was signed, or the moment is still to come.
        LinkError: no city ran there, or the disk did not answer.
    """
    setting = open_setting(Home(state))
    now_us = setting.now_us()
    if at_us is not None and at_us > now_us:
        raise EvidenceError("that moment is still to come: there is no evidence of it", mend="name one that is past")
    hold_to_their_word(setting)
    moment, read = now_us if at_us is None else at_us, dict[str, LogRead]()
    trail = Trail(_counted(entries(state, moment), read))
    dossier, controls = Dossier(setting.loaded, trail, moment), find_controls()
    logs = [read[name] for name in sorted(read)]
    found = report_of(assess(dossier, controls), dossier, controls, logs, __version__)
    return Gathered(_marked(found, setting), setting)


def _marked(report: Report, setting: Setting) -> Report:
    """Nobody shall take the report of a twin for the city's."""
    exercise = setting.city.exercise
    if exercise is None:
        return report
    said = f"This is a twin of the exercise {exercise.id}, and no city: attacks were tried on it."
    return structs.replace(report, name=f"EXERCISE {exercise.id}: {report.name}", warnings=(said, *report.warnings))


def _counted(found: Iterator[tuple[str, AnyRecord]], read: dict[str, LogRead]) -> Iterator[tuple[str, AnyRecord]]:
    counts, last = dict[str, int](), dict[str, str]()
    for entry, record in found:
        log = entry.rpartition(":")[0]
        counts[log], last[log] = counts.get(log, 0) + 1, entry
        yield entry, record
    read.update({log: LogRead(log=log, entries=count, last=last[log]) for log, count in counts.items()})
