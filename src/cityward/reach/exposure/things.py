"""Systems, devices and the ways into them: who operates, hosts, maintains and updates, and the accesses granted."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.data import Access
from cityward.place.record import UNKNOWN
from cityward.place.things import System
from cityward.reach.exposure.clauses import ClauseList
from cityward.reach.exposure.declared import Declared, Thing
from cityward.reach.exposure.nodes import Mode, Predicate, Rule, Use

Given = tuple[Use, tuple[Mode, ...]]
"""A use, and what it gives over a thing."""

OPERATED: tuple[Given, ...] = (
    (Use.DISCLOSE, (Mode.READ, Mode.HOLD)),
    (Use.ASSIST, (Mode.SHAPE,)),
    (Use.ALTER, (Mode.WRITE, Mode.COMMAND, Mode.UPDATE)),
)
MAINTAINED: tuple[Given, ...] = (
    (Use.DISCLOSE, (Mode.READ,)),
    (Use.ASSIST, (Mode.SHAPE,)),
    (Use.ALTER, (Mode.WRITE, Mode.UPDATE)),
)
HOSTED: tuple[Given, ...] = ((Use.DISCLOSE, (Mode.HOLD,)), (Use.ALTER, (Mode.PHYSICAL,)))
LYING_THERE: tuple[Given, ...] = (
    (Use.DISCLOSE, (Mode.READ, Mode.HOLD)),
    (Use.ASSIST, (Mode.SHAPE,)),
    (Use.ALTER, (Mode.WRITE, Mode.COMMAND, Mode.PHYSICAL)),
)
SUPPLIED: tuple[Given, ...] = ((Use.ALTER, (Mode.UPDATE,)), (Use.ASSIST, (Mode.SHAPE,)))
OWNED: tuple[Given, ...] = ((Use.ALTER, (Mode.PHYSICAL,)),)
STOPPED: tuple[Given, ...] = ((Use.STOP, (Mode.STOP,)),)

GRANTED: dict[str, tuple[tuple[Use, Mode], ...]] = {
    "read": ((Use.DISCLOSE, Mode.READ),),
    "support": ((Use.DISCLOSE, Mode.READ), (Use.ALTER, Mode.WRITE)),
    "write": ((Use.ALTER, Mode.WRITE),),
    "command": ((Use.ALTER, Mode.COMMAND),),
    "update": ((Use.ALTER, Mode.UPDATE), (Use.ASSIST, Mode.SHAPE)),
    "physical": ((Use.DISCLOSE, Mode.HOLD), (Use.ALTER, Mode.PHYSICAL)),
    "billing": (),
}
"""What each mode of an access gives, to which use."""

WORKED = (Mode.READ, Mode.HOLD, Mode.SHAPE, Mode.WRITE, Mode.COMMAND, Mode.UPDATE, Mode.PHYSICAL, Mode.STOP, Mode.NEAR)
"""What holds of a group holds of its members."""


def things(declared: Declared, to: ClauseList) -> None:
    """Every clause about things and the ways into them."""
    _sites(declared, to)
    for thing in declared.things.values():
        _run(thing, to)
        _owned(thing, to)
        _maintained(thing, to)
        _stands(declared, thing, to)
        _updated(declared, thing, to)
        _within(thing.id, thing.is_device, to)
    for member, group in declared.named_members.items():
        for mode in WORKED:
            path = (f"devices.{group}.positions",)
            to.edge(_mode(to, member, mode), _mode(to, group, mode), Rule.MEMBER, path)
        _within(member, True, to)
    for name, flow in declared.place.flows.items():
        if flow.from_ in declared.place.systems and declared.is_device(flow.to):
            told, teller = _mode(to, flow.to, Mode.COMMAND), _mode(to, flow.from_, Mode.COMMAND)
            to.edge(told, teller, Rule.TOLD, (f"flows.{name}",))
    _told_by_gateways(declared, to)
    for name, access in declared.place.accesses.items():
        _access(declared, name, access, to)


def _told_by_gateways(declared: Declared, to: ClauseList) -> None:
    """A gateway hands commands on in its own words: whoever commands it commands its lamps."""
    for name, system in declared.place.systems.items():
        lamps = () if system.talq is None else system.talq.lamps
        for group in dict.fromkeys(declared.group_of.get(lamp, lamp) for lamp in lamps):
            if declared.is_device(group):
                told, teller = _mode(to, group, Mode.COMMAND), _mode(to, name, Mode.COMMAND)
                to.edge(told, teller, Rule.TOLD, (f"systems.{name}.talq",))


def _mode(to: ClauseList, thing: str, mode: Mode) -> int:
    return to.nodes.of(Predicate.THING, thing, mode)


def _give(
    to: ClauseList,
    thing: str,
    given: tuple[Given, ...],
    source: tuple[Predicate, str],
    rule: Rule,
    paths: tuple[str, ...],
    missing: str | None = None,
) -> None:
    """What each use of a source gives over a thing. `source`: whose use, as predicate and subject."""
    for use, modes in given:
        premise = to.nodes.of(*source, use)
        for mode in modes:
            to.edge(_mode(to, thing, mode), premise, rule, paths, missing)


ANYONE = (Predicate.ANYONE, "")
ANYWHERE = (Predicate.ANYWHERE, "")
SITS_ANYWHERE = (Predicate.SITS_ANYWHERE, "")


# --- places


def _sites(declared: Declared, to: ClauseList) -> None:
    of = to.nodes.of
    for name, site in declared.place.sites.items():
        stopped = of(Predicate.SITE, name, Mode.STOP)
        land = f"sites.{name}.jurisdiction"
        if site.jurisdiction == UNKNOWN:
            to.edge(stopped, of(*ANYWHERE, Use.STOP), Rule.STANDS_IN, (land,), land)
        else:
            to.edge(stopped, of(Predicate.IN_PLACE, site.jurisdiction, Use.STOP), Rule.STANDS_IN, (land,))
        host = f"sites.{name}.operator"
        if site.operator == UNKNOWN:
            to.edge(stopped, of(*ANYONE, Use.STOP), Rule.HOSTS, (host,), host)
        elif site.operator is not None:
            to.edge(stopped, of(Predicate.ACTS, site.operator, Use.STOP), Rule.HOSTS, (host,))


def _stands(declared: Declared, thing: Thing, to: ClauseList) -> None:
    name, path = declared.site_of(thing), f"{thing.path}.site"
    if name is None:
        _give(to, thing.id, (*LYING_THERE, *STOPPED), ANYWHERE, Rule.STANDS_IN, (path,), path)
        _give(to, thing.id, (*HOSTED, *STOPPED), ANYONE, Rule.HOSTS, (path,), path)
        return
    site = declared.place.sites[name]
    stop, land = to.nodes.of(Predicate.SITE, name, Mode.STOP), f"sites.{name}.jurisdiction"
    to.edge(_mode(to, thing.id, Mode.STOP), stop, Rule.AT_SITE, (path,))
    if site.jurisdiction == UNKNOWN:
        _give(to, thing.id, LYING_THERE, ANYWHERE, Rule.STANDS_IN, (path, land), land)
    else:
        _give(to, thing.id, LYING_THERE, (Predicate.IN_PLACE, site.jurisdiction), Rule.STANDS_IN, (path, land))
    host = f"sites.{name}.operator"
    if site.operator == UNKNOWN:
        _give(to, thing.id, HOSTED, ANYONE, Rule.HOSTS, (path, host), host)
    elif site.operator is not None:
        _give(to, thing.id, HOSTED, (Predicate.ACTS, site.operator), Rule.HOSTS, (path, host))


# --- parties


def _run(thing: Thing, to: ClauseList) -> None:
    operator, path = thing.runs
    if operator == UNKNOWN:
        _give(to, thing.id, (*OPERATED, *STOPPED), ANYONE, Rule.OPERATES, (path,), path)
    else:
        _give(to, thing.id, OPERATED, (Predicate.HANDS, operator), Rule.OPERATES, (path,))
        _give(to, thing.id, STOPPED, (Predicate.ACTS, operator), Rule.OPERATES, (path,))


def _owned(thing: Thing, to: ClauseList) -> None:
    owner, path = getattr(thing.record, "owner", None), f"{thing.path}.owner"
    if owner == UNKNOWN:
        _give(to, thing.id, (*OWNED, *STOPPED), ANYONE, Rule.OWNS, (path,), path)
    elif owner is not None:
        _give(to, thing.id, (*OWNED, *STOPPED), (Predicate.ACTS, owner), Rule.OWNS, (path,))


def _maintained(thing: Thing, to: ClauseList) -> None:
    by, path = getattr(thing.record, "maintained_by", ()), f"{thing.path}.maintained_by"
    if by == UNKNOWN:
        _give(to, thing.id, MAINTAINED, ANYONE, Rule.MAINTAINS, (path,), path)
        return
    for k, party in enumerate(by):
        _give(to, thing.id, MAINTAINED, (Predicate.HANDS, party), Rule.MAINTAINS, (f"{path}[{k}]",))


def _updated(declared: Declared, thing: Thing, to: ClauseList) -> None:
    """Software comes from a system, for a device by its model."""
    source, paths = _source(declared, thing)
    if source is None:
        return
    if source == UNKNOWN:
        for who in (ANYONE, ANYWHERE, SITS_ANYWHERE):
            _give(to, thing.id, SUPPLIED, who, Rule.UPDATES, paths, paths[-1])
    else:
        to.edge(_mode(to, thing.id, Mode.UPDATE), _mode(to, source, Mode.WRITE), Rule.UPDATES, paths)
        to.edge(_mode(to, thing.id, Mode.SHAPE), _mode(to, source, Mode.SHAPE), Rule.UPDATES, paths)


def _source(declared: Declared, thing: Thing) -> tuple[str | None, tuple[str, ...]]:
    """(system or `unknown`, paths): where its software comes from."""
    if isinstance(thing.record, System):
        return thing.record.updates_from, (f"{thing.path}.updates_from",)
    model = declared.place.device_models.get(thing.record.model)
    paths = (f"{thing.path}.model", f"device_models.{thing.record.model}.updates_from")
    return None if model is None else model.updates_from, paths


def _within(thing: str, is_device: bool, to: ClauseList) -> None:
    """What follows inside a thing from what is reached of it."""
    for head in (Mode.WRITE, Mode.COMMAND, Mode.STOP):
        to.edge(_mode(to, thing, head), _mode(to, thing, Mode.UPDATE), Rule.SOFTWARE, ())
    to.edge(_mode(to, thing, Mode.READ), _mode(to, thing, Mode.SHAPE), Rule.SOFTWARE, ())
    for head in (Mode.STOP, Mode.WRITE) if is_device else (Mode.STOP,):
        to.edge(_mode(to, thing, head), _mode(to, thing, Mode.PHYSICAL), Rule.TOUCHED, ())
    to.edge(_mode(to, thing, Mode.STOP), _mode(to, thing, Mode.COMMAND), Rule.ORDERED, ())


# --- accesses


def _access(declared: Declared, name: str, access: Access, to: ClauseList) -> None:
    of = to.nodes.of
    path = f"accesses.{name}"
    reaches_dataset = access.target in declared.place.datasets
    if not reaches_dataset and not declared.is_thing(access.target):
        return
    granted = {(use, mode): said for said in access.modes for use, mode in GRANTED[said]}
    for (use, mode), said in granted.items():
        if reaches_dataset and mode not in (Mode.READ, Mode.WRITE):
            continue
        kind = Predicate.DATASET if reaches_dataset else Predicate.THING
        lines = (path, f"{path}.modes[{access.modes.index(said)}]")
        to.edge(of(kind, access.target, mode), of(Predicate.USED, name, use), Rule.MODE, lines)
    for use in dict.fromkeys(use for use, _ in granted):
        used = of(Predicate.USED, name, use)
        who = Predicate.ACTS if declared.forbids_handing_on(access.agreement) else Predicate.HANDS
        to.edge(used, of(who, access.party, use), Rule.ACCESS, (f"{path}.party",))
        for premise, lines, missing in _seats(declared, name, access, use, to):
            to.edge(used, premise, Rule.FROM_THERE, lines, missing)


def _seats(
    declared: Declared, name: str, access: Access, use: Use, to: ClauseList
) -> Iterator[tuple[int, tuple[str, ...], str | None]]:
    """(premise, paths, missing) of the places an access is used from."""
    of = to.nodes.of
    path = f"accesses.{name}.from_places"
    if access.from_places == UNKNOWN:
        yield of(Predicate.SITS_ANYWHERE, "", use), (path,), path
        return
    for k, where in enumerate(access.from_places):
        site = declared.place.sites.get(where)
        if site is None and where not in declared.place.jurisdictions:  # gone: it may have been anywhere
            yield of(Predicate.SITS_ANYWHERE, "", use), (f"{path}[{k}]",), path
            continue
        land = where if site is None else site.jurisdiction
        lines = (f"{path}[{k}]", *(() if site is None else (f"sites.{where}.jurisdiction",)))
        if land == UNKNOWN:
            yield of(Predicate.SITS_ANYWHERE, "", use), lines, f"sites.{where}.jurisdiction"
        else:
            yield of(Predicate.SITS, land, use), lines, None
