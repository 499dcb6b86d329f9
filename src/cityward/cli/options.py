"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path

import click

STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
ACCOUNT = click.option(
    "--by", default=None, help="The account that does it; by default, named like the user of this machine."
)
FOR_THE_RECORD = click.option(
    "--by", default=None, help="Who makes the change, for the record (default: who is signed in here)."
)
CERTIFICATE_OUT = click.option(
    "--out", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Where a certificate is put."
)
