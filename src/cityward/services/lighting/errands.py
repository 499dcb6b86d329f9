"""Must a lamp be told something now, and what does the proposal say?

It rises at once (unless a command is under way), sinks only after `dwell_s` (no flapping), is reminded after
`refresh_s` (a lamp that hears nothing for long goes to its own fail-safe level), and is tried again after `retry_s`.
Memory is the last command with its cause; there is no other.
"""

from __future__ import annotations

from cityward.place.things import CommandLimits
from cityward.services.contract import Actuator, Commanded, View
from cityward.services.lighting.settings import LightingSettings
from cityward.time import SECOND

SAME_LEVEL = 0.5  # percent; lamps report whole percents
BELIED_BY = 2.0  # percent between what was commanded and what the lamp reports


def errand_of(view: View[LightingSettings], lamp: str, last: Commanded | None, level: float) -> str | None:
    """Why the lamp must be told now; None if it need not be."""
    if last is None:
        return "first command"
    since = view.now_us - last.sent_at
    if since < 0:
        return "the clock went back"
    waited = since >= view.settings.retry_s * SECOND
    if last.state == "sent" and not waited:
        return None  # the runner settles it within its deadline
    # INVARIANT: never less than the class requires, so no tolerance upwards
    if level > last.value:
        return "brighter"
    if last.state != "acknowledged":
        return f"the last command is {last.state}" if waited else None
    return _errand_to_obedient(view, lamp, last, level)


def _errand_to_obedient(view: View[LightingSettings], lamp: str, last: Commanded, level: float) -> str | None:
    """The same, for a lamp that did what it was last told and need not rise."""
    settings, since = view.settings, view.now_us - last.sent_at
    if level < last.value - SAME_LEVEL:
        return "darker" if since >= settings.dwell_s * SECOND else None
    if _belied(view, lamp, last):
        return "the lamp reports another level"
    return "reminder" if since >= settings.refresh_s * SECOND else None


def _belied(view: View[LightingSettings], lamp: str, last: Commanded) -> bool:
    """Whether the lamp's own report, made well after the command, says something else."""
    report = view.fresh(lamp, "lamp-level", view.settings.max_age_s * SECOND)
    if report is None or report.observed_at - last.sent_at < view.settings.retry_s * SECOND:
        return False
    return abs(report.value - last.value) > BELIED_BY


def limits_of(actuator: Actuator, command: str) -> CommandLimits | None:
    """What the lamp may be set to by the command; None where it has no such command."""
    limits = actuator.commands.get(command)
    return limits if limits is not None and limits.sets == "lamp-level" else None
