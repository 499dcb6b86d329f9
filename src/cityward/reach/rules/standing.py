"""Who stands how to what: the lookups that conditions share, over one place on one day.

Does not live here: the conditions themselves.

INVARIANTS
- Every list is in the declaration's order.
- The exposure is closed only when a condition asks for it, and for the scenarios given only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cityward.place.data import Access, Flow
from cityward.place.house_rules import About
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, System
from cityward.reach.exposure.answers import Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.data import Keys, keys_of, whereabouts
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.nodes import Node
from cityward.reach.rules.ownership import held_from
from cityward.reach.rules.truth import Truth

T = TypeVar("T")

Holder = tuple[str, str]
"""(party or `unknown`, path of the field that names it)."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An exposure, and the clauses of its model that count; all where `enabled` is None."""

    exposure: Exposure
    enabled: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Standing:
    """A place on a day. `place` holds the records valid that day; `closing` gives its exposure, where compiling can be spared."""

    place: Place
    day: date
    scenarios: tuple[Node, ...] = ()
    closing: Callable[[], Closed] | None = None

    @cached_property
    def declared(self) -> Declared:
        """The lookups of the rules of reach."""
        return Declared(self.place)

    @cached_property
    def exposure(self) -> Exposure:
        """Closed for the scenarios asked for."""
        return self.closed.exposure

    @cached_property
    def closed(self) -> Closed:
        """The exposure, with the clauses that count."""
        return self.closing() if self.closing else Closed(expose(compile_place(self.place), self.scenarios))

    @cached_property
    def keys(self) -> Keys:
        """Which key protects what."""
        return keys_of(self.place)

    @cached_property
    def homes(self) -> frozenset[str]:
        """Every jurisdiction within a home one."""
        homes = [name for name, land in self.place.jurisdictions.items() if land.home]
        return self.within(tuple(homes))

    def within(self, lands: tuple[str, ...]) -> frozenset[str]:
        """Every jurisdiction within one of these."""
        if lands not in self._within:
            self._within[lands] = frozenset(
                part for land in lands for part in self.declared.inside.get(land, {land: ()})
            )
        return self._within[lands]

    def held_from(self, lands: tuple[str, ...], share: float) -> dict[str, tuple[Truth, str]]:
        """Party -> how far it is held from these jurisdictions by a share, and the line; see `ownership.held_from`."""
        if (lands, share) not in self._held:
            self._held[lands, share] = held_from(self.place, self.within(lands), share)
        return self._held[lands, share]

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made under a key before, or now: work that judges share."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    @cached_property
    def agreed(self) -> dict[str, set[str]]:
        """Dataset -> the parties that some agreement about it names."""
        found: dict[str, set[str]] = {}
        for agreement in self.place.agreements.values():
            for dataset in agreement.datasets:
                found.setdefault(dataset, set()).update(agreement.parties)
        return found

    @cached_property
    def _within(self) -> dict[tuple[str, ...], frozenset[str]]:
        return {}

    @cached_property
    def _held(self) -> dict[tuple[tuple[str, ...], float], dict[str, tuple[Truth, str]]]:
        return {}

    @cached_property
    def key_holders(self) -> dict[str, list[Holder]]:
        """What is protected -> who holds the keys that do."""
        found: dict[str, list[Holder]] = {}
        for name, key in self.place.keys.items():
            for protected in key.protects:
                found.setdefault(protected, []).append((key.holder, f"keys.{name}.holder"))
        return found

    # --- things

    def group(self, name: str) -> str:
        """The declared device of a member; any other name itself."""
        return name if name in self.declared.things else self.declared.group_of.get(name, name)

    def thing(self, name: str) -> System | Device | None:
        """The system or device (group) of a name."""
        known = self.declared.things.get(self.group(name))
        return known.record if known is not None else None

    def path_of(self, name: str) -> str:
        """The record of a system, device, member or party."""
        known = self.declared.things.get(self.group(name))
        return known.path if known is not None else f"parties.{name}"

    @cached_property
    def leaving(self) -> dict[str, list[tuple[str, Flow]]]:
        """Thing or party -> the flows that begin there, those of members at their group."""
        found: dict[str, list[tuple[str, Flow]]] = {}
        for name, flow in self.place.flows.items():
            found.setdefault(self.group(flow.from_), []).append((name, flow))
        return found

    @cached_property
    def arriving(self) -> dict[str, list[tuple[str, Flow]]]:
        """Thing or party -> the flows that end there, those of members at their group."""
        found: dict[str, list[tuple[str, Flow]]] = {}
        for name, flow in self.place.flows.items():
            found.setdefault(self.group(flow.to), []).append((name, flow))
        return found

    @cached_property
    def carrying(self) -> dict[str, list[tuple[str, Flow]]]:
        """Dataset -> the flows that carry it."""
        found: dict[str, list[tuple[str, Flow]]] = {}
        for name, flow in self.place.flows.items():
            for dataset in flow.datasets:
                found.setdefault(dataset, []).append((name, flow))
        return found

    @cached_property
    def accesses(self) -> dict[str, list[tuple[str, Access]]]:
        """Thing or dataset -> the accesses to it, those to members at their group."""
        found: dict[str, list[tuple[str, Access]]] = {}
        for name, access in self.place.accesses.items():
            found.setdefault(self.group(access.target), []).append((name, access))
        return found

    @cached_property
    def held_at(self) -> dict[str, list[str]]:
        """Thing -> the datasets it stores, sends or is brought."""
        found: dict[str, dict[str, None]] = {}
        for thing, datasets in whereabouts(self.declared).items():
            found.setdefault(self.group(thing), {}).update(dict.fromkeys(datasets))
        return {thing: list(datasets) for thing, datasets in found.items()}

    @cached_property
    def stored_at(self) -> dict[str, list[str]]:
        """Dataset -> the systems that store it."""
        found: dict[str, list[str]] = {}
        for name, system in self.place.systems.items():
            for dataset in system.stores:
                found.setdefault(dataset, []).append(name)
        return found

    @cached_property
    def works_for(self) -> dict[str, set[str]]:
        """Thing -> the services it works for: as an actuator, as what a function needs, or as the source of what is read."""
        found: dict[str, set[str]] = {}
        for name, service in self.place.services.items():
            for thing in service.actuators:
                found.setdefault(self.group(thing), set()).add(name)
            for dataset in service.reads:
                things = [flow.from_ for _, flow in self.carrying.get(dataset, ())] + self.stored_at.get(dataset, [])
                for thing in things:
                    found.setdefault(self.group(thing), set()).add(name)
        for function in self.place.functions.values():
            for need in function.needs:
                for thing in need.of:
                    found.setdefault(self.group(thing), set()).add(function.service)
        return found

    # --- what belongs to a subject

    def records(self, about: About) -> dict[str, Any]:
        """The records of a kind."""
        return getattr(self.place, about)

    def datasets_of(self, about: About, name: str) -> list[str]:
        """The datasets of a subject."""
        if about is About.DATASETS:
            return [name]
        if about in (About.SYSTEMS, About.DEVICES):
            return self.held_at.get(name, [])
        if about is About.ACCESSES:
            target = self.place.accesses[name].target
            return [target] if target in self.place.datasets else self.held_at.get(self.group(target), [])
        if about is About.SERVICES:
            return list(self.place.services[name].reads)
        return list(self.records(about)[name].datasets)

    def sites_of(self, about: About, name: str) -> list[Holder]:
        """(site or `unknown`, path) of a subject."""
        if about is About.AGREEMENTS:
            return [(site, f"agreements.{name}.sites[{k}]") for k, site in enumerate(self.place.agreements[name].sites)]
        found: list[Holder] = []
        for thing in self._things_of(about, name):
            record = self.thing(thing)
            if record is not None:
                site = record.site if record.site in self.place.sites else UNKNOWN
                found.append((site, f"{self.path_of(thing)}.site"))
        return found

    def _things_of(self, about: About, name: str) -> list[str]:
        if about in (About.SYSTEMS, About.DEVICES):
            return [name]
        if about is About.DATASETS:
            return self.stored_at.get(name, [])
        if about is About.ACCESSES:
            return [self.place.accesses[name].target]
        flow = self.place.flows[name]
        return [flow.from_, flow.to]
