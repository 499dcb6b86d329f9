"""`cityward report`: what the evidence says of each principle, and what nobody knows yet; on paper, and signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.options import FOR_THE_RECORD, JSON
from cityward.cli.report_packs import put_pack
from cityward.cli.words import aside, head, lead, put, put_json, rows, say

if TYPE_CHECKING:
    from cityward.assurance.reporting.changes import Changed, Changes
    from cityward.assurance.reporting.model import ControlTold, Report
    from cityward.compose.reporting.folder import Written
    from cityward.compose.reporting.gathering import Gathered

ALL_FORMS = "html,pdf,json,oscal,sarif"

EXAMPLES = """
\b
Examples:
  cityward report --state var/doggerford
  cityward report --state var/doggerford --control K-04        every subject of one control, with its grounds
  cityward report --state var/doggerford --pack caf             the clauses of a framework, with the controls behind them
  cityward report --state var/doggerford --out march           HTML, PDF, JSON with proofs, OSCAL, SARIF; signed, on record
  cityward report --state var/doggerford --out april --since march --format html,json
  cityward report --state var/doggerford --at 2026-03-31 --json
  cityward report verify march --key doggerford/reports+1a2b3c4d+AbC...
\b
Exit 1 while a control fails. Unknown is not a pass: it is told apart, with what would settle it.
"""


@click.group("report", cls=Group, epilog=EXAMPLES, invoke_without_command=True)
@click.option(
    "--state", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The state directory of the city."
)
@click.option("--control", "only", default=None, help="One control, subject by subject.")
@click.option("--pack", default=None, help="The clauses of a framework instead: caf, nis2, en-303-645 ...")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write the report into this folder, signed."
)
@click.option("--format", "forms", default=None, help=f"With --out: which forms. Default: {ALL_FORMS}.")
@click.option("--at", default=None, metavar=METAVAR, help=f"Of that moment, not of now: {HELP}.")
@click.option(
    "--since",
    type=click.Path(path_type=Path, exists=True),
    help="What changed since this report (a folder, or its report.json).",
)
@FOR_THE_RECORD
@JSON
@click.pass_context
def command(
    ctx: click.Context, state: Path | None, only: str | None, pack: str | None, out: Path | None, forms: str | None,
    at: str | None, since: Path | None, by: str | None, as_json: bool,
) -> None:  # fmt: skip
    """What the city's evidence says, principle by principle; each word with the record it rests on."""
    if ctx.invoked_subcommand is not None:
        if state is not None:
            raise click.UsageError("--state is not for `verify`: it checks a folder, without the city")
        return
    if state is None:
        raise click.UsageError("name the city by --state")
    if pack is not None and (only is not None or out is not None or since is not None):
        raise click.UsageError("--pack is told by itself: leave out --control, --out and --since")
    if forms is not None and out is None:
        raise click.UsageError("--format is of what is written: name a folder by --out")
    from cityward.assurance.reporting.changes import changes
    from cityward.compose.reporting.folder import read_report
    from cityward.compose.reporting.gathering import gather

    if pack is not None:
        ctx.exit(int(put_pack(gather(state, _moment(state, at)).report, pack, as_json=as_json)))
    before = read_report(since) if since is not None else None
    found = gather(state, _moment(state, at))
    chosen = _chosen(found.report, only)  # before anything is written
    compared = changes(before, found.report) if before is not None else None
    written = None if out is None else _give_out(found, compared, _forms(forms), (state, out), by)
    if as_json:
        put_json(written or _document(found.report, compared, only))
    else:
        _put(found.report, compared, only, written, out)
    ctx.exit(int(any(one.result == "failed" for one in chosen)))


@command.command("verify")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", default=None, help="The city's report key, as it was given to you, or a file with it.")
@JSON
def verify(folder: Path, key: str | None, as_json: bool) -> None:
    """Whether the files of a report are those that the city signed. Offline; exit 1 when not."""
    from cityward.cli.verify import keys_in
    from cityward.compose.reporting.folder import check_folder
    from cityward.evidence.checkpoint import parse_key

    given = next(iter(keys_in((key,))), None) if key is not None else None
    if key is not None and given is None:
        raise click.UsageError(f"there is no key in {key}")
    manifest = check_folder(folder, given)
    if as_json:
        put_json({"ok": True, "own_key": given is None, **_listed(manifest.origin, manifest.facts, manifest.files)})
        return
    put(f"OK  signed by {manifest.origin}, of {manifest.facts.get('at', 'no moment')}")
    for name, digest in manifest.files.items():
        put(f"    {digest[:16]}  {name}")
    if given is None:
        beside = parse_key((folder / "report.vkey").read_text()).fingerprint
        put(f"Judged by the key beside them: compare its fingerprint {beside} with the one you were given.")


