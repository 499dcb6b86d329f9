"""Findings, in sentences a council officer can read: who spoke to whom, how, how much, when; and which line says otherwise.

Wording is neutral: an address is "one that no record names", never a suspect's; a difference is told, not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cityward.place.hints import listed
from cityward.place.loader import Loaded
from cityward.reach.reconcile.ends import End, Ends
from cityward.reach.reconcile.outcomes import (
    Aspect,
    Bucket,
    Finding,
    FindingKind,
    Outcome,
    Sighting,
    Verdict,
)
from cityward.reach.reconcile.protocols import spoken, told
from cityward.reach.reconcile.seen import Seen, SeenKind
from cityward.time import from_us

LINES = 3  # of a log that a finding names; how many there are is told beside

_MENDS = {
    Aspect.PROTOCOL: "correct `protocol`, or find out what else runs between the two",
    Aspect.PROTECTION: "protect it, or correct what the declaration says of it",
    Aspect.DATASET: "add the dataset to the flow, or stop sending it",
    Aspect.DIRECTION: "declare the flow the other way as well, or find out what is fetched",
    Aspect.STATUS: "set its status, or find out who speaks in its name",
    Aspect.OBSERVABILITY: "declare it `imported`: it can be seen",
    Aspect.VALIDITY: "correct the dates, or end what goes on",
    Aspect.AGREEMENT: "renew the agreement, or end what rests on it",
    Aspect.PLACE: "add the place to `from_places`, or close that way in",
}


def findings(
    loaded: Loaded, ends: Ends, sightings: Sequence[Sighting], verdicts: Sequence[Verdict]
) -> tuple[Finding, ...]:
    """What to look into: the undeclared first, then the changed, then the silent. The same things seen give the same findings."""
    teller = _Teller(loaded, ends, sightings)
    return (*teller.undeclared(), *teller.changed(verdicts), *teller.silent(verdicts))


@dataclass(frozen=True, slots=True, order=True)
class _Group:
    """Undeclared sightings that one sentence tells. An end that nothing declared has is ""."""

    destination: str
    source: str
    kind: SeenKind
    how: str
    refused: bool


class _Teller:
    """Tells one reconciliation."""

    def __init__(self, loaded: Loaded, ends: Ends, sightings: Sequence[Sighting]) -> None:
        self._loaded, self._ends = loaded, ends
        self._groups: dict[_Group, list[Sighting]] = defaultdict(list)
        self._of: dict[str, list[Sighting]] = defaultdict(list)  # path -> the changed sightings that are its own
        for one in sightings:
            if one.bucket is Bucket.UNDECLARED:
                self._groups[self._group(one)].append(one)
            paths = (*one.matches, *(d.path.removesuffix(".status") for d in one.differences))
            for path in dict.fromkeys(paths) if one.differences else ():
                self._of[path].append(one)

    def _group(self, one: Sighting) -> _Group:
        source, destination = self._ends.find(one.seen.source), self._ends.find(one.seen.destination)
        claimed = one.seen.source if one.seen.kind is SeenKind.IDENTITY and not source.id else source.record
        how = told(one.seen, spoken(one.seen))
        return _Group(destination.record, claimed, one.seen.kind, how, bool(one.seen.refused))

    # --- undeclared

    def undeclared(self) -> Iterator[Finding]:
        """One for each pair of ends and what was spoken; all strangers at one door are one finding."""
        for group in sorted(self._groups):
            mine = self._groups[group]
            ends = [(self._ends.find(one.seen.source), self._ends.find(one.seen.destination)) for one in mine]
            sources, destinations = _distinct(s for s, _ in ends), _distinct(d for _, d in ends)
            paths = tuple(dict.fromkeys(end.path for end in (*sources, *destinations) if end.path))
            yield self._finding(
                FindingKind.UNDECLARED,
                f"{_deed(group, self._who(sources), self._who(destinations), mine)}: {_amount(mine)}. {_missing(group)}.",
                paths or ("platform",),
                mine,
                _mend_of(group),
            )

    def _who(self, ends: Sequence[End]) -> str:
        """`record` (its addresses), who operates it where that is not the city; or addresses that no record names."""
        first = ends[0]
        texts = [end.text for end in ends if end.text not in ("", first.record)]
        if not first.id:
            if not texts:
                return "somebody who did not say who it is"
            noun = "an address" if len(texts) == 1 else f"{len(texts):,} addresses"
            return f"{_few(texts)} ({noun} that no record names)"
        operated = "" if first.party in ("", first.record, self._loaded.place.responsible) else f"of `{first.party}`"
        inside = "; ".join(part for part in (operated, _few(texts)) if part)
        return f"`{first.record}` ({inside})" if inside else f"`{first.record}`"

    # --- changed

    def changed(self, verdicts: Sequence[Verdict]) -> Iterator[Finding]:
        """One for each declared record that was seen otherwise; a device that is away is told once, not for each flow."""
        for verdict in verdicts:
            kind = verdict.path.partition(".")[0]
            found = [d for d in verdict.differences if kind == "devices" or d.aspect is not Aspect.STATUS]
            if verdict.outcome is not Outcome.CHANGED or not found:
                continue
            said = "; ".join(f"{d.aspect} declared `{d.declared}`, seen {d.found}" for d in found)
            mine = self._of[verdict.path]
            yield self._finding(
                FindingKind.CHANGED,
                f"{_NOUNS[kind]} `{verdict.path.partition('.')[2]}` was seen otherwise than declared: {said}. {_amount(mine)}.",
                tuple(dict.fromkeys(d.path for d in found)),
                mine,
                "; ".join(dict.fromkeys(_MENDS[d.aspect] for d in found)),
            )

    # --- silent

    def silent(self, verdicts: Sequence[Verdict]) -> Iterator[Finding]:
        """Flows first; a device whose flow is silent is told with the flow."""
        place = self._loaded.place
        quiet = {v.path for v in verdicts if v.outcome is Outcome.SILENT}
        told_with = {place.flows[path.removeprefix("flows.")].from_ for path in quiet if path.startswith("flows.")}
        for verdict in verdicts:
            kind, _, name = verdict.path.partition(".")
            if verdict.path not in quiet or kind == "accesses" or (kind == "devices" and name in told_with):
                continue
            text = self._silent_flow(name, verdict) if kind == "flows" else _silent_device(name, verdict)
            mend = "find out why it is silent, or take it out of the declaration if it is no more"
            yield self._finding(FindingKind.SILENT, text, (verdict.path,), (), mend)

    def _silent_flow(self, name: str, verdict: Verdict) -> str:
        flow = self._loaded.place.flows[name]
        ends = f"`{flow.from_}` to `{flow.to}` by {flow.protocol}, {flow.observability}"
        why = f"; {verdict.why}" if verdict.why else ""
        return f"flow `{name}` is declared and was not seen: {ends}{why}; {_last_seen(verdict)}."

    def _finding(
        self, kind: FindingKind, what: str, paths: tuple[str, ...], mine: Sequence[Sighting], mend: str
    ) -> Finding:
        places = sorted({one.seen.where_from for one in mine}, key=_by_line)
        return Finding(
            kind=kind,
            what=what,
            paths=paths,
            where=tuple(self._loaded.where(path) for path in paths),
            seen_at=tuple(places[:LINES]),
            sightings=len(mine),
            mend=mend,
        )


_NOUNS = {"flows": "flow", "devices": "device", "accesses": "access"}


def _distinct(ends: Iterator[End]) -> list[End]:
    return sorted(dict.fromkeys(ends), key=lambda end: end.text)


def _few(texts: Sequence[str]) -> str:
    every = list(dict.fromkeys(texts))
    shown = ", ".join(every[:LINES])
    return f"{shown} and {len(every) - LINES} more" if len(every) > LINES else shown


def _deed(group: _Group, source: str, destination: str, mine: Sequence[Sighting]) -> str:
    why = f", and was refused ({_few(sorted({one.seen.refused for one in mine}))})" if group.refused else ""
    if group.kind is SeenKind.IDENTITY:
        return f"`{group.source or 'somebody'}` claimed to be a device of {destination}{why}"
    if group.kind is SeenKind.SESSION:
        return f"{source} opened a session on {destination}{why}"
    if group.how == "something":
        return f"{source} {'tried to send' if group.refused else 'sent'} to {destination}{why}"
    by = f"{'on' if group.how.startswith(('port', 'tcp', 'udp')) else 'by'} {group.how}"
    return f"{source} {'tried to connect' if group.refused else 'connected'} to {destination} {by}{why}"


def _missing(group: _Group) -> str:
    if group.kind is SeenKind.IDENTITY:
        return "No device of that name is declared"
    if group.kind is SeenKind.SESSION:
        return "No access declares it"
    return "No flow and no access declares it"


def _mend_of(group: _Group) -> str:
    if group.kind is SeenKind.IDENTITY:
        return "declare the device, or find out who claims to be one"
    if not group.destination:
        return "find out whose address it is: name it there and declare the flow, or stop it"
    if not group.source:
        return "find out who it is: name the address there and declare the flow or the access, or close that way in"
    return "declare the flow (the access, where people do it), or stop it"


def _amount(mine: Sequence[Sighting]) -> str:
    """`2,304 times, 12.1 MB out and 0.2 MB back, 2026-03-02 to 2026-03-08`."""
    parts = [_times(sum(one.seen.count for one in mine))]
    out, back = _sum(one.seen.bytes for one in mine), _sum(one.seen.bytes_back for one in mine)
    if out is not None:
        parts.append(f"{size(out)} out" + (f" and {size(back)} back" if back is not None else ""))
    when = _when([one.seen for one in mine])
    return ", ".join([*parts, when] if when else parts)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _sum(numbers: Iterator[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def size(count: int) -> str:
    """Bytes in words: `312 B`, `12.1 MB`."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while amount >= 999.95 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def _when(seen: Sequence[Seen]) -> str:
    first = [one.first_us for one in seen if one.first_us is not None]
    last = [one.last_us for one in seen if one.last_us is not None]
    if not first or not last:
        return "at a time not told"
    begins, ends = from_us(min(first)).date(), from_us(max(last)).date()
    return f"on {begins}" if begins == ends else f"{begins} to {ends}"


def _last_seen(verdict: Verdict) -> str:
    return "never seen" if verdict.last_us is None else f"last seen on {from_us(verdict.last_us).date()}"


def _silent_device(name: str, verdict: Verdict) -> str:
    if verdict.silent and verdict.silent != (name,):
        return f"device `{name}` is active, and {len(verdict.silent)} of it were not heard: {listed(verdict.silent)}."
    return f"device `{name}` is active and was not heard; {_last_seen(verdict)}."


def _by_line(where: str) -> tuple[str, int, str]:
    """`conn.log:9` before `conn.log:10`."""
    file, _, line = where.rpartition(":")
    return (file, int(line), "") if line.isdecimal() and len(line) < 19 else (where, -1, where)
