"""Hostile texts in what people bring (declarations, proposals, models, logs of the network), and in all that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

from cityward.adapters.exchange.exports import find_exports
from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.flow_logs.reading import read_flow_log
from cityward.cli import cityward as program
from cityward.compose.asking.exchange import export_model
from cityward.compose.asking.imports import fragment_text, import_model
from cityward.errors import CitywardError, PlaceErrors
from cityward.place.loader import Loaded, load, load_with
from cityward.text import harmless
from declarations import TOWN, ZONES, errors_of, loaded, reader, town
from hostile import BYTES, CANARY, FILE, TEXTS, drives

WORDS = {"constructor", "null"}
EXPORTS = sorted(find_exports())


def written(text: str) -> str:
    """As YAML escapes it: the file itself need not hold one control character."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


def named(text: str) -> Loaded:
    """The small town whose party and area bear the text as name and note."""
    told = f"name: {written(text)}, note: {written(text)}"
    return loaded(town(("  quay: {population: 1200}", f"  quay: {{population: 1200, {told}}}")))


@pytest.mark.parametrize("name", TEXTS)
def test_a_name_and_a_note_are_kept_as_one_harmless_line_or_refused(name: str) -> None:
    text = TEXTS[name]
    try:
        area = named(text).place.areas["quay"]
    except PlaceErrors as error:
        assert drives(str(error)) == []
        return
    assert (area.name, area.note) == (harmless(text), harmless(text))


@pytest.mark.parametrize("name", TEXTS)
def test_an_id_is_refused_where_it_is_no_word_and_told_harmlessly(name: str) -> None:
    text = TEXTS[name]
    said = errors_of(TOWN.replace("  quay: {pop", f"  {written(text)}: {{pop"))
    assert said
    assert all(drives(one) == [] for one in said)
    fields = errors_of(TOWN.replace("{population: 1200}", f"{{population: 1200, {written(text)}: 1}}"))
    assert fields and all(drives(one) == [] for one in fields)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_not_quoted_makes_no_object_and_no_alias(name: str) -> None:
    said = errors_of(TOWN.replace("{population: 1200}", f"{{population: 1200, note: {TEXTS[name]}}}"))
    assert all(drives(one) == [] for one in said)
    assert not Path(FILE).exists()


@pytest.mark.parametrize("name", TEXTS)
def test_a_proposal_may_say_it_and_changes_nothing_else(name: str) -> None:
    text = written(TEXTS[name])
    base = load("place.yaml", reader({"place.yaml": TOWN}), ZONES)
    proposals = (
        f"areas: {{quay: {{population: 1, name: {text}}}}}", f"areas: {{{text}: {{}}}}", f"removes: {{areas: [{text}]}}",
        f"{text}: {{}}", f"removes: {{{text}: [quay]}}",
    )  # fmt: skip
    for proposal in proposals:
        try:
            laid = load_with("place.yaml", reader({"place.yaml": TOWN}), "p.yaml", proposal.encode(), ZONES)
        except PlaceErrors as error:
            assert drives(str(error)) == []
        else:
            added = {TEXTS[name]} & WORDS  # honest ids: an area may be called so
            assert laid.base.digest == base.digest and set(laid.proposed.place.areas) <= {"quay"} | added


# -- out ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_id", EXPORTS)
def test_an_export_holds_every_text_as_a_text(format_id: str) -> None:
    systems = "".join(
        f"  h{n}: {{name: {written(text)}, note: {written(text)}, kind: analytics, site: yard, operator: council}}\n"
        for n, text in enumerate(TEXTS.values())
        if 0 < len(text) < 200
    )
    flows = "".join(
        f"  f{n}: {{from: cityward, to: h{n}, datasets: [counts], purpose: planning, protocol: http, observability: enforced}}\n"
        for n, text in enumerate(TEXTS.values())
        if 0 < len(text) < 200
    )
    place = loaded(TOWN.replace("systems:\n", f"systems:\n{systems}", 1).replace("\nflows:\n", f"\nflows:\n{flows}", 1))
    out = export_model(format_id, place).decode()
    assert drives(out) == []
    if format_id in {"svg", "graphml"}:
        for element in ElementTree.fromstring(out).iter():
            assert element.tag.rpartition("}")[2] not in {
                "script",
                "iframe",
                "img",
                "foreignObject",
                "animate",
                "style_",
            }
            assert not any(key.lower().startswith("on") for key in element.attrib)
            assert not any("javascript:" in v for k, v in element.attrib.items() if k.endswith("href"))
    elif format_id == "threagile":
        assert isinstance(yaml.safe_load(out), dict)
    elif format_id != "dot":
        assert isinstance(json.loads(out), dict)


