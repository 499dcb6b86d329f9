"""A report as people are shown it: cut where nobody reads on, every foreign text harmless, each entry with its command.

HTML and PDF are two pictures of the same thing that is made here. What is cut is counted, and stands in the JSON.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from cityward.assurance.reporting.changes import Changes
from cityward.assurance.reporting.model import ControlTold, Judged, Report
from cityward.assurance.threats.register import Standing
from cityward.text import harmless, harmless_tree

MOST_SUBJECTS = 60  # of a control, the worst first
MOST_GROUNDS = 8  # of a subject
MOST_MISSING = 8  # on page one
MOST_CHANGES = 40  # of each list
MOST_TO_STATE = 20  # subjects of a principle that a person may speak for
GROUPS = (("understand", "Understand"), ("design", "Design"), ("manage", "Manage"))
RESULTS = {
    "failed": "it does not hold; what to do stands with it",
    "unknown": "nobody knows; never a pass",
    "accepted": "it does not hold, and an owner bears that until an end",
    "stated": "somebody says so, and nothing that happened shows it",
    "proven": "an entry of the log shows it",
    "not-applicable": "there is nothing here that it is about, for the reason given",
}
CLASSES = {
    "declared": "a line of the declaration",
    "observed": "seen to happen",
    "enforced": "a gate made it so",
    "tested": "an exercise showed it",
    "attested": "a person signed a statement",
}
OBSERVABILITY = {
    "enforced": "passes Cityward, which holds it to the declaration",
    "imported": "seen in the log of another system",
    "inferred": "concluded, not seen",
    "not-observable": "cannot be seen",
}


def shown(report: Report, compared: Changes | None, state: str) -> dict[str, Any]:
    """What a template is given. state: the city's state directory, as the reader's commands are to name it."""
    view: dict[str, Any] = msgspec.to_builtins(report)
    view["controls"] = [_control(control, state) for control in report.controls]
    view["digest"] = report.digest()
    view["groups"] = [
        {"title": title, "principles": [one for one in view["principles"] if one["group"] == group]}
        for group, title in GROUPS
    ]
    for one in view["principles"]:
        one["to_state"], one["to_state_more"] = _cut(one["to_state"], MOST_TO_STATE)
        one["results"], one["classes"] = _counts(one["by_result"]), _counts(one["by_class"])
    view["missing"], view["missing_more"] = _cut(view["missing"], MOST_MISSING)
    view["flows"] = _shares(report)
    view["results"] = [
        {"name": name, "count": report.by_result.get(name, 0), "means": text} for name, text in RESULTS.items()
    ]
    view["threats"] = [
        {"name": one.value, "count": report.threats[one.value]} for one in Standing if one.value in report.threats
    ]
    view["classes"] = [{"name": name, "means": text} for name, text in CLASSES.items()]
    view["compared"] = None if compared is None else _changes(compared)
    view["verify"] = f"cityward verify --state {shlex.quote(state)}"
    return harmless_tree(view)


def _control(control: ControlTold, state: str) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(control)
    kept, told["more"] = _cut(control.subjects, MOST_SUBJECTS)
    told["subjects"] = [_judged(judged, state) for judged in kept]
    told["supports"] = [f"{name} {', '.join(ids)}" for name, ids in control.supports.items()]
    return told


def _judged(judged: Judged, state: str) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(judged)
    kept, told["more"] = _cut(told["grounds"], MOST_GROUNDS)
    told["grounds"] = [ground | {"command": command_for(ground["entry"], state)} for ground in kept]
    return told


def command_for(entry: str, state: str) -> str:
    """The command that shows an entry of a log; "" for none."""
    return f"cityward trace {shlex.quote(entry)} --state {shlex.quote(harmless(state))}" if entry else ""


def _cut(items: Sequence[Any], most: int) -> tuple[list[Any], int]:
    return list(items[:most]), max(0, len(items) - most)


def _counts(by: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in by.items() if count) or "none"


def _shares(report: Report) -> list[dict[str, Any]]:
    total = sum(report.observability.values())
    return [
        {
            "name": name,
            "means": OBSERVABILITY.get(name, ""),
            "count": count,
            "share": f"{count * 100 / total:.0f} %" if total else "none",
        }
        for name, count in report.observability.items()
    ]


def _changes(compared: Changes) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(compared)
    lists = (("worse", "Worse than then"), ("new", "New"), ("better", "Better than then"), ("gone", "No longer there"))
    told["lists"] = []
    for name, title in lists:
        kept, more = _cut(told[name], MOST_CHANGES)
        told["lists"].append({"title": title, "count": len(told[name]), "items": kept, "more": more})
    told["nothing"] = compared.nothing
    return told
