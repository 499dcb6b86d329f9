"""What is told of people on the command line: what they hold and reach, and what they read."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import Setting
from cityward.evidence.records import Read
from cityward.place.holdings import holdings
from cityward.runtime.people import Grant, Person, Standing, held_now


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as `cityward person` tells them. Machine us; `devices`: whose values they may see now."""

    id: str
    name: str
    party: str
    state: str
    ways: tuple[str, ...]
    roles: tuple[str, ...]
    rights: tuple[str, ...]
    grants: tuple[Grant, ...]
    devices: int
    actuators: int
    datasets: int


def told_of(desk: PeopleDesk, person: Person) -> Told:
    """What they hold and reach now, wherever they are."""
    setting = desk.setting
    place, registry = setting.loaded.place, setting.registry
    standing = desk.standing(person.id) or Standing(person)
    held = held_now(place, standing, time.time_ns() // 1000, None)
    of = holdings(place, registry).of
    masks = [mask for name, mask in of.items() if name in held.datasets and not place.datasets[name].made_of]
    seen = {int(unit) for mask in masks for unit in registry.channel_unit[mask]}
    moved = {thing for name in held.operates if name in place.services for thing in place.services[name].actuators}
    commanded = [unit for unit in registry.units if registry.models[unit.model].commands and unit.group in moved]
    return Told(
        id=person.id,
        name=person.name,
        party=person.party,
        state=person.state.value,
        ways=tuple(sorted(standing.ways)),
        roles=tuple(role.role for role in held.roles),
        rights=tuple(sorted(right.value for right in held.rights)),
        grants=standing.grants,
        devices=len(seen),
        actuators=len(commanded),
        datasets=len(held.datasets),
    )


def reads_of(setting: Setting, person: str, most: int) -> Sequence[Read]:
    """What they read, of the newest so many entries of the web door's ledger, oldest first."""
    folder = setting.home.ledger("web")
    if not folder.is_dir():
        return ()
    return [one for _, one in tail_of(folder, most) if isinstance(one, Read) and one.person == person]
