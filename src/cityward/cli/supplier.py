"""`cityward supplier`: one supplier on one page, or all of them in a list."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.options import JSON
from cityward.cli.words import head, lead, put, put_json, rows, say
from cityward.place.hints import did_you_mean

if TYPE_CHECKING:
    from cityward.assurance.suppliers.telling import SupplierTold
    from cityward.place.loader import Loaded

EXAMPLES = """
\b
Examples:
  cityward supplier examples/doggerford                        every supplier, its tier, what is wanting
  cityward supplier examples/doggerford northlight             its page: reach, agreements, evidence, support
  cityward supplier examples/doggerford northlight --on 2027-07-01 --json
\b
Exit 1 while something that its tier asks for is missing or ran out, or its things stay longer than they are mended.
"""


@click.command("supplier", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True))
@click.argument("party", required=False)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="On this day. [default: today]")
@JSON
@click.pass_context
def command(ctx: click.Context, place: Path, party: str | None, day: datetime | None, as_json: bool) -> None:
    """What PARTY touches and can reach in PLACE, what was agreed, what it showed for itself, and until when."""
    from cityward.assurance.suppliers.telling import told_of_supplier
    from cityward.assurance.suppliers.touching import suppliers_of
    from cityward.compose.places import load_place

    loaded, on = load_place(place), day.date() if day else date.today()
    found = suppliers_of(loaded.place)
    if party is not None and party not in found:
        raise click.UsageError(f"`{party}` is no supplier of this place{did_you_mean(party, found)}")
    pages = [told_of_supplier(loaded.place, one, on) for name, one in found.items() if party in (None, name)]
    if party is None:
        put_json(pages) if as_json else _put_all(pages)
    else:
        reached = _reached(loaded, party, on)
        put_json({"supplier": pages[0], "reaches": reached}) if as_json else _put(pages[0], reached)
    ctx.exit(int(any(page.wanting for page in pages)))


def _reached(loaded: Loaded, party: str, on: date) -> dict[str, int]:
    """How many things it reaches, or may, by what it can do with them."""
    from cityward.compose.asking.reach import reach_of
    from cityward.reach.questions import Explain

    report = reach_of(loaded, on).of_party(party, Explain(0, 1))
    counts = Counter(f"{row.kind} by {row.mode}: {row.verdict.value}" for row in report.rows)
    return dict(sorted(counts.items()))


def _put_all(pages: list[SupplierTold]) -> None:
    from cityward.assurance.suppliers.showing import Held

    lead(f"{len(pages)} suppliers")
    for page in pages:
        held = Counter(one.held for one in page.asked)
        counts = ", ".join(f"{held[kind]} {kind.value}" for kind in Held if held[kind])
        put(f"{page.party:24} {page.tier.value:9} {counts}")


def _put(page: SupplierTold, reached: dict[str, int]) -> None:
    lead(f"{page.name} ({page.party}), of the {page.tier.value} tier")
    rows(list(page.touches))
    head("What it can reach, by what is declared")
    rows([f"{what}: {count}" for what, count in reached.items()] or ["nothing"])
    head("Agreements")
    rows(
        [f"{one.id} ({one.kind}), {_until(one.ends)}{', ENDED' if one.ended else ''}" for one in page.agreements]
        or ["none"]
    )
    head("What its tier asks for")
    for one in page.asked:
        record = f" ({one.record}, {_until(one.ends)})" if one.record else ""
        say(f"{one.held.value}: {one.said}{record}", "  ", "- ")
    head("How long its things are mended")
    rows([f"{one.device} ({one.model}): support {_until(one.support_ends)}, planned {_until(one.planned_until)}: "
          f"{one.standing.value}" for one in page.support] or ["it makes none"])  # fmt: skip


def _until(day: date | None) -> str:
    return "without a known end" if day is None else f"until {day}"
