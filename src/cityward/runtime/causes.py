"""Why a command was given, in one line, for the console, the terminal and `cityward trace`; and what a value rests on, in words.

    quay-street-lamps-14 dim 40 <- quay-street-lighting: sky night, traffic quiet <- illuminance of 1 sensor (12), ...

Texts may hold what came from outside: whoever shows the line treats it as text.

INVARIANT: bounded: a line is at most `LONGEST_LINE` characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cityward.guard.permit import MOST_SOURCES, Proposal
from cityward.guard.wellformed import LONGEST_CAUSE, MOST_CAUSES, are_causes, are_names
from cityward.runtime.ports import CommandRow
from cityward.services.contract import Reading, View

LONGEST_LINE = 500
RESTS_ON = "rests_on"
"""The cause that says what a value rests on: made by the runtime from what the service was shown."""

NO_VALUES = frozenset({"held_by", "reason", "until", "override", "revert", "approved_by", "service"})
"""Causes that say what people did; they hold no reading."""
_TOLD_APART = NO_VALUES | {RESTS_ON, "fail_safe"}
_SHOWN = 4  # causes of a rule in a line


def cause_line(row: CommandRow) -> str:
    """The way back of a command: what was done, by which rule or person, because of what, resting on what."""
    parts = [f"{row.device} {row.command} {row.value:g}", _rule(row), *_rests_on(row)]
    line = " <- ".join(part for part in parts if part)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _rule(row: CommandRow) -> str:
    cause = row.cause
    if "held_by" in cause:
        said = f"held by {cause['held_by']} until {cause.get('until', '?')}: {cause.get('reason', '')}"
    elif "revert" in cause:
        said = f"{row.service}: reverts {cause['revert']}"
    elif "fail_safe" in cause:
        said = f"{row.service}: made safe, {cause['fail_safe']}"
    else:
        said = f"{row.service}: {_because(cause)}"
    return f"{said}, approved by {cause['approved_by']}" if "approved_by" in cause else said


def _because(cause: Mapping[str, str]) -> str:
    """The first causes that are words for people; explanations (`..._because`) stand in the full cause."""
    told = [f"{name} {words}" for name, words in cause.items() if name not in _TOLD_APART and "_" not in name]
    return ", ".join(told[:_SHOWN]) or "a rule"


def _rests_on(row: CommandRow) -> list[str]:
    if RESTS_ON in row.cause:
        return [row.cause[RESTS_ON]]
    if row.sources:
        names = ", ".join(span.device for span in row.sources[:3])
        more = f" and {len(row.sources) - 3} more" if len(row.sources) > 3 else ""
        return [f"readings of {names}{more}"]
    return [] if "held_by" in row.cause else ["no reading"]


def with_readings(proposal: Proposal, view: View[Any]) -> Proposal:
    """The proposal, its cause saying which readings it rests on and what they were. What is malformed stays as it is."""
    if not _has_room(proposal):
        return proposal
    words = rests_on(view.readings, proposal.sources)
    return replace(proposal, cause={**proposal.cause, RESTS_ON: words}) if words else proposal


def _has_room(proposal: Any) -> bool:
    # SECURITY: a service is a plug-in: what it made is looked at, not believed
    if not isinstance(proposal, Proposal) or not are_names(proposal.sources, MOST_SOURCES) or not proposal.sources:
        return False
    return are_causes(proposal.cause) and RESTS_ON not in proposal.cause and len(proposal.cause) < MOST_CAUSES


def rests_on(readings: Mapping[tuple[str, str], Reading], sources: Sequence[str]) -> str:
    """`vehicle-speed of 3 sensors (24.1 to 27), illuminance of 1 sensor (12)`: by property, most sources first."""
    named = frozenset(sources)
    values: dict[str, list[float]] = {}
    for (unit, prop), reading in readings.items():
        if unit in named:
            values.setdefault(prop, []).append(reading.value)
    told = [_told(prop, found) for prop, found in sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))]
    return ", ".join(told)[:LONGEST_CAUSE]


def _told(prop: str, values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return f"{prop} of {len(values)} sensor{'' if len(values) == 1 else 's'} ({span})"
