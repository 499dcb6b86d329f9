"""`cityward check`: what is wrong with a declaration, all of it, and what is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from cityward.cli.rules_words import summary
from cityward.cli.words import put, put_json, put_text, style
from cityward.compose.places import load_place
from cityward.errors import PlaceError, PlaceErrors
from cityward.place.checks.warnings import notes
from cityward.place.checks.whole import Finding
from cityward.place.exits import Exit, exits_of
from cityward.place.loader import Loaded
from cityward.place.registry import number
from cityward.reach.rules.rulebook import counts_of

EXAMPLES = """
\b
Examples:
  cityward check examples/doggerford          a folder with its place.yaml
  cityward check town.yaml --json | jq .errors
  cityward check examples/doggerford --egress  what the platform calls: for a firewall
  cityward check examples/doggerford --egress --state var/doggerford  with the provider by which its people sign in
  cityward check --schema > cityward.schema.json
  cityward check --reference > docs/declaration.md
\b
Exit code: 0 nothing wrong (warnings are told), 1 errors, 2 usage.
"""

SHOWN = 100  # errors a person reads at once; `--json` has them all


@click.command("check", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--egress", is_flag=True, help="Print every endpoint that the platform itself calls, for a firewall.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="With --egress: a city's state directory, where its OpenID provider is set.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a declaration.")
@click.option("--reference", is_flag=True, help="Print the reference of every record kind, in Markdown.")
@click.pass_context
def command(
    ctx: click.Context,
    place: Path | None,
    as_json: bool,
    egress: bool,
    state: Path | None,
    schema: bool,
    reference: bool,
) -> None:
    """Check the declaration PLACE: a YAML file, or a folder with a place.yaml."""
    if schema or reference:
        put_text(_schema() if schema else _reference())
        return
    if place is None:
        raise click.UsageError("name a declaration: `cityward check examples/doggerford`")
    if not place.exists():
        raise click.UsageError(f"there is no `{place}`; name a YAML file, or a folder with a place.yaml")
    try:
        loaded = load_place(place)
    except PlaceError as error:
        errors = error.errors if isinstance(error, PlaceErrors) else (error,)
        _print_json({"ok": False, "errors": _told(errors), "warnings": []}) if as_json else _print_errors(errors)
        ctx.exit(1)
    if egress:
        _print_egress(loaded, egress_rows(loaded, state), as_json)
        return
    _print_json(_summary(loaded)) if as_json else _print_loaded(loaded, place)


def egress_rows(loaded: Loaded, state: Path | None = None) -> list[dict[str, Any]]:
    """Every exit: who calls, by which flows, where, how it is sealed, and the blocks it must lie in (none: public addresses).

    state: of a city, whose people may sign in by a provider that no declaration names.
    """
    return [
        {
            "by": one.by,
            "flows": one.flows,
            "transport": one.transport,
            "host": one.host,
            "port": one.port,
            "scheme": one.scheme,
            "sealed": one.sealed,
            "blocks": [str(block) for block in one.blocks],
        }
        for one in (*exits_of(loaded.place).values(), *_set_by_hand(state))
    ]


def _set_by_hand(state: Path | None) -> Sequence[Exit]:
    if state is None:
        return ()
    from cityward.compose.home import Home
    from cityward.compose.people.oidc import provider_exits

    return provider_exits(Home(state))


def _print_egress(loaded: Loaded, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        _print_json({"place": loaded.place.place, "digest": loaded.digest, "egress": rows})
        return
    put(style(loaded.place.name, bold=True), f" calls {len(rows)} {'endpoint' if len(rows) == 1 else 'endpoints'}.")
    for row in rows:
        sealed = row["sealed"] if row["sealed"] != "none" else "not sealed"
        put(f"\n  {row['by']}: {row['transport']} {row['host']} port {row['port']}, {row['scheme']}, {sealed}")
        put(f"    flows: {', '.join(row['flows']) or 'none; set by hand'}")
        anywhere = "this machine" if row["host"] == "localhost" else "any public address; declare blocks to narrow it"
        put(f"    into:  {', '.join(row['blocks']) or anywhere}")
    if rows:
        put("\nA firewall may allow these, the machine's own resolver, and nothing else outward.")


def _schema() -> str:
    from cityward.place.schema import schema

    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _reference() -> str:
    from cityward.place.schema import reference

    return reference()


def _print_json(document: dict[str, Any]) -> None:
    put_json(document)


def _told(errors: tuple[PlaceError, ...]) -> list[dict[str, str]]:
    return [{"what": error.what, "where": error.where, "mend": error.mend} for error in errors]


def _summary(loaded: Loaded) -> dict[str, Any]:
    return {
        "ok": True,
        "place": loaded.place.place,
        "digest": loaded.digest,
        "declared": declared(loaded),
        "errors": [],
        "warnings": [msgspec.to_builtins(warning) for warning in loaded.warnings],
        "notes": notes(loaded.place),
        "counts": dict(Counter(warning.word.value for warning in loaded.warnings)),
        "rules": msgspec.to_builtins(counts_of(loaded.place, date.today())),
    }


def declared(loaded: Loaded) -> dict[str, int]:
    """How many there are of each kind of record, and of units and channels."""
    fields = msgspec.structs.fields(loaded.place)
    counts = {
        field.name: len(value) for field in fields if isinstance(value := getattr(loaded.place, field.name), dict)
    }
    registry = number(loaded.place)
    return {**counts, "units": len(registry.units), "channels": len(registry.channel_property)}


def _print_errors(errors: tuple[PlaceError, ...]) -> None:
    for error in errors[:SHOWN]:
        put(style("error", fg="red", bold=True), f": {error}\n")
    if len(errors) > SHOWN:
        put(f"... and {len(errors) - SHOWN} more (--json shows all)\n")
    put(f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}. Nothing was started or changed.")


def _print_loaded(loaded: Loaded, place: Path) -> None:
    counts = declared(loaded)
    put(style(loaded.place.name, bold=True), " holds together. Declared:")
    for line in _rows([f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]):
        put(f"  {line}")
    _print_warnings(loaded.warnings)
    for note in notes(loaded.place):
        put(f"\nnote: {note}")
    if loaded.place.rules:
        put(f"\n{summary(counts_of(loaded.place, date.today()))}.\n  see:   cityward reach {place} --rules")
    put(f"\ndigest {loaded.digest}")


def _rows(words: list[str], width: int = 100) -> list[str]:
    """Words joined by commas, broken into lines."""
    rows: list[str] = []
    for word in words:
        if rows and len(rows[-1]) + len(word) + 2 <= width:
            rows[-1] += f", {word}"
        else:
            rows.append(word)
    return rows


def _print_warnings(warnings: tuple[Finding, ...]) -> None:
    for word, count in Counter(warning.word for warning in warnings).items():
        put("\n", style("warning", fg="yellow", bold=True), f": {count} {word.heading}")
        for warning in warnings:
            if warning.word is word:
                put(f"  {warning.where}" if word.told_by_path else f"  {warning.what}\n    where: {warning.where}")
        mends = dict.fromkeys(warning.mend for warning in warnings if warning.word is word)
        put(f"  mend:  {'; or '.join(mends)}")
