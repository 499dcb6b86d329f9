"""Findings as SARIF 2.1.0: what a check, a house rule or an answer told, each with its line and the steps that lead to it.

Code hosts and editors show such a file beside the lines it names. A finding that could not be decided is of the kind `open`,
which the standard reads as "more information is needed"; it is never written as a pass.

INVARIANT: the fingerprint of a finding depends on its own id, or else on its rule, its dotted paths and its words, not on line
numbers: it stays the same when lines are added above it.

Source: OASIS SARIF 2.1.0 (2020), sections 3.14 run, 3.27 result, 3.36 codeFlow, 3.49 reportingDescriptor.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cityward import __version__
from cityward.adapters.exchange.exports.contract import Format, Level, Spot, Statement, Subject, ToldStep
from cityward.adapters.exchange.exports.texts import as_json
from cityward.text import harmless

FORMAT = Format("sarif", "SARIF 2.1.0: findings", ".sarif", "application/sarif+json", ("told",))

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 25_000  # PRECEDENT: code hosts refuse a run with more
_LINES = re.compile(r"(?<=:)\d+")


def write(subject: Subject) -> bytes:
    """The findings of a place that holds together."""
    properties = {"place": subject.loaded.place.place, "digest": subject.loaded.digest}
    return findings(subject.told, subject.about, subject.base, properties)


def findings(
    told: Sequence[Statement], about: Mapping[str, str], base: str = "", properties: Mapping[str, str] | None = None
) -> bytes:
    """The findings alone, also of a declaration that does not hold together. More than `MAX_RESULTS` are cut, and that is told.

    Args:
        told: in the order in which they are to stand.
        about: what a rule asks, for those that have it.
        base: the folder of the declaration, as the reader's repository names it.
        properties: further facts about the run.
    """
    rules = {rule: i for i, rule in enumerate(dict.fromkeys(one.rule for one in told))}
    seen: Counter[str] = Counter()
    results = [_result(one, rules[one.rule], base, seen) for one in told[:MAX_RESULTS]]
    run: dict[str, Any] = {
        "tool": {"driver": _driver(rules, about)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(len(told))],
        "results": results,
    }
    if properties:
        run["properties"] = dict(properties)
    return as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(rules: Mapping[str, int], about: Mapping[str, str]) -> dict[str, Any]:
    return {"name": "Cityward", "version": __version__, "rules": [_rule(rule, about.get(rule)) for rule in rules]}


def _rule(rule: str, asks: str | None) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": asks}} if asks else {"id": rule}


def _invocation(count: int) -> dict[str, Any]:
    if count <= MAX_RESULTS:
        return {"executionSuccessful": True}
    text = f"There are {count} findings; only the first {MAX_RESULTS} are written."
    note = {"level": "warning", "message": {"text": text}}
    return {"executionSuccessful": True, "toolExecutionNotifications": [note]}


def _result(one: Statement, rule: int, base: str, seen: Counter[str]) -> dict[str, Any]:
    print_ = _fingerprint(one)
    seen[print_] += 1
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": rule,
        "kind": "open" if one.level is Level.OPEN else "fail",
        # SPEC: SARIF 2.1.0 3.27.10: with any kind but `fail` the level is `none`
        "level": "none" if one.level is Level.OPEN else one.level.value,
        "message": _message(one.text),
        "locations": [_location(spot, base) for spot in one.spots[:1]],
        "partialFingerprints": {"cityward/v1": print_, "primaryLocationLineHash": f"{print_[:16]}:{seen[print_]}"},
    }
    if one.spots[1:]:
        result["relatedLocations"] = [_location(spot, base, i) for i, spot in enumerate(one.spots[1:])]
    if one.steps:
        steps = [_step(step, base) for step in one.steps]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if one.waived:
        result["suppressions"] = [{"kind": "external", "justification": one.waived}]
    return result


def _fingerprint(one: Statement) -> str:
    if one.id:
        return hashlib.sha256(f"{harmless(one.rule)}\0{harmless(one.id)}".encode()).hexdigest()
    words = [one.rule, *(spot.path or spot.file for spot in one.spots), _LINES.sub("", one.text)]
    return hashlib.sha256("\0".join(map(harmless, words)).encode()).hexdigest()


def _message(text: str) -> dict[str, str]:
    """SPEC: SARIF 2.1.0 3.11.5, 3.11.6: braces are placeholders, `[words](target)` is a link; written out, they are neither."""
    plain = text.replace("{", "{{").replace("}", "}}")
    return {"text": re.sub(r"([\\\[\]])", r"\\\1", plain) if "](" in plain else plain}


def _location(spot: Spot, base: str, number: int | None = None) -> dict[str, Any]:
    location: dict[str, Any] = {} if number is None else {"id": number}
    if spot.file:
        location["physicalLocation"] = _physical(spot, base)
    if spot.path:
        name = re.split(r"[.\[]", spot.path)[-1].rstrip("]") or spot.path
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": spot.path, "kind": "member"}]
    return location


def _physical(spot: Spot, base: str) -> dict[str, Any]:
    path = f"{base.rstrip('/')}/{spot.file}" if base else spot.file
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(harmless(path))}}
    if spot.line >= 1:
        physical["region"] = {"startLine": spot.line}
    return physical


def _step(step: ToldStep, base: str) -> dict[str, Any]:
    location = _location(step.spot, base) if step.spot else {}
    return {"location": {**location, "message": _message(step.text)}}
