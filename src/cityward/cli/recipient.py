"""`cityward recipient`: whoever is given data: what they prove themselves with, what they were given, agreements to approve."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.groups import Group
from cityward.cli.options import CERTIFICATE_OUT, FOR_THE_RECORD, JSON, STATE
from cityward.cli.words import aside, head, lead, put, put_json, put_json_line, remark, rows, say

if TYPE_CHECKING:
    from cityward.compose.outgoing.recipients import Asked
    from cityward.compose.outgoing.statements import RecipientView, Statement
    from cityward.compose.setting import Setting
    from cityward.place.model import Place

EXAMPLES = """
\b
Examples:
  cityward recipient list --state /srv/town
  cityward recipient add acme-desk --state /srv/town            prints its key, once
  cityward recipient add acme-files --access - --state /srv/town < store.json
  cityward recipient revoke acme-desk --state /srv/town         bites within a second
  cityward recipient approve acme-2026 --state /srv/town        after its control or scope changed
  cityward recipient statement acme-desk --month 2026-11 --state /srv/town
  cityward recipient receipts acme-desk --month 2026-11 --state /srv/town    all of them, page by page
\b
Each change is on record, with who made it. `docs/recipients.md` has the whole way.
"""

ACCESS = click.option(
    "--access", type=click.File("rb"), help="Of an export: our access to its store or server, as JSON; `-` is stdin."
)
MOST_ACCESS = 65_537
EVER = "1970-01-01"  # the first day of a statement that is of no month


@click.group("recipient", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Add, rotate or revoke recipients of data; see what they were given; approve agreements."""


@command.command("list")
@STATE
@JSON
def list_recipients(state: Path, as_json: bool) -> None:
    """Every declared recipient with its counts, and the agreements that wait for an approval."""
    from cityward.compose.outgoing.agreements import pending_agreements
    from cityward.compose.outgoing.statements import recipient_views

    setting = _setting(state)
    views, waiting = recipient_views(setting), pending_agreements(setting)
    if as_json:
        put_json({"recipients": views, "pending": waiting})
        return
    for view in views:
        put(f"{view.recipient:28} {view.by:8} {view.state:10} {_counts(view)}")
    for one in waiting:
        lead(f"agreement {one.agreement} waits for an approval; nothing leaves under it")
        rows(list(one.changed))


@command.command("show")
@click.argument("recipient")
@STATE
@JSON
def show(recipient: str, state: Path, as_json: bool) -> None:
    """What RECIPIENT may have now, what it was given last, and what it asked for in vain."""
    from cityward.compose.outgoing.recipients import declared_of
    from cityward.compose.outgoing.statements import receipt_told, recipient_views, refusal_told

    setting = _setting(state)
    declared_of(setting, recipient)
    [view] = [one for one in recipient_views(setting) if one.recipient == recipient]
    book = setting.state.releases
    receipts = [receipt_told(one) for one in book.receipts(recipient=recipient, most=20)]
    refused = [refusal_told(one) for one in book.refusals(recipient, 20)]
    if as_json:
        put_json({"recipient": view, "receipts": receipts, "refused": refused})
        return
    _put_view(view)
    head("Receipts")
    rows([f"{one['receipt']}  {one['at']}  {one['dataset']}  {one['rows']} rows  {one['state']}" for one in receipts])
    head("Refused")
    rows([f"{one['at']}  {one['dataset']} for {one['purpose']}  {one['reasons']}  x{one['count']}" for one in refused])


def _put_view(view: RecipientView) -> None:
    lead(f"{view.recipient} ({view.party}), {view.by}, {view.state}; proves itself by {view.proves_by}")
    say(_counts(view))
    law = ", ".join(view.law) or "none known"
    say(f"Under the law of {law}" + (f"; possibly of {', '.join(view.possibly)}" if view.possibly else "") + ".")
    for lane in view.lanes:
        say(f"{lane['dataset']} for {lane['purpose']}: {lane['answer']}", mark="- ")


def _counts(view: RecipientView) -> str:
    return (
        f"triggered {view.triggered:,} = sent {view.sent:,} + queued {view.queued:,} + shed {view.shed:,} rows; "
        f"withheld {view.withheld:,}; refused {view.refused:,} request{'' if view.refused == 1 else 's'}"
    )


@command.command("add")
@click.argument("recipient")
@STATE
@CERTIFICATE_OUT
@ACCESS
@FOR_THE_RECORD
@JSON
def add(recipient: str, state: Path, out: Path | None, access: Any, by: str | None, as_json: bool) -> None:
    """Issue what a declared RECIPIENT proves itself with. It is told once; the city keeps hashes."""
    from cityward.compose.outgoing.recipients import add_recipient

    _give(recipient, add_recipient(_asked(recipient, state, by), out, _read(access)), as_json)


@command.command("rotate")
@click.argument("recipient")
@STATE
@CERTIFICATE_OUT
@ACCESS
@FOR_THE_RECORD
@JSON
def rotate(recipient: str, state: Path, out: Path | None, access: Any, by: str | None, as_json: bool) -> None:
    """Issue RECIPIENT something new in place of what it has, which is worth nothing within a second."""
    from cityward.compose.outgoing.recipients import rotate_recipient

    _give(recipient, rotate_recipient(_asked(recipient, state, by), out, _read(access)), as_json)


