"""A report as OSCAL assessment results, held to the shape that NIST's 1.1.3 schema gives such a document.

The schema itself is not at hand in the tests: the shape below is written from the model's published reference, closed objects and
all, for the parts that are used here. Where the package that NIST's schema was compiled into is at hand
(`make published` fetches it: `compliance-trestle`, of OSCAL 1.1.3), it judges, too.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from assurance.test_reporting import report
from cityward.assurance.examples import TOWN, admission, changed
from cityward.assurance.reporting.oscal import oscal_of
from shapes import wrong

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
STRING = re.compile(r"\S(.*\S)?", re.DOTALL)
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
PROP = {
    "name!": TOKEN,
    "value!": STRING,
    "ns": re.compile(r"https?://\S+"),
    "uuid": UUID,
    "class": TOKEN,
    "remarks": str,
}
EVIDENCE = {"href": str, "description!": str, "props": [PROP], "remarks": str}
OBSERVATION = {
    "uuid!": UUID,
    "title": str,
    "description!": str,
    "props": [PROP],
    "methods!": [{"EXAMINE", "INTERVIEW", "TEST", "UNKNOWN"}],
    "types": [TOKEN],
    "relevant-evidence": [EVIDENCE],
    "collected!": MOMENT,
    "expires": MOMENT,
    "remarks": str,
}
STATUS = {"state!": {"satisfied", "not-satisfied"}, "reason": TOKEN, "remarks": str}
TARGET = {
    "type!": {"statement-id", "objective-id"},
    "target-id!": TOKEN,
    "title": str,
    "status!": STATUS,
    "props": [PROP],
}
FINDING = {
    "uuid!": UUID,
    "title!": str,
    "description!": str,
    "props": [PROP],
    "target!": TARGET,
    "related-observations": [{"observation-uuid!": UUID}],
    "remarks": str,
}
SELECTION = ({"include-all!": {}}, {"include-controls!": [{"control-id!": TOKEN}]})
RESULT = {
    "uuid!": UUID,
    "title!": str,
    "description!": str,
    "start!": MOMENT,
    "end": MOMENT,
    "props": [PROP],
    "reviewed-controls!": {"control-selections!": [SELECTION]},
    "observations": [OBSERVATION],
    "findings": [FINDING],
}
METADATA = {"title!": str, "last-modified!": MOMENT, "version!": STRING, "oscal-version!": {"1.1.3"}, "props": [PROP]}
RESOURCE = {"uuid!": UUID, "title": str, "description": str, "props": [PROP]}
OSCAL = {
    "assessment-results!": {
        "uuid!": UUID,
        "metadata!": METADATA,
        "import-ap!": {"href!": re.compile(r"#[0-9a-f-]{36}"), "remarks": str},
        "results!": [RESULT],
        "back-matter": {"resources": [RESOURCE]},
    }
}
SENT = ("worker-0:1", admission("counts-in", 5))
BLIND = changed(("observability: enforced", "observability: inferred"))


def document(text: str, *entries: Any, controls: tuple[str, ...] = ("K-04", "K-03")) -> dict[str, Any]:
    return json.loads(oscal_of(report(text, *entries, controls=controls)))


def empty_lists(value: Any, path: str = "$") -> list[str]:
    """The schema has `minItems: 1` on every list."""
    if isinstance(value, dict):
        return [one for key, item in value.items() for one in empty_lists(item, f"{path}.{key}")]
    if isinstance(value, list):
        return ([path] if not value else []) + [one for item in value for one in empty_lists(item, path)]
    return []


@pytest.mark.parametrize("given", [(TOWN,), (TOWN, SENT), (BLIND,)], ids=["bare", "sent", "blind"])
def test_it_has_the_shape_of_assessment_results(given: tuple[Any, ...]) -> None:
    found = document(*given)
    assert list(wrong(found, OSCAL)) == []
    assert empty_lists(found) == []


@pytest.mark.parametrize("given", [(TOWN,), (TOWN, SENT), (BLIND,)], ids=["bare", "sent", "blind"])
def test_the_published_model_takes_it(given: tuple[Any, ...]) -> None:
    published = pytest.importorskip("trestle.oscal.assessment_results")
    found = document(*given)
    read = published.Model.parse_obj(found)
    assert str(read.assessment_results.uuid) == found["assessment-results"]["uuid"]


def test_only_what_is_proven_is_satisfied() -> None:
    """Unknown, stated and failed are told apart by the reason and the property `result`."""
    states = {}
    for text, entries in ((TOWN, (SENT,)), (BLIND, ())):
        (result,) = document(text, *entries)["assessment-results"]["results"]
        for finding in result["findings"]:
            word = next(prop["value"] for prop in finding["props"] if prop["name"] == "result")
            status = finding["target"]["status"]
            states[word] = (status["state"], status["reason"])
    assert states == {
        "proven": ("satisfied", "pass"),
        "stated": ("not-satisfied", "other"),
        "unknown": ("not-satisfied", "other"),
    }


def test_every_id_that_is_named_is_there_and_every_id_once() -> None:
    found = document(TOWN, SENT)["assessment-results"]
    (result,) = found["results"]
    seen = {one["uuid"] for one in result["observations"]}
    named = {one["observation-uuid"] for finding in result["findings"] for one in finding["related-observations"]}
    assert named == seen
    ids = re.findall(r'"uuid": "([^"]+)"', json.dumps(found))
    assert len(ids) == len(set(ids))
    assert found["import-ap"]["href"][1:] == found["back-matter"]["resources"][0]["uuid"]


def test_the_same_report_gives_the_same_document() -> None:
    assert oscal_of(report(TOWN, SENT)) == oscal_of(report(TOWN, SENT))
