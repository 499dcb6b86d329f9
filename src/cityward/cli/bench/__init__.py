"""`cityward bench`: measures on this machine, in one run, beside a peer or a limit. A file for each command, loaded when used."""

from __future__ import annotations

import importlib

import click

from cityward.cli.bench.ingest import EXAMPLES
from cityward.cli.groups import Group

NAMES = (
    *("assurance", "cctv", "console", "doors", "flood", "ingest", "reach", "release", "services", "signals", "soak"),
    *("taint", "watch"),
)


class _Group(Group):
    """Each command has a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NAMES:
            return None
        found: click.Command = importlib.import_module(f"cityward.cli.bench.{cmd_name}").command
        return found


@click.group("bench", cls=_Group, epilog=EXAMPLES)
def command() -> None:
    """Measure the chain on this machine."""
