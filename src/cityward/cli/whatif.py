"""`cityward whatif`: the difference it makes when somebody stops, turns, is cut off, or when we sign."""

from __future__ import annotations

import sys
import time
from datetime import date, datetime
from pathlib import Path

import click
import msgspec

from cityward.cli.sign_words import print_signing
from cityward.cli.whatif_words import Where, print_blasts, print_hostile, print_sanctioned
from cityward.cli.words import put_json
from cityward.compose.asking.sign import judged, judged_given, put_on_record
from cityward.compose.places import load_place
from cityward.errors import PlaceErrors
from cityward.place.loader import Loaded, Proposed
from cityward.place.model import Place
from cityward.reach.blast.hostile import Hostile
from cityward.reach.blast.outcome import Outcome
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.subjects import Subject
from cityward.reach.exposure.compile import place_on
from cityward.reach.sign.report import report_of
from cityward.reach.sign.whatif import Judgement, Verdict
from cityward.reach.whatif.asking import WILLED, Answer, How, Ready, ask, subject_for
from cityward.reach.whatif.signing import mistake_of, not_read, signed

MOST_STDIN = 1 << 20

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
@click.option(
    "--hostile", "turned", metavar="NAME", help="A party, or a jurisdiction by its laws: it turns against the city."
)
@click.option(
    "--sanctioned", "banned", metavar="NAME", help="A party, or all of a jurisdiction: it may no longer be dealt with."
)
@click.option("--cut", "cut_off", metavar="NAME", multiple=True, help="It is cut off. May be repeated.")
@click.option(
    "--sign",
    "proposal",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="May we sign this? `-` reads it from standard input.",
)
@click.option(
    "--called", metavar="NAME", default="proposal", help="How lines of standard input are told.  [default: proposal]"
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
    called: str,
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
        ctx.exit(_sign(place, (proposal, called), on, as_json, (record, decided_by)))
    loaded = load_place(place)
    asked = {How.DARK: went_dark, How.HOSTILE: _one(turned), How.SANCTIONED: _one(banned), How.CUT: cut_off}
    how, names = next((how, names) for how, names in asked.items() if names)
    ctx.exit(_ask(loaded, place_on(loaded.place, on), how, names, as_json))


def _one(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()


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


def _subject(place: Place, how: How, words: str) -> Subject:
    from cityward.errors import PlaceError

    try:
        return subject_for(place, how, words)
    except PlaceError as error:
        raise click.UsageError(f"{error.what}; {error.mend}") from None


def _exit(outcome: Outcome, *findings: object) -> int:
    """Something fails, or may fail, or something else was found."""
    return int(bool(outcome.effects or outcome.possible) or any(findings))


def _ask(loaded: Loaded, place: Place, how: How, names: tuple[str, ...], as_json: bool) -> int:
    answers = ask(Ready(place), how, [_subject(place, how, words) for words in names])
    if as_json:
        alone = len(answers) == 1 and how in WILLED
        put_json(answers[0] if alone else {"answers": answers})
    for answer in () if as_json else answers:
        _print(place, answer, loaded.where)
    return max(map(_findings, answers))


def _print(place: Place, answer: Answer, where: Where) -> None:
    if isinstance(answer, Hostile):
        print_hostile(place, answer, where)
    elif isinstance(answer, Sanctioned):
        print_sanctioned(place, answer, where)
    else:
        print_blasts(place, (answer,), where)


def _findings(answer: Answer) -> int:
    if isinstance(answer, Hostile):
        return _exit(answer.outcome, answer.reached, answer.integrity)
    if isinstance(answer, Sanctioned):
        return _exit(answer.outcome, answer.endings, answer.revoke, answer.get_back, answer.take_over)
    return _exit(answer.outcome, answer.lost.gone, answer.lost.underfed)


def _sign(
    place: Path, asked: tuple[Path, str], day: date, as_json: bool, recorded: tuple[Path | None, str | None]
) -> int:
    proposal, called = asked
    name = called if str(proposal) == "-" else proposal.name
    try:
        given, judgement = _judged(place, proposal, name, day)
    except PlaceErrors as error:
        if not as_json:
            raise
        put_json(not_read(tuple(map(mistake_of, error.errors)), name))
        return 1
    report = report_of(judgement, given.proposed.where, given.base.where)
    state, decided_by = recorded
    entry = None
    if state is not None and decided_by is not None:
        now = time.time_ns() // 1000
        entry = put_on_record(state, name, given.base.place.place, judgement, decided_by, now)
    if as_json:
        answer = signed(report, name)
        put_json({**msgspec.to_builtins(report), "word": answer.word, "said": answer.said, "entry": entry})
    else:
        print_signing(given.proposed.place, name, report, entry)
    return int(judgement.verdict is not Verdict.ALLOW)


def _judged(place: Path, proposal: Path, name: str, day: date) -> tuple[Proposed, Judgement]:
    if str(proposal) != "-":
        return judged(place, proposal, day)
    raw = sys.stdin.buffer.read(MOST_STDIN + 1)
    if len(raw) > MOST_STDIN:
        raise click.UsageError(f"standard input holds more than {MOST_STDIN >> 10} KiB: name a file")
    return judged_given(place, name, raw, day)
