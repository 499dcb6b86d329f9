"""Each sighting into its one bucket.

Theory of operation. The two ends are traced to declared things. Flows declared between them, either way round (a receiver may
fetch), are compared with what was spoken; where one or more agree in everything, the sighting is theirs. Else it may be the use
of an access: by people who administer (ssh, a remote desktop, a console session), or by a party that has one. What agrees in
its ends only is `changed`, by the flows it differs least from; what agrees with nothing is `undeclared`.

INVARIANTS
- One sighting, one bucket; which, depends on the sighting and the declaration alone, never on other sightings or their order.
- What was refused never counts as a flow that ran.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from msgspec.structs import replace

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.reconcile import differences
from cityward.reach.reconcile.ends import End, Ends
from cityward.reach.reconcile.outcomes import Aspect, Bucket, Difference, Sighting
from cityward.reach.reconcile.protocols import Spoken, spoken
from cityward.reach.reconcile.seen import Seen, SeenKind

BY_NETWORK = frozenset({"read", "write", "command", "update", "support"})
"""The modes of an access that are used over a network."""


@dataclass(frozen=True, slots=True)
class Match:
    """A declared flow or access between the two ends, in what the sighting differs from it, and what could not be told."""

    path: str
    differences: tuple[Difference, ...]
    why: str = ""


class Matcher:
    """Compares sightings with one declaration."""

    def __init__(self, place: Place, ends: Ends, since_us: int | None = None) -> None:
        self._place, self._ends, self._since_us = place, ends, since_us
        self._flows: dict[tuple[str, str], list[str]] = defaultdict(list)  # (record, record) -> flows
        self._accesses: dict[tuple[str, str], list[str]] = defaultdict(list)  # (party, record) -> accesses
        for name, flow in place.flows.items():
            self._flows[self._record(flow.from_), self._record(flow.to)].append(name)
        for name, access in place.accesses.items():
            for target in self._targets(access.target):
                self._accesses[access.party, target].append(name)

    def _record(self, name: str) -> str:
        return self._ends.declared.group_of.get(name, name)

    def _targets(self, target: str) -> list[str]:
        """An access to a dataset is used at the systems that store it."""
        if target in self._place.datasets:
            return [name for name, system in self._place.systems.items() if target in system.stores]
        return [self._record(target)]

    def sighting(self, seen: Seen) -> Sighting:
        """What this is. What was seen before the window only tells when something was seen last."""
        found = self._sighting(seen)
        if self._since_us is None or seen.last_us is None or seen.last_us >= self._since_us:
            return found
        ran = found.bucket in (Bucket.AS_DECLARED, Bucket.CHANGED)
        kept = found.matches if ran else ()
        return replace(found, bucket=Bucket.ASIDE, matches=kept, differences=(), why="before the window")

    def _sighting(self, seen: Seen) -> Sighting:
        source, destination = self._ends.find(seen.source), self._ends.find(seen.destination)
        aside = _aside(seen, source, destination)
        if aside:
            return Sighting(seen=seen, bucket=Bucket.ASIDE, source=source.id, destination=destination.id, why=aside)
        if seen.flow is not None:
            return self._by_the_gate(seen, source, destination)
        if seen.kind is SeenKind.IDENTITY:
            return self._identity(seen, source, destination)
        return self._between(seen, source, destination)

    def _by_the_gate(self, seen: Seen, source: End, destination: End) -> Sighting:
        """The gate knows the flow, or that there is none; it has checked what was spoken and carried."""
        if not seen.flow or seen.flow not in self._place.flows:
            return self._undeclared(seen, source, destination)
        found = [
            *differences.of_devices(self._place, seen, source, destination),
            *(d for d in differences.of_flow(self._place, seen.flow, seen, _UNHEARD, True)),
        ]
        return self._settled(seen, source, destination, [Match(f"flows.{seen.flow}", tuple(found))])

    def _identity(self, seen: Seen, source: End, destination: End) -> Sighting:
        if not source.id:
            return self._undeclared(seen, source, destination)
        found = differences.of_devices(self._place, seen, source, destination)
        return self._settled(seen, source, destination, [Match(source.path, found)])

    def _between(self, seen: Seen, source: End, destination: End) -> Sighting:
        heard = spoken(seen)
        session = seen.kind is SeenKind.SESSION or heard.of_people
        flows = [] if seen.kind is SeenKind.SESSION else self._by_flow(seen, source, destination, heard)
        if heard.of_people:
            flows = [match for match in flows if not _has(match, Aspect.PROTOCOL)]
        if not any(not match.differences for match in flows):
            accesses = self._by_access(seen, source, destination, session)
            if accesses and (not flows or any(not match.differences for match in accesses)):
                flows = accesses
        away = differences.of_devices(self._place, seen, source, destination)
        if not flows:
            return self._undeclared(seen, source, destination, away)
        return self._settled(seen, source, destination, [Match(m.path, (*m.differences, *away), m.why) for m in flows])

    def _by_flow(self, seen: Seen, source: End, destination: End, heard: Spoken) -> list[Match]:
        ways = [(source, destination, True), (destination, source, False)]
        return [
            Match(f"flows.{name}", differences.of_flow(self._place, name, seen, heard, forward))
            for begins, ends, forward in ways
            for name in self._flows_between(begins, ends)
        ]

    def _flows_between(self, begins: End, ends: End) -> list[str]:
        """A party in a flow stands for the systems it operates; a group for its members."""
        pairs = [(a, b) for a in _stands_for(begins) for b in _stands_for(ends)]
        named = (name for pair in dict.fromkeys(pairs) for name in self._flows.get(pair, ()))
        flows = self._place.flows
        return [n for n in named if _may_be(begins, flows[n].from_) and _may_be(ends, flows[n].to)]

    def _by_access(self, seen: Seen, source: End, destination: End, session: bool) -> list[Match]:
        if source.kind not in ("parties", "systems") or not source.party:
            return []
        found: list[Match] = []
        for name in self._accesses.get((source.party, destination.record), ()):
            access = self._place.accesses[name]
            if not BY_NETWORK.isdisjoint(access.modes):
                late = differences.of_access(self._place, name, seen)
                away, why = self._from_elsewhere(name, source)
                found.append(Match(f"accesses.{name}", (*late, *away), why))
        if not found and session and source.party == destination.party:
            return [Match(destination.path, ())]  # whoever operates it needs no access to it
        return found

    def _from_elsewhere(self, name: str, source: End) -> tuple[tuple[Difference, ...], str]:
        places = self._place.accesses[name].from_places
        if places == UNKNOWN or not places:
            return (), ""
        if not source.site:
            return (), "from where is not known"
        if self._ends.lies_in(source.site, places):
            return (), ""
        field, declared = f"accesses.{name}.from_places", ", ".join(places)
        return (Difference(aspect=Aspect.PLACE, path=field, declared=declared, found=source.site),), ""

    def _settled(self, seen: Seen, source: End, destination: End, matches: list[Match]) -> Sighting:
        """By the matches that differ least; all of them where several do."""
        least = min(len(match.differences) for match in matches)
        best = [match for match in matches if len(match.differences) == least]
        found = tuple(dict.fromkeys(difference for match in best for difference in match.differences))
        bucket = Bucket.CHANGED if found else Bucket.AS_DECLARED
        if seen.refused and not any(d.aspect is Aspect.STATUS for d in found):
            bucket, found = Bucket.TURNED_AWAY, ()
        paths = tuple(dict.fromkeys(match.path for match in best))
        return Sighting(
            seen=seen, bucket=bucket, source=source.id, destination=destination.id, matches=paths, differences=found,
            why=seen.refused or "; ".join(sorted({match.why for match in best} - {""})),
        )  # fmt: skip

    def _undeclared(self, seen: Seen, source: End, destination: End, away: tuple[Difference, ...] = ()) -> Sighting:
        """A stranger that is kept out is the network's weather; one of ours that tries, or answers though it is away, is not."""
        outside = seen.refused and not source.id and not away and not (seen.kind is SeenKind.IDENTITY and seen.source)
        bucket = Bucket.TURNED_AWAY if outside else Bucket.UNDECLARED
        return Sighting(
            seen=seen, bucket=bucket, source=source.id, destination=destination.id, differences=away, why=seen.refused
        )


_UNHEARD = Spoken("", None, by_port=False)


def _has(match: Match, aspect: Aspect) -> bool:
    return any(difference.aspect is aspect for difference in match.differences)


def _stands_for(end: End) -> tuple[str, ...]:
    return (end.record, end.party) if end.kind == "systems" and end.party else (end.record,)


def _may_be(end: End, declared: str) -> bool:
    """A group that was seen may be any of its members; a member that was seen is itself, or the group's."""
    return declared in (end.id, end.record, end.party) or end.id == end.record


def _aside(seen: Seen, source: End, destination: End) -> str:
    """Why it is no business of the declaration; "" where it is."""
    if seen.flow or seen.kind is SeenKind.IDENTITY:
        return ""
    if not source.id and not destination.id:
        return "neither end is declared"
    if destination.everybody or source.everybody:
        return "to everybody on its network"
    if source.record == destination.record and (source.kind != "devices" or source.text == destination.text):
        return "within one thing"  # but devices of one group have nothing to say to each other
    if "icmp" in seen.transport.lower() and source.id and destination.id:
        return "the network's own talk"
    return ""