def _listed(origin: str, facts: object, files: object) -> dict[str, object]:
    return {"origin": origin, "facts": facts, "files": files}


def _moment(state: Path, at: str | None) -> int | None:
    if at is None:
        return None
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting

    return moment_us(at, open_setting(Home(state)).now_us(), "--at")


def _forms(text: str | None) -> tuple[str, ...]:
    """The forms that were asked for; without being asked, a PDF only where it can be made, and loudly not."""
    from cityward.compose.reporting.pdf import EXTRA, pdf_at_hand

    known = ALL_FORMS.split(",")
    if text is None:
        if pdf_at_hand():
            return tuple(known)
        aside(f"NO PDF IS WRITTEN: typst is not installed. For one: {EXTRA}")
        return tuple(form for form in known if form != "pdf")
    forms = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for form in forms:
        if form not in known:
            raise click.BadParameter(f"`{form}` is none of {ALL_FORMS}", param_hint="--format")
    return forms


def _give_out(
    found: Gathered, compared: Changes | None, forms: tuple[str, ...], folders: tuple[Path, Path], by: str | None
) -> Written:
    from getpass import getuser

    from cityward.compose.reporting.folder import Wanted, give_out
    from cityward.text import harmless

    state, out = folders
    return give_out(found, Wanted(forms, str(state), compared), out, harmless(by or getuser())[:120])


def _chosen(report: Report, only: str | None) -> Sequence[ControlTold]:
    chosen = [one for one in report.controls if only is None or one.id == only.upper()]
    if not chosen:
        known = ", ".join(one.id for one in report.controls)
        raise click.UsageError(f"there is no control `{only}`: name one of {known}")
    return chosen


def _document(report: Report, compared: Changes | None, only: str | None) -> object:
    if only is not None:
        return _chosen(report, only)
    return report if compared is None else {"report": report, "changes": compared}


def _put(report: Report, compared: Changes | None, only: str | None, written: Written | None, out: Path | None) -> None:
    if only is not None:
        _put_control(_chosen(report, only)[0])
    elif written is None:
        _put_all(report)
    if compared is not None:
        _put_changes(compared)
    if written is not None:
        lead(f"Written to {out}, signed, and on record as {written.entry}")
        for name, digest in written.files.items():
            put(f"  {digest[:16]}  {name}")
        say("Whoever is given it checks it by:")
        put(
            f"  cityward report verify {out} --key {written.key}"
        )  # on one line, however long: it is there to be copied
        say(f"The key's fingerprint is {written.fingerprint}: give it to them by another way.")


def _put_all(report: Report) -> None:
    lead(f"What is on record of this city, by declaration {report.declaration[:12]}, {report.at}")
    for warning in report.warnings:
        say(f"READ FIRST: {warning}")
    flows = ", ".join(f"{count} {kind}" for kind, count in report.observability.items())
    say(f"Flows by how Cityward knows of them: {flows}.")
    head("Four numbers")
    for one in report.headlines:
        say(f"{one.title}: {one.value}", "  ")
        say(f"how: {one.how}", "      ")
    for group in ("understand", "design", "manage"):
        head(group.capitalize())
        for told in report.principles:
            if told.group == group:
                say(f"{told.id} {told.name}: {told.headline}", "  ")
    head("Controls")
    for control in report.controls:
        say(f"{control.id} {control.result}: {control.why or 'every subject'}", "  ")
    head("What would settle most of what is unknown")
    for missing in report.missing:
        say(f"{missing.settles} subjects of {', '.join(missing.controls)}: {missing.what}", "  ")


def _put_control(control: ControlTold) -> None:
    lead(f"{control.id} {control.result}: {control.why}")
    for judged in control.subjects:
        say(f"{judged.result} {judged.subject}: {judged.said}", "  ")
        for ground in judged.grounds:
            say(f"{ground.cls}, {ground.entry or ground.line}: {ground.said}", "      ", "- ")
        for title, text in (("to settle it", judged.missing), ("to mend it", judged.mend)):
            if text:
                say(f"{title}: {text}", "      ", "- ")


def _put_changes(compared: Changes) -> None:
    head(f"Since {compared.since_at}")
    say("The declaration has changed." if compared.declaration_changed else "The declaration is the same.")
    for one in (*compared.headlines, *compared.controls):
        say(f"{one.id} {one.title}: {one.before or 'was not there'}, now {one.after or 'not there'}", "  ")
    lists = (("Worse", compared.worse), ("New", compared.new), ("Better", compared.better), ("Gone", compared.gone))
    for title, items in lists:
        if items:
            say(f"{title}: {len(items)}")
            rows([_line(one) for one in items], "    ")
    if compared.nothing:
        say("Nothing is different.")


def _line(one: Changed) -> str:
    return f"{one.control} {one.subject}: {one.before or 'was not there'}, now {one.after or 'not there'}. {one.said}"
