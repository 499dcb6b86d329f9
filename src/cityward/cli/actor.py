"""`cityward actor`: what an actor could do here, what stops it, and when that was last tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON
from cityward.cli.words import aside, head, lead, put, put_json, put_text, remark, rows, say
from cityward.time import iso

if TYPE_CHECKING:
    from cityward.assurance.actors.outlook import Could, Outlook, Reached, Stops, Tried

EXAMPLES = """
\b
Examples:
  cityward actor list examples/doggerford
  cityward actor show harbour-lamprey examples/doggerford          by the declaration alone: what stops it is unknown
  cityward actor show harbour-lamprey var/doggerford               of a running or stopped city, with its evidence
  cityward actor import bundle.json --out actors/assessed.yaml     STIX 2.1; say then by which parties and laws they come
\b
Exit code: 0 fine, 1 a control in the way fails (show) or an error, 2 usage. Unknown is not a pass.
"""

WHERE = click.argument("where", type=click.Path(path_type=Path, exists=True), default=Path("var/doggerford"))


@click.group("actor", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """What an actor could do here, what stops it, and when that was last tried. Profiles are files of yours."""


@command.command("list")
@WHERE
@JSON
def list_(where: Path, as_json: bool) -> None:
    """The profiles beside a declaration. WHERE: a place, or a city's state directory."""
    from cityward.compose.proving.actors import actors_of, folder_of

    actors = actors_of(folder_of(where))
    if as_json:
        put_json(actors)
        return
    lead(f"{len(actors) or 'No'} actor{'' if len(actors) == 1 else 's'} described.")
    for name, actor in actors.items():
        say(f"{name}: {actor.name} ({', '.join(actor.capabilities) or 'no capability is known'})", mark="- ")


@command.command("show")
@click.argument("name")
@WHERE
@JSON
@click.pass_context
def show(ctx: click.Context, name: str, where: Path, as_json: bool) -> None:
    """What NAME could do in WHERE: a place, or a city's state directory (then with its evidence)."""
    from cityward.assurance.results import Result
    from cityward.compose.proving.actors import outlook

    found = outlook(where, name)
    if as_json:
        put_json(found)
    else:
        _show(found)
    ctx.exit(int(any(stop.result is Result.FAILED for one in found.could for stop in one.stops)))


@command.command("import")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to; left out: on stdout.")
@JSON
def import_(bundle: Path, out: Path | None, as_json: bool) -> None:
    """Read a STIX 2.1 BUNDLE into profiles. Nothing is fetched; what is left out is counted."""
    from cityward.compose.files import write
    from cityward.compose.proving.actors import as_yaml, imported

    read = imported(bundle)
    if out is not None:
        write(out, as_yaml(read))
    if as_json:
        put_json({"actors": read.actors, "left_out": read.left_out})
    elif out is None:
        put_text(as_yaml(read).decode())
    else:
        put(f"{out}: {len(read.actors)} actors")
    for what, count in read.left_out.items():
        aside(f"left out: {count} {what}")


def _show(found: Outlook) -> None:
    actor = found.actor
    by = f"{actor.source or 'nobody named'}{f', {actor.assessed.isoformat()}' if actor.assessed else ''}"
    lead(f"{actor.name}: {len(found.could)} capabilities held against this place.")
    if actor.description:
        say(actor.description)
    sure = f"; confidence as they give it: {actor.confidence}" if actor.confidence else ""
    say(f"As assessed by {by}{sure}. Taken as it stands there.")
    if found.not_here:
        say(f"Not in this declaration, and so not followed: {', '.join(found.not_here)}.")
    if not found.with_evidence:
        remark("By the declaration alone: what would stop it is unknown until a city's evidence is asked.")
    for one in found.could:
        _show_could(one)


def _show_could(one: Could) -> None:
    head(f"{one.capability}: {one.said}")
    if one.rests_on:
        say(f"Said to rest on: {one.rests_on}")
    if one.known:
        say(f"By {', '.join(one.ways)} it would reach:")
        rows([_reached(reached) for reached in one.reaches] or ["nothing, by what is declared"], "    ")
    elif not one.reaches:
        say("By which party or law it comes here is not said: what it would reach is not known.")
    say("What stands in its way:")
    for stop in one.stops:
        say(_stop(stop), "    ", "- ")
    say("When it was last tried:")
    for tried in one.tried:
        say(_tried(tried), "    ", "- ")


def _reached(one: Reached) -> str:
    total = one.certain + one.possible
    more = f", and {total - len(one.named)} more" if total > len(one.named) else ""
    return (
        f"{one.predicate}, {one.mode}: {one.certain} certainly, {one.possible} possibly ({', '.join(one.named)}{more})"
    )


def _stop(one: Stops) -> str:
    return f"{one.control} {one.title}: {one.result.upper()}{f' ({one.why})' if one.why else ''}"


def _tried(one: Tried) -> str:
    if not one.at:
        return f"{one.scenario} {one.title}: never tried"
    old = "" if one.fresh else ", more than a year ago"
    missed = f"missed {', '.join(one.missed)}" if one.missed else f"{len(one.met)} of {len(one.met)} held"
    return f"{one.scenario} {one.title}: {iso(one.at)}{old}, {missed}  [{one.entry}]"
