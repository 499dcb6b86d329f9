"""`cityward camera login`: what the platform signs in to a camera with."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cityward.cli.options import STATE
from cityward.cli.words import put


@click.command("login")
@click.argument("camera")
@click.option("--user", required=True, help="The camera's user: one of our own, that may only look.")
@STATE
def login(camera: str, user: str, state: Path) -> None:
    """Keep the login of CAMERA: the password is asked for on a terminal, else the first line of standard input."""
    from cityward.compose.home import Home
    from cityward.compose.pictures.cameras import keep_login
    from cityward.compose.setting import open_setting

    setting = open_setting(Home(state))
    word: str = click.prompt("Password", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    keep_login(setting, camera, user, word)
    put(f"the login of {camera} is kept; it is used from its next connection on")
