"""What failed, as SARIF: beside the lines of the declaration where they are known, with the path by which it comes about."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.adapters.exchange.exports.contract import Level, Spot, Statement, ToldStep
from cityward.adapters.exchange.exports.sarif import findings
from cityward.assurance.reporting.model import ControlTold, Judged, Report
from cityward.assurance.results import Result, Severity
from cityward.place.loader import Loaded

_LEVELS = {
    Severity.LOW.value: Level.NOTE,
    Severity.MEDIUM.value: Level.WARNING,
    Severity.HIGH.value: Level.ERROR,
    Severity.CRITICAL.value: Level.ERROR,
}


def sarif_of(report: Report, loaded: Loaded) -> bytes:
    """The findings that failed, accepted ones among them as suppressed, each known by its own id for as long as it is there."""
    told = [one for control in report.controls for one in _statements(control, loaded)]
    about = {control.id: control.title for control in report.controls}
    facts = {"assessment": report.digest(), "declaration": report.declaration, "place": report.place, "at": report.at}
    return findings(told, about, properties=facts)


def _statements(control: ControlTold, loaded: Loaded) -> Iterator[Statement]:
    for judged in control.subjects:
        if judged.result not in (Result.FAILED.value, Result.ACCEPTED.value):
            continue
        text = f"{judged.said}. To mend it: {judged.mend}" if judged.mend else judged.said
        yield Statement(
            rule=control.id,
            level=_LEVELS[control.severity],
            text=text,
            spots=(_spot(loaded, judged.subject),),
            steps=tuple(ToldStep(step, _spot(loaded, step)) for step in judged.path),
            waived=_waived(judged),
            id=judged.finding,
        )


def _waived(judged: Judged) -> str:
    if judged.result != Result.ACCEPTED.value:
        return ""
    return "; ".join(ground.said for ground in judged.grounds) or "an owner bears it"


def _spot(loaded: Loaded, path: str) -> Spot:
    """Where the declaration says it: `data.yaml:12  flows.bins`; the path alone where it says nothing of it."""
    place, _, found = loaded.where(path).partition("  ")
    file, _, line = place.rpartition(":")
    if not found or not line.isdigit():
        return Spot("", 0, path)
    return Spot(file, int(line), path)
