"""Which flows of personal data, and which accesses to some, cross a border: by party, by place, or that it cannot be said.

Theory of operation. On each axis the sender, the recipient and what lies between are *stops*; a stop is the set of states that
it may be in, or None where that is not known. A border is crossed where two stops have no state in common; none is crossed
where all are in one and the same state; else it is not known, and the facts that would tell are named. A subdivision counts as
its state, a bloc as any of its members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from cityward.adapters.exchange.exports.ends import Ends
from cityward.place.data import Access, Flow
from cityward.place.parties import JurisdictionKind
from cityward.place.record import UNKNOWN


class Crossing(StrEnum):
    """Whether a border is crossed."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where data is, comes by or is used from, on one axis. `states` None: not known; `missing` is the fact that would tell."""

    states: frozenset[str] | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One axis of one flow or access."""

    crossing: Crossing
    stops: tuple[Stop, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states that a stop is surely in, in the order of their ids."""
        return tuple(
            sorted({state for stop in self.stops if stop.states and len(stop.states) == 1 for state in stop.states})
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that would tell, where it cannot be said."""
        if self.crossing is not Crossing.UNKNOWN:
            return ()
        return tuple(dict.fromkeys(stop.missing for stop in self.stops if stop.missing))


def judge(stops: tuple[Stop, ...]) -> Judged:
    """Whether a border lies between the stops."""
    known = [stop.states for stop in stops if stop.states is not None]
    if any(one.isdisjoint(other) for one, other in combinations(set(known), 2)):
        return Judged(Crossing.YES, stops)
    sure = len(known) == len(stops) and len(set().union(*known)) <= 1
    return Judged(Crossing.NO if sure else Crossing.UNKNOWN, stops)


@dataclass(frozen=True, slots=True)
class Borders:
    """Judges the flows and accesses of one place."""

    ends: Ends

    def flow_by_party(self, flow: Flow) -> Judged:
        """The jurisdictions over sender and recipient."""
        return judge((self._party(flow.from_), self._party(flow.to)))

    def flow_by_place(self, name: str, flow: Flow) -> Judged:
        """Where both ends stand, and the jurisdictions of the route. Parties on the route are no places."""
        stops = [self._place(name, flow, flow.from_), self._place(name, flow, flow.to)]
        if flow.route == UNKNOWN:
            stops.append(Stop(None, f"flows.{name}.route"))
        else:
            stops += [Stop(self._states(hop)) for hop in flow.route if hop in self.ends.place.jurisdictions]
        return judge(tuple(stops))

    def access_by_party(self, access: Access) -> Judged:
        """The jurisdictions over those who hold the data, and over the party that has the access."""
        return judge((self._party(access.party), *(self._party(thing) for thing in self.holders(access.target))))

    def access_by_place(self, name: str, access: Access) -> Judged:
        """Where the data stands, and each place that the access is used from."""
        stops = [self._site(thing) for thing in self.holders(access.target)]
        if access.from_places == UNKNOWN or not access.from_places:
            stops.append(Stop(None, f"accesses.{name}.from_places"))
        else:
            stops += [self._from(place) for place in access.from_places]
        return judge(tuple(stops))

    def holders(self, target: str) -> tuple[str, ...]:
        """The things behind the target of an access: a thing itself; for a dataset what stores it, else what it passes."""
        place = self.ends.place
        if target not in place.datasets:
            return (self.ends.thing(target),)
        stores = tuple(name for name, system in place.systems.items() if target in system.stores)
        return stores or tuple(name for name in (*place.devices, *place.systems) if target in self.ends.passing(name))

    def held(self, target: str) -> tuple[str, ...]:
        """The datasets that the target of an access holds or passes on."""
        place, thing = self.ends.place, self.ends.thing(target)
        if target in place.datasets:
            return (target,)
        stores = place.systems[thing].stores if thing in place.systems else ()
        return tuple(dict.fromkeys([*stores, *self.ends.passing(thing)]))

    def _party(self, name: str) -> Stop:
        party = self.ends.party(name)
        if party == UNKNOWN:
            return Stop(None, f"{self._record(name)}.operator")
        home = self.ends.incorporated_in(party)
        return Stop(None, f"parties.{party}.incorporated_in") if home == UNKNOWN else Stop(self._states(home))

    def _record(self, name: str) -> str:
        thing = self.ends.thing(name)
        return f"devices.{thing}" if thing in self.ends.place.devices else f"systems.{thing}"

    def _place(self, name: str, flow: Flow, end: str) -> Stop:
        """A thing stands at its site. A party keeps data where the agreement of the flow says that it may be."""
        return self._party_place(name, flow) if self.ends.site(end) is None else self._site(end)

    def _site(self, name: str) -> Stop:
        site = self.ends.site(name)
        if site is None or site == UNKNOWN:
            return Stop(None, f"{self._record(name)}.site")
        return self._from(site)

    def _from(self, place: str) -> Stop:
        """A site, or a jurisdiction as such."""
        if place in self.ends.place.jurisdictions:
            return Stop(self._states(place))
        over = self.ends.place.sites[place].jurisdiction
        return Stop(None, f"sites.{place}.jurisdiction") if over == UNKNOWN else Stop(self._states(over))

    def _party_place(self, name: str, flow: Flow) -> Stop:
        if flow.agreement is None:
            return Stop(None, f"flows.{name}.agreement")
        sites = self.ends.place.agreements[flow.agreement].sites
        over = {self.ends.place.sites[site].jurisdiction for site in sites} or set(self._allowed(flow))
        missing = f"agreements.{flow.agreement}.sites"
        if not over or UNKNOWN in over:
            return Stop(None, missing)
        return Stop(frozenset().union(*map(self._states, sorted(over))), missing)

    def _allowed(self, flow: Flow) -> Iterator[str]:
        """An agreement without sites: anywhere that the datasets are allowed to be."""
        for dataset in self.ends.personal(flow.datasets):
            yield from self.ends.place.datasets[dataset].allowed_jurisdictions or (UNKNOWN,)

    def _states(self, jurisdiction: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        record = self.ends.place.jurisdictions[jurisdiction]
        onward = record.members if record.kind is JurisdictionKind.BLOC else ()
        if record.kind is JurisdictionKind.SUBDIVISION and record.parent:
            onward = (record.parent,)
        seen |= {jurisdiction}
        found = [self._states(other, seen) for other in onward if other not in seen]
        return frozenset().union(*found) if found else frozenset({jurisdiction})
