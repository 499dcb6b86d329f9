"""`cityward person`: who may sign in. `cityward grant`: which roles they hold, and until when (`cli.grant`)."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON, STATE
from cityward.cli.words import aside, put, put_json
from cityward.text import harmless

if TYPE_CHECKING:
    from cityward.compose.people.giving import PeopleDesk

EXAMPLES = """\b
Examples:
  cityward person add ada --name "Ada Quay" --party doggerford-council --state var/doggerford
  cityward person link ada --state var/doggerford            a sign-in link that works once, to enrol a passkey with
  cityward person show ada --reads --state var/doggerford    what she holds, reaches, and read
  cityward person lock ada --state var/doggerford            her sessions end at once
  cityward person know ada --subject 00u1x2 --state var/doggerford        by what name the OpenID provider knows her
\b
An account holds nothing by itself: `cityward grant give`. Whoever may use the state directory may do all of this; it is on record
with the name of the machine's user.
"""

READ_BACK = 10_000


@click.group("person", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Who may sign in to this city."""


@command.command("add")
@click.argument("person")
@click.option("--name", required=True, help="As people call them.")
@click.option("--party", required=True, help="The declared party they are of.")
@STATE
def add(person: str, name: str, party: str, state: Path) -> None:
    """A new account PERSON, which holds nothing yet."""
    desk_of(state).add(person, harmless(name), party, whose())
    put(f"{person} is added")
    aside(f"A link for them: cityward person link {person} --state {state}")


@command.command("list")
@STATE
@JSON
def list_all(state: Path, as_json: bool) -> None:
    """Everybody, with what they hold now."""
    from cityward.compose.people.telling import told_of

    desk = desk_of(state)
    rows = [told_of(desk, person) for person in desk.people()]
    if as_json:
        put_json(rows)
        return
    for row in rows:
        put(f"{row.id:20} {row.state:8} {row.party:24} {', '.join(row.roles) or '-'}")


@command.command("show")
@click.argument("person")
@STATE
@click.option("--reads", is_flag=True, help="Also how much of what they read, newest last.")
@JSON
def show(person: str, state: Path, reads: bool, as_json: bool) -> None:
    """What PERSON holds, until when, and how much it reaches."""
    from cityward.compose.people.telling import reads_of, told_of
    from cityward.time import iso

    desk = desk_of(state)
    row = told_of(desk, desk.person(person))
    read = reads_of(desk.setting, person, READ_BACK) if reads else ()
    if as_json:
        put_json({"person": row, "reads": read})
        return
    put(f"{row.id}: {row.name}, of {row.party}; {row.state}; signs in by {', '.join(row.ways) or 'a link only'}")
    for grant in row.grants:
        until = f"until {iso(grant.until)}" if grant.until else "until it is taken away"
        put(f"  {grant.role} ({grant.state.value}) {until}, given by {grant.given_by or '-'}: {grant.reason}")
    put(f"  reaches now: {row.devices} devices, {row.actuators} actuators, {row.datasets} datasets")
    for one in read:
        put(f"  {iso(one.since)} .. {iso(one.until)}: {', '.join(f'{n} {w}' for w, n in sorted(one.what.items()))}")


@command.command("link")
@click.argument("person")
@STATE
def link(person: str, state: Path) -> None:
    """A sign-in link for PERSON that works once, for a quarter of an hour."""
    desk = desk_of(state)
    put(f"{desk.setting.city.console}/sign-in?token={desk.link(person, whose())}")


@command.command("know")
@click.argument("person")
@click.option("--subject", required=True, help="The provider's own, unchanging id of them (`sub`).")
@STATE
def know(person: str, subject: str, state: Path) -> None:
    """By what name the city's OpenID provider knows PERSON."""
    from cityward.compose.people.oidc import issuer_of
    from cityward.errors import PlaceError

    desk = desk_of(state)
    issuer = issuer_of(desk.setting.home)
    if not issuer:
        raise PlaceError("this city has no OpenID provider", mend="set one: cityward person provider")
    desk.know(person, issuer, subject, whose())
    put(f"{person} may sign in by {issuer}")


@command.command("provider")
@click.option("--issuer", required=True, help="The provider's address, as it names itself.")
@click.option("--client", required=True, help="The city's client id there.")
@click.option("--scope", "scopes", multiple=True, default=("openid",), show_default=True)
@click.option("--address", "addresses", multiple=True, required=True, help="Where it may be: a name, address or block.")
@click.option("--with-secret", is_flag=True, help="Also keep a client secret, asked for.")
@STATE
def provider(
    issuer: str, client: str, scopes: tuple[str, ...], addresses: tuple[str, ...], with_secret: bool, state: Path
) -> None:
    """Set the city's OpenID provider; the web door takes it at its next start."""
    from cityward.compose.people.oidc import PeopleOidc, set_provider

    secret: str = click.prompt("Client secret", hide_input=True) if with_secret else ""
    wanted = PeopleOidc(issuer=issuer, client=client, secret=secret, scopes=scopes, addresses=addresses)
    set_provider(desk_of(state).setting.home, wanted)
    put(f"people may sign in by {issuer}")


def _stance(name: str, to: str, told: str) -> None:
    @command.command(name)
    @click.argument("person")
    @STATE
    def stance(person: str, state: Path) -> None:
        from cityward.runtime.people import Stance

        desk_of(state).stand(person, Stance(to), whose())
        put(f"{person} is {told}")

    stance.help = f"PERSON is {told} from now on."


_stance("lock", "locked", "locked, and every session of theirs has ended")
_stance("unlock", "active", "active again")
_stance("remove", "removed", "removed for good")


def desk_of(state: Path) -> PeopleDesk:
    """The desk of a city, running or not."""
    from cityward.compose.home import Home
    from cityward.compose.people.giving import PeopleDesk
    from cityward.compose.setting import open_setting
    from cityward.compose.watching.telling import FromOutside

    setting = open_setting(Home(state))
    return PeopleDesk(setting, FromOutside(setting))


def whose() -> str:
    """Who does it: not an account, but who may use the machine."""
    return harmless(f"machine:{getpass.getuser()}")
