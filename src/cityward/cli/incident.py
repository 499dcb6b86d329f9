"""`cityward incident`: files of incidents: what happened, to whom, who must be told by when, and what was decided."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.options import FOR_THE_RECORD, JSON, STATE
from cityward.cli.words import aside, head, lead, put, put_json, rows, say
from cityward.time import iso

if TYPE_CHECKING:
    from cityward.assurance.incidents.account import Account
    from cityward.assurance.incidents.clocks import Clock
    from cityward.assurance.incidents.file import FileStep, IncidentFile
    from cityward.compose.proving.incident_files import Said

EXAMPLES = """
\b
Examples:
  cityward incident list --state var/doggerford
  cityward incident open --state var/doggerford --from 3f9a         of an incident that the watch found
  cityward incident open --state var/doggerford --title "A cabinet stood open" --subject bin-03 --subject site:yard
  cityward incident show 3f9a --state var/doggerford                clocks, people, recipients, timeline
  cityward incident join 3f9a --state var/doggerford --from 77c1    a second incident of the watch belongs to it
  cityward incident decide 3f9a --state var/doggerford --text "cut off until Monday" --ref operator:12
  cityward incident told 3f9a --state var/doggerford --duty gb.early-warning --to "the regulator" --text "by telephone"
  cityward incident note 3f9a --state var/doggerford --text "forty parking sessions" --people 40
  cityward incident close 3f9a --state var/doggerford --text "replaced, and tried again"
  cityward incident export 3f9a --state var/doggerford --out 3f9a.zip    to read, for machines, and with proofs
\b
Exit code: 0 fine, 1 a reporting clock is overdue (list, show) or an error, 2 usage.
"""

FILE = click.argument("file")
TEXT = click.option("--text", required=True, help="What is to stand in the file, in your words.")
REFS = click.option("--ref", "refs", multiple=True, help="An entry of the log that it is about. May be repeated.")
MOST_MOMENTS = 40


@click.group("incident", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Files of incidents: what happened, to whom, who must be told by when, and what was decided."""


@command.command("list")
@STATE
@click.option("--whole", is_flag=True, help="With --json: each file whole.")
@JSON
@click.pass_context
def list_(ctx: click.Context, state: Path, whole: bool, as_json: bool) -> None:
    """Every file, with the clock that is due next."""
    from cityward.assurance.incidents.account import account_of, files_in
    from cityward.compose.proving.incident_files import dossier_of_city

    dossier = dossier_of_city(state)
    accounts = [account_of(dossier, file) for file in files_in(dossier).values()]
    if as_json:
        put_json(accounts if whole else [_line(account) for account in accounts])
    else:
        open_ = sum(account.state == "open" for account in accounts)
        lead(f"{len(accounts) or 'No'} incident file{'' if len(accounts) == 1 else 's'}, {open_} open.")
        for account in accounts:
            put(f"  {account.file.id}  {account.state:6}  {_next(account):32}  {account.file.title}")
    ctx.exit(int(any(_overdue(account) for account in accounts)))


@command.command("show")
@FILE
@STATE
@JSON
@click.pass_context
def show(ctx: click.Context, file: str, state: Path, as_json: bool) -> None:
    """One FILE: what it touches, who must be told, what the log says of it."""
    from cityward.compose.proving.incident_files import account_in

    account = account_in(state, file)
    if as_json:
        put_json(account)
    else:
        _show(account)
    ctx.exit(int(_overdue(account)))


