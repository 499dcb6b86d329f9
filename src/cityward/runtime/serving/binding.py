"""Binds each declared service to its plug-in: its settings, what it may do, what it is shown.

Does not live here: running it (`runner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cityward.errors import PlaceError, PlaceErrors
from cityward.guard.permit import PermitRules, rules_for
from cityward.guard.plans import PlanRules, plan_rules_for
from cityward.place.independence import traits_of
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.place.things import Position
from cityward.runtime.serving.ports import Pace
from cityward.services.contract import Actuator, KnowsJunctions, Service, Window
from cityward.time import MINUTE


def _no_plans() -> PlanRules:
    return PlanRules("", {})


@dataclass(frozen=True, slots=True)
class Bound:
    """A declared service with its plug-in, its settings and what it may do. `watched`: the units it is shown.

    least_trust: what is trusted less is not shown to it: the most that any of its actuators' commands asks for.
    positions: where the watched units stand that have a place. kind: the folder of its plug-in.
    windows, documents: the pasts and the flows' documents that it would like to see.
    """

    id: str
    service: Service[Any, Any]
    settings: Any
    rules: PermitRules
    members: Mapping[str, Sequence[str]]
    actuators: Mapping[str, Actuator]
    watched: Sequence[str]
    least_trust: float = 0.0
    positions: Mapping[str, Position] = field(default_factory=dict[str, Position])
    kind: str = ""
    plans: PlanRules = field(default_factory=_no_plans)
    windows: Sequence[Window] = ()
    documents: Sequence[str] = ()


def bind_services(
    place: Place, registry: Registry, plugins: Mapping[str, Service[Any, Any]], pace: Pace | None = None
) -> list[Bound]:
    """Each declared service whose kind has a plug-in, ready to run.

    Raises:
        PlaceErrors: settings are wrong, or name devices that are not declared or not the service's actuators.
    """
    bounds: list[Bound] = []
    wrong: list[PlaceError] = []
    traits = traits_of(place, registry)
    for service_id, declared in place.services.items():
        plugin = plugins.get(declared.kind)
        if plugin is None:
            continue
        where = f"services.{service_id}.settings"
        settings = _placed(plugin, plugin.read_settings(declared.settings, where), place, where)
        if isinstance(settings, PlaceErrors):
            wrong.extend(settings.errors)
        elif isinstance(settings, PlaceError):
            wrong.append(settings)
        else:
            valid_us = max(2 * MINUTE, pace.answer_us if pace is not None else 0)
            rules = rules_for(service_id, declared, registry, traits, oldest_us=valid_us, valid_us=valid_us)
            plans = plan_rules_for(service_id, declared, place, registry, traits)
            bound = replace(_bind(declared.kind, plugin, settings, rules, registry), plans=plans)
            wrong.extend(_dangling(bound, where))
            bounds.append(bound)
    if wrong:
        raise PlaceErrors(wrong)
    return bounds


def _placed(plugin: Service[Any, Any], settings: Any, place: Place, where: str) -> Any:
    """The settings with the records of the declaration that they name beside devices, or what is wrong with them."""
    if isinstance(plugin, KnowsJunctions) and not isinstance(settings, PlaceError | PlaceErrors):
        return plugin.with_junctions(settings, place.junctions, where)
    return settings


def _bind(kind: str, plugin: Service[Any, Any], settings: Any, rules: PermitRules, registry: Registry) -> Bound:
    named = dict.fromkeys([*plugin.reads(settings), *plugin.commands(settings)])
    members = {name: [unit.id for unit in registry.units if name in (unit.id, unit.group)] for name in named}
    watched = list(dict.fromkeys(unit for units in members.values() for unit in units))
    places = {unit.id: unit.position for unit in registry.units}
    actuators = {unit: Actuator(rule.commands, places[unit]) for unit, rule in rules.actuators.items() if rule.active}
    asked = (limits.least_trust for rule in rules.actuators.values() for limits in rule.commands.values())
    return Bound(
        rules.service,
        plugin,
        settings,
        rules,
        members,
        actuators,
        watched,
        max(asked, default=0.0),
        {unit: position for unit in watched if (position := places[unit]) is not None},
        kind,
        windows=tuple(plugin.windows(settings)),
        documents=tuple(plugin.documents(settings)),
    )


def _dangling(bound: Bound, where: str) -> list[PlaceError]:
    wrong = [
        PlaceError(f"`{name}` is not a declared device", where=where, mend="declare it, or mend the name")
        for name, units in bound.members.items()
        if not units
    ]
    for name in bound.service.commands(bound.settings):
        if any(unit not in bound.rules.actuators for unit in bound.members[name]):
            what = f"`{name}` is not among the service's actuators"
            wrong.append(PlaceError(what, where=where, mend=f"add it to services.{bound.id}.actuators"))
    return wrong
