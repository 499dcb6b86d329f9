"""`cityward bench services`: its parts are found, and one that is not there says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import bench_services
from cityward.cli.bench import command as bench
from cityward.errors import CitywardError


def test_the_group_is_found_under_bench_and_names_its_parts() -> None:
    told = CliRunner().invoke(bench, ["services", "--help"])
    assert told.exit_code == 0
    assert all(part in told.stdout for part in ("forecasts", "lighting", "waste", "transport"))


def test_a_part_that_this_release_does_not_measure_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_services, "find_spec", lambda _: None)
    told = CliRunner().invoke(bench, ["services", "waste", "--data", str(tmp_path)])
    assert isinstance(told.exception, CitywardError)
    assert "`waste` cannot be measured by this release" in str(told.exception)
