"""The command line: one file per command, imported only when it is used.

Lives here: the group, and what every command shares: exit codes (0 fine, 1 findings, 2 usage) and how errors are told.
Does not live here: options. A command declares its own, in `cityward/cli/<name>.py`, and exposes itself as `command`.

INVARIANT: no error of ours reaches a person as a traceback.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from keyword import iskeyword

import click

from cityward import __version__
from cityward.cli.groups import Group
from cityward.cli.words import aside
from cityward.errors import CitywardError

COMMANDS = {
    "run": "run a place (default: the bundled demo city)",
    "check": "every error of a declaration with its line and a mend; unknowns counted",
    "check-feed": "live feeds and timetables of public transport, held to the published rules",
    "reach": "who can reach what, certainly and possibly, and by which path",
    "reconcile": "declared against observed, both ways: the city's own gates and flow logs of others",
    "whatif": "what falls if somebody stops or turns; whether a proposal may be signed",
    "taint": "what a device's data touched, and taking it back",
    "erase": "erase a device's or a subject's data from every copy here, on record",
    "retention": "how long each dataset is kept, and the oldest record of every store",
    "register": "records of processing and register of transfers, with what was observed",
    "changes": "what changed since a day: who can newly reach what, which flows came and went",
    "follow": "where one datum went, hop by hop, to its last recipients",
    "trace": "where a command, record, device, finding or mark came from, and what it reached",
    "exercise": "try attacks that happened elsewhere on a twin of the city; what held, and how fast",
    "report": "what the evidence says of each principle, and what nobody knows yet",
    "attest": "state what no machine can see, with an end; what is due, what nobody stated",
    "risk": "what may go wrong where data crosses a boundary, what stops it, who bears the rest",
    "supplier": "a supplier on one page: what it touches and reaches, what it showed, until when it mends",
    "verify": "check evidence ledgers offline",
    "evidence": "hand evidence to others: entries with their proofs, checked offline",
    "witness": "vouch for another party's evidence; in the city, see who vouches",
    "replay": "feed recorded data through the real front door; the counts must balance",
    "bench": "measure the chain on this machine",
    "watch": "what the watch found: open incidents with their findings; take them in hand",
    "incident": "files of incidents: what is affected, who must be told by when, what was decided; export",
    "actor": "what an actor could do here, what stops it, and when that was last tried",
    "device": "add, list or revoke devices",
    "camera": "cameras and who looked through them; recordings as evidence, with their chain of custody",
    "person": "who may sign in: add, list, show, link, lock, remove; the OpenID provider",
    "grant": "which roles people hold: give, open, take, list; each ends by itself",
    "recipient": "whoever is given data: add, rotate, revoke; what they were given; agreements to approve",
    "received": "who received my data, what, when, why, in what form, and under which law it is now",
    "forecast": "what a device will read, how sure that is, and how good such forecasts were",
    "alert": "the channels by which the city calls for help: list, key, password, test",
    "contain": "cut off a device, supplier, site or jurisdiction for a time; see before what it costs",
    "posture": "switch a tighter set of rules that was agreed on before; see before what it stops",
    "service": "what services do and why; hold their actuators at a value for a time, undo, approve",
    "basemap": "make the map that the console draws the city on, of a GeoPackage, GeoJSON or OSM extract",
    "import": "read Threagile, OTM, BODS, GLEIF, CycloneDX or CSV sheets into a fragment of a declaration",
    "export": "write a place as SARIF, CycloneDX, DPV, Threagile, OTM, GraphML, DOT or SVG",
}
"""Every command and its short help, so that `cityward --help` imports none of them."""

FINDINGS = 1


class LazyGroup(Group):
    """Commands are modules, imported when used: the help of one does not wait for the imports of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = f"{name}_" if iskeyword(name) else name  # `import` is no name of a module
        return import_module(f"cityward.cli.{module}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cityward")
def cityward() -> None:
    """Run a connected place from one declaration, and show where every datum goes."""


def main(arguments: list[str] | None = None) -> None:
    """The entry point. Exits 0 fine, 1 findings or an error of ours, 2 usage."""
    # Before NumPy is loaded. Our matrices are small and our processes many: threads of BLAS only wait for each other. Measured on
    # two shared cores: an inverse of 168 x 168 takes 26 ms with two threads, 0.5 ms with one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cityward.main(args=arguments, prog_name="cityward")
    except CitywardError as error:
        _tell(error)
        sys.exit(FINDINGS)
    except OSError as error:
        from cityward.compose.files import refused_by_system

        _tell(refused_by_system(error))
        sys.exit(FINDINGS)


def _tell(error: CitywardError) -> None:
    for one in getattr(error, "errors", (error,)):  # some stand for many, each for its line
        aside(f"{type(one).__name__}: {one}")
