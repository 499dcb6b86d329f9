"""Every importer, found by the scan, under the promises all of them make."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cityward.adapters.exchange.imports import importers
from cityward.compose.asking.imports import (
    DecodeErrors,
    File,
    Imported,
    fragment_text,
    import_formats,
    import_model,
    registers,
)
from cityward.errors import DecodeError
from cityward.ids import is_id
from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.place.reading.source import plain, read_yaml

FORMATS = sorted(importers())
NAMES = {"sheets": "parties.csv"}
SOMEBODY = ("XB0000000000000000D4", "0001")  # in the samples of registers; other formats take no heed
Sample = Callable[[str], list[File]]

RECORD_OF = {field.encode_name: field.type for field in msgspec.structs.fields(Place)}


def test_all_six_formats_are_found():
    assert list(import_formats()) == ["bods", "cyclonedx", "gleif", "otm", "sheets", "threagile"]


@pytest.mark.parametrize(("format", "only"), [*((one, ()) for one in FORMATS), *((one, ("1",)) for one in registers())])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
@example(raw=b"")
@example(raw=b"\xff\xfe\x00")
@example(raw=b"[" * 5000)
@example(raw=b'{"a":' * 5000)
@example(raw=b"- " * 5000)
@example(raw=b"a: &a [*a]")
@example(raw=b"? [a]\n: b")
@example(raw=b'{"a": 1, "a": 2}')
@example(raw=b'{"a": "\\ud800"}')
@example(raw=b'"\n' * 500)
@example(raw=b"sep=;")
def test_random_bytes_raise_only_decode_errors(format: str, only: tuple[str, ...], raw: bytes):
    try:
        imported = import_model(format, [File(NAMES.get(format, "model"), raw)], only=only)
    except DecodeError as error:
        assert error.reason
        assert error.where or isinstance(error, DecodeErrors)
    else:
        _holds_together(imported)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_value_that_is_something_else_is_told_and_never_raises(format: str, data: st.DataObject, sample: Sample):
    """Any value of a sample is put in the place of any other, or is turned into junk."""
    files = sample(format)
    i = data.draw(st.integers(0, len(files) - 1))
    junk = data.draw(
        st.sampled_from(
            [None, True, -1, 1e300, "", "wibble-wobble", "x" * 5000, [], {}, [[]], {"a": {"b": 1}}, "\x1b[31m"]
        )
    )
    if files[i].name.endswith(".csv"):
        lines = files[i].raw.decode("utf-8-sig").splitlines()
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:cut] + str(junk) + lines[at][cut:]
        files[i] = File(files[i].name, "\n".join(lines).encode())
    else:
        raw = files[i].raw
        if files[i].name.endswith(".jsonl"):
            tree = [json.loads(line) for line in raw.splitlines()]
        else:
            tree = json.loads(raw) if raw.lstrip().startswith(b"{") else _yaml(raw)
        spots = list(_spots(tree))
        holder, key = spots[data.draw(st.integers(0, len(spots) - 1))]
        holder[key] = junk
        files[i] = File(files[i].name, json.dumps(tree).encode())
    try:
        _holds_together(import_model(format, files))
        _holds_together(import_model(format, files, only=SOMEBODY))
    except DecodeError as error:
        assert format in ("sheets", "gleif") or "bomFormat" in str(error), error


PLACE = b"place: tinytown\nname: Tinytown\nparties:\n  council: {kind: public-body}\nsystems: {}\nflows: {}\n"
FOREIGN = {
    "a place": PLACE,
    "a place as JSON": json.dumps({"place": "tinytown", "parties": {"council": {"kind": "public-body"}}}).encode(),
    "an empty mapping": b"{}",
    "a package": b'{"name": "x", "version": "1", "dependencies": {"y": "2"}}',
    "its fields, with nothing in them": b'{"technical_assets": {}, "components": [], "statements": []}',
}


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_another_kind_is_refused_by_name(format: str, foreign: str):
    with pytest.raises(DecodeError) as error:
        import_model(format, [File(NAMES.get(format, "model"), FOREIGN[foreign])])
    assert NAMES.get(format, "model") in str(error.value)


@pytest.mark.parametrize("format", ["threagile", "otm", "bods"])
def test_a_file_of_which_nothing_was_read_does_not_look_like_its_format(format: str):
    with pytest.raises(DecodeError, match="it does not look like") as error:
        import_model(format, [File("model", b"{}")])
    assert "mend:" in str(error.value)


def test_a_register_that_has_nobody_who_is_wanted_is_a_register(sample: Sample):
    imported = import_model("bods", sample("bods"), only=("nobody-has-this",))
    assert [one.what for one in imported.unmapped if one.where == "--only"] == ["nobody-has-this"]


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_files_give_the_same_fragment(format: str, sample: Sample):
    assert import_model(format, sample(format)) == import_model(format, sample(format))


@pytest.mark.parametrize("format", FORMATS)
def test_the_fragment_reads_back_as_it_was(format: str, sample: Sample):
    _holds_together(import_model(format, sample(format)))


@pytest.mark.parametrize("format", FORMATS)
def test_a_fragment_included_in_a_place_loads(
    format: str, sample: Sample, tiny: Loaded, include: Callable[[Imported], Loaded]
):
    if format == "sheets":  # names its own jurisdiction
        files = [file for file in sample(format) if file.name != "jurisdictions.csv"]
        files = [File(file.name, file.raw.replace(b";xb;", b";brennmark;")) for file in files]
    else:
        files = sample(format)
    imported = import_model(format, files, tiny.place)
    place = include(imported).place
    for kind, records in imported.fragment.items():
        assert records.keys() <= getattr(place, kind).keys()


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_assumed_is_counted_as_unknown(
    format: str, sample: Sample, tiny: Loaded, include: Callable[[Imported], Loaded]
):
    if format == "sheets":
        pytest.skip("a sheet says what it says")
    imported = import_model(format, sample(format), tiny.place)
    told = {warning.path for warning in include(imported).warnings}
    for assumed in imported.assumed:
        assert f"{assumed.path.rpartition('.')[0]}.evidence" in told


def test_of_a_long_account_the_first_are_listed_and_the_rest_counted():
    flows = [{"id": f"f{i}", "source": "a", "destination": "b"} for i in range(12_000)]
    imported = import_model("otm", [File("m.json", json.dumps({"dataflows": flows}).encode())])
    assert len(imported.unmapped) == 10_001
    assert imported.unmapped[-1].what == "14,000 more"  # two ends of each flow lead nowhere


def _holds_together(imported: Imported) -> None:
    errors: list = []
    text = fragment_text(imported.fragment)
    tree = read_yaml("fragment.yaml", text.encode(), errors) if imported.fragment else None
    assert errors == []
    assert tree is None or plain(tree) == json.loads(json.dumps(imported.fragment))
    for kind, records in imported.fragment.items():
        for name, record in records.items():
            assert is_id(name)
            assert name != "unknown"
            msgspec.convert(record, RECORD_OF[kind].__args__[1])


def _spots(tree: object):
    pending = [tree]
    while pending:
        holder = pending.pop()
        for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, key
            if isinstance(value, dict | list):
                pending.append(value)


def _yaml(raw: bytes) -> object:
    from cityward.adapters.exchange.imports.documents import read_document

    return json.loads(json.dumps(read_document(File("model", raw))))  # aliases written out
