"""`cityward received`: who received my data, what, when, why, in what form, and under which law it is now."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.recipient import JSON, STATE, put_statement

EXAMPLES = """
\b
Examples:
  cityward received --dataset crowd-counts --state /srv/town
  cityward received --dataset crowd-counts --month 2026-11 --json --state /srv/town
"""


@click.command("received", epilog=EXAMPLES)
@click.option("--dataset", required=True, help="Which data.")
@click.option("--month", default=None, help="Only this month, as 2026-11.")
@STATE
@JSON
def command(dataset: str, month: str | None, state: Path, as_json: bool) -> None:
    """Every recipient of DATASET, with receipts."""
    from cityward.compose.home import Home
    from cityward.compose.outgoing.statements import month_of, statement
    from cityward.compose.setting import open_setting
    from cityward.errors import PlaceError
    from cityward.place.hints import did_you_mean
    from cityward.time import DAY

    setting = open_setting(Home(state))
    known = setting.loaded.place.datasets
    if dataset not in known:
        raise PlaceError(f"there is no dataset `{dataset[:64]}`{did_you_mean(dataset, known)}")
    days = (0, setting.now_us() // DAY) if month is None else month_of(month)
    put_statement(statement(setting, days, dataset=dataset), as_json, setting.loaded.place)
