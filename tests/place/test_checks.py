"""Warnings: what is not known, not carried, not agreed, not joined, not protected; and what is deliberately no error."""

from __future__ import annotations

import pytest

from cityward.place.checks.warnings import notes
from cityward.place.checks.whole import Word
from declarations import errors_of, loaded, town

PASSED = "{personal: false, sensitivity: public, retention_days: 1, properties: [vehicle-count]}"
PASSED_IN = (
    "{from: counter-1, to: cityward, datasets: [passed], purpose: planning, protocol: http, observability: enforced}"
)
COPY = """
    {from: counter-1, to: workbench, datasets: [counts], purpose: planning, protocol: mqtt, agreement: acme-2026,
     observability: inferred}"""

WARNED: dict[str, tuple[Word, str, tuple[tuple[str, str], ...]]] = {
    "unknown owner": (
        Word.UNKNOWN,
        "parties.acme.owners",
        (("owners: [{party: acme-group, share: 60}]", "owners: unknown"),),
    ),
    "unknown by leaving it out": (
        Word.UNKNOWN,
        "agreements.acme-2026.subcontracting",
        ((", subcontracting: allowed", ""),),
    ),
    "unknown evidence": (
        Word.UNKNOWN,
        "parties.acme-group.evidence",
        (("{kind: group,", "{kind: group, evidence: unknown,"),),
    ),
    "reading that no flow carries": (
        Word.UNCARRIED,
        "devices.counter-1",
        (("[vehicle-speed, vehicle-count]", "[vehicle-speed]"),),
    ),
    "reading that a flow carries from some members only": (
        Word.UNCARRIED,
        "devices.lamps",
        (("levels-in: {from: lamps,", "levels-in: {from: lamps-01,"),),
    ),
    "system of another party": (
        Word.NO_AGREEMENT,
        "flows.to-acme",
        (("    to: acme\n", "    to: workbench\n"), ("    agreement: acme-2026\n", "")),
    ),
    "zones without a conduit": (
        Word.NO_CONDUIT,
        "flows.to-acme",
        (
            ("    to: acme\n", "    to: workbench\n"),
            ("{kind: analytics,", "{kind: analytics, zone: far,"),
            ("  core:", "  far: {trust: 0}\n  core:"),
        ),
    ),
    "plain MQTT": (
        Word.PLAIN,
        "flows.levels-in.protection",
        (("lighting, protocol: mqtt,", "lighting, protocol: mqtt, protection: none,"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WARNED)
def test_warns_of(case: str):
    word, path, edits = WARNED[case]
    [warning] = loaded(town(*edits)).warnings
    assert (warning.word, warning.path) == (word, path)
    assert warning.where.startswith("place.yaml:")
    assert warning.mend


@pytest.mark.parametrize(
    "edits",
    {
        "a circle of ownership": (("{kind: group,", "{kind: group, owners: [{party: acme}],"),),
        "a share that is not known": (("{party: acme-group, share: 60}", "{party: acme-group}"),),
        "the word unknown in a note": (("{kind: group,", "{kind: group, note: unknown,"),),
        "a planned device that no flow carries": (
            ("levels-in: {from: lamps,", "levels-in: {from: lamps-01,"),
            ("owner: council, positions", "owner: council, status: planned, positions"),
        ),
        "flows that carry different properties of one device": (
            ("    properties: [vehicle-speed, vehicle-count]", "    properties: [vehicle-speed]"),
            ("datasets:\n  counts:", f"datasets:\n  passed: {PASSED}\n  counts:"),
            ("flows:\n", f"flows:\n  passed-in: {PASSED_IN}\n"),
        ),
        "the same property by a flow that is only observed": (("flows:\n", f"flows:\n  copy: {COPY}\n"),),
        "shares of different kinds": (("share: 60}]", "share: 60}, {party: acme-group, share: 60, mechanism: voting}]"),),
    }.values(),
)  # fmt: skip
def test_does_not_complain_of(edits: tuple[tuple[str, str], ...]):
    assert errors_of(town(*edits)) == []
    assert loaded(town(*edits)).warnings == ()


def test_the_notes_give_the_share_of_flows_that_are_enforced():
    place = loaded(town(("    observability: enforced\n", "    observability: inferred\n"))).place
    assert notes(place)[0].startswith("of 4 flows: 3 enforced, 0 imported, 1 inferred, 0 not-observable.")
