"""`cityward device`: the devices of a place, and what they prove themselves with."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cityward.cli.words import aside, put, put_json_line

EXAMPLES = """
\b
Examples:
  cityward device list --state var/doggerford
  cityward device add air-station --state /srv/town      prints its secret, once
  cityward device revoke quay-street-lamps-03 --state var/doggerford
\b
A running city takes a change into force within a second.
"""

STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.group("device", epilog=EXAMPLES)
def command() -> None:
    """Add, list or revoke the devices of a city."""


@command.command("list")
@STATE
@JSON
def list_devices(state: Path, as_json: bool) -> None:
    """Every declared device with its state."""
    from cityward.compose.devices import device_rows

    rows = device_rows(state)
    if as_json:
        put_json_line(rows)
        return
    for row in rows:
        put(f"{row['device']:40} {row['status']:12} {row['credential']:10} {row['last_seen'] or 'never heard'}")


@command.command("add")
@click.argument("device")
@STATE
@click.option(
    "--out", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Where a certificate is put."
)
@JSON
def add(device: str, state: Path, out: Path | None, as_json: bool) -> None:
    """Issue what a declared DEVICE proves itself with, in place of what it had: a secret, or a certificate and its key.

    It is told once; the city keeps hashes.
    """
    from cityward.compose.devices import add_device

    made = {"device": device} | add_device(state, device, out)
    if as_json:
        put_json_line(made)
        return
    for name, value in made.items():
        put(f"{name:12} {value}")
    aside("Put it on the device now: the city keeps it nowhere. A secret is MQTT password and HTTP key in one.")


@command.command("revoke")
@click.argument("device")
@STATE
@click.pass_context
def revoke(ctx: click.Context, device: str, state: Path) -> None:
    """Take DEVICE's credential away; the broker cuts it off, the gate refuses what it still sends."""
    from cityward.compose.devices import revoke_device

    if not revoke_device(state, device, time.time_ns() // 1000):
        aside(f"{device} has no active credential")
        ctx.exit(1)
    put(f"{device} is revoked")
