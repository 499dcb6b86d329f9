"""Parties, addresses, jurisdictions, zones and times; and that house rules can be judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cityward.place.addresses import Address, read_address
from cityward.place.checks.rules import faults
from cityward.place.checks.whole import Problem, Whole, records
from cityward.place.hints import did_you_mean, shown
from cityward.place.house_rules import About
from cityward.place.model import Place
from cityward.place.record import UNKNOWN


def shares_add_up(whole: Whole) -> Iterator[Problem]:
    """Of one kind of share there are 100 per cent. Circles of ownership are allowed: they exist."""
    for name, party in whole.place.parties.items():
        totals: dict[str, float] = defaultdict(float)
        for stake in party.owners if party.owners != UNKNOWN else ():
            totals[stake.mechanism] += stake.share or 0.0
        for mechanism, total in totals.items():
            if total > 100.0 + 1e-6:
                what = f"the shares by `{mechanism}` add up to {total:g} %"
                yield Problem(f"parties.{name}.owners", what, "correct the shares, or leave out those not known")


def addresses_are_such(whole: Whole) -> Iterator[Problem]:
    """Each is an address, a block or a name, and each is one thing's. Blocks may overlap: the longest prefix wins."""
    first: dict[Address, str] = {}
    for path, text in _addresses(whole.place):
        try:
            address = read_address(text)
        except ValueError as error:
            what, _, mend = str(error).partition("; ")
            yield Problem(path, f"found {shown(text)}: {what}", mend or "write it shorter")
            continue
        holder = path.rpartition(".")[0]
        before = first.setdefault(address, holder)
        if before != holder:
            yield Problem(path, f"`{text}` is also an address of `{before}`", "leave it to one of them")


def _addresses(place: Place) -> Iterator[tuple[str, str]]:
    """(path, address as written) of every thing and party."""
    for kind, known in (("parties", place.parties), ("systems", place.systems), ("devices", place.devices)):
        for name, record in known.items():
            for i, text in enumerate(record.addresses):
                yield f"{kind}.{name}.addresses[{i}]", text


def codes_are_distinct(whole: Whole) -> Iterator[Problem]:
    """One jurisdiction to a code."""
    first: dict[str, str] = {}
    for name, jurisdiction in whole.place.jurisdictions.items():
        if first.setdefault(jurisdiction.code, name) != name:
            what = f"code `{jurisdiction.code}` is also that of `{first[jurisdiction.code]}`"
            yield Problem(f"jurisdictions.{name}.code", what, "keep one jurisdiction for each code")


def duties_are_distinct(whole: Whole) -> Iterator[Problem]:
    """Nobody is to be told the same thing twice by the same law."""
    for land, jurisdiction in whole.place.jurisdictions.items():
        first: dict[tuple[str, str, str], str] = {}
        for name, duty in jurisdiction.reporting.items():
            before = first.setdefault((duty.to, duty.term, duty.applies), name)
            if before != name:
                what = f"tells `{duty.to}` within {duty.term}, as `{before}` does"
                yield Problem(f"jurisdictions.{land}.reporting.{name}", what, "keep one of the two, or correct it")


def duties_have_one_term(whole: Whole) -> Iterator[Problem]:
    """A clock runs for so many hours, or months of the calendar."""
    for land, jurisdiction in whole.place.jurisdictions.items():
        for name, duty in jurisdiction.reporting.items():
            if bool(duty.hours) == bool(duty.months):
                what = f"counts {duty.hours} hours and {duty.months} months; a duty counts in hours or in months"
                yield Problem(f"jurisdictions.{land}.reporting.{name}", what, "`hours: 72`, or `months: 1`")


def parents_lead_upwards(whole: Whole) -> Iterator[Problem]:
    """Zones and jurisdictions lie in one another without a circle."""
    for kind in ("zones", "jurisdictions"):
        records: Mapping[str, Any] = getattr(whole.place, kind)
        for name in records:
            way = [name]
            while (parent := getattr(records.get(way[-1]), "parent", None)) is not None and parent not in way:
                way.append(parent)
            if parent == name:
                what = f"lies in itself: {' in '.join(f'`{step}`' for step in [*way, name])}"
                yield Problem(f"{kind}.{name}.parent", what, "break the circle")


def conduits_join_two(whole: Whole) -> Iterator[Problem]:
    """A conduit joins two zones, not one with itself."""
    for name, conduit in whole.place.conduits.items():
        if conduit.zones[0] == conduit.zones[1]:
            what = f"joins `{conduit.zones[0]}` with itself"
            yield Problem(f"conduits.{name}.zones", what, "name two zones; within a zone no conduit is needed")


def times_run_forward(whole: Whole) -> Iterator[Problem]:
    """No record ends before it begins."""
    for path, record in records(whole.place):
        for begins, ends in (("valid_from", "valid_to"), ("starts", "ends")):
            first, last = getattr(record, begins, None), getattr(record, ends, None)
            if isinstance(first, date) and isinstance(last, date) and first > last:
                yield Problem(f"{path}.{ends}", f"`{ends}` {last} is before `{begins}` {first}", "swap or correct them")


def timezone_exists(whole: Whole) -> Iterator[Problem]:
    """The zone is one of those the caller knows; unchecked where it passed none."""
    zone = whole.place.timezone
    if whole.timezones is not None and zone not in whole.timezones:
        what = f"`{zone}` is no time zone{did_you_mean(zone, whole.timezones)}"
        yield Problem("timezone", what, "name an IANA zone, like `Europe/London`")


def rules_can_be_judged(whole: Whole) -> Iterator[Problem]:
    """Each condition of a house rule asks something, and something that can be asked of what the rule is about."""
    declared = {str(kind): frozenset(getattr(whole.place, kind)) for kind in About} if whole.place.rules else {}
    for name, rule in whole.place.rules.items():
        for path, what, mend in faults(rule, declared):
            yield Problem(f"rules.{name}.{path}", what, mend)
