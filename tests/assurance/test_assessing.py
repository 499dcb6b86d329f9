"""All controls at once: deterministic, honest about principles that nothing looks at, and quick on a large place."""

from __future__ import annotations

from cityward.assurance.assessing import assess
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, TOWN, admission, changed
from cityward.assurance.results import Result
from cityward.assurance.trail import Trail
from cityward.evidence.records import AnyRecord
from cityward.guard.admit import UNDECLARED
from cityward.place.loader import load

CONTROLS = find_controls()


def dossier(text: str, *entries: tuple[str, AnyRecord]) -> Dossier:
    return Dossier(load("place.yaml", {"place.yaml": text.encode()}.__getitem__), Trail(entries), NOW_US)


def test_the_same_city_is_assessed_alike() -> None:
    entries = (("worker-0:1", admission("counts-in", 5)), ("worker-0:2", admission(UNDECLARED, 0, 7, "unknown-device")))
    assert assess(dossier(TOWN, *entries), CONTROLS) == assess(dossier(TOWN, *entries), CONTROLS)


def test_a_principle_that_no_control_looks_at_says_that_nothing_is_known() -> None:
    found = assess(dossier(TOWN), {"K-03": CONTROLS["K-03"]})
    lines = {one.principle.id: one.headline for one in found.principles}
    assert len(lines) == 14
    assert lines["N9"] == "no control looks at this yet: nothing is known"
    assert lines["N3"] == "of 4 subjects: 0 proven, 4 stated"


def test_what_no_flow_carries_is_counted_as_refused() -> None:
    refused = admission(UNDECLARED, 0, 7, "unknown-device")
    found = assess(dossier(TOWN, ("worker-0:2", refused)), {"K-04": CONTROLS["K-04"]})
    assert found.undeclared_refused == 7
    by_subject = {one.subject: one.result for one in found.verdicts[0].subjects}
    assert by_subject == {"flows.counts-in": Result.UNKNOWN, "flows.undeclared": Result.PROVEN}


def test_what_would_settle_most_comes_first() -> None:
    more = "".join(
        f"  far-{n}: {{from: lamp-1, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, "
        f"observability: inferred}}\n"
        for n in range(3)
    )
    found = assess(dossier(changed(("services:", more + "services:"))), {"K-04": CONTROLS["K-04"]})
    assert [(one.what, one.settles) for one in found.missing] == [
        ("a way through the platform, or its log", 3),
        ("traffic", 1),
    ]
    assert found.observability == {"enforced": 1, "imported": 0, "inferred": 3, "not-observable": 0}
