"""A second engine for who can reach what: slow, plain, and written from docs/reach.md alone.

Every function named after a rule of docs/reach.md reads the records of a place and yields `(fact, cases)`: the fact, and the
cases in which this rule makes it hold. A *case* is a scenario and a bound. The engine is the loop in `Oracle`: ask every rule
again until none says anything new. All cases are followed at once, each as the member of a set; none knows of another.

Nothing here comes from `cityward.reach`. Facts are tuples `(predicate, subject, detail)` in the words of the rules.

Readings taken where docs/reach.md leaves a choice are marked `# READING:`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from cityward.place.model import Place
from cityward.place.registry import members

Fact = tuple[str, str, str]
Case = tuple[Fact, str]  # a scenario, and a bound
Cases = frozenset[Case] | set[Case]
Said = Iterator[tuple[Fact, Cases]]

UNKNOWN = "unknown"
CERTAIN, POSSIBLE = "certain", "possible"
DISCLOSE, INTERCEPT, ASSIST, ALTER, STOP = USES = ("disclose", "intercept", "assist", "alter", "stop")
NOT_STOP = (DISCLOSE, INTERCEPT, ASSIST, ALTER)
USE_OF_POWER = {"disclose": DISCLOSE, "intercept": INTERCEPT, "assist": ASSIST, "alter": ALTER, "disable": STOP}
THING_MODES = ("read", "hold", "shape", "write", "command", "update", "physical", "stop", "near")
NOBODY: Cases = frozenset()


def scenarios(place: Place) -> list[Fact]:
    """Whose reach is asked for: each party, and each jurisdiction on two axes, by its law and by nexus."""
    kinds = ("law-party", "law-place", "nexus-party", "nexus-place")
    return [("party", p, "") for p in place.parties] + [(kind, j, "") for j in place.jurisdictions for kind in kinds]


class Oracle:
    """A place, and all facts that follow in each case. `when` and `maybe` are for the rules."""

    def __init__(self, place: Place) -> None:
        on_the_street = {name: d for name, d in place.devices.items() if d.status not in ("stored", "retired")}
        self.place = msgspec.structs.replace(place, devices=on_the_street)
        self.cases = frozenset((s, bound) for s in scenarios(place) for bound in (CERTAIN, POSSIBLE))
        self.possible = frozenset(case for case in self.cases if case[1] == POSSIBLE)
        self.holds: dict[Fact, set[Case]] = defaultdict(set)
        self.rules_that_spoke = set[str]()
        for case in self.cases:
            self.holds[case[0]].add(case)
        self._say_all_that_follows()

    def _say_all_that_follows(self) -> None:
        news = True
        while news:
            news = False
            for rule in RULES:
                for fact, cases in rule(self):
                    if cases and not cases <= self.holds[fact]:
                        self.holds[fact] |= cases
                        self.rules_that_spoke.add(rule.__name__)
                        news = True

    def facts(self, scenario: Fact, bound: str) -> set[Fact]:
        """All that follows in one scenario, by certain rules or by all."""
        return {fact for fact, cases in self.holds.items() if (scenario, bound) in cases}

    def verdict(self, jurisdiction: str, axis: str, kind: str, item: str, mode: str) -> str:
        """The verdict table, read from the top. `axis` is party or place; `kind` thing, dataset, service or function."""
        law, nexus = (f"law-{axis}", jurisdiction, ""), (f"nexus-{axis}", jurisdiction, "")
        asked, near = self.holds[kind, item, mode], self.holds[kind, item, "near"]
        if (law, CERTAIN) in asked:
            return "reachable"
        if (law, POSSIBLE) in asked:
            return "unknown"
        if (nexus, CERTAIN) in asked:
            return "access without instrument"
        if (law, CERTAIN) in near:
            return "compellable without access"
        return "out of reach"

    # --- what rules ask

    def when(self, *facts: Fact) -> Cases:
        """The cases in which all of these hold."""
        cases: Cases = self.holds[facts[0]]
        for fact in facts[1:]:
            cases = cases & self.holds[fact]
        return cases

    def maybe(self, *facts: Fact) -> Cases:
        """P?: the cases that are taken at their worst, and in which all of these hold."""
        return self.when(*facts) & self.possible

    def by(self, party: str | None, use: str, does: str = "acts") -> Cases:
        """The cases in which a party does it. An unknown party: in which anyone does, P?. No party: none."""
        if party is None:
            return NOBODY
        return self.maybe(("anyone", "", use)) if party == UNKNOWN else self.when((does, party, use))

    def at_least(self, k: int, facts: Iterable[Fact]) -> Cases:
        """The cases in which k of these hold."""
        held = [self.holds[fact] for fact in facts]
        return {case for case in self.cases if sum(case in cases for cases in held) >= k}

    # --- the words that the rules are written in

    def within(self, inner: str, outer: str) -> bool:
        """j is J, or a transitive member of J, or lies in it by parent.

        READING: mixed too: a subdivision of a member of a bloc is within the bloc, as `part-of` has it.
        """
        return inner in self.inside_of.get(outer, ())

    @cached_property
    def inside_of(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for outer in self.place.jurisdictions:
            found[outer] = {outer}
            while more := {part for j in found[outer] for part in self.parts_of(j)} - found[outer]:
                found[outer] |= more
        return found

    def parts_of(self, jurisdiction: str) -> set[str]:
        lands = self.place.jurisdictions
        named = set(lands[jurisdiction].members) if jurisdiction in lands else set()
        return (named & lands.keys()) | {
            name for name, land in lands.items() if jurisdiction in lands and land.parent == jurisdiction
        }

    def incorporated_within(self, party: str, jurisdiction: str) -> bool:
        home = self.place.parties[party].incorporated_in
        return home != UNKNOWN and self.within(home, jurisdiction)

    def present_within(self, party: str, jurisdiction: str) -> bool:
        return any(self.within(j, jurisdiction) for j in self.place.parties[party].presence)

    def site_within(self, site: str, jurisdiction: str) -> bool:
        record = self.place.sites.get(site)
        return record is not None and record.jurisdiction != UNKNOWN and self.within(record.jurisdiction, jurisdiction)

    @cached_property
    def group_of(self) -> dict[str, str]:
        """The members of groups that some record names."""
        place = self.place
        named = {end for flow in place.flows.values() for end in (flow.from_, flow.to)}
        named |= {access.target for access in place.accesses.values()}
        named |= {name for service in place.services.values() for name in service.actuators}
        named |= {name for _, need in self.all_needs for name in need.of}
        groups = [
            (d, unit[0]) for d, device in place.devices.items() if device.positions for unit in members(d, device)
        ]
        return {member: group for group, member in groups if member in named}

    @cached_property
    def all_needs(self) -> list[tuple[Fact, Any]]:
        """(what stops, need)."""
        place = self.place
        things = {**place.systems, **place.devices}
        of_things = [(thing(x, "stop"), need) for x, record in things.items() for need in record.needs]
        return of_things + [(("function", f, "stop"), n) for f, record in place.functions.items() for n in record.needs]

    @cached_property
    def declared(self) -> dict[str, Any]:
        """Systems, devices and groups."""
        return {**self.place.systems, **self.place.devices}

    @cached_property
    def things(self) -> list[str]:
        return [*self.declared, *self.group_of]

    def is_device(self, x: str) -> bool:
        """READING: a member is a device, as its group is."""
        return x in self.place.devices or x in self.group_of

    def operator(self, x: str) -> str | None:
        """Of a device its operator, else its owner."""
        record = self.declared[x]
        return record.owner if x in self.place.devices and record.operator is None else record.operator

    def updates_from(self, x: str) -> str | None:
        if x in self.place.systems:
            return self.place.systems[x].updates_from
        model = self.place.device_models.get(self.place.devices[x].model)
        return None if model is None else model.updates_from

    def site(self, x: str) -> str:
        """A site that is gone counts as not known."""
        return self.declared[x].site if self.declared[x].site in self.place.sites else UNKNOWN

    def land(self, x: str) -> str:
        """The jurisdiction of a thing's site; unknown where either is."""
        return self.place.sites[self.site(x)].jurisdiction if self.site(x) != UNKNOWN else UNKNOWN

    def carried(self, flow: Any) -> list[str]:
        """The datasets of a flow. One that is gone counts as not there."""
        return [d for d in flow.datasets if d in self.place.datasets]

    def doing(self, agreement: str | None) -> str:
        """`hands`, or `acts` where the agreement named forbids sub-contracting."""
        record = self.place.agreements.get(agreement or "")
        return "acts" if record is not None and record.subcontracting == "forbidden" else "hands"

    def stores(self, x: str, d: str) -> bool:
        return x in self.place.systems and d in self.place.systems[x].stores

    def leaves(self, x: str, d: str) -> bool:
        return any(flow.from_ == x and d in flow.datasets for flow in self.place.flows.values())

    def arrives(self, x: str, d: str) -> bool:
        return any(flow.to == x and d in flow.datasets for flow in self.place.flows.values())

    def whole(self, x: str) -> str:
        """READING: to speak for a member is to speak for what its group's flow carries, and the other way round."""
        for group, device in self.place.devices.items():
            if x in [f"{group}-{n:02}" for n in range(1, len(device.positions) + 1)]:
                return group
        return x

    def passes_on(self, x: str, d: str) -> bool:
        """x speaks for a device that a flow carrying d begins at."""
        names = self.place.systems[x].speaks_for if x in self.place.systems else ()
        spoken = {self.whole(y) for y in names} & set(self.place.devices)
        return any(self.whole(flow.from_) in spoken and d in flow.datasets for flow in self.place.flows.values())

    @cached_property
    def at(self) -> list[tuple[str, str]]:
        """(x, d)."""
        every = ((x, d) for x in self.things for d in self.place.datasets)
        reasons = (self.stores, self.leaves, self.arrives, self.passes_on)
        return [(x, d) for x, d in every if any(reason(x, d) for reason in reasons)]

    def origin(self, x: str, d: str) -> bool:
        return self.leaves(x, d) and not self.arrives(x, d) and not self.passes_on(x, d)

    def protecting(self, kind: str, *names: str) -> list[str]:
        """The keys of a kind that protect one of these."""
        return [k for k, key in self.place.keys.items() if key.kind == kind and not set(names).isdisjoint(key.protects)]

    def seals(self, d: str) -> list[str]:
        return self.protecting("end-to-end", d)

    def locks(self, x: str, d: str) -> list[str]:
        return self.protecting("at-rest", x, d) + ([] if self.origin(x, d) else self.seals(d))

    @cached_property
    def addressed_as_held(self) -> list[tuple[str, str, str]]:
        """(instrument, party, bound) of everyone addressed because of where its owners are."""
        found: list[tuple[str, str, str]] = []
        for i, instrument in self.place.instruments.items():
            for addressee in instrument.addressees:
                if addressee.nexus == "parent-incorporated-in":
                    t = 50.0 if addressee.control_share is None else addressee.control_share
                    for bound in (CERTAIN, POSSIBLE):
                        found += [(i, p, bound) for p in held_from(self, instrument.jurisdiction, t, bound)]
        return found

    def any_nexus(self, instrument: str, *nexus: str) -> bool:
        return any(addressee.nexus in nexus for addressee in self.place.instruments[instrument].addressees)

    def uses(self, instrument: str) -> set[str]:
        powers = self.place.instruments[instrument].powers
        return {USE_OF_POWER[power] for power in powers if power in USE_OF_POWER}


