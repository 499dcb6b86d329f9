"""A small town that releases: one party, one way out, everything agreed. Tests take one thing away and read the answer."""

from __future__ import annotations

from datetime import UTC, date, tzinfo
from typing import Any

from msgspec.structs import replace

from cityward.place.model import Place
from cityward.policy.compile import compile_table
from cityward.policy.contract import Decision, ReleaseReason, Request, Standing
from cityward.policy.table import Table, decide
from cityward.reach.effective import lands_of
from declarations import loaded, town

TODAY = date(2026, 6, 1)
NOON = 1_780_315_200_000_000  # 2026-06-01T12:00Z, us
RECIPIENTS = """
recipients:
  acme-desk: {party: acme, flows: [to-acme], by: query, addresses: [192.0.2.0/24, 198.51.100.7], jurisdiction: xb}
forms:
  hourly: {aggregate: {least: 5, period_s: 3600}}
  late: {delay_s: 900}
postures:
  crisis: {by: [officer], stop_datasets: [counts]}
roles:
  officer: {party: council, rights: [look, posture]}
"""
ASKED = Request("acme-desk", "counts", "planning", 0, NOON)


def releasing(*edits: tuple[str, str], more: str = "") -> Place:
    """The town with a recipient; `edits` on its text, each of which must hit once."""
    text = town() + RECIPIENTS + more
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return loaded(text).place


def with_record(place: Place, kind: str, name: str, /, **fields: Any) -> Place:
    """A place with a record changed, past the loader's checks: the gate trusts none of them."""
    records = dict(getattr(place, kind))
    return replace(place, **{kind: records | {name: replace(records[name], **fields)}})


def standing(place: Place, **changed: Any) -> Standing:
    """Nobody revoked, nothing pending, no posture in force."""
    usual: dict[str, Any] = {"revoked": frozenset(), "pending": frozenset(), "postures": frozenset()}
    return Standing(**{**usual, "lands": lands_of(place), **changed})


def table(place: Place, zone: tzinfo = UTC, **changed: Any) -> Table:
    """The table of a place on the day of the tests."""
    return compile_table(place, standing(place, **changed), TODAY, zone)


def answer(place: Place, asked: Request = ASKED, zone: tzinfo = UTC, **changed: Any) -> Decision:
    """What is said to a request."""
    return decide(asked, table(place, zone, **changed))


def said(place: Place, asked: Request = ASKED, **changed: Any) -> set[ReleaseReason]:
    """The reasons against a request."""
    return set(answer(place, asked, **changed).reasons)
