"""How `cityward report --pack` tells a framework's clauses: each with the controls that are evidence for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cityward.cli.words import lead, put_json, say

if TYPE_CHECKING:
    from cityward.assurance.reporting.model import Report


def put_pack(report: Report, name: str, *, as_json: bool) -> bool:
    """Tell a pack; whether a control behind one of its clauses fails.

    Raises:
        click.UsageError: there is no such pack.
    """
    from cityward.assurance.packs import find_packs
    from cityward.assurance.packs.telling import tell_pack
    from cityward.assurance.results import Result

    packs = find_packs()
    if name not in packs:
        raise click.UsageError(f"there is no pack `{name}`: name one of {', '.join(packs)}")
    pack = packs[name]
    told = tell_pack(pack, {one.id: Result(one.result) for one in report.controls})
    if as_json:
        about: dict[str, Any] = {
            "id": pack.id,
            "title": pack.title,
            "publisher": pack.publisher,
            "version": pack.version,
        }
        about |= {"dated": pack.dated, "source": pack.source, "left_out": pack.left_out}
        put_json({"pack": about, "at": report.at, "declaration": report.declaration, "clauses": told})
    else:
        lead(f"{pack.title}, {pack.publisher}: evidence for its clauses, {report.at}")
        say(f"Version: {pack.version}{f', {pack.dated}' if pack.dated else ''}. Ids by: {pack.source}.")
        say(f"Left out: {pack.left_out}")
        for clause in told:
            say(f"{clause.id} {clause.result.value}: {clause.words}", "  ")
            say(clause.said, "      ", "- ")
    return any(clause.result is Result.FAILED for clause in told)
