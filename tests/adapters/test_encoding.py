"""Released rows as bytes: what an outsider reads of them, and the digest an outsider works out."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cityward.adapters.outlets.encoding import ENCODINGS, frame_of
from cityward.guard.columns import Coded
from cityward.guard.release import Released
from cityward.place.release import Aggregate, Form
from releases import laid_out, passed, rows_of

TOWN = laid_out()
DOCS = Path(__file__).parents[2] / "docs" / "release.md"
FORMS = {
    "plain": Form(),
    "own names": Form(pseudonymise=True, watermark=True),
    "coarse": Form(coarsen_time_s=3600, coarsen_place_m=100, drop=("device",)),
    "cells": Form(aggregate=Aggregate(least=2, period_s=3600)),
    "nothing": Form(drop=("property",), aggregate=Aggregate()),
}
ROWS = rows_of(
    TOWN,
    *((f"meter-0{n}", m, -1.5 * n + m / 7, p) for n in range(1, 7) for m in (1, 90) for p in ("air-temperature", "illuminance")),
)  # fmt: skip


def released(form: Form = FORMS["plain"], record: str = "web:42") -> Released:
    return passed(ROWS, form, TOWN).seal(record)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_outsider_works_out_the_digest_by_the_recipe_in_the_documentation(form: Form, tmp_path: Path):
    recipe = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert recipe is not None
    body, script = tmp_path / "body.jsonl", tmp_path / "recipe.py"
    script.write_text(recipe[1])
    body.write_bytes(ENCODINGS["jsonl"].encode(released(form)))
    assert _said_by(script, body) == "web:42 agrees\n"
    if released(form).rows:
        body.write_bytes(re.sub(rb'"value":(-?\d)', rb'"value":1\1', body.read_bytes(), count=1).replace(b"1-", b"1"))
        assert _said_by(script, body) == "web:42 DIFFERS\n"


def _said_by(script: Path, body: Path) -> str:
    done = subprocess.run([sys.executable, "-I", script, body], capture_output=True, text=True, check=True)
    return done.stdout


def test_json_lines_are_read_as_they_were_told():
    head, first, *_ = map(json.loads, ENCODINGS["jsonl"].encode(released()).splitlines())
    assert head["receipt"] == "web:42"
    assert (head["rows"], head["columns"][0]) == (24, "device")
    assert first == {
        "device": "meter-01", "property": "air-temperature", "value": -1.5 + 1 / 7, "unit": "Cel",
        "observed_at": "2024-10-04T00:01:00.000000Z", "area": "quay", "longitude": 2.3001, "latitude": 54.9,
    }  # fmt: skip


def test_csv_is_read_by_the_standard_library():
    said, *lines = ENCODINGS["csv"].encode(released()).decode().splitlines(keepends=True)
    assert said == f"# receipt=web:42 digest={released().digest} rows=24\n"
    rows = list(csv.DictReader(io.StringIO("".join(lines))))
    assert len(rows) == 24
    assert float(rows[0]["value"]) == -1.5 + 1 / 7
    assert rows[0]["observed_at"] == "2024-10-04T00:01:00.000000Z"


def test_parquet_and_arrow_are_read_by_others(tmp_path: Path):
    import duckdb

    raw = ENCODINGS["parquet"].encode(released())
    metadata = pl.read_parquet_metadata(io.BytesIO(raw))
    assert (metadata["cityward.receipt"], metadata["cityward.digest"]) == ("web:42", released().digest)
    frame = pl.read_parquet(io.BytesIO(raw))
    file = tmp_path / "told.parquet"
    file.write_bytes(raw)
    assert duckdb.sql(f"select sum(value) from read_parquet('{file}')").fetchall()[0][0] == pytest.approx(
        float(ROWS.value.sum())
    )
    told = pl.read_ipc(io.BytesIO(ENCODINGS["arrow"].encode(released())))
    assert told["receipt"].unique().to_list() == ["web:42"]
    assert told["digest"].unique().to_list() == [released().digest]
    assert told.drop("receipt", "digest").equals(frame)
    assert frame.schema["observed_at"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_release_gives_the_same_bytes(name: str, form: Form):
    assert ENCODINGS[name].encode(released(form)) == ENCODINGS[name].encode(released(form))


def test_a_spreadsheet_finds_no_formula_and_a_terminal_no_control():
    one = released()
    nasty = ("=cmd|' /C calc'!A0", "@sum(1)", "\x1b[31mred", "plain", "\t=1", "\r+1", " -1", "\uff1d1")
    object.__setattr__(
        one, "columns", {"area": Coded(np.arange(8, dtype=np.uint8), nasty), "value": np.array([-1.0] * 8)}
    )
    rows = list(csv.DictReader(ENCODINGS["csv"].encode(one).decode().splitlines()[1:]))
    assert [row["area"][0] for row in rows] == ["'", "'", "\N{REPLACEMENT CHARACTER}", "p", *"''''"]
    assert rows[0]["value"] == "-1.0"
    assert "\x1b" not in ENCODINGS["jsonl"].encode(one).decode()


def test_what_has_no_place_is_null():
    columns: dict[str, Any] = {"longitude": Coded(np.array([0, 1], dtype=np.uint8), ("", "2.500000"))}
    assert frame_of(columns)["longitude"].to_list() == [None, 2.5]


def test_only_what_the_gate_sealed_is_written():
    with pytest.raises(TypeError, match="sealed"):
        ENCODINGS["csv"].encode(passed(ROWS, Form(), TOWN))  # pyright: ignore[reportArgumentType]