def acts(p: str, use: str) -> Fact:
    return ("acts", p, use)


def anyone(use: str) -> Fact:
    return ("anyone", "", use)


def thing(x: str, mode: str) -> Fact:
    return ("thing", x, mode)


def data(d: str, mode: str) -> Fact:
    return ("dataset", d, mode)


def site_stops(s: str) -> Fact:
    return ("site", s, "stop")


def keys(names: Iterable[str]) -> list[Fact]:
    return [("key", k, "") for k in names]


# --- stakes


def hold_together(stakes: Iterable[Any], they: set[str], threshold: float, bound: str) -> bool:
    """Whether these owners hold the party, by shares that add up to the threshold or by one other stake."""
    theirs = [stake for stake in stakes if stake.party in they]
    decisive = {"appointment", "management"} | ({"contractual", "trust", "nominee"} if bound == POSSIBLE else set())
    if any(stake.mechanism in decisive for stake in theirs):
        return True
    for mechanism in ("ownership", "voting", "state"):
        shares = [stake.share for stake in theirs if stake.mechanism == mechanism]
        known = [share for share in shares if share is not None]
        counted = [100.0 if share is None else share for share in shares] if bound == POSSIBLE else known
        # READING: with a threshold of 0 they must still hold something
        if sum(round(share * 10_000) for share in counted) >= max(1, round(threshold * 10_000)):
            return True
    return False


