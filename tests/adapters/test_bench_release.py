"""The bench of the release gate: both ways write the same rows, and every form gets through."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from cityward.adapters.bench import release as bench


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bench._Bench:
    return bench._built(tmp_path_factory.mktemp("release"), rows=6000, devices=200)


def test_both_ways_tell_the_same(built: bench._Bench):
    raw, told = (
        pl.read_parquet(io.BytesIO(way))
        for way in (bench._raw(built, "parquet"), bench._gated(built, "plain", "parquet"))
    )
    assert sorted(raw.columns) == sorted(told.columns)
    keys = ["device", "property", "observed_at"]
    assert (
        raw.select(told.columns)
        .sort(keys)
        .equals(told.cast({name: raw.schema[name] for name in told.columns}).sort(keys))
    )


@pytest.mark.parametrize("form", bench.FORMS)
def test_every_form_is_let_through_and_tells_something(built: bench._Bench, form: str):
    assert pl.read_parquet(io.BytesIO(bench._gated(built, form, "parquet"))).height > 0


def test_the_table_has_a_row_for_each_form_and_encoding(tmp_path: Path):
    table = bench.release_table(tmp_path, rows=2000, devices=50, encodings=("csv",), rounds=1, tell=lambda _: None)
    assert len(table.rows) == len(bench.FORMS)
    assert table.head[:2] == ("form", "encoding")
