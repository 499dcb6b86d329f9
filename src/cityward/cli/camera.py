"""`cityward camera`: cameras and who looked through them; recordings as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.camera_login import login
from cityward.cli.groups import Group
from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.options import ACCOUNT, JSON, STATE
from cityward.cli.words import aside, put, put_json
from cityward.text import harmless

if TYPE_CHECKING:
    from cityward.compose.setting import Setting
    from cityward.runtime.pictures.viewing import ViewRow

EXAMPLES = """\b
Examples:
  cityward camera list --state var/doggerford                              how each is, what it counts, what is kept
  cityward camera views --state var/doggerford                             who looks now, and what waits
  cityward camera who-viewed --state var/doggerford --camera harbour-quay  who looked, and who asked and got nothing
  cityward camera login harbour-quay --user cityward --state var/doggerford  what we sign in to it with
  cityward camera export harbour-quay --from 2h --until 90m --purpose public-safety \\
    --reason "theft reported at the quay, case 4711" --by ada --out quay.zip --state var/doggerford
  cityward camera check quay.zip --key doggerford/cameras+1a2b3c4d+AbC...
\b
No picture is shown here: that is the console's, for a stated purpose and reason. Who receives an export needs none of this:
python verify_video.py EXPORT.zip KEY (it lies in the export). Exit code: 0 fine, 1 not as it is on record, 2 usage.
"""
DAY_US = 86_400_000_000


@click.group("camera", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Cameras, who looked through them, and recordings as evidence."""


command.add_command(login)


@command.command("list")
@STATE
@JSON
def list_all(state: Path, as_json: bool) -> None:
    """Every camera: how it is, what passed, what is kept. No pictures."""
    from cityward.compose.pictures.viewing import camera_told

    setting = _setting(state)
    told, sizes = camera_told(setting), setting.state.segments.sizes()
    cameras = setting.loaded.place.cameras
    rows = [
        {
            "camera": name,
            "device": one.device,
            "purpose": one.purpose,
            "keep_hours": one.keep_hours,
            "kept_bytes": sizes.get(name, 0),
            "shown": one.viewing is not None,
            "no_vehicles": one.no_vehicles or "",
            "told": dict(told.get(name, {})),
        }
        for name, one in cameras.items()
    ]
    if as_json:
        put_json(rows)
        return
    for row in rows:
        said = told.get(str(row["camera"]), {})
        troubles = said.get("troubles")
        words = ", ".join(map(str, troubles)) if isinstance(troubles, dict) and troubles else "fine"
        told_of = f"{_kept(row)}{_unsearched(row)}"
        put(f"{row['camera']:28} {harmless(words) if said else 'not heard':18} for {row['purpose']}; {told_of}")
    if not rows:
        put("no camera is declared")


def _unsearched(row: Mapping[str, object]) -> str:
    return f"; plates not searched for: {harmless(str(row['no_vehicles']))}" if row["no_vehicles"] else ""


def _kept(row: Mapping[str, object]) -> str:
    if not row["shown"]:
        return "counts only"
    return f"kept {row['keep_hours']:g} h ({row['kept_bytes']} bytes)" if row["keep_hours"] else "nothing kept"


@command.command("views")
@STATE
@JSON
def views(state: Path, as_json: bool) -> None:
    """Who looks now, and what waits for a second person."""
    rows = _setting(state).state.views.under_way()
    if as_json:
        put_json([asdict(row) for row in rows])
        return
    for row in rows:
        _put_view(row)
    if not rows:
        put("nobody looks through a camera")


