"""`cityward retention`: how long each dataset is kept as declared, and the oldest record of every store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.phrases import listed
from cityward.cli.words import lead, put_json, say
from cityward.time import iso

if TYPE_CHECKING:
    from cityward.compose.keeping.retention import Kept

EXAMPLES = """
\b
Examples:
  cityward retention --state var/doggerford
  cityward retention --state var/doggerford --json
\b
late: something is older than declared. unknown: nobody declared for how long; it is kept, and that is no pass.
Exit 0: every dataset is ok. Exit 1: one is late or unknown.
"""


@click.command("retention", epilog=EXAMPLES)
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(ctx: click.Context, state: Path, as_json: bool) -> None:
    """How long each dataset is kept, when it was last looked through, and the oldest record of it in every store."""
    from cityward.compose.keeping.retention import retention

    now, kept = retention(state)
    if as_json:
        put_json({"now": iso(now), "datasets": kept})
    else:
        words = [f"{sum(one.state == state for one in kept)} {state}" for state in ("ok", "late", "unknown")]
        lead(f"{len(kept)} datasets of observations: {listed(words)}.")
        for one in kept:
            say(_line(one), mark="- ")
    ctx.exit(0 if all(one.state == "ok" for one in kept) else 1)


def _line(one: Kept) -> str:
    declared = f"{one.days} days" if one.days is not None else "unknown"
    oldest = listed([f"{store} {iso(at) if at >= 0 else 'not known'}" for store, at in one.oldest.items()])
    ran = f"last looked through {iso(one.ran)}" if one.ran else "never looked through"
    why = f" ({one.why})" if one.why else ""
    personal = "personal, " if one.personal else ""
    return f"{one.dataset}: {one.state}{why}; {personal}kept {declared}; oldest: {oldest or 'none'}; {ran}"
