"""The schema and the reference say what the record modules say."""

from __future__ import annotations

from pathlib import Path

from cityward.place.schema import reference, schema

ROOT = Path(__file__).parents[2]


def test_the_schema_describes_every_kind_from_its_docstring():
    definitions = schema()["$defs"]
    for name in ("Place", "Party", "Flow", "Device", "DeviceModel", "Instrument"):
        assert definitions[name]["title"] == name
        assert len(definitions[name]["description"]) > 20


def test_the_schema_forbids_what_the_loader_forbids():
    flow = schema()["$defs"]["Flow"]
    assert flow["additionalProperties"] is False
    assert {"from", "to", "datasets", "purpose", "protocol", "observability"} == set(flow["required"])


def test_the_reference_page_is_the_one_that_the_program_prints():
    page = (ROOT / "docs" / "declaration.md").read_text()
    assert page == reference(), "renew it: cityward check --reference > docs/declaration.md"
