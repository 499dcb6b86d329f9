"""The registers of a town that gives data abroad: what they say of the declaration, and of what really left."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cityward.cli import main
from cityward.compose.home import Home, write_city_file
from cityward.compose.keeping.register_files import register_csv, register_html
from cityward.compose.keeping.registers import Processing, Register, Transfer, register
from cityward.compose.setting import open_setting
from cityward.evidence.records import Alerted, Release
from cityward.time import DAY
from towns import stopped_city, write_town

ABROAD = """
  insight: {name: "=Insight, Inc.", kind: company, incorporated_in: xa}
  bureau: {name: Bureau, kind: company, incorporated_in: unknown}
  clinic: {name: Clinic, kind: public-body, incorporated_in: gb}
"""
AGREED = """
agreements:
  insight-2026:
    {kind: processing, parties: [council, insight], datasets: [light], purposes: [environment], ends: 2030-12-31}
  bureau-2026: {kind: sharing, parties: [council, bureau], datasets: [light], purposes: [environment]}
  clinic-2026: {kind: sharing, parties: [council, clinic], datasets: [light], purposes: [environment]}
"""
FLOWS = """
  light-to-insight:
    {from: cityward, to: insight, datasets: [light], purpose: environment, protocol: webhook, observability: enforced,
     agreement: insight-2026}
  light-to-bureau:
    {from: cityward, to: bureau, datasets: [light], purpose: environment, protocol: webhook, observability: enforced,
     agreement: bureau-2026}
  light-to-clinic:
    {from: cityward, to: clinic, datasets: [light], purpose: environment, protocol: webhook, observability: enforced,
     agreement: clinic-2026}
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A town whose light is personal and goes to three parties: one abroad, one of whom that is not known, one at home."""
    place = write_town(tmp_path / "town", 1)
    text = (place / "place.yaml").read_text()
    text = text.replace("  gb: {code: GB, home: true}\n", "  gb: {code: GB, home: true}\n  xa: {code: XA}\n")
    text = text.replace("incorporated_in: gb}\n", f"incorporated_in: gb}}{ABROAD}", 1)
    text = text.replace("personal: false", "personal: true, basis: public-task, subjects: [residents]", 1)
    (place / "place.yaml").write_text(text.rstrip() + FLOWS + AGREED)
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(place))
    return home.root


def left(state: Path, *records: Release | Alerted) -> None:
    setting = open_setting(Home(state))
    with setting.ledger("release") as ledger:
        ledger.append(list(records))
    setting.state.dispose()


def receipt(flow: str, at: int, **more: Any) -> Release:
    values: dict[str, Any] = {
        "at": at, "by": "release", "recipient": "insight-hook", "party": "insight", "flow": flow, "agreement": "insight-2026",
        "datasets": ("light",), "purpose": "environment", "way": "webhook", "to": "", "form": {"delay": "1 h"}, "since": 0,
        "until": 1, "rows": 5, "units": 1, "units_digest": "", "digest": "", "withheld": {}, "rules": "", "posture": "",
        "declaration": "",
    }  # fmt: skip
    return Release(**values | more)


def of_flow(found: Register, flow: str) -> list[Transfer]:
    return [row for row in found.rows if isinstance(row, Transfer) and row.flow == flow]


def test_transfers_are_what_comes_under_a_law_from_outside(state: Path):
    found = register(state, "transfers")
    [abroad], [unknown] = of_flow(found, "light-to-insight"), of_flow(found, "light-to-bureau")
    assert len(found.rows) == 2 and not found.findings
    assert (abroad.party, abroad.certain, abroad.possible, abroad.place) == ("=Insight, Inc.", ("XA",), (), "XA")
    assert abroad.personal and abroad.agreement == "insight-2026 (processing to 2030-12-31)"
    assert (unknown.certain, unknown.possible, unknown.place) == ((), ("XA",), "unknown")
    assert {abroad.observed, unknown.observed} == {"never observed"}


def test_a_flow_that_left_without_being_declared_is_a_row_and_a_finding(
    state: Path, capsys: pytest.CaptureFixture[str]
):
    left(
        state,
        receipt("light-to-mars", DAY),
        receipt("light-to-mars", 2 * DAY),
        receipt("light-to-insight", DAY, purpose="ads"),
    )
    found = register(state, "transfers")
    [mars] = of_flow(found, "light-to-mars")
    assert (mars.observed, mars.receipts, mars.rows, mars.last) == ("undeclared", 2, 10, "1970-01-03T00:00:00Z")
    assert any("no such flow is declared" in one for one in found.findings) and len(found.findings) == 2
    with pytest.raises(SystemExit) as ended:
        main(["register", "transfers", "--state", str(state)])
    assert ended.value.code == 1 and "light-to-mars" in capsys.readouterr().out


def test_receipts_of_a_declared_recipient_are_told_and_no_finding(state: Path, capsys: pytest.CaptureFixture[str]):
    place = state.parent / "town" / "place.yaml"
    place.write_text(
        place.read_text()
        + "recipients:\n  insight-hook:\n    {party: insight, flows: [light-to-insight], by: webhook,\n"
        "     addresses: [192.0.2.0/28], endpoint: 'https://192.0.2.4/hook', jurisdiction: xa}\n"
    )
    left(state, receipt("light-to-insight", DAY), receipt("light-to-insight", 3 * DAY, rows=7))
    found = register(state, "transfers")
    [row] = of_flow(found, "light-to-insight")
    assert not found.findings and found.seen == 2
    assert (row.recipient, row.observed, row.receipts, row.rows) == ("insight-hook", "observed", 2, 12)
    assert row.last == "1970-01-04T00:00:00Z" and row.forms == ("delay 1 h",)
    [processing] = register(state, "processing").rows
    assert isinstance(processing, Processing)
    assert (processing.receipts, processing.rows, processing.observed) == (2, 12, "observed")
    assert main_json(capsys, state)["seen"] == 2


def main_json(capsys: pytest.CaptureFixture[str], state: Path) -> Any:
    with pytest.raises(SystemExit):
        main(["register", "processing", "--state", str(state), "--json"])
    return json.loads(capsys.readouterr().out)


def test_records_of_processing_say_what_article_30_asks(state: Path):
    [row] = register(state, "processing").rows
    assert isinstance(row, Processing)
    assert (row.controller, row.purpose, row.basis, row.subjects) == (
        "Council",
        "Environment",
        "public-task",
        ("residents",),
    )
    assert row.recipients == ("=Insight, Inc.", "Bureau", "Clinic") and row.processors == ("=Insight, Inc.",)
    assert row.transfers == ("XA", "unknown", "XA (possibly)") and row.retention == "30 days"
    assert "on its way: tls" in row.security


def test_a_sheet_takes_no_cell_for_a_formula_and_a_page_runs_nothing(state: Path):
    left(state, receipt("<script>alert(1)</script>", DAY))
    found = register(state, "transfers")
    lines = list(csv.reader(io.StringIO(register_csv(found))))
    assert lines[0] == list(Transfer.__struct_fields__) and lines[1][2] == "'=Insight, Inc."
    page = register_html(found)
    assert (
        "<script" not in page
        and "&lt;script&gt;" in page
        and "default-src 'none'" in page
        and "http" not in page.split("</head>")[1]
    )
    again = register(state, "transfers")
    assert register_html(again) == page and register_csv(again) == register_csv(found)
