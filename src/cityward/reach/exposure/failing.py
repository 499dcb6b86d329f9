"""What fails, what is misled, and who is near without reaching: the last sections of docs/reach.md."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.record import UNKNOWN
from cityward.place.things import Need
from cityward.reach.exposure.clauses import ClauseList
from cityward.reach.exposure.data import carried, whereabouts
from cityward.reach.exposure.declared import Declared, Thing
from cityward.reach.exposure.nodes import Mode, Predicate, Rule, Use


def failing(declared: Declared, to: ClauseList) -> None:
    """Every clause about needs, services and functions."""
    of, place = to.nodes.of, declared.place
    for thing in declared.things.values():
        _needs(declared, of(Predicate.THING, thing.id, Mode.STOP), thing.record.needs, thing.path, to)
    for name, function in place.functions.items():
        _needs(declared, of(Predicate.FUNCTION, name, Mode.STOP), function.needs, f"functions.{name}", to)
    for name, service in place.services.items():
        for k, dataset in enumerate(service.reads):
            misled, written = of(Predicate.SERVICE, name, Mode.MISLEAD), of(Predicate.DATASET, dataset, Mode.WRITE)
            to.edge(misled, written, Rule.MISLED, (f"services.{name}.reads[{k}]",))
        for k, actuator in enumerate(service.actuators):
            steered, told = of(Predicate.SERVICE, name, Mode.COMMAND), of(Predicate.THING, actuator, Mode.COMMAND)
            to.edge(steered, told, Rule.STEERED, (f"services.{name}.actuators[{k}]",))


def _needs(declared: Declared, head: int, needs: tuple[Need, ...], path: str, to: ClauseList) -> None:
    for i, need in enumerate(needs):
        stopped = [(_stop(declared, name, to), 1) for name in need.of]
        to.at_least(head, len(need.of) - need.k + 1, stopped, Rule.NEEDS, (f"{path}.needs[{i}]",))


def _stop(declared: Declared, name: str, to: ClauseList) -> int:
    of = to.nodes.of
    if name in declared.place.sites:
        return of(Predicate.SITE, name, Mode.STOP)
    if name in declared.place.parties:
        gone = of(Predicate.GONE, name)
        to.edge(gone, of(Predicate.ACTS, name, Use.STOP), Rule.GONE, (f"parties.{name}",))
        return gone
    return of(Predicate.THING, name, Mode.STOP)


def near(declared: Declared, to: ClauseList) -> None:
    """Every clause about who has to do with an item, reaching it or not."""
    of, place = to.nodes.of, declared.place
    for thing in declared.things.values():
        for party, paths in _around(declared, thing):
            to.edge(of(Predicate.THING, thing.id, Mode.NEAR), of(Predicate.NAMED, party), Rule.NEAR_THING, paths)
    for name, access in place.accesses.items():
        if declared.is_thing(access.target):
            reached, party = of(Predicate.THING, access.target, Mode.NEAR), of(Predicate.NAMED, access.party)
            to.edge(reached, party, Rule.NEAR_THING, (f"accesses.{name}",))
    for thing_id, datasets in whereabouts(declared).items():
        for dataset, at in datasets.items():
            thing = of(Predicate.THING, thing_id, Mode.NEAR)
            for line in at.lines:
                to.edge(of(Predicate.DATASET, dataset, Mode.NEAR), thing, Rule.NEAR_DATA, (line,))
    for dataset in place.datasets:
        held = of(Predicate.DATASET, dataset, Mode.HOLD)
        to.edge(of(Predicate.DATASET, dataset, Mode.NEAR), held, Rule.NEAR_DATA, ())
    for dataset, party, path in _concerned(declared):
        to.edge(of(Predicate.DATASET, dataset, Mode.NEAR), of(Predicate.NAMED, party), Rule.NEAR_DATA, (path,))
    _near_functions(declared, to)


def _around(declared: Declared, thing: Thing) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(party, paths) of those named by a thing, its model or its site."""
    for field in ("operator", "owner", "supplier"):
        party = getattr(thing.record, field, None)
        if party is not None and party != UNKNOWN:
            yield party, (f"{thing.path}.{field}",)
    by = getattr(thing.record, "maintained_by", ())
    if by != UNKNOWN:
        yield from ((party, (f"{thing.path}.maintained_by[{k}]",)) for k, party in enumerate(by))
    model = getattr(thing.record, "model", "")
    if model in declared.place.device_models and declared.place.device_models[model].maker != UNKNOWN:
        yield declared.place.device_models[model].maker, (f"{thing.path}.model", f"device_models.{model}.maker")
    site = declared.site_of(thing)
    host = declared.place.sites[site].operator if site is not None else None
    if host is not None and host != UNKNOWN:
        yield host, (f"{thing.path}.site", f"sites.{site}.operator")


def _concerned(declared: Declared) -> Iterator[tuple[str, str, str]]:
    """(dataset, party, path) by flows, accesses and agreements."""
    place = declared.place
    for name, flow in place.flows.items():
        hops = flow.route if flow.route != UNKNOWN else ()
        for party in dict.fromkeys((flow.from_, flow.to, *hops)):
            if party in place.parties:
                yield from ((dataset, party, f"flows.{name}") for dataset in carried(declared, flow))
    for name, access in place.accesses.items():
        if access.target in place.datasets and access.party in place.parties:
            yield access.target, access.party, f"accesses.{name}"
    for name, agreement in place.agreements.items():
        for party in agreement.parties:
            if party != place.responsible and party in place.parties:
                listed = (dataset for dataset in agreement.datasets if dataset in place.datasets)
                yield from ((dataset, party, f"agreements.{name}") for dataset in listed)


def _near_functions(declared: Declared, to: ClauseList) -> None:
    of, place = to.nodes.of, declared.place
    for name, service in place.services.items():
        near_service = of(Predicate.SERVICE, name, Mode.NEAR)
        for k, actuator in enumerate(service.actuators):
            path = f"services.{name}.actuators[{k}]"
            to.edge(near_service, of(Predicate.THING, actuator, Mode.NEAR), Rule.NEAR_FUNCTION, (path,))
        for k, dataset in enumerate(service.reads):
            path = f"services.{name}.reads[{k}]"
            to.edge(near_service, of(Predicate.DATASET, dataset, Mode.NEAR), Rule.NEAR_FUNCTION, (path,))
    for name, function in place.functions.items():
        for i, need in enumerate(function.needs):
            for needed in need.of:
                if declared.is_thing(needed):
                    thing = of(Predicate.THING, needed, Mode.NEAR)
                    path = f"functions.{name}.needs[{i}]"
                    to.edge(of(Predicate.FUNCTION, name, Mode.NEAR), thing, Rule.NEAR_FUNCTION, (path,))
