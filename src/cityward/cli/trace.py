"""`cityward trace`: the way back and forward of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.words import head, lead, put_json, say

if TYPE_CHECKING:
    from cityward.compose.proving.trace import Node

EXAMPLES = """
\b
Examples:
  cityward trace quay-street-lighting.quay-street-lamps-01.64a2f0c1e8000 --state var/doggerford
  cityward trace service:12 --state var/doggerford
  cityward trace ring-road-loops-02 --state var/doggerford --json
\b
ID is a command, an entry of the evidence (log:number), a device, a finding, an incident or a mark.
"""


@click.command("trace", epilog=EXAMPLES)
@click.argument("id", metavar="ID")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(id: str, state: Path, as_json: bool) -> None:
    """What ID rests on, and what it moved and whom it reached."""
    from cityward.compose.proving.trace import trace

    found = trace(state, id)
    if as_json:
        put_json(found)
        return
    lead(_line(found.subject))
    for title, nodes in (("It rests on", found.back), ("It reached", found.forward)):
        head(title)
        _tree(nodes, "  ")
        if not nodes:
            say("nothing that is known here")


def _tree(nodes: Sequence[Node], indent: str) -> None:
    for node in nodes:
        say(_line(node), indent, "- ")
        _tree(node.children, f"{indent}    ")


def _line(node: Node) -> str:
    return " ".join(part for part in (node.kind, node.id) if part) + (f": {node.words}" if node.words else "")
