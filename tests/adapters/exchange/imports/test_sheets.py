"""CSV sheets kept by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cityward.adapters.exchange.imports.formats.sheets import kind_of
from cityward.compose.asking.imports import DecodeErrors, File, Imported, import_model
from cityward.compose.places import load_place
from cityward.errors import DecodeError
from cityward.place.model import Place

DOGGERFORD = Path(__file__).parents[4] / "examples" / "doggerford"


def sheets(**files: str | bytes) -> Imported:
    return import_model("sheets", [File(f"{n}.csv", t.encode() if isinstance(t, str) else t) for n, t in files.items()])


@pytest.fixture
def imported(sample: Callable[[str], list[File]]) -> Imported:
    return import_model("sheets", sample("sheets"))


def test_an_id_is_made_kebab_case_and_kept_as_name(imported: Imported):
    acme = imported.fragment["parties"]["acme-gmbh"]
    assert acme["name"] == "Acme GmbH"
    assert imported.fragment["systems"]["hub"]["operator"] == "acme-gmbh"
    assert imported.fragment["systems"]["hub"]["maintained_by"] == ["acme-gmbh", "acme-group"]


def test_the_habits_of_spreadsheets_are_read(imported: Imported):
    """A byte order mark, `;`, CRLF, an empty row, a decimal comma, words in capitals."""
    acme = imported.fragment["parties"]["acme-gmbh"]
    assert acme["owners"] == [{"party": "acme-group", "share": 60.5, "mechanism": "voting"}]
    assert (acme["kind"], acme["ids"]) == ("company", {"lei": "XB0000000000000000A1"})
    assert imported.fragment["parties"]["acme-group"]["owners"] == "unknown"


def test_a_formula_is_a_text(imported: Imported):
    assert imported.fragment["systems"]["hub"]["name"] == "=cmd|'/c calc'!A1"


def test_parts_and_truth_values(imported: Imported):
    hub = imported.fragment["systems"]["hub"]
    assert (hub["needs"], hub["critical"]) == ([{"of": ["store"], "k": 1, "buffer_hours": 2.0}], True)


def test_an_id_that_is_the_word_for_what_is_not_known_is_told_as_that():
    with pytest.raises(DecodeError, match="`unknown` is no id: it is the word for what is not known") as error:
        sheets(parties="id,name\nunknown,Acme\n")
    assert "parties.csv:2" in str(error.value)
    assert "taken by another record" not in str(error.value)


def test_utf_16_and_a_declared_delimiter_are_read():
    text = "sep=|\nid|code\nxb|XB\n"
    assert sheets(jurisdictions=text.encode("utf-16")) == sheets(jurisdictions=text)


def test_a_dotted_column_is_a_field_of_a_part():
    flows = "id,from,to,datasets,purpose,protocol,observability,limits.max_age_s\nf,a,b,d,p,mqtt,imported,60\n"
    assert sheets(flows=flows).fragment["flows"]["f"]["limits"] == {"max_age_s": 60}


def test_everything_wrong_is_told_at_once_with_its_line():
    with pytest.raises(DecodeErrors) as caught:
        sheets(
            parties="id,kind,incorporated_in,owners\na,compny,xb,b share=140\na,company,xb,\n,company,xb,\n"
            "c,company,Nowhere Land,\n",
            sites="id,jurisdiction,colour\ns,xb,red\n",
            wibble="id\n",
        )
    told = str(caught.value)
    for words in (
        "parties.csv:2  parties.a.kind", "did you mean `company`?",
        "parties.csv:2  parties.a.owners[0].share", "a number from 0 to 100",
        "`a` is there twice, first at parties.csv:2",
        "parties.csv:4", "the row has no id",
        "`Nowhere Land` is in no sheet, and is no id",
        "`colour` is no field of sites",
        "`wibble.csv` is named after no kind",
    ):  # fmt: skip
        assert words in told


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no row of column names"),
        (b"id,kind\na,b,c\n", "found 3 cells under 2 column names"),
        (b'id,kind\n"a,b\n' + b"x" * 200_000, "not CSV"),
        (b"id,kind\n\xe9,b\n", "not UTF-8 text"),
        (b"," * 2000 + b"a", "found 2,001 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused(raw: bytes, words: str):
    with pytest.raises(DecodeError, match=words) as caught:
        sheets(parties=raw)
    assert "parties.csv" in caught.value.where


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("parties.csv", "parties"), ("2026-Device Models.CSV", "device_models"), ("x/our_systems.csv", "systems"),
        ("partiess.csv", None), ("parties", None),
    ],
)  # fmt: skip
def test_the_kind_is_the_end_of_the_files_name(name: str, kind: str | None):
    assert kind_of(name) == kind


def test_the_demo_city_makes_the_round_trip_through_sheets():
    """Every kind and every field of Doggerford, written into cells by the rules of the how-to, comes back the same."""
    place = load_place(DOGGERFORD).place
    files, expected = [], {}
    for field in msgspec.structs.fields(Place):
        records = getattr(place, field.name)
        if isinstance(records, dict) and records:
            kept = {name: _without_defaults(record) for name, record in records.items()}
            expected[field.encode_name] = {name: _builtin(record) for name, record in kept.items()}
            files.append(File(f"{field.encode_name}.csv", _sheet(expected[field.encode_name]).encode()))
    fragment = import_model("sheets", files).fragment
    for kind, records in expected.items():
        type_ = next(f.type for f in msgspec.structs.fields(Place) if f.encode_name == kind)
        assert msgspec.convert(fragment[kind], type_) == getattr(place, kind)
        assert list(fragment[kind]) == list(records)


def _without_defaults(record: Any) -> dict[str, Any]:
    default = {f.name: f.default for f in msgspec.structs.fields(record)}
    return {f.encode_name: getattr(record, f.name) for f in msgspec.structs.fields(record)
            if getattr(record, f.name) != default[f.name] and getattr(record, f.name) not in ((), {}, "")}  # fmt: skip


def _builtin(record: dict[str, Any]) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(record))


def _sheet(records: dict[str, dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for record in records.values() for name in record))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", *columns])
    writer.writerows([name, *(_cell(record.get(column, "")) for column in columns)] for name, record in records.items())
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "; ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
