"""`cityward alert`: the channels by which the city calls for help, and their keys."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON, STATE
from cityward.cli.words import aside, put, put_json_line

EXAMPLES = """\b
Examples:
  cityward alert list --state var/doggerford
  cityward alert key duty-desk --state var/doggerford           a new key for a webhook, told once
  cityward alert password duty-mail --state var/doggerford      asks for it, or reads one line from a pipe
  cityward alert test duty-desk --state var/doggerford
\b
Channels are declared (`alerts:`), each over a declared flow. Keys and passwords stay beside the city's other keys.
"""


@click.group("alert", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """The channels by which the city calls for help."""


@command.command("list")
@STATE
@JSON
def list_channels(state: Path, as_json: bool) -> None:
    """Every declared channel: where it leads, by which flow, from which severity on."""
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.watch.alerts import leads_to

    channels = open_setting(Home(state)).loaded.place.alerts
    rows = [
        {"channel": name, "leads_to": leads_to(one), "flow": one.flow, "least": one.least, "on": ", ".join(one.on)}
        for name, one in channels.items()
    ]
    if as_json:
        put_json_line(rows)
        return
    for row in rows:
        put(f"{row['channel']:24} {row['leads_to']:40} {row['flow']:24} {row['least']:8} {row['on']}")
    if not rows:
        put("no alert channel is declared")


@command.command("key")
@click.argument("channel")
@STATE
def key(channel: str, state: Path) -> None:
    """A new key for the webhook CHANNEL, in place of the one it had. It is told once."""
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.compose.watching.alerting import new_key

    put(new_key(open_setting(Home(state)), channel))
    aside("Give it to whoever receives: HMAC-SHA256 of `<t>.<body>`, in hexadecimal, is `v1` of `Cityward-Signature`.")


@command.command("password")
@click.argument("channel")
@STATE
def password(channel: str, state: Path) -> None:
    """Keep the password of the mail CHANNEL: asked for on a terminal, else the first line of standard input."""
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.compose.watching.alerting import keep_password

    setting = open_setting(Home(state))
    word: str = click.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    keep_password(setting, channel, word)
    put(f"the password of {channel} is kept")


@command.command("test")
@click.argument("channel")
@STATE
def test(channel: str, state: Path) -> None:
    """Send one alert by CHANNEL that says it is a test."""
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.compose.watching.alerting import send_test

    put(f"taken by {send_test(open_setting(Home(state)), channel)}")