@command.command("who-viewed")
@STATE
@click.option("--camera", default="", help="Only this camera.")
@click.option("--person", default="", help="Only this person.")
@click.option(
    "--days", type=click.FloatRange(0, 3660, min_open=True), default=31.0, show_default=True, help="How far back."
)
@JSON
def who_viewed(state: Path, camera: str, person: str, days: float, as_json: bool) -> None:
    """Who viewed what, for what purpose; and who asked and got nothing."""
    import time

    from cityward.runtime.pictures.viewing_sums import tallies

    book = _setting(state).state.views
    since = time.time_ns() // 1000 - round(days * DAY_US)
    rows = book.views(10_000, camera=camera, person=person, since=since)
    refused = book.refusals(10_000, camera=camera, person=person, since=since)
    opened = [row for row in rows if row.opened_at]
    sums = {
        name: tallies(((getattr(r, name), r.pictures) for r in opened), (getattr(r, name) for r in refused))
        for name in ("camera", "person", "purpose")
    }
    if as_json:
        told = {"views": [asdict(r) for r in rows], "refusals": [asdict(r) for r in refused]}
        put_json(told | {f"by_{name}": [asdict(one) for one in many] for name, many in sums.items()})
        return
    for row in rows:
        _put_view(row)
    for one in refused:
        why = ", ".join(one.reasons)
        put(
            f"refused  {harmless(one.person):16} {harmless(one.camera):24} {harmless(one.purpose)}: {why}  [{one.record}]"
        )
    for name, many in sums.items():
        for tally in many:
            put(f"by {name:8} {tally.name:28} {tally.views} views, {tally.pictures} pictures, {tally.refused} refused")
    if not rows and not refused:
        put("nobody looked, and nobody asked")


def _put_view(row: ViewRow) -> None:
    state = row.outcome or row.state.value
    with_whom = f" with {row.second}" if row.second else ""
    put(
        f"{state:8} {row.person:16} {row.camera:24} {row.kind}, {row.cover}{with_whom}, {row.pictures} pictures  [{row.record}]"
    )
    put(f"         for {harmless(row.purpose)}: {harmless(row.reason)}")


@command.command("export")
@click.argument("camera")
@STATE
@click.option("--from", "begin", required=True, metavar=METAVAR, help=f"From {HELP}.")
@click.option("--until", "end", required=True, metavar=METAVAR, help=f"Until {HELP}.")
@click.option("--purpose", required=True, help="One of the purposes that the camera may be looked through for.")
@click.option("--reason", required=True, help="Why; it is on record.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The export, a zip file.")
@ACCOUNT
@JSON
def export(
    camera: str, state: Path, begin: str, end: str, purpose: str, reason: str, out: Path, by: str | None, as_json: bool
) -> None:
    """Write a span of CAMERA's covered recordings as evidence, with the chain of custody."""
    import getpass

    from cityward.compose.files import write
    from cityward.compose.pictures.export import export_video
    from cityward.compose.pictures.viewing import ViewDesk
    from cityward.runtime.pictures.viewing_ports import ViewWanted

    setting = _setting(state)
    now, desk = setting.now_us(), ViewDesk(setting)
    since, until = moment_us(begin, now, "--from"), moment_us(end, now, "--until")
    wanted = ViewWanted(camera, purpose, harmless(reason), 60, "export", "covered", since, until)
    done = export_video(setting, desk, wanted, desk.rules.viewer(by or getpass.getuser()))
    write(out, done.data)
    if as_json:
        put_json({"export": str(out), "bytes": len(done.data), "segments": done.segments, "record": done.record})
        return
    put(f"{out}: {done.segments} segments, {len(done.data)} bytes, on record as {done.record}")
    aside("It holds personal data: see that whoever receives it may have it.")


@command.command("check")
@click.argument("export_file", metavar="EXPORT", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", "keys", multiple=True, help="A log's public key, or a file with such keys. May be repeated.")
@JSON
@click.pass_context
def check(ctx: click.Context, export_file: Path, keys: tuple[str, ...], as_json: bool) -> None:
    """Check an export that somebody gave you."""
    from cityward.cli.verify import keys_in
    from cityward.evidence.verify_video import verify_video

    with export_file.open("rb") as file:
        verdict = verify_video(file, keys_in(keys))
    if as_json:
        put_json(verdict)
    else:
        where = f", {harmless(verdict.file)}" if verdict.file else ""
        put(f"{'fine' if verdict.ok else 'NOT FINE'}: {harmless(verdict.what)}{where}")
        for name, said in verdict.custody.items():
            put(f"  {name:8} {harmless(str(said))}")
        if verdict.ok and verdict.own_keys:
            aside("judged by the keys in the export: compare them with those that the city gives out")
    ctx.exit(0 if verdict.ok else 1)


def _setting(state: Path) -> Setting:
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting

    return open_setting(Home(state))
