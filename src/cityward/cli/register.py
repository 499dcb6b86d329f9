"""`cityward register`: the records of processing and the register of transfers, generated, and held against what was observed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cityward.cli.phrases import counted, listed
from cityward.cli.words import head, lead, put_json, put_text, rows

if TYPE_CHECKING:
    from cityward.compose.keeping.registers import Processing, Register, Transfer

EXAMPLES = """
\b
Examples:
  cityward register processing --state var/doggerford
  cityward register transfers --state var/doggerford --html > transfers.html
  cityward register transfers --state var/doggerford --csv > transfers.csv
\b
Exit 0: all that was observed is declared. Exit 1: something left that is not declared so; it is a row, `undeclared`.
"""


@click.command("register", epilog=EXAMPLES)
@click.argument("kind", type=click.Choice(["processing", "transfers"]))
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "form", flag_value="json", help="One JSON object on stdout.")
@click.option("--csv", "form", flag_value="csv", help="A sheet on stdout.")
@click.option("--html", "form", flag_value="html", help="A page of its own on stdout.")
@click.pass_context
def command(ctx: click.Context, kind: str, state: Path, form: Literal["json", "csv", "html"] | None) -> None:
    """The records of processing, or the register of transfers, with what was observed."""
    from cityward.compose.keeping.register_files import register_csv, register_html
    from cityward.compose.keeping.registers import register

    found = register(state, kind)
    if form == "json":
        put_json(found)
    elif form == "csv":
        put_text(register_csv(found))
    elif form == "html":
        put_text(register_html(found))
    else:
        _tell(found)
    ctx.exit(1 if found.findings else 0)


def _tell(found: Register) -> None:
    lead(f"{found.place}: {counted(len(found.rows), 'row')}, held against {counted(found.seen, 'receipt')}.")
    rows([_line(row) for row in found.rows])
    if found.findings:
        head("Observed, and not declared so")
        rows(list(found.findings))


def _line(row: Processing | Transfer) -> str:
    from cityward.compose.keeping.registers import Transfer

    seen = f"{row.observed}, {counted(row.receipts, 'receipt')}, last {row.last}" if row.receipts else row.observed
    about = _of_transfer(row) if isinstance(row, Transfer) else _of_processing(row)
    return f"{about}; {seen}"


def _of_transfer(row: Transfer) -> str:
    law = [*row.certain, *(f"{land} possibly" for land in row.possible)]
    what, to = listed(list(row.datasets)) or "alerts", row.party or row.recipient
    return f"{row.flow}: {what} to {to}, under {listed(law) or 'no law from outside'}; {row.purpose}"


def _of_processing(row: Processing) -> str:
    return f"{row.dataset} for {row.purpose}: basis {row.basis}, kept {row.retention}"
