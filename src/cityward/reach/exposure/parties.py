"""Law, nexus and control: which parties act, and what lies in whose land. The first sections of docs/reach.md, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cityward.place.parties import Instrument, InstrumentStatus, Mechanism, Stake
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.clauses import ClauseList
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.nodes import HANDED, USES, Predicate, Rule, Use, uses_of

CONTROL = (
    50.0  # per cent: half or more. PRECEDENT: the sum-of-shares rule of sanctions law; below it a stake is a minority
)
UNITS = 10_000  # shares are added as whole ten-thousandths of a per cent

SHARES = (Mechanism.OWNERSHIP, Mechanism.VOTING, Mechanism.STATE)
RULED = (Mechanism.APPOINTMENT, Mechanism.MANAGEMENT)


def parties(declared: Declared, to: ClauseList) -> None:
    """Every clause about who acts, and about what lies where."""
    _instruments(declared, to)
    _addressees(declared, to)
    _nexus(declared, to)
    _turned(declared, to)
    _control(declared, to)
    _hands(declared, to)
    _places(declared, to)


def live(declared: Declared) -> Iterator[tuple[str, Instrument]]:
    """The instruments that hold, or may hold."""
    for name, instrument in declared.place.instruments.items():
        if instrument.status in (InstrumentStatus.IN_FORCE, InstrumentStatus.CONTESTED):
            yield name, instrument


def has_nexus(instrument: Instrument, *kinds: str) -> bool:
    """Whether an instrument reaches its addressees in one of these ways."""
    return any(addressee.nexus in kinds for addressee in instrument.addressees)


def _instruments(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, instrument in live(declared):
        contested = f"instruments.{name}.status" if instrument.status is InstrumentStatus.CONTESTED else None
        paths = (f"instruments.{name}", contested) if contested else (f"instruments.{name}",)
        by_law = ((Predicate.POWER, Predicate.LAW_PARTY), (Predicate.PLACE_POWER, Predicate.LAW_PLACE))
        for power, law in by_law:
            to.edge(of(power, name), of(law, instrument.jurisdiction), Rule.INSTRUMENT, paths, contested)
    for state in declared.states:
        home, path = declared.place.parties[state].incorporated_in, f"parties.{state}.incorporated_in"
        for land, inside in declared.inside.items():
            if home == UNKNOWN or home in inside:
                paths, missing = ((path,), path) if home == UNKNOWN else ((path, *inside[home]), None)
                _acts(to, state, of(Predicate.LAW_PARTY, land), Rule.STATE_BODY, paths, missing)
                for use in USES:
                    to.edge(of(Predicate.ANYONE, "", use), of(Predicate.LAW_PARTY, land), Rule.ANYONE, paths, missing)


def _acts(
    to: ClauseList, party: str, premise: int, rule: Rule, paths: tuple[str, ...], missing: str | None = None
) -> None:
    for use in USES:
        to.edge(to.nodes.of(Predicate.ACTS, party, use), premise, rule, paths, missing)


# --- addressees


def _addressees(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    perhaps = _perhaps_serving(declared, to)
    for name, instrument in live(declared):
        power, addressed = of(Predicate.POWER, name), dict[str, None]()
        for party, rule, paths, missing in _reached_at_once(declared, name, instrument):
            to.edge(of(Predicate.ADDRESSEE, party, name), power, rule, paths, missing)
            addressed[party] = None
        if has_nexus(instrument, "offers-service-in"):
            addressed |= dict.fromkeys(_addressed_perhaps(declared, to, name, instrument, perhaps))
        for party, held, missing in _held_at_some_share(declared, to, name, instrument):
            paths = (f"instruments.{name}.addressees", *((missing,) if missing else ()))
            to.edge(of(Predicate.ADDRESSEE, party, name), held, Rule.PARENT, paths, missing)
            addressed[party] = None
        for party in addressed:
            for use in uses_of(instrument):
                acts, addressee = of(Predicate.ACTS, party, use), of(Predicate.ADDRESSEE, party, name)
                to.edge(acts, addressee, Rule.COMPELLED, (f"instruments.{name}.powers",))


Reached = tuple[str, Rule, tuple[str, ...], str | None]


def _reached_at_once(declared: Declared, name: str, instrument: Instrument) -> Iterator[Reached]:
    """(party, rule, paths, missing): those whom an instrument addresses by where they are or serve."""
    law = f"instruments.{name}.addressees"
    for land, lines in declared.inside.get(instrument.jurisdiction, {}).items():
        own = [(p, f"parties.{p}.incorporated_in") for p in declared.incorporated.get(land, ())]
        present = declared.present.get(land, [])
        if has_nexus(instrument, "incorporated-in", "present-in"):
            yield from ((p, Rule.INCORPORATED, (law, path, *lines), None) for p, path in own)
        if has_nexus(instrument, "present-in"):
            yield from ((p, Rule.PRESENT, (law, path, *lines), None) for p, path in present)
        if has_nexus(instrument, "offers-service-in"):
            there = dict(reversed([*own, *present, *declared.serving.get(land, [])]))
            yield from ((p, Rule.SERVES_THERE, (law, path, *lines), None) for p, path in there.items())
    asked = ((Rule.INCORPORATED, ("incorporated-in", "present-in")), (Rule.SERVES_THERE, ("offers-service-in",)))
    for rule in (rule for rule, nexus in asked if has_nexus(instrument, *nexus)):
        for party in declared.incorporated.get(UNKNOWN, ()):
            path = f"parties.{party}.incorporated_in"
            yield party, rule, (law, path), path


def _perhaps_serving(declared: Declared, to: ClauseList) -> tuple[list[str], list[str]]:
    """(parties that may serve anywhere, jurisdictions where it is not known who serves; `unknown` is one of these).

    Said once for all instruments, and joined with the power of each: what is not known of a thing makes one clause.
    """
    of, parties, lands = to.nodes.of, dict[str, None](), dict[str, None]()
    asked = of(Predicate.ASKS_WHO_SERVES, "")
    for thing in declared.things.values():
        land, unknown = declared.land_of(thing)
        for party, path in thing.servants:
            if party == UNKNOWN:
                to.edge(of(Predicate.UNKNOWN_SERVES, land), asked, Rule.SERVES_THERE, (path,), path)
                lands[land] = None
            elif unknown is not None and party in declared.place.parties:
                to.edge(of(Predicate.MAY_SERVE, party), asked, Rule.SERVES_THERE, (path, unknown), unknown)
                parties[party] = None
    return list(parties), list(lands)


def _addressed_perhaps(
    declared: Declared, to: ClauseList, name: str, instrument: Instrument, perhaps: tuple[list[str], list[str]]
) -> Iterator[str]:
    """The parties that an instrument for those who serve there addresses, by what is not known of the things they run."""
    of, rule, law = to.nodes.of, Rule.SERVES_THERE, f"instruments.{name}.addressees"
    power, parties, lands = of(Predicate.POWER, name), *perhaps
    to.edge(of(Predicate.ASKS_WHO_SERVES, ""), power, rule, (law,))
    for party in parties:
        serves = [power, of(Predicate.MAY_SERVE, party)]
        to.all_of(of(Predicate.ADDRESSEE, party, name), serves, rule, (law,))
        yield party
    inside = {UNKNOWN: (), **declared.inside.get(instrument.jurisdiction, {})}
    anybody = of(Predicate.ANY_ADDRESSEE, name)
    there = [land for land in lands if land in inside]
    for land in there:
        to.all_of(anybody, [power, of(Predicate.UNKNOWN_SERVES, land)], rule, (law, *inside[land]))
    for party in declared.place.parties if there else ():
        to.edge(of(Predicate.ADDRESSEE, party, name), anybody, rule, (law,))
        yield party


def _held_at_some_share(
    declared: Declared, to: ClauseList, name: str, instrument: Instrument
) -> Iterator[tuple[str, int, str | None]]:
    shares = [a.control_share for a in instrument.addressees if a.nexus == "parent-incorporated-in"]
    for share in dict.fromkeys(CONTROL if share is None else share for share in shares):
        yield from _held(declared, to, name, instrument, share)


def _held(
    declared: Declared, to: ClauseList, name: str, instrument: Instrument, share: float
) -> Iterator[tuple[str, int, str | None]]:
    """(party, premise, missing) of the parties held from the instrument's jurisdiction at a share.

    Nodes are made only for parties that could be held: those that hang from one that is there, or may be.
    """
    of = to.nodes.of
    power = of(Predicate.POWER, name)
    level = f"{name} {share:g}"  # an instrument may reach parents at two shares
    counted: list[str] = []

    def own(party: str) -> int:
        return of(Predicate.OF, party, level)

    for land, lines in declared.inside.get(instrument.jurisdiction, {}).items():
        for party in declared.incorporated.get(land, ()):
            to.edge(own(party), power, Rule.INCORPORATED, (f"parties.{party}.incorporated_in", *lines))
            counted.append(party)
    for party in declared.incorporated.get(UNKNOWN, ()):
        path = f"parties.{party}.incorporated_in"
        to.edge(own(party), power, Rule.INCORPORATED, (path,), path)
        counted.append(party)
    unknown = [p for p, party in declared.place.parties.items() if party.owners == UNKNOWN]
    for party in _below(declared, [*counted, *unknown]):
        held = of(Predicate.HELD, party, level)
        owners = declared.place.parties[party].owners
        if owners == UNKNOWN:
            yield party, power, f"parties.{party}.owners"
            to.edge(held, power, Rule.PARENT, (f"parties.{party}.owners",), f"parties.{party}.owners")
        else:
            held_by(party, owners, share, own, held, Rule.PARENT, to)
        to.edge(own(party), held, Rule.PARENT, (f"parties.{party}.owners",))
        yield party, held, None


def _below(declared: Declared, tops: list[str]) -> list[str]:
    """The parties whose owners are unknown, or that hang by some stake from the given ones."""
    found = [p for p in dict.fromkeys(tops) if declared.place.parties[p].owners == UNKNOWN]
    seen, pending = set(found), list(dict.fromkeys(tops))
    for top in pending:
        for party in declared.owned.get(top, ()):
            if party not in seen:
                seen.add(party)
                found.append(party)
                pending.append(party)
    return found


def held_by(
    party: str,
    stakes: tuple[Stake, ...],
    share: float,
    node: Callable[[str], int],
    head: int,
    rule: Rule,
    to: ClauseList,
) -> None:
    """head <- stakes in a party, of owners for whom `node` holds, that reach a share (per cent) or rule it.

    Shares of one mechanism add up; mechanisms are never added to one another.
    """
    need = max(1, round(share * UNITS))  # a threshold of 0 asks for some share; nobody's is none
    path = f"parties.{party}.owners"
    for mechanism in SHARES:
        weights: dict[str, int] = {}
        for k, stake in enumerate(stakes):
            if stake.mechanism is mechanism and stake.share is None:
                to.edge(head, node(stake.party), rule, (f"{path}[{k}]",), path)
            elif stake.mechanism is mechanism and stake.share is not None:
                weights[stake.party] = weights.get(stake.party, 0) + round(stake.share * UNITS)
        for owner in [owner for owner, weight in weights.items() if weight >= need]:
            lines = (f"{path}[{k}]" for k, s in enumerate(stakes) if (s.mechanism, s.party) == (mechanism, owner))
            to.edge(head, node(owner), rule, tuple(lines))
            del weights[owner]
        if sum(weights.values()) >= need:
            to.at_least(head, need, [(node(owner), w) for owner, w in weights.items() if w], rule, (path,))
    for k, stake in enumerate(stakes):
        if stake.mechanism in RULED:
            to.edge(head, node(stake.party), rule, (f"{path}[{k}]",))
        elif stake.mechanism not in SHARES:
            to.edge(head, node(stake.party), rule, (f"{path}[{k}]",), path)


# --- nexus, and parties that act for themselves


def _nexus(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for land, inside in declared.inside.items():
        nexus = of(Predicate.NEXUS_PARTY, land)
        for part, lines in inside.items():
            own = [(p, f"parties.{p}.incorporated_in") for p in declared.incorporated.get(part, ())]
            for party, path in [*own, *declared.present.get(part, [])]:
                _acts(to, party, nexus, Rule.BELONGS, (path, *lines))
        for party in declared.incorporated.get(UNKNOWN, ()):
            path = f"parties.{party}.incorporated_in"
            _acts(to, party, nexus, Rule.BELONGS, (path,), path)
        for use in USES:
            to.edge(of(Predicate.ANYONE, "", use), nexus, Rule.ANYONE, ())
    for name, instrument in live(declared):
        for use in uses_of(instrument):
            to.edge(of(Predicate.ANYONE, "", use), of(Predicate.POWER, name), Rule.ANYONE, (f"instruments.{name}",))


def _turned(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for party in declared.place.parties:
        turned = of(Predicate.PARTY, party)
        _acts(to, party, turned, Rule.TURNED, (f"parties.{party}",))
        for use in USES:
            to.edge(of(Predicate.ANYONE, "", use), turned, Rule.ANYONE, ())


def _control(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, party in declared.place.parties.items():
        for use in USES if party.owners else ():
            head = of(Predicate.ACTS, name, use)
            if party.owners == UNKNOWN:
                path = f"parties.{name}.owners"
                to.edge(head, of(Predicate.ANYONE, "", use), Rule.OWNER_UNKNOWN, (path,), path)
            else:

                def acts(owner: str, use: Use = use) -> int:
                    return of(Predicate.ACTS, owner, use)

                held_by(name, party.owners, CONTROL, acts, head, Rule.CONTROLS, to)


def _hands(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, party in declared.place.parties.items():
        path = f"parties.{name}.subprocessors"
        for use in HANDED:
            hands = of(Predicate.HANDS, name, use)
            to.edge(hands, of(Predicate.ACTS, name, use), Rule.HANDS, ())
            if party.subprocessors == UNKNOWN:
                to.edge(hands, of(Predicate.ANYONE, "", use), Rule.SUBPROCESSOR, (path,), path)
                continue
            for k, other in enumerate(party.subprocessors):
                to.edge(hands, of(Predicate.ACTS, other, use), Rule.SUBPROCESSOR, (f"{path}[{k}]",), path)
        for use in USES:
            to.edge(of(Predicate.NAMED, name), of(Predicate.ACTS, name, use), Rule.HANDS, ())


# --- places


def _places(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, instrument in live(declared):
        power, land = of(Predicate.PLACE_POWER, name), instrument.jurisdiction
        paths = (f"instruments.{name}.addressees",)
        _lies(to, land, power, uses_of(instrument) if has_nexus(instrument, "data-located-in") else (), paths)
        _sits(to, land, power, uses_of(instrument) if has_nexus(instrument, "present-in") else (), paths)
        if Use.INTERCEPT in uses_of(instrument):
            _passes(to, land, power, (f"instruments.{name}.powers",))
    for land in declared.place.jurisdictions:
        nexus = of(Predicate.NEXUS_PLACE, land)
        _lies(to, land, nexus, USES, ())
        _sits(to, land, nexus, USES, ())
        _passes(to, land, nexus, ())
    for part, whole, path in declared.parts():
        for use in USES:
            to.edge(of(Predicate.IN_PLACE, part, use), of(Predicate.IN_PLACE, whole, use), Rule.PART_OF, (path,))
        for use in HANDED:
            to.edge(of(Predicate.SITS, part, use), of(Predicate.SITS, whole, use), Rule.PART_OF, (path,))
        to.edge(of(Predicate.PASSES, part), of(Predicate.PASSES, whole), Rule.PART_OF, (path,))


def _lies(to: ClauseList, land: str, premise: int, uses: tuple[Use, ...], paths: tuple[str, ...]) -> None:
    for use in uses:
        to.edge(to.nodes.of(Predicate.IN_PLACE, land, use), premise, Rule.LIES_IN, paths)
        to.edge(to.nodes.of(Predicate.ANYWHERE, "", use), premise, Rule.ANYWHERE, paths)


def _sits(to: ClauseList, land: str, premise: int, uses: tuple[Use, ...], paths: tuple[str, ...]) -> None:
    for use in uses:
        if use in HANDED:
            to.edge(to.nodes.of(Predicate.SITS, land, use), premise, Rule.SITS_IN, paths)
            to.edge(to.nodes.of(Predicate.SITS_ANYWHERE, "", use), premise, Rule.ANYWHERE, paths)


def _passes(to: ClauseList, land: str, premise: int, paths: tuple[str, ...]) -> None:
    to.edge(to.nodes.of(Predicate.PASSES, land), premise, Rule.PASSES_IN, paths)
    to.edge(to.nodes.of(Predicate.PASSES_ANYWHERE, ""), premise, Rule.ANYWHERE, paths)