def held_from(o: Oracle, jurisdiction: str, threshold: float, bound: str) -> set[str]:
    """The parties *held from J at t*."""
    parties = o.place.parties

    there = {p for p in parties if o.incorporated_within(p, jurisdiction)}
    if bound == POSSIBLE:
        there |= {p for p in parties if parties[p].incorporated_in == UNKNOWN}
    held: set[str] = set()
    while True:
        more = set[str]()
        for p, party in parties.items():
            if party.owners == UNKNOWN:
                more |= {p} if bound == POSSIBLE else set()
            elif hold_together(party.owners, there | held, threshold, bound):
                more.add(p)
        if more <= held:
            return held
        held |= more


# --- law


def instrument(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        for power, law in (("power", "law-party"), ("place-power", "law-place")):
            if record.status == "in-force":
                yield (power, i, ""), o.when((law, record.jurisdiction, ""))
            if record.status == "contested":
                yield (power, i, ""), o.maybe((law, record.jurisdiction, ""))


def state_body(o: Oracle) -> Said:
    for j in o.place.jurisdictions:
        for p, party in o.place.parties.items():
            if party.kind == "state" and o.incorporated_within(p, j):
                for u in USES:
                    yield acts(p, u), o.when(("law-party", j, ""))
            if party.kind == "state" and party.incorporated_in == UNKNOWN:
                for u in USES:
                    yield acts(p, u), o.maybe(("law-party", j, ""))


def incorporated(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        for p, party in o.place.parties.items():
            if o.any_nexus(i, "incorporated-in", "present-in"):
                if party.incorporated_in == UNKNOWN:
                    yield ("addressee", p, i), o.maybe(("power", i, ""))
                elif o.incorporated_within(p, record.jurisdiction):
                    yield ("addressee", p, i), o.when(("power", i, ""))


def present(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        for p in o.place.parties:
            if o.any_nexus(i, "present-in") and o.present_within(p, record.jurisdiction):
                yield ("addressee", p, i), o.when(("power", i, ""))


def serves_there(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        there, power = record.jurisdiction, ("power", i, "")
        perhaps_there = [x for x in o.declared if o.land(x) == UNKNOWN or o.site_within(o.site(x), there)]
        for p, party in o.place.parties.items() if o.any_nexus(i, "offers-service-in") else ():
            served = [x for x in o.declared if p in _run_by(o, x)]
            lives = o.incorporated_within(p, there) or o.present_within(p, there)
            if lives or any(o.site_within(o.site(x), there) for x in served):
                yield ("addressee", p, i), o.when(power)
            if party.incorporated_in == UNKNOWN or any(o.land(x) == UNKNOWN for x in served):
                yield ("addressee", p, i), o.maybe(power)
            if any(UNKNOWN in _run_by(o, x) for x in perhaps_there):
                yield ("addressee", p, i), o.maybe(power)


def _run_by(o: Oracle, x: str) -> list[str | None]:
    """Those who run a thing, `unknown` among them."""
    record = o.declared[x]
    if x in o.place.devices:
        return [record.operator, record.owner]
    maintainers = [UNKNOWN] if record.maintained_by == UNKNOWN else [*record.maintained_by]
    return [record.operator, record.supplier, *maintainers]


def parent(o: Oracle) -> Said:
    for i, p, bound in o.addressed_as_held:
        power = ("power", i, "")
        yield ("addressee", p, i), o.when(power) if bound == CERTAIN else o.maybe(power)


def compelled(o: Oracle) -> Said:
    for i in o.place.instruments:
        for p in o.place.parties:
            for u in o.uses(i):
                yield acts(p, u), o.when(("addressee", p, i))


# --- nexus, and who is turned


def turned(o: Oracle) -> Said:
    """`party(P)`: what is given at the start."""
    for p in o.place.parties:
        for u in USES:
            yield acts(p, u), o.when(("party", p, ""))


def belongs(o: Oracle) -> Said:
    for j in o.place.jurisdictions:
        for p, party in o.place.parties.items():
            for u in USES:
                if o.incorporated_within(p, j) or o.present_within(p, j):
                    yield acts(p, u), o.when(("nexus-party", j, ""))
                elif party.incorporated_in == UNKNOWN:
                    yield acts(p, u), o.maybe(("nexus-party", j, ""))


# --- control


def controls(o: Oracle) -> Said:
    for q, party in o.place.parties.items():
        for u in USES if party.owners != UNKNOWN else ():
            acting = {stake.party: o.when(acts(stake.party, u)) for stake in party.owners}
            for scenario, bound in set[Case]().union(*acting.values()) - o.holds[acts(q, u)]:
                they = {p for p, cases in acting.items() if (scenario, bound) in cases}
                if hold_together(party.owners, they, 50.0, bound):
                    yield acts(q, u), {(scenario, bound)}


def owner_unknown(o: Oracle) -> Said:
    for q, party in o.place.parties.items():
        for u in USES if party.owners == UNKNOWN else ():
            yield acts(q, u), o.maybe(anyone(u))


def anyone_(o: Oracle) -> Said:
    """`anyone`."""
    for u in USES:
        for p in o.place.parties:
            yield anyone(u), o.when(("party", p, ""))
        for j in o.place.jurisdictions:
            yield anyone(u), o.when(("nexus-party", j, ""))
        for i in o.place.instruments:
            if u in o.uses(i):
                yield anyone(u), o.when(("power", i, ""))
        for p, party in o.place.parties.items():
            for j in o.place.jurisdictions:
                if party.kind == "state" and o.incorporated_within(p, j):
                    yield anyone(u), o.when(("law-party", j, ""))
                if party.kind == "state" and party.incorporated_in == UNKNOWN:
                    yield anyone(u), o.maybe(("law-party", j, ""))


def hands(o: Oracle) -> Said:
    for p in o.place.parties:
        for u in NOT_STOP:
            yield ("hands", p, u), o.when(acts(p, u))


def subprocessor(o: Oracle) -> Said:
    for p, party in o.place.parties.items():
        for u in NOT_STOP:
            for q in (UNKNOWN,) if party.subprocessors == UNKNOWN else party.subprocessors:
                yield ("hands", p, u), o.by(q, u) & o.possible


# --- places


def lies_in(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        for u in o.uses(i) if o.any_nexus(i, "data-located-in") else ():
            yield ("in-place", record.jurisdiction, u), o.when(("place-power", i, ""))
    for j in o.place.jurisdictions:
        for u in USES:
            yield ("in-place", j, u), o.when(("nexus-place", j, ""))


def sits_in(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        for u in o.uses(i) - {STOP} if o.any_nexus(i, "present-in") else ():
            yield ("sits", record.jurisdiction, u), o.when(("place-power", i, ""))
    for j in o.place.jurisdictions:
        for u in NOT_STOP:
            yield ("sits", j, u), o.when(("nexus-place", j, ""))


def passes_in(o: Oracle) -> Said:
    for i, record in o.place.instruments.items():
        if "intercept" in record.powers:
            yield ("passes", record.jurisdiction, ""), o.when(("place-power", i, ""))
    for j in o.place.jurisdictions:
        yield ("passes", j, ""), o.when(("nexus-place", j, ""))


def part_of(o: Oracle) -> Said:
    for outer in o.place.jurisdictions:
        for inner in o.parts_of(outer):
            for u in USES:
                yield ("in-place", inner, u), o.when(("in-place", outer, u))
                yield ("sits", inner, u), o.when(("sits", outer, u))
            yield ("passes", inner, ""), o.when(("passes", outer, ""))


def anywhere(o: Oracle) -> Said:
    for j in o.place.jurisdictions:
        for u in USES:
            yield ("anywhere", "", u), o.when(("nexus-place", j, ""))
        for u in NOT_STOP:
            yield ("sits-anywhere", "", u), o.when(("nexus-place", j, ""))
        yield ("passes-anywhere", "", ""), o.when(("nexus-place", j, ""))
    for i, record in o.place.instruments.items():
        power = ("place-power", i, "")
        for u in o.uses(i) if o.any_nexus(i, "data-located-in") else ():
            yield ("anywhere", "", u), o.when(power)
        for u in o.uses(i) - {STOP} if o.any_nexus(i, "present-in") else ():
            yield ("sits-anywhere", "", u), o.when(power)
        if "intercept" in record.powers:
            yield ("passes-anywhere", "", ""), o.when(power)


def stands_in(o: Oracle) -> Said:
    for s, site in o.place.sites.items():
        yield site_stops(s), _in_place(o, site.jurisdiction, STOP)
    for x in o.declared:
        j = o.land(x)
        yield thing(x, "read"), _in_place(o, j, DISCLOSE)
        yield thing(x, "hold"), _in_place(o, j, DISCLOSE)
        yield thing(x, "shape"), _in_place(o, j, ASSIST)
        for mode in ("write", "command", "physical"):
            yield thing(x, mode), _in_place(o, j, ALTER)
        if o.site(x) == UNKNOWN:
            yield thing(x, "stop"), _in_place(o, UNKNOWN, STOP)


def _in_place(o: Oracle, jurisdiction: str, use: str) -> Cases:
    if jurisdiction == UNKNOWN:
        return o.maybe(("anywhere", "", use))
    return o.when(("in-place", jurisdiction, use))


# --- things


def operates(o: Oracle) -> Said:
    for x in o.declared:
        p = o.operator(x)
        for mode in ("read", "hold"):
            yield thing(x, mode), o.by(p, DISCLOSE, "hands")
        yield thing(x, "shape"), o.by(p, ASSIST, "hands")
        for mode in ("write", "command", "update"):
            yield thing(x, mode), o.by(p, ALTER, "hands")
        yield thing(x, "stop"), o.by(p, STOP)


def owns(o: Oracle) -> Said:
    for x, device in o.place.devices.items():
        yield thing(x, "physical"), o.by(device.owner, ALTER)
        yield thing(x, "stop"), o.by(device.owner, STOP)


def hosts(o: Oracle) -> Said:
    for s, site in o.place.sites.items():
        yield site_stops(s), o.by(site.operator, STOP)
        for x in o.declared:
            if o.site(x) == s:
                yield thing(x, "hold"), o.by(site.operator, DISCLOSE)
                yield thing(x, "physical"), o.by(site.operator, ALTER)
    for x in o.declared:
        if o.site(x) == UNKNOWN:
            for mode, use in (("hold", DISCLOSE), ("physical", ALTER), ("stop", STOP)):
                yield thing(x, mode), o.by(UNKNOWN, use)


def at_site(o: Oracle) -> Said:
    for x in o.declared:
        if o.site(x) != UNKNOWN:
            yield thing(x, "stop"), o.when(site_stops(o.site(x)))


def maintains(o: Oracle) -> Said:
    for x, system in o.place.systems.items():
        for p in (UNKNOWN,) if system.maintained_by == UNKNOWN else system.maintained_by:
            yield thing(x, "read"), o.by(p, DISCLOSE, "hands")
            yield thing(x, "shape"), o.by(p, ASSIST, "hands")
            yield thing(x, "write"), o.by(p, ALTER, "hands")
            yield thing(x, "update"), o.by(p, ALTER, "hands")


def updates(o: Oracle) -> Said:
    for x in o.declared:
        v = o.updates_from(x)
        if v == UNKNOWN:
            for who in ("anyone", "anywhere", "sits-anywhere"):
                yield thing(x, "update"), o.maybe((who, "", ALTER))
                yield thing(x, "shape"), o.maybe((who, "", ASSIST))
        elif v is not None:
            yield thing(x, "update"), o.when(thing(v, "write"))
            yield thing(x, "shape"), o.when(thing(v, "shape"))


def software(o: Oracle) -> Said:
    for x in o.things:
        for mode in ("write", "command", "stop"):
            yield thing(x, mode), o.when(thing(x, "update"))
        yield thing(x, "read"), o.when(thing(x, "shape"))


def touched(o: Oracle) -> Said:
    for x in o.things:
        yield thing(x, "stop"), o.when(thing(x, "physical"))
        if o.is_device(x):
            yield thing(x, "write"), o.when(thing(x, "physical"))


def ordered(o: Oracle) -> Said:
    for x in o.things:
        yield thing(x, "stop"), o.when(thing(x, "command"))


def told(o: Oracle) -> Said:
    for flow in o.place.flows.values():
        if flow.from_ in o.place.systems and o.is_device(flow.to):
            yield thing(flow.to, "command"), o.when(thing(flow.from_, "command"))
    for name, system in o.place.systems.items():
        for lamp in system.talq.lamps if system.talq is not None else ():
            if o.is_device(o.whole(lamp)):
                yield thing(o.whole(lamp), "command"), o.when(thing(name, "command"))


def member(o: Oracle) -> Said:
    for unit, group in o.group_of.items():
        for mode in THING_MODES:
            yield thing(unit, mode), o.when(thing(group, mode))


# --- accesses


def access(o: Oracle) -> Said:
    for a, record in o.place.accesses.items():
        for u in (DISCLOSE, ASSIST, ALTER):
            yield ("use", a, u), o.by(record.party, u, o.doing(record.agreement))


def from_there(o: Oracle) -> Said:
    for a, record in o.place.accesses.items():
        for u in NOT_STOP:
            for name in (UNKNOWN,) if record.from_places == UNKNOWN else record.from_places:
                j = _seat(o, name)
                cases = o.maybe(("sits-anywhere", "", u)) if j == UNKNOWN else o.when(("sits", j, u))
                yield ("use", a, u), cases


def _seat(o: Oracle, name: str) -> str:
    """The jurisdiction of a place that an access is used from. A name that is gone counts as not known."""
    if name in o.place.sites:
        return o.place.sites[name].jurisdiction
    return name if name in o.place.jurisdictions else UNKNOWN


MODES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "read": (("read", DISCLOSE),),
    "write": (("write", ALTER),),
    "support": (("read", DISCLOSE), ("write", ALTER)),
    "command": (("command", ALTER),),
    "update": (("update", ALTER), ("shape", ASSIST)),
    "physical": (("hold", DISCLOSE), ("physical", ALTER)),
    "billing": (),
}


def mode(o: Oracle) -> Said:
    for a, record in o.place.accesses.items():
        for said in record.modes:
            for reached, u in MODES[said]:
                if record.target in o.things:
                    yield thing(record.target, reached), o.when(("use", a, u))
                elif record.target in o.place.datasets and reached in ("read", "write"):
                    yield data(record.target, reached), o.when(("use", a, u))


# --- data


def inside(o: Oracle) -> Said:
    for x, d in o.at:
        needed = [] if o.origin(x, d) else o.seals(d)
        yield data(d, "hold"), o.when(thing(x, "read"))
        yield data(d, "read"), o.when(thing(x, "read"), *keys(needed))


def kept(o: Oracle) -> Said:
    for x, d in _kept(o):
        yield data(d, "hold"), o.when(thing(x, "hold"))
        yield data(d, "read"), o.when(thing(x, "hold"), *keys(o.locks(x, d)))


def _kept(o: Oracle) -> list[tuple[str, str]]:
    return [(x, d) for x, d in o.at if o.stores(x, d) or (o.is_device(x) and o.leaves(x, d))]


def falsified(o: Oracle) -> Said:
    for x, d in o.at:
        signed = [] if o.origin(x, d) else o.protecting("signing", d)
        yield data(d, "write"), o.when(thing(x, "write"), *keys(signed))


def receives(o: Oracle) -> Said:
    for flow in o.place.flows.values():
        if flow.to in o.place.parties:
            given = (o.doing(flow.agreement), flow.to, DISCLOSE)
            for d in o.carried(flow):
                yield data(d, "hold"), o.when(given)
                yield data(d, "read"), o.when(given, *keys(o.seals(d)))


def sends(o: Oracle) -> Said:
    for flow in o.place.flows.values():
        if flow.from_ in o.place.parties:
            for d in o.carried(flow):
                yield data(d, "read"), o.when(acts(flow.from_, DISCLOSE))
                yield data(d, "hold"), o.when(acts(flow.from_, DISCLOSE))
                yield data(d, "write"), o.when(acts(flow.from_, ALTER))


def hop(o: Oracle) -> Said:
    for f, flow in o.place.flows.items():
        tap, meddle = ("tap", f, ""), ("meddle", f, "")
        if flow.route == UNKNOWN:
            yield tap, o.maybe(anyone(INTERCEPT))
            yield tap, o.maybe(("passes-anywhere", "", ""))
            yield meddle, o.maybe(anyone(ALTER))
            yield meddle, o.maybe(("anywhere", "", ALTER))
            continue
        for name in flow.route:
            if name in o.place.jurisdictions:
                yield tap, o.when(("passes", name, ""))
                yield meddle, o.when(("in-place", name, ALTER))
            else:
                yield tap, o.when(acts(name, INTERCEPT))
                yield meddle, o.when(acts(name, ALTER))


def tapped(o: Oracle) -> Said:
    for f, flow in o.place.flows.items():
        for d in o.carried(flow):
            needed = keys(o.protecting("in-transit", f) + o.seals(d))
            yield data(d, "hold"), o.when(("tap", f, ""))
            yield data(d, "read"), _on_the_way(o, flow.protection, ("tap", f, ""), *needed)
            if not o.protecting("signing", d):
                yield data(d, "write"), _on_the_way(o, flow.protection, ("meddle", f, ""))


def _on_the_way(o: Oracle, protection: str, *facts: Fact) -> Cases:
    """Only what is not protected gives way."""
    if protection == "none":
        return o.when(*facts)
    return o.maybe(*facts) if protection == UNKNOWN else NOBODY


def key_holder(o: Oracle) -> Said:
    for k, key in o.place.keys.items():
        yield ("key", k, ""), o.by(key.holder, DISCLOSE)


def undefeated(o: Oracle) -> Said:
    # READING: "if i gives disclose or assist" stands for both kinds of key
    for i, record in o.place.instruments.items():
        if o.uses(i) & {DISCLOSE, ASSIST}:
            for kind, defeat in (("at-rest", "customer-held-key"), ("end-to-end", "end-to-end")):
                if defeat not in record.defeated_by:
                    yield ("opens", kind, ""), o.maybe(("power", i, ""))
                    if o.any_nexus(i, "data-located-in"):
                        yield ("opens", kind, ""), o.maybe(("place-power", i, ""))


def opened(o: Oracle) -> Said:
    for x, d in o.at:
        if not o.origin(x, d) and o.seals(d):
            yield data(d, "read"), o.when(thing(x, "read"), ("opens", "end-to-end", ""))
    for x, d in _kept(o):
        kinds = {o.place.keys[k].kind for k in o.locks(x, d)}
        if kinds:
            yield data(d, "read"), o.when(thing(x, "hold"), *(("opens", kind, "") for kind in kinds))


# --- failing


def needs(o: Oracle) -> Said:
    for stops, need in o.all_needs:
        yield stops, o.at_least(len(need.of) - need.k + 1, [_stops(o, name) for name in need.of])


def _stops(o: Oracle, name: str) -> Fact:
    if name in o.place.sites:
        return site_stops(name)
    return ("gone", name, "") if name in o.place.parties else thing(name, "stop")


def gone(o: Oracle) -> Said:
    for _, need in o.all_needs:
        for p in set(need.of) & o.place.parties.keys():
            yield ("gone", p, ""), o.when(acts(p, STOP))


def misled(o: Oracle) -> Said:
    for v, service in o.place.services.items():
        for d in service.reads:
            yield ("service", v, "mislead"), o.when(data(d, "write"))


def steered(o: Oracle) -> Said:
    for v, service in o.place.services.items():
        for x in service.actuators:
            yield ("service", v, "command"), o.when(thing(x, "command"))


# --- near


def near_thing(o: Oracle) -> Said:
    for x in o.things:
        for p in _having_to_do_with(o, x):
            for u in USES:
                yield thing(x, "near"), o.when(acts(p, u))


def _having_to_do_with(o: Oracle, x: str) -> set[str]:
    place = o.place
    named: set[Any] = {access.party for access in place.accesses.values() if access.target == x}
    if x in o.declared:
        named |= {o.operator(x)}
        named |= {place.sites[o.site(x)].operator} if o.site(x) != UNKNOWN else set()
    if x in place.systems:
        named |= {place.systems[x].supplier}
        named |= set(place.systems[x].maintained_by) if place.systems[x].maintained_by != UNKNOWN else set()
    if x in place.devices:
        model = place.device_models.get(place.devices[x].model)
        named |= {place.devices[x].owner, None if model is None else model.maker}
    return {p for p in named if p in place.parties}


def near_data(o: Oracle) -> Said:
    for x, d in o.at:
        yield data(d, "near"), o.when(thing(x, "near"))
    for d in o.place.datasets:
        yield data(d, "near"), o.when(data(d, "hold"))
        for p in _having_part_in(o, d):
            for u in USES:
                yield data(d, "near"), o.when(acts(p, u))


def _having_part_in(o: Oracle, d: str) -> set[str]:
    named: set[str] = set()
    for flow in o.place.flows.values():
        if d in flow.datasets:
            named |= {flow.from_, flow.to} | (set(flow.route) if flow.route != UNKNOWN else set())
    for agreement in o.place.agreements.values():
        if d in agreement.datasets:
            named |= set(agreement.parties) - {o.place.responsible}
    named |= {access.party for access in o.place.accesses.values() if access.target == d}
    return named & o.place.parties.keys()


def near_function(o: Oracle) -> Said:
    for v, service in o.place.services.items():
        for x in service.actuators:
            yield ("service", v, "near"), o.when(thing(x, "near"))
        for d in service.reads:
            yield ("service", v, "near"), o.when(data(d, "near"))
    for f, function in o.place.functions.items():
        for need in function.needs:
            for x in need.of:
                yield ("function", f, "near"), o.when(thing(x, "near"))


RULES: tuple[Callable[[Oracle], Said], ...] = (
    instrument, state_body, incorporated, present, serves_there, parent, compelled, turned, belongs, controls, owner_unknown,
    anyone_, hands, subprocessor, lies_in, sits_in, passes_in, part_of, anywhere, stands_in, operates, owns, hosts, at_site,
    maintains, updates, software, touched, ordered, told, member, access, from_there, mode, inside, kept, falsified, receives,
    sends, hop, tapped, key_holder, undefeated, opened, needs, gone, misled, steered, near_thing, near_data, near_function,
)  # fmt: skip
