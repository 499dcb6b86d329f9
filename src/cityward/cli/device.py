"""`cityward device`: the devices of a place, their life, and what they prove themselves with."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import CERTIFICATE_OUT, FOR_THE_RECORD, JSON, STATE
from cityward.cli.words import aside, put, put_json_line

if TYPE_CHECKING:
    from cityward.compose.entering.devices import Asked, Life

EXAMPLES = """
\b
Examples:
  cityward device list --state var/doggerford
  cityward device add air-station --state /srv/town        prints its secret, once
  cityward device add lorawan-network --state /srv/town    the key of a system that speaks for devices
  cityward device rotate air-station --state /srv/town     a new one; the old is worth nothing at once
  cityward device stolen quay-street-lamps-03 --state var/doggerford
\b
A running city takes a change into force within a second. Each change is on record, with who made it.
"""


@click.group("device", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Add, list, rotate or take out the devices of a city."""


@command.command("list")
@STATE
@JSON
def list_devices(state: Path, as_json: bool) -> None:
    """Every declared device with its state, and where it is connected from."""
    from cityward.compose.entering.devices import device_rows

    rows = device_rows(state)
    if as_json:
        put_json_line(rows)
        return
    aside(f"{'device':40} {'declared':12} {'secret':10} {'last heard':20}")
    for row in rows:
        standing = row["barred"] or row["credential"] or ""
        put(f"{row['device']:40} {row['status']:12} {standing:10} {row['last_seen'] or 'never heard':20} {_place(row)}")


def _place(row: dict[str, str | None]) -> str:
    if row["source"] is None:
        return ""
    if row["connected_since"] is not None:
        return f"connected from {row['source']} since {row['connected_since']}"
    return f"last connected from {row['source']}, until {row['connected_until']}"


@command.command("add")
@click.argument("device")
@STATE
@CERTIFICATE_OUT
@FOR_THE_RECORD
@JSON
def add(device: str, state: Path, out: Path | None, by: str | None, as_json: bool) -> None:
    """Issue what a declared DEVICE proves itself with: a secret, or a certificate and its key.

    It is told once; the city keeps hashes. What the device had is worth nothing from then on.
    """
    from cityward.compose.entering.devices import add_device

    _give(device, add_device(_asked(device, state, by), out), as_json)


@command.command("rotate")
@click.argument("device")
@STATE
@CERTIFICATE_OUT
@FOR_THE_RECORD
@JSON
def rotate(device: str, state: Path, out: Path | None, by: str | None, as_json: bool) -> None:
    """Issue DEVICE a new secret or certificate in place of the one it has, which is worth nothing at once."""
    from cityward.compose.entering.devices import rotate_device

    _give(device, rotate_device(_asked(device, state, by), out), as_json)


@command.command("revoke")
@click.argument("device")
@STATE
@FOR_THE_RECORD
@click.pass_context
def revoke(ctx: click.Context, device: str, state: Path, by: str | None) -> None:
    """Take DEVICE's credential away; the broker cuts it off, the gate refuses what it still sends."""
    from cityward.compose.entering.devices import Life

    _take_out(ctx, _asked(device, state, by), Life.REVOKED)


@command.command("lost")
@click.argument("device")
@STATE
@FOR_THE_RECORD
@click.pass_context
def lost(ctx: click.Context, device: str, state: Path, by: str | None) -> None:
    """Nobody knows where DEVICE is: shut it out. `rotate` and `found` bring it back."""
    from cityward.compose.entering.devices import Life

    _take_out(ctx, _asked(device, state, by), Life.LOST)


@command.command("stolen")
@click.argument("device")
@STATE
@FOR_THE_RECORD
@click.pass_context
def stolen(ctx: click.Context, device: str, state: Path, by: str | None) -> None:
    """Somebody took DEVICE: shut it out, and tell where its secret is used from. `rotate` and `found` bring it back."""
    from cityward.compose.entering.devices import Life

    _take_out(ctx, _asked(device, state, by), Life.STOLEN)


@command.command("retire")
@click.argument("device")
@STATE
@FOR_THE_RECORD
@click.pass_context
def retire(ctx: click.Context, device: str, state: Path, by: str | None) -> None:
    """DEVICE is taken down for good: its credential is worth nothing any more."""
    from cityward.compose.entering.devices import Life

    _take_out(ctx, _asked(device, state, by), Life.RETIRED)


@command.command("found")
@click.argument("device")
@STATE
@FOR_THE_RECORD
def found(device: str, state: Path, by: str | None) -> None:
    """A lost or stolen DEVICE is back and has a new secret (`rotate`): let it in again."""
    from cityward.compose.entering.devices import find_device

    find_device(_asked(device, state, by))
    put(f"{device} is let in again in a few seconds")


def _asked(device: str, state: Path, by: str | None) -> Asked:
    from cityward.compose.entering.devices import Asked

    return Asked(state, device, by or getpass.getuser())


def _take_out(ctx: click.Context, asked: Asked, to: Life) -> None:
    from cityward.compose.entering.devices import take_out

    if not take_out(asked, to):
        aside(f"{asked.device} has no credential that could be taken away, or is {to} already")
        ctx.exit(1)
    put(f"{asked.device} is {to}")


def _give(device: str, given: dict[str, str], as_json: bool) -> None:
    made = {"device": device} | given
    if as_json:
        put_json_line(made)
        return
    for name, value in made.items():
        put(f"{name:12} {value}")
    aside("Put it on the device now: the city keeps it nowhere. A secret is MQTT password and HTTP key in one.")
