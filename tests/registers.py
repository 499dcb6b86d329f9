"""Small registers of owners, as the tests make them, and a town beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cityward.compose.asking.imports import File

TOWN = """\
place: tinytown
name: Tinytown
position: [2.3, 54.9]
responsible: council
jurisdictions:
  xa: {code: XA, home: true}
  brennmark: {code: XB}
parties:
  council: {kind: public-body, incorporated_in: xa}
"""
HEAD = "Relationship.StartNode.NodeID,Relationship.EndNode.NodeID,Relationship.RelationshipType,Relationship.RelationshipStatus\n"
DIRECT, OLD = "IS_DIRECTLY_CONSOLIDATED_BY,ACTIVE", "IS_DIRECTLY_CONSOLIDATED_BY,INACTIVE"


def lei(letter: str) -> str:
    return letter * 20


def gleif(*pairs: str, old: Sequence[str] = ()) -> list[File]:
    """Relationship records: `ab` says that B consolidates A."""
    rows = [f"{lei(a)},{lei(b)},{kind}\n" for told, kind in ((pairs, DIRECT), (old, OLD)) for a, b in told]
    return [File("rr.csv", (HEAD + "".join(rows)).encode())]


def bods(*pairs: str, old: Sequence[str] = (), lines: bool = False) -> list[File]:
    """The same as statements, with a scheme and number for each entity."""
    names = sorted({name for pair in (*pairs, *old) for name in pair})
    told: list[dict[str, Any]] = [
        {"recordId": f"e-{n}", "recordType": "entity",
         "recordDetails": {"name": n, "entityType": {"type": "registeredEntity"},
                           "jurisdiction": {"code": "XB"}, "identifiers": [{"scheme": "XB-REG", "id": lei(n)}]}}
        for n in names
    ]  # fmt: skip
    for pair in (*pairs, *old):
        details = {"subject": f"e-{pair[0]}", "interestedParty": f"e-{pair[1]}",
                   "interests": [{"type": "shareholding", "share": {"exact": 60}}]}  # fmt: skip
        status = "closed" if pair in old else "new"
        told.append({"recordId": pair, "recordType": "relationship", "recordStatus": status, "recordDetails": details})
    if lines:
        return [File("r.jsonl", "\n".join(map(json.dumps, told)).encode())]
    return [File("r.json", json.dumps(told).encode())]
