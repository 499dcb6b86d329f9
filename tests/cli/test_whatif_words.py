"""What `cityward whatif` says: each sentence says no more, and no less, than is so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import cityward
from declarations import town

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


def said(place: Path, *arguments: str) -> str:
    return CliRunner().invoke(cityward, ["whatif", str(place), *arguments, "--on", "2026-08-01"]).output


def flat(place: Path, *arguments: str) -> str:
    """On one line, however it was wrapped."""
    return " ".join(said(place, *arguments).split())


def declared(folder: Path, *edits: tuple[str, str]) -> Path:
    path = folder / "place.yaml"
    path.write_text(town(*edits))
    return path


TWO_FEEDS = (
    "  workbench: {kind: analytics, site: yard, operator: acme}",
    "  workbench: {kind: analytics, site: yard, operator: acme}\n"
    "  power: {kind: control, name: Power, site: yard, operator: council}\n"
    "  mast: {kind: control, name: Mast, site: yard, operator: council, needs: [{of: [power], buffer_hours: 3}]}\n"
    "  sys: {kind: control, name: Sys, site: yard, operator: council, needs: [{of: [power, mast], k: 1}]}",
)
LIT_BY_SYS = ("needs: [{of: [lamps-01, lamps-02], k: 1}]", "needs: [{of: [sys]}]")
TOLERANT = ("areas: [quay]}\n", "areas: [quay], tolerance_hours: 71}\n")
SECOND = ("areas: [quay]}\n", "areas: [quay]}\n  seen: {service: lights, essential: true, needs: [{of: [lamps]}]}\n")


# --- what fails, and when


def test_what_tolerates_nothing_fails_and_does_not_degrade(tmp_path: Path) -> None:
    text = flat(declared(tmp_path), "--dark", "lamps")
    assert "lit: fails at once" in text and "degrades" not in text


def test_what_tolerates_some_hours_degrades_first(tmp_path: Path) -> None:
    place = declared(tmp_path, TWO_FEEDS, LIT_BY_SYS, TOLERANT)
    assert "lit: degrades after 3 h, fails after 3.1 days" in flat(place, "--dark", "power")


def test_what_is_essential_is_counted_in_natural_english(tmp_path: Path) -> None:
    alone = (SECOND[0], "areas: [quay], essential: true}\n")
    assert "1 function of the city fails:" in flat(declared(tmp_path), "--dark", "lamps")
    assert "1 essential function of the city fails:" in flat(declared(tmp_path, alone), "--dark", "lamps")
    both = declared(tmp_path, SECOND)
    assert "2 functions of the city fail, 1 of them essential:" in flat(both, "--dark", "lamps")


def test_what_was_dark_before_is_told_as_a_cause_and_since_when(tmp_path: Path) -> None:
    place = declared(tmp_path, TWO_FEEDS, LIT_BY_SYS)
    assert "Sys: dark after 3 h, because so is Power (since hour 0)" in flat(place, "--dark", "power")
    (answer,) = json.loads(said(place, "--dark", "power", "--json"))["answers"]
    (effect,) = answer["outcome"]["effects"]
    assert [step["also"] for step in effect["cause"] if step["id"] == "sys"] == [[{"id": "power", "hours": 0.0}]]


# --- for whom


def test_where_no_population_is_declared_it_says_so(tmp_path: Path) -> None:
    text = flat(declared(tmp_path, ("quay: {population: 1200}", "quay: {name: The Quay}")), "--dark", "lamps")
    assert "the people of The Quay, how many is not known: no population is declared" in text
    assert "0 of 0" not in text


def test_functions_without_areas_are_named(tmp_path: Path) -> None:
    text = flat(declared(tmp_path, SECOND), "--dark", "lamps")
    assert "1,200 of 1,200 people, in quay; which areas they serve is not declared of: seen." in text


# --- what may no longer be dealt with


def test_possible_firms_are_told_below_with_the_missing_fact_and_its_line() -> None:
    text = said(DOGGERFORD, "--sanctioned", "northlight")
    headline, rest = text.split("\n\n", 1)
    assert "Halden" not in headline
    line = next(n for n, text in enumerate((DOGGERFORD / "parties.yaml").read_text().splitlines(), 1)
                if text.startswith("    owners: unknown"))  # fmt: skip
    assert "1 party may be part of this: whether so is not known" in rest
    assert f"Halden Optics; to be found out: parties.yaml:{line}  parties.halden-optics.owners" in rest
    told = json.loads(said(DOGGERFORD, "--sanctioned", "northlight", "--json"))
    assert told["perhaps"] == [{"party": "halden-optics", "missing": ["parties.halden-optics.owners"]}]


def test_many_possible_firms_are_counted(tmp_path: Path) -> None:
    firms = "".join(f"  firm-{n:02d}: {{kind: company, incorporated_in: xb, owners: unknown}}\n" for n in range(20))
    text = said(declared(tmp_path, ("agreements:\n", f"{firms}agreements:\n")), "--sanctioned", "acme")
    assert "20 parties may be part of this: whether so is not known" in text
    assert text.count("to be found out") == 12 and "... and 8 more" in text


# --- what turns


def test_how_it_comes_to_what_the_effects_begin_with_is_told_by_the_last_line() -> None:
    text = flat(DOGGERFORD, "--hostile", "northlight")
    told = json.loads(said(DOGGERFORD, "--hostile", "northlight", "--json"))
    assert told["ways"]
    for way in told["ways"]:
        assert way["paths"][-1] in text.partition("the last line of each way")[2]
        assert all(fact in text for fact in way["missing"])


def test_what_possibly_goes_astray_names_the_facts() -> None:
    text = flat(DOGGERFORD, "--hostile", "northlight").partition("do the wrong thing")[2]
    possibly = text.partition("possibly Bins are emptied")[2].partition(" - ")[0]
    assert "to be found out: devices.yaml:" in possibly and "device_models.bin-sensor.updates_from" in possibly


# --- what is cut off, and what is not there


def test_what_a_thing_sends_is_only_said_to_rest_perhaps_on_what_it_lacks() -> None:
    text = flat(DOGGERFORD, "--cut", "quay-street")
    assert "Made of less" not in text
    assert "Cityward no longer receives Twilight, What the signals of Quay Street show," in text
    assert "; what it sends may rest on it: Commands to lamps," in text


def test_what_lacks_data_before_it_goes_dark_itself_says_both() -> None:
    text = flat(DOGGERFORD, "--cut", "works-depot")
    assert "Signal plans at Signals on the ring; it goes dark itself after 4 h" in text


def test_a_stored_device_is_told_to_be_off_the_street() -> None:
    text = flat(DOGGERFORD, "--dark", "old-quay-lamps")
    assert "Lamps taken down in 2025: off the street (stored), so nothing rests on it devices.yaml:" in text
    assert "no function" not in text
    together = flat(DOGGERFORD, "--dark", "old-quay-lamps", "--dark", "dogger-grid")
    assert "off the street (stored)" in together and "3 functions of the city fail" in together


# --- on the page


@pytest.mark.parametrize("question", [("--dark", "dogger-grid"), ("--hostile", "northlight"), ("--cut", "xc")])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, question: tuple[str, str]) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    assert max(map(len, said(DOGGERFORD, *question).splitlines())) <= 90
