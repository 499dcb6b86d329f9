"""`cityward bench signals safety`: runs without a city's data, and says what the monitor counted."""

from __future__ import annotations

import json

from click.testing import CliRunner

from cityward.cli.bench.signals import command

SHORT = ["safety", "--signal-seconds", "20000"]


def test_says_how_much_was_shown_and_that_nothing_was_found():
    told = CliRunner().invoke(command, SHORT, env={"CITYWARD_DATA": None})
    assert told.exit_code == 0
    assert "0 conflicting greens, 0 other breaches" in told.output
    assert "made junctions instead of a city's" in told.output


def test_tells_it_to_programs_too():
    told = CliRunner().invoke(command, [*SHORT, "--json"], env={"CITYWARD_DATA": None})
    (table,) = json.loads(told.stdout)["tables"]
    assert table["rows"][-1][0] == "(broken on purpose)"
