"""`cityward witness`: vouch for another party's evidence, from a machine of your own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cityward.cli.groups import Group
from cityward.cli.words import aside, put, put_json, put_json_line

EXAMPLES = """\b
Examples, at the witness:
  cityward witness init --name witness.example/clerk             a key of your own; hand out its public half
  cityward witness follow doggerford/worker-0+1a2b3c4d+AbC...    the city's public keys, as you were given them
  cityward witness once /media/stick/ledger                      look at a copy on a stick; co-sign what continues
  cityward witness once https://city.example/ledger/worker-0     the same by HTTPS
  cityward witness serve --host 0.0.0.0 --port 8443 --tls-certificate w.pem --tls-key w.key
\b
Examples, in the city:
  cityward witness list --state var/doggerford                   who vouches, and for how much
  cityward verify --witness clerk.vkey --witnesses 1             demand it
\b
A witness remembers the newest checkpoint it co-signed of each log, and never co-signs two histories. Keep its folder: a
witness that lost its memory must begin anew, under another name.
Exit code: 0 fine, 1 a log contradicts what was seen before or cannot be read, 2 usage.
"""

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("witness"),
    help="The witness's own folder.",
)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
KEYS_MOST = 1_000_000


@click.group("witness", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Vouch for another party's evidence; in the city, see who vouches."""


@command.command("init")
@FOLDER
@click.option("--name", required=True, help="A name like witness.example/clerk: a URL without https://.")
def init(folder: Path, name: str) -> None:
    """Begin a witness: make its key, and print the public half."""
    from cityward.compose.proving.witness import begin_witness

    key = begin_witness(folder, name)
    put(key.text())
    aside(f"Fingerprint: {key.fingerprint}. Hand out the line above; the city declares it under `witnesses:`.")


@command.command("follow")
@FOLDER
@click.argument("keys", nargs=-1)
@click.option(
    "--file", "files", type=FILE, multiple=True, help="A file with public keys of logs, one a line (log.vkey)."
)
def follow(folder: Path, keys: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Follow the logs of these public KEYS; with none, list those that are followed."""
    from cityward.compose.proving.witness import follow as follow_logs

    lines = [line for path in files for line in path.read_bytes()[:KEYS_MOST].decode(errors="replace").splitlines()]
    for key in follow_logs(folder, [*keys, *(line for line in lines if line.strip())]):
        put(f"{key.origin:40} {key.fingerprint}")


@command.command("once")
@FOLDER
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@click.pass_context
def once(ctx: click.Context, folder: Path, source: str, as_json: bool) -> None:
    """Look at the logs in SOURCE (a folder, or one log's https:// address), and co-sign those that continue what was seen."""
    from cityward.compose.proving.witness import look_once

    looked = look_once(folder, source)
    if as_json:
        put_json([{"log": o.origin, "outcome": o.outcome, "size": o.size, "said": o.said} for o in looked])
    else:
        for one in looked:
            put(f"{one.outcome:14}{one.origin or one.source}  {one.said}")
            if one.kept is not None:
                put(f"{'':14}{one.kept}")
    if not looked:
        raise click.UsageError(f"there is no ledger in `{source}`")
    ctx.exit(0 if all(one.outcome in ("co-signed", "not-followed") for one in looked) else 1)


@command.command("serve")
@FOLDER
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8090, show_default=True, help="0: any that is free.")
@click.option("--tls-certificate", type=FILE, help="PEM, with the chain.")
@click.option("--tls-key", type=FILE, help="PEM.")
def serve(folder: Path, host: str, port: int, tls_certificate: Path | None, tls_key: Path | None) -> None:
    """Answer cities at /add-checkpoint (C2SP tlog-witness) until stopped."""
    from cityward.compose.proving.witness import answer_http

    if (tls_certificate is None) != (tls_key is None):
        raise click.UsageError("--tls-certificate and --tls-key go together")
    tls = (tls_certificate, tls_key) if tls_certificate is not None and tls_key is not None else None

    def started(bound: int, key: str) -> None:
        put(f"{'https' if tls else 'http'}://{host}:{bound}/add-checkpoint")
        put(key)

    asyncio.run(answer_http(folder, host, port, tls, started))


@command.command("list")
@click.option(
    "--state", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True, help="The city's."
)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def list_witnesses(state: Path, as_json: bool) -> None:
    """The city's witnesses: who vouches, since when, and for how many entries of each ledger."""
    from cityward.compose.proving.witnessing import read_progress
    from cityward.time import SECOND, iso

    told = read_progress(state)
    if as_json:
        put_json_line(told)
        return
    for name, one in told.items():
        when = iso(one.last_at * SECOND) if one.last_at else "never"
        put(f"{name:24} {one.state:12} co-signed last {when}; asked {one.asked}, failed {one.failed}  {one.last_error}")
        for ledger, size in sorted(one.sizes.items()):
            put(f"{'':24} {ledger:20} {size} entries")
    if not told:
        put("no witness was asked yet; declare some under `witnesses:`")
