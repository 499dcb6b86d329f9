"""`cityward whatif`: the difference it makes when somebody stops, turns, is cut off, or when we sign."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path

import click
import msgspec

from cityward.cli.sign_words import print_signing
from cityward.cli.whatif_words import print_blasts, print_hostile, print_sanctioned
from cityward.cli.words import put_json
from cityward.compose.asking.sign import judged, put_on_record
from cityward.compose.places import load_place
from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.reach.blast.hostile import hostile
from cityward.reach.blast.outcome import Outcome
from cityward.reach.blast.sanctioned import sanctioned
from cityward.reach.blast.scenarios import cut, dark
from cityward.reach.blast.subjects import Subject, SubjectKind, subject_named
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import expose
from cityward.reach.exposure.compile import compile_place, place_on
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.sign.report import report_of
from cityward.reach.sign.whatif import Verdict

EXAMPLES = """
\b
Examples:
  cityward whatif examples/doggerford --dark fathom-cloud             what degrades and fails, when, for whom
  cityward whatif examples/doggerford --dark xa                       a jurisdiction: its parties, then its places
  cityward whatif examples/doggerford --hostile northlight            what it could read, falsify, command and stop
  cityward whatif examples/doggerford --sanctioned tessel-group       what ends when, what to revoke and get back
  cityward whatif examples/doggerford --cut civic-dc                  a site, system, zone, flow or conduit
  cityward whatif examples/doggerford --sign examples/doggerford/proposals/night-desk.yaml
  cityward whatif PLACE --sign FILE --record STATE --by "A. Clerk"    and put the answer into the evidence
\b
Where several records bear a name, write its kind: `--dark site:harbour`.
Exit code: 0 nothing fails, or the proposal may be signed; 1 something fails, conditions or a refusal; 2 usage.
"""


@click.command("whatif", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--dark", "went_dark", metavar="NAME", multiple=True, help="It stops. May be repeated: they stop together."
)
@click.option("--hostile", "turned", metavar="PARTY", help="It turns against the city.")
@click.option("--sanctioned", "banned", metavar="PARTY", help="It may no longer be dealt with.")
@click.option("--cut", "cut_off", metavar="NAME", multiple=True, help="It is cut off. May be repeated.")
@click.option(
    "--sign", "proposal", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="May we sign this?"
)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As declared for this day. [default: today]")
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the answer to --sign in this state's evidence.",
)
@click.option("--by", "decided_by", help="Who puts it on record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    place: Path,
    went_dark: tuple[str, ...],
    turned: str | None,
    banned: str | None,
    cut_off: tuple[str, ...],
    proposal: Path | None,
    day: datetime | None,
    record: Path | None,
    decided_by: str | None,
    as_json: bool,
) -> None:
    """The difference it makes to PLACE: one question at a time."""
    _one_question(
        {"--dark": went_dark, "--hostile": turned, "--sanctioned": banned, "--cut": cut_off, "--sign": proposal}
    )
    _recording(record, decided_by, proposal)
    on = day.date() if day else date.today()
    if proposal is not None:
        ctx.exit(_sign(place, proposal, on, as_json, (record, decided_by)))
    loaded = load_place(place)
    today = place_on(loaded.place, on)
    if went_dark or cut_off:
        ctx.exit(_blast(loaded, today, went_dark, cut_off, as_json))
    party = turned or banned or ""
    subject = _subject(today, f"party:{party.removeprefix('party:')}")
    ctx.exit(_turned(loaded, today, subject, as_json) if turned else _banned(loaded, today, subject, as_json))


def _one_question(asked: dict[str, object]) -> None:
    given = [option for option, value in asked.items() if value]
    if len(given) != 1:
        said = f"ask one question at a time: {' or '.join(given)}" if given else f"ask one of {', '.join(asked)}"
        raise click.UsageError(said)


def _recording(record: Path | None, decided_by: str | None, proposal: Path | None) -> None:
    if (record is None) != (decided_by is None):
        raise click.UsageError("--record and --by go together: who puts it on record is part of the record")
    if record is not None and proposal is None:
        raise click.UsageError("--record keeps the answer to --sign")


def _subject(place: Place, words: str) -> Subject:
    from cityward.errors import PlaceError

    try:
        return subject_named(place, words)
    except PlaceError as error:
        raise click.UsageError(f"{error.what}; {error.mend}") from None


def _print_json(document: object) -> None:
    put_json(document)


def _exit(outcome: Outcome, *findings: object) -> int:
    """Something fails, or may fail, or something else was found."""
    return int(bool(outcome.effects or outcome.possible) or any(findings))


def _blast(loaded: Loaded, place: Place, went_dark: tuple[str, ...], cut_off: tuple[str, ...], as_json: bool) -> int:
    subjects = [_subject(place, words) for words in (*went_dark, *cut_off)]
    cascade = compile_cascade(place)
    blasts = dark(place, cascade, subjects) if went_dark else (cut(place, cascade, subjects),)
    _print_json({"answers": blasts}) if as_json else print_blasts(place, blasts, loaded.where)
    return max(_exit(blast.outcome, blast.lost.gone, blast.lost.underfed) for blast in blasts)


def _turned(loaded: Loaded, place: Place, subject: Subject, as_json: bool) -> int:
    assert subject.kind is SubjectKind.PARTY
    exposure = expose(compile_place(place), (Node(Predicate.PARTY, subject.id),))
    found = hostile(place, compile_cascade(place), exposure, subject.id)
    _print_json(found) if as_json else print_hostile(place, found, loaded.where)
    return _exit(found.outcome, found.reached, found.integrity)


def _banned(loaded: Loaded, place: Place, subject: Subject, as_json: bool) -> int:
    found = sanctioned(place, compile_cascade(place), subject.id)
    _print_json(found) if as_json else print_sanctioned(place, found, loaded.where)
    return _exit(found.outcome, found.endings, found.revoke, found.get_back, found.take_over)


def _sign(place: Path, proposal: Path, day: date, as_json: bool, recorded: tuple[Path | None, str | None]) -> int:
    given, judgement = judged(place, proposal, day)
    report = report_of(judgement, given.proposed.where, given.base.where)
    state, decided_by = recorded
    entry = None
    if state is not None and decided_by is not None:
        now = time.time_ns() // 1000
        entry = put_on_record(state, proposal.name, given.base.place.place, judgement, decided_by, now)
    if as_json:
        _print_json({**msgspec.to_builtins(report), "entry": entry})
    else:
        print_signing(given.proposed.place, proposal.name, report, entry)
    return int(judgement.verdict is not Verdict.ALLOW)
