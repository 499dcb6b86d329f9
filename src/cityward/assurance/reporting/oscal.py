"""A report as OSCAL assessment results, for tools that gather such.

One finding for each control, one observation for each of its subjects. OSCAL knows two states: a control is `satisfied` here
only where it is proven; stated, accepted, unknown and not applicable are `not-satisfied` with the reason `other`, and the
property `result` says which. So nothing that reads the state alone takes unknown for a pass.

INVARIANT: all ids are UUIDv5 of what they name: the same report gives the same document.

Source: NIST OSCAL 1.1.3, assessment results model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from cityward.assurance.reporting.model import ControlTold, Ground, Judged, Report
from cityward.assurance.results import EvidenceClass, Result
from cityward.text import harmless

OSCAL_VERSION = "1.1.3"
NAMESPACE = "https://cityward.example/ns/oscal"
"""Names our own properties. A name, nothing is fetched there."""

_ROOT = uuid5(NAMESPACE_URL, NAMESPACE)
_METHOD = {
    EvidenceClass.DECLARED.value: "EXAMINE",
    EvidenceClass.OBSERVED.value: "EXAMINE",
    EvidenceClass.ENFORCED.value: "TEST",
    EvidenceClass.TESTED.value: "TEST",
    EvidenceClass.ATTESTED.value: "INTERVIEW",
}


def oscal_of(report: Report) -> bytes:
    """The document, as indented JSON with one line break at its end."""
    digest = report.digest()
    plan, whole = _id(digest, "plan"), {"assessment-results": _results(report, digest)}
    whole["assessment-results"]["back-matter"] = {"resources": [_plan(plan)]}
    whole["assessment-results"]["import-ap"] = {"href": f"#{plan}"}
    return msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=2) + b"\n"


def _results(report: Report, digest: str) -> dict[str, Any]:
    return {
        "uuid": str(_id(digest, "document")),
        "metadata": {
            "title": _text(f"What is on record of {report.name}"),
            "last-modified": report.at,
            "version": digest,
            "oscal-version": OSCAL_VERSION,
            "props": [_prop("assessment-digest", digest), _prop("declaration-digest", report.declaration)],
        },
        "results": [_result(report, digest)],
    }


def _plan(plan: UUID) -> dict[str, Any]:
    text = "No plan stands apart: the controls that were asked, and how each judges, are those of Cityward itself."
    return {"uuid": str(plan), "title": "Controls of Cityward", "description": text}


def _result(report: Report, digest: str) -> dict[str, Any]:
    observations = [one for control in report.controls for one in _observations(report, control)]
    result: dict[str, Any] = {
        "uuid": str(_id(digest, "result")),
        "title": _text(f"{report.name}, {report.at}"),
        "description": _text(" ".join((*report.warnings, "Evidence for fourteen principles; unknown is no pass."))),
        "start": report.at,
        "end": report.at,
        "reviewed-controls": {"control-selections": [_selection(report)]},
        "findings": [_finding(report, control) for control in report.controls],
        "props": [
            *(_prop(f"flows-{kind}", str(count)) for kind, count in report.observability.items()),
            *(_prop(f"headline-{one.id}", one.value) for one in report.headlines),
        ],
    }
    if observations:
        result["observations"] = observations
    return result


def _selection(report: Report) -> dict[str, Any]:
    if not report.controls:
        return {"include-all": {}}
    return {"include-controls": [{"control-id": control.id} for control in report.controls]}


def _finding(report: Report, control: ControlTold) -> dict[str, Any]:
    proven, failed = control.result == Result.PROVEN.value, control.result == Result.FAILED.value
    finding: dict[str, Any] = {
        "uuid": str(_id(report.declaration, report.at, "finding", control.id)),
        "title": _text(control.title),
        "description": _text(control.why),
        "target": {
            "type": "objective-id",
            "target-id": control.id,
            "status": {
                "state": "satisfied" if proven else "not-satisfied",
                "reason": "pass" if proven else "fail" if failed else "other",
            },
        },
        "props": [
            _prop("result", control.result),
            _prop("severity", control.severity),
            *(_prop(f"supports-{_token(name)}", ident) for name, ids in control.supports.items() for ident in ids),
        ],
    }
    if control.subjects:
        named = [{"observation-uuid": str(_seen_id(report, judged))} for judged in control.subjects]
        finding["related-observations"] = named
    return finding


def _observations(report: Report, control: ControlTold) -> Iterator[dict[str, Any]]:
    for judged in control.subjects:
        methods = sorted({_METHOD[ground.cls] for ground in judged.grounds}) or ["UNKNOWN"]
        one: dict[str, Any] = {
            "uuid": str(_seen_id(report, judged)),
            "title": _text(f"{control.id} {judged.subject}"),
            "description": _text(judged.said),
            "methods": methods,
            "collected": report.at,
            "props": [_prop("result", judged.result), _prop("finding-id", judged.finding)],
        }
        if judged.grounds:
            one["relevant-evidence"] = [_evidence(ground) for ground in judged.grounds]
        if told := "; ".join(part for part in (judged.missing, judged.mend) if part):
            one["remarks"] = _text(told)
        yield one


def _evidence(ground: Ground) -> dict[str, Any]:
    where = _prop("ledger-entry", ground.entry) if ground.entry else _prop("declared-at", ground.line or "declaration")
    return {"description": _text(ground.said), "props": [_prop("class", ground.cls), where]}


def _seen_id(report: Report, judged: Judged) -> UUID:
    return _id(report.declaration, report.at, "observation", judged.finding)


def _id(*parts: str) -> UUID:
    return uuid5(_ROOT, "\0".join(parts))


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": _text(value)}


def _text(text: str) -> str:
    """SPEC: OSCAL data types: a string has no space at its ends, and is not empty."""
    return harmless(text).strip() or "-"


def _token(name: str) -> str:
    """SPEC: OSCAL data types: a token is letters, digits, `.`, `-` and `_`."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)