@pytest.mark.parametrize("command", [["check"], ["reach", "--exposure"], ["check", "--json"]], ids=" ".join)
def test_a_terminal_is_shown_texts(tmp_path: Path, command: list[str]) -> None:
    for name, text in TEXTS.items():
        folder = tmp_path / name.replace(",", "").replace(" ", "-")
        folder.mkdir()
        wrong = town(("{population: 1200}", f"{{population: 1200, name: {written(text)}, {written(text)}: 1}}"))
        (folder / "place.yaml").write_text(wrong)
        result = CliRunner().invoke(program, [command[0], str(folder), *command[1:]])
        assert result.exit_code != 0 and not isinstance(result.exception, CitywardError | ValueError)
        assert drives(result.output) == []


# -- in -------------------------------------------------------------------------------------------------------------------


def otm(text: str) -> bytes:
    trust = [{"id": text or "x", "name": text, "risk": {"trustRating": 1}}]
    parts: list[dict[str, Any]] = [
        {
            "id": f"c{n}",
            "name": text,
            "type": text,
            "description": text,
            "parent": {"trustZone": text or "x"},
            "tags": [text],
        }
        for n in range(2)
    ]
    flows = [{"id": text or "f", "name": text, "source": "c0", "destination": "c1", "attributes": {text: text}}]
    project = {"name": text, "id": text or "p", "description": text}
    return json.dumps(
        {"otmVersion": "0.2.0", "project": project, "trustZones": trust, "components": parts, "dataflows": flows}
    ).encode()


def cyclonedx(text: str) -> bytes:
    parts = [
        {"type": "device", "name": text, "version": text, "supplier": {"name": text}, "bom-ref": text, "purl": text}
    ]
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts}).encode()


def sheet(text: str) -> bytes:
    quoted = text.replace('"', '""')
    return (
        f'id,name,kind,incorporated_in,note\nacme,"{quoted}",company,xa,"{quoted}"\n"{quoted}",x,company,xa,\n'.encode()
    )


def threagile(text: str) -> bytes:
    asset = {"id": "a", "description": text, "type": "process", "owner": text, "tags": [text], "technologies": [text]}
    return yaml.safe_dump(
        {"threagile_version": "1.0.0", "title": text, "technical_assets": {text or "x": asset}}
    ).encode()


def gleif(text: str) -> bytes:
    quoted = text.replace('"', '""')
    return f'LEI,Entity.LegalName,Entity.LegalAddress.Country\n5299000J2N45DDNE4Y28,"{quoted}",XA\n"{quoted}",x,XA\n'.encode()


def bods(text: str) -> bytes:
    return json.dumps(
        [{"statementId": text, "recordId": text, "recordType": "entity", "recordDetails": {"name": text}}]
    ).encode()


MODELS = {
    "otm": ("m.json", otm), "cyclonedx": ("m.json", cyclonedx), "sheets": ("parties.csv", sheet), "bods": ("m.json", bods),
    "threagile": ("m.yaml", threagile), "gleif": ("lei2.csv", gleif),
}  # fmt: skip


@pytest.mark.parametrize("format_id", MODELS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_model_of_another_tool_brings_texts_only(format_id: str, name: str) -> None:
    file, make = MODELS[format_id]
    only = ("*",) if format_id in {"bods", "gleif"} else ()
    try:
        imported = import_model(format_id, [File(file, make(TEXTS[name]))], only=only)
    except CitywardError as error:
        assert drives(str(error)) == []
        return
    text = fragment_text(imported.fragment)
    text = text if isinstance(text, str) else text.decode()
    assert drives(text) == []
    assert isinstance(yaml.safe_load(text), dict | None)
    for told in (*imported.unmapped, *imported.assumed):
        assert drives(harmless(str(told))) == []


@pytest.mark.parametrize("name", [*TEXTS, *BYTES])
def test_a_log_of_the_network_tells_its_bad_lines_harmlessly(tmp_path: Path, name: str) -> None:
    cell = TEXTS[name].encode() if name in TEXTS else BYTES[name]
    head = b"start,src,src_port,dst,dst_port,proto\n"
    line = b"2026-03-02T12:00:00Z,192.0.2.7,5,192.0.2.8,443,tcp\n"
    bad = b"".join(line.replace(old, cell) for old in (b"192.0.2.7", b"443", b"tcp", b"2026-03-02T12:00:00Z"))
    (tmp_path / "fw.csv").write_bytes(head + line + bad)
    (tmp_path / "conn.log").write_bytes(
        b'{"ts":1,"id.orig_h":"192.0.2.7","id.resp_h":"192.0.2.8","id.resp_p":1}\n{"ts":"' + cell
    )
    for file in ("fw.csv", "conn.log"):
        try:
            log = read_flow_log(tmp_path / file)
        except CitywardError as error:
            assert drives(str(error)) == []
        else:
            assert log.seen and all(
                drives(harmless(one.address if hasattr(one, "address") else "")) == [] for one in log.seen
            )


def test_nothing_of_it_ran() -> None:
    assert not Path(FILE).exists() and CANARY not in str(vars())
