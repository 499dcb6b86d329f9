"""`cityward reach`: who can reach what, by which path, and which facts are missing; and what the house rules say of it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from cityward.cli.reach_words import outside, print_chains, print_report
from cityward.cli.rules_words import print_hardening, print_rulebook
from cityward.cli.words import put_json
from cityward.compose.asking.reach import picture_of, reach_of
from cityward.compose.files import write
from cityward.compose.places import load_place
from cityward.place.loader import Loaded
from cityward.reach.chain_facts import chain_report
from cityward.reach.exposure.compile import place_on
from cityward.reach.questions import Explain, Reach, Report, UnknownNameError
from cityward.reach.rules.rulebook import rulebook
from cityward.reach.sign.hardening import harden
from cityward.reach.sign.hardening_report import hardening_report

EXAMPLES = """\
\b
Examples:
  cityward reach examples/doggerford                              which country can read what is about people
  cityward reach examples/doggerford --dataset street-video       who can read and falsify it
  cityward reach examples/doggerford --party northlight --why 5   what a supplier reaches, five reasons
  cityward reach examples/doggerford --jurisdiction xa --ways 3   three ways for each reason
  cityward reach examples/doggerford --chains                     the longest chains, and hops nobody could name
  cityward reach examples/doggerford --rules --why 10             every house rule: kept, broken, possibly broken
  cityward reach examples/doggerford --harden --most 5            what the city could do by itself, the best first
  cityward reach examples/doggerford --service quay-street-lighting --svg lighting.svg
\b
Exit code: 0 nothing outside what data owners allow, 1 a jurisdiction that a dataset does not allow reaches it,
or may; with --rules 1 a rule of weight deny or condition is broken and not waived; 2 usage.
"""

SUBJECTS = ("party", "jurisdiction", "dataset", "service", "thing")
WHOLE = ("chains", "rules", "harden")


@click.command("reach", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True))
@click.option("--party", metavar="ID", help="What a party reaches.")
@click.option("--jurisdiction", metavar="ID", help="What a jurisdiction reaches, over parties and over places.")
@click.option("--dataset", metavar="ID", help="Who reaches a dataset.")
@click.option("--service", metavar="ID", help="Who can command, mislead or stop a service.")
@click.option("--thing", metavar="ID", help="Who reaches a system or device.")
@click.option("--chains", "whole", flag_value="chains", help="The data chains that stand out, end to end.")
@click.option("--rules", "whole", flag_value="rules", help="Every house rule: kept, broken or possibly broken.")
@click.option("--harden", "whole", flag_value="harden", help="What the city could do by itself, by what it removes.")
@click.option("--why", type=click.IntRange(0, 1000), default=3, show_default=True, help="Explain this many answers.")
@click.option("--ways", type=click.IntRange(1, 10), default=1, show_default=True, help="Ways told for each reason.")
@click.option("--most", type=click.IntRange(1, 1000), default=12, show_default=True, help="Tell so many of --harden.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As declared for this day. [default: today]")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the first reason into a file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    place: Path,
    whole: str | None,
    why: int,
    ways: int,
    most: int,
    day: datetime | None,
    svg: Path | None,
    as_json: bool,
    **asked: str | None,
) -> None:
    """Who can reach what in PLACE, certainly and possibly, and by which path."""
    subjects = {kind: name for kind in SUBJECTS if (name := asked[kind]) is not None}
    _one_question([*subjects, *([whole] if whole else [])])
    if whole and svg is not None:
        raise click.UsageError(f"--svg draws a reason, and --{whole} has none to draw")
    loaded, on = load_place(place), day.date() if day else date.today()
    if whole == "chains":
        ctx.exit(_chains(loaded, on, as_json))
    if whole == "rules":
        ctx.exit(_rules(loaded, on, why, as_json))
    if whole == "harden":
        ctx.exit(_harden(loaded, on, most, as_json))
    reach = reach_of(loaded, on)
    report = _asked(reach, subjects, Explain(why, ways))
    put_json(report) if as_json else print_report(report)
    if svg is not None:
        write(svg, picture_of(reach, report).encode())
    ctx.exit(int(any(outside(row) for row in report.rows)))


def _one_question(asked: list[str]) -> None:
    if len(asked) > 1:
        raise click.UsageError(f"ask one question at a time: --{' or --'.join(asked)}")


def _chains(loaded: Loaded, on: date, as_json: bool) -> int:
    report = chain_report(place_on(loaded.place, on))
    put_json(report) if as_json else print_chains(report)
    return 0


def _rules(loaded: Loaded, on: date, why: int, as_json: bool) -> int:
    book = rulebook(loaded.place, on, loaded.digest, loaded.where, why)
    put_json(book) if as_json else print_rulebook(book)
    return int(book.refused)


def _harden(loaded: Loaded, on: date, most: int, as_json: bool) -> int:
    place = place_on(loaded.place, on)
    report = hardening_report(harden(place), place.place, on, loaded.digest, loaded.where, most)
    put_json(report) if as_json else print_hardening(report)
    return 0


def _asked(reach: Reach, subjects: dict[str, str], explain: Explain) -> Report:
    questions = {
        "party": reach.of_party,
        "jurisdiction": reach.of_jurisdiction,
        "dataset": reach.of_dataset,
        "service": reach.of_service,
        "thing": reach.of_thing,
    }
    try:
        return next((questions[kind](name, explain) for kind, name in subjects.items()), None) or reach.overview(
            explain
        )
    except UnknownNameError as error:
        raise click.UsageError(str(error.args[0])) from None
