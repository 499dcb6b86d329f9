"""Who answers for a thing and where it stands, as every format asks it.

Two axes that are never merged: the jurisdiction *over the party* (where it is incorporated) and that *over the place* (the site
of a system or device). What is not known is `unknown`, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cityward.place.data import Flow
from cityward.place.model import Place
from cityward.place.record import UNKNOWN, Unknown
from cityward.place.registry import members


@dataclass(frozen=True, slots=True)
class Ends:
    """Looks things up in one place. Ids go in and come out; `unknown` stays `unknown`."""

    place: Place
    group_of: dict[str, str]  # member or device -> the declared device
    flows_at: dict[str, tuple[str, ...]]  # thing or party -> the flows that begin or end there, in declared order

    def thing(self, name: str) -> str:
        """The declared thing of an end: the group of a member, else the end itself."""
        return self.group_of.get(name, name)

    def party(self, name: str) -> str:
        """Who runs it: the operator of a system, the operator or else the owner of a device, a party itself."""
        thing = self.thing(name)
        if thing in self.place.devices:
            device = self.place.devices[thing]
            return device.operator or device.owner
        if thing in self.place.systems:
            return self.place.systems[thing].operator
        return thing

    def site(self, name: str) -> str | None:
        """The site of a system or device; None for a party, which is not at one place."""
        thing = self.thing(name)
        if thing in self.place.devices:
            return self.place.devices[thing].site
        return self.place.systems[thing].site if thing in self.place.systems else None

    def zone(self, name: str) -> str | None:
        """The network zone of a system or device, where one is declared."""
        thing = self.thing(name)
        if thing in self.place.devices:
            return self.place.devices[thing].zone
        return self.place.systems[thing].zone if thing in self.place.systems else None

    def stands_in(self, name: str) -> str | None:
        """The jurisdiction over the place where it stands; None for a party."""
        site = self.site(name)
        if site is None:
            return None
        return UNKNOWN if site == UNKNOWN else self.place.sites[site].jurisdiction

    def incorporated_in(self, party: str) -> str:
        """The jurisdiction over a party."""
        return UNKNOWN if party not in self.place.parties else self.place.parties[party].incorporated_in

    def code(self, jurisdiction: str | None) -> str:
        """The ISO code (or that of a bloc), as people know it; `unknown`; empty where the question does not arise."""
        if jurisdiction is None:
            return ""
        return jurisdiction if jurisdiction == UNKNOWN else self.place.jurisdictions[jurisdiction].code

    def name(self, party: str) -> str:
        """The name of a party, else its id."""
        known = self.place.parties.get(party)
        return (known.name or party) if known else party

    def passing(self, thing: str) -> tuple[str, ...]:
        """The datasets that flows bring to a thing or take from it, each once, in declared order."""
        flows = (self.place.flows[name] for name in self.flows_at.get(thing, ()))
        return tuple(dict.fromkeys(name for flow in flows for name in flow.datasets))

    def personal(self, datasets: Iterable[str]) -> tuple[str, ...]:
        """Those of the datasets that are about people."""
        return tuple(name for name in datasets if self.place.datasets[name].personal)


def ends_of(place: Place) -> Ends:
    """The lookups of a checked place."""
    group_of = {unit: name for name, device in place.devices.items() for unit, _, _ in members(name, device)}
    at: dict[str, list[str]] = {}
    for name, flow in place.flows.items():
        for thing in dict.fromkeys(group_of.get(end, end) for end in (flow.from_, flow.to)):
            at.setdefault(thing, []).append(name)
    return Ends(place, group_of, {thing: tuple(names) for thing, names in at.items()})


def words_of(ids: tuple[str, ...] | Unknown) -> str:
    """Ids with spaces between; `unknown` as such."""
    return ids if isinstance(ids, str) else " ".join(ids)


def route_words(place: Place, flow: Flow) -> tuple[str, ...]:
    """What a flow passes, as codes of jurisdictions and ids of parties; (`unknown`,) where that is not known."""
    if flow.route == UNKNOWN:
        return (UNKNOWN,)
    return tuple(place.jurisdictions[hop].code if hop in place.jurisdictions else hop for hop in flow.route)