@command.command("open")
@STATE
@click.option("--from", "incident", default=None, help="An incident of the watch, by its id or the beginning of it.")
@click.option("--title", default="", help="What it is about; needed without --from.")
@click.option("--subject", "subjects", multiple=True, help="A unit, or `kind:id` (site:, dataset:, recipient:, ...).")
@click.option("--began", default=None, metavar=METAVAR, help=f"When it began, as far as known: {HELP}.")
@FOR_THE_RECORD
@JSON
def open_(
    state: Path, incident: str | None, title: str, subjects: tuple[str, ...], began: str | None, by: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Open a file, of an incident of the watch or by hand."""
    if (incident is None) == (not title):
        raise click.UsageError("name an incident of the watch by --from, or say by --title what it is about")
    from cityward.compose.proving.incident_files import Said, open_file
    from cityward.compose.proving.taint import city_now

    facts = {} if began is None else {"began": str(moment_us(began, city_now(state), "--began"))}
    said = Said(_who(by), title, incidents=(incident,) if incident else (), subjects=subjects, facts=facts)
    _put_after(open_file(state, said), as_json)


@command.command("join")
@FILE
@STATE
@click.option("--from", "incidents", multiple=True, help="A further incident of the watch. May be repeated.")
@click.option("--subject", "subjects", multiple=True, help="A further subject. May be repeated.")
@click.option("--text", default="", help="Why.")
@FOR_THE_RECORD
@JSON
def join(
    file: str, state: Path, incidents: tuple[str, ...], subjects: tuple[str, ...], text: str, by: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Join further incidents of the watch, or subjects, to FILE."""
    if not incidents and not subjects:
        raise click.UsageError("name what joins: --from INCIDENT or --subject SUBJECT")
    from cityward.assurance.incidents.file import FileStep
    from cityward.compose.proving.incident_files import Said

    _add(state, file, FileStep.JOINED, Said(_who(by), text, incidents=incidents, subjects=subjects), as_json)


@command.command("decide")
@FILE
@STATE
@TEXT
@REFS
@FOR_THE_RECORD
@JSON
def decide(file: str, state: Path, text: str, refs: tuple[str, ...], by: str | None, as_json: bool) -> None:
    """Put a decision on record."""
    from cityward.assurance.incidents.file import FileStep
    from cityward.compose.proving.incident_files import Said

    _add(state, file, FileStep.DECIDED, Said(_who(by), text, refs=refs), as_json)


@command.command("told")
@FILE
@STATE
@click.option("--to", required=True, help="Who was told: an authority, a recipient, the people concerned.")
@click.option("--duty", "duties", multiple=True, help="The reporting duty that this did, as `show` names it.")
@TEXT
@REFS
@FOR_THE_RECORD
@JSON
def told(
    file: str, state: Path, to: str, duties: tuple[str, ...], text: str, refs: tuple[str, ...], by: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Put a message to somebody on record; with --duty it stops that clock."""
    from cityward.assurance.incidents.file import FileStep
    from cityward.compose.proving.incident_files import Said

    _add(state, file, FileStep.TOLD, Said(_who(by), text, to=to, duties=duties, refs=refs), as_json)


@command.command("note")
@FILE
@STATE
@TEXT
@REFS
@click.option("--people", default=None, help="How many people it touches, as far as you know: a number, or words.")
@FOR_THE_RECORD
@JSON
def note(
    file: str, state: Path, text: str, refs: tuple[str, ...], people: str | None, by: str | None, as_json: bool
) -> None:
    """Put on record what is known."""
    from cityward.assurance.incidents.file import FileStep
    from cityward.compose.proving.incident_files import Said

    facts = {} if people is None else {"people": people}
    _add(state, file, FileStep.NOTED, Said(_who(by), text, refs=refs, facts=facts), as_json)


@command.command("close")
@FILE
@STATE
@TEXT
@FOR_THE_RECORD
@JSON
def close(file: str, state: Path, text: str, by: str | None, as_json: bool) -> None:
    """Close FILE. Clocks that run go on: closing tells nobody."""
    from cityward.assurance.incidents.file import FileStep
    from cityward.compose.proving.incident_files import Said

    _add(state, file, FileStep.CLOSED, Said(_who(by), text), as_json)


@command.command("export")
@FILE
@STATE
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A file: .zip, .json, .md or .html."
)
def export(file: str, state: Path, out: Path) -> None:
    """Write FILE for others: a .zip holds it to read, for machines, and the proofs of every entry that it names."""
    from cityward.compose.files import write
    from cityward.compose.proving.incident_files import FORMS, account_in, in_form

    if out.suffix not in FORMS:
        raise click.UsageError(f"--out ends in one of {', '.join(FORMS)}")
    account = account_in(state, file)
    write(out, in_form(out.suffix, state, account))
    put(f"{out}: file {account.file.id}, {len(account.entries)} entries")
    aside("It holds what is on record as it is: see that whoever receives it may read it.")


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _add(state: Path, file: str, step: FileStep, said: Said, as_json: bool) -> None:
    from cityward.compose.proving.incident_files import add_step

    _put_after(add_step(state, file, step, said), as_json)


def _put_after(account: Account, as_json: bool) -> None:
    if as_json:
        put_json(account)
        return
    put(f"{account.file.id} is {account.state}: {account.file.title}")
    rows([_clock(account, clock) for clock in account.clocks if clock.state.value in ("running", "overdue")])


def _line(account: Account) -> dict[str, object]:
    file = account.file
    return {
        "id": file.id, "state": account.state, "title": file.title, "severity": file.severity,
        "opened_at": file.opened_at, "opened_by": file.opened_by, "subjects": file.subjects, "clocks": account.clocks,
    }  # fmt: skip


def _overdue(account: Account) -> bool:
    return any(clock.state.value == "overdue" for clock in account.clocks)


def _next(account: Account) -> str:
    waiting = [clock for clock in account.clocks if clock.state.value in ("running", "overdue")]
    return f"{waiting[0].id} {waiting[0].state.value}" if waiting else "no clock runs"


def _show(account: Account) -> None:
    file, affected = account.file, account.affected
    lead(f"{file.title} ({account.state})")
    say(f"File {file.id}, opened {iso(file.opened_at)} by {file.opened_by}, entry {file.entry}.")
    say(f"It began {iso(file.began_at)}, as far as known. The city could know of it since {iso(file.aware_at)}.")
    _show_affected(account)
    head("Who must be told")
    rows([_clock(account, clock) for clock in account.clocks] or ["no reporting duty is declared for where it lies"])
    head("Who was given data since it began")
    given = [
        f"{one.recipient} ({one.party}): {one.rows} rows of {', '.join(one.datasets)}, {one.count} receipts"
        for one in affected.recipients
    ]
    rows(given or ["nobody, by the receipts"])
    _show_steps(file)
    head("Timeline")
    moments = account.timeline.moments
    for one in moments[-MOST_MOMENTS:]:
        say(f"{iso(one.at)}  {one.said}  [{one.entry}]", mark="- ")
    left = len(moments) - MOST_MOMENTS + sum(account.timeline.more.values())
    if left > 0:
        say(f"... and {left:,} earlier ones (--json, export)")


def _show_affected(account: Account) -> None:
    affected = account.affected
    people = affected.people
    say(f"Devices: {_names(affected.devices)}. Services: {_names(affected.services)}.")
    say(f"Functions: {_names(affected.functions)}; something essential: {affected.essential.value}.")
    say(f"Personal data: {affected.personal.value}. People: {_names(people.categories)}; how many: {people.count}.")
    for one in affected.lineage:
        spoiled = f"{one.hours} indicator hours and {one.ranges} ranges made again"
        commands = f"{len(one.commands) + one.commands_more} commands rest on it"
        say(f"{one.unit} is {one.state}: {spoiled}; {commands}; to tell: {_names(one.tell)}", mark="- ")


def _show_steps(file: IncidentFile) -> None:
    head("Decisions and messages")
    steps = [entry for entry in file.steps if entry.record.step != "opened"]
    told = [
        f"{iso(one.record.at)} {one.record.person} {one.record.step}"
        f"{f' {one.record.to}' if one.record.to else ''}: {one.record.text}  [{one.id}]"
        for one in steps
    ]
    rows(told or ["none on record"])


def _clock(account: Account, clock: Clock) -> str:
    from cityward.assurance.incidents.telling import left

    when = {
        "running": f"{left(clock, account.now_us)}",
        "overdue": f"OVERDUE, {left(clock, account.now_us)}",
        "told": f"told in time, entry {clock.entry}",
        "told-late": f"told late, entry {clock.entry}",
    }.get(clock.state.value, "does not apply")
    return f"{clock.id}: {clock.title}, to {clock.to}, by {iso(clock.due_us)}: {when} ({clock.why})"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none known"