@command.command("revoke")
@click.argument("recipient")
@STATE
@FOR_THE_RECORD
@click.pass_context
def revoke(ctx: click.Context, recipient: str, state: Path, by: str | None) -> None:
    """Give RECIPIENT nothing from now on: what waits for it is shed, its connections are cut."""
    from cityward.compose.outgoing.recipients import revoke_recipient

    if not revoke_recipient(_asked(recipient, state, by)):
        aside(f"{recipient} has no credential that could be taken away")
        ctx.exit(1)
    put(f"{recipient} is revoked")


@command.command("approve")
@click.argument("agreement")
@STATE
@FOR_THE_RECORD
@JSON
def approve(agreement: str, state: Path, by: str | None, as_json: bool) -> None:
    """Approve AGREEMENT as it stands now; says what changed since it was approved last."""
    from cityward.compose.outgoing.agreements import approve_agreement

    told = approve_agreement(_setting(state), agreement, by or getpass.getuser())
    if as_json:
        put_json(told)
        return
    lead(f"{agreement} is approved as it stands")
    rows(list(told.changed))


@command.command("statement")
@click.argument("recipient")
@click.option("--month", required=True, help="Which, as 2026-11.")
@STATE
@JSON
def show_statement(recipient: str, month: str, state: Path, as_json: bool) -> None:
    """What did RECIPIENT get this month: rows, datasets, forms, purposes, and under which law it stands now."""
    from cityward.compose.outgoing.recipients import declared_of
    from cityward.compose.outgoing.statements import month_of, statement

    setting = _setting(state)
    declared_of(setting, recipient)
    put_statement(statement(setting, month_of(month), recipient=recipient), as_json, setting.loaded.place)


@command.command("receipts")
@click.argument("recipient")
@click.option("--dataset", default=None, help="Only of this dataset.")
@click.option("--month", default=None, help="Only of this month, as 2026-11.")
@click.option("--after", default="", help="Those behind this receipt: the last of the page before.")
@click.option("--most", type=click.IntRange(1, 1000), default=100, show_default=True)
@STATE
@JSON
def show_receipts(
    recipient: str, dataset: str | None, month: str | None, after: str, most: int, state: Path, as_json: bool
) -> None:
    """Every receipt of RECIPIENT, the newest first, page by page."""
    from cityward.compose.outgoing.received import ReceivedDesk

    desk = ReceivedDesk(_setting(state))
    found = desk.receipts(recipient, dataset, after, most, month=month)
    following = str(found[-1]["receipt"]) if len(found) == most else ""
    if as_json:
        put_json({"receipts": found, "next": following})
        return
    rows([f"{one['receipt']}  {one['at']}  {one['dataset']}  {one['rows']} rows  {one['state']}" for one in found])
    if following:
        aside(f"more: --after {following}")


def put_statement(told: Statement, as_json: bool, place: Place) -> None:
    """A statement, for a person or as JSON. Countries are told by name: some of their ids are words."""
    from cityward.reach.telling.names import name_of

    if as_json:
        put_json(told)
        return
    span = f"up to {told.until}" if told.since == EVER else f"from {told.since} to {told.until}"
    lead(f"{told.about}: {told.rows:,} rows {span}")
    for line in told.lines:
        form = "; ".join(line.form.values()) or "as it is held"
        certain, possible = (", ".join(name_of(place, land) for land in lands) for lands in (line.law, line.possibly))
        law = (f"It is under the law of {certain} now" if certain else "It is under no law that is known now") + (
            f"; possibly under that of {possible}" if possible else ""
        )
        say(
            f"{line.recipient} ({line.party}) was given {line.rows:,} rows of {line.dataset} for {line.purpose}, by flow "
            f"{line.flow} under {line.agreement or 'no agreement'}, {form}, from {line.first_day} to {line.last_day}, with "
            f"{line.receipts:,} receipt{'' if line.receipts == 1 else 's'}. {law}.",
            mark="- ",
        )
        remark(f"Receipts, the newest: {', '.join(line.newest_receipts)}", indent="    ")
    head("Refused")
    rows(
        [
            f"{o['at']}  {o['recipient']}  {o['dataset']} for {o['purpose']}: {o['reasons']} x{o['count']}"
            for o in told.refused
        ]
    )


def _setting(state: Path) -> Setting:
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting

    return open_setting(Home(state))


def _asked(recipient: str, state: Path, by: str | None) -> Asked:
    from cityward.compose.outgoing.recipients import Asked

    return Asked(state, recipient, by or getpass.getuser())


def _read(access: Any) -> bytes | None:
    return None if access is None else access.read(MOST_ACCESS)


def _give(recipient: str, given: dict[str, str], as_json: bool) -> None:
    made = {"recipient": recipient} | given
    if as_json:
        put_json_line(made)
        return
    for name, value in made.items():
        put(f"{name:12} {value}")
    aside("Hand it over by a way that others do not read: it is told once, and the city keeps hashes.")
    sys.stdout.flush()
