"""What looking through a camera is judged by: the declaration, as things stand now, in the form that `guard.viewing` asks.

A value; whoever keeps it makes another one when a posture, a bar or the day changes. Times of people are machine us.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from cityward.place.cameras import Camera
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry
from cityward.place.release import Form, Posture
from cityward.place.roles import Right, Role
from cityward.place.things import DeviceStatus
from cityward.policy.case import Facts
from cityward.policy.law import restricted
from cityward.time import HOUR, MINUTE, SECOND

VIEWING_VERSION = "cityward-viewing-1"
"""Part of the digest: other rules over the same declaration are other rules."""

STOPPED, CALMED = "stopped", "calmed"


@dataclass(frozen=True, slots=True)
class CameraRule:
    """One camera. longest_us: of one view. keep_us: how far back recordings go; 0: none. in_use: its device is declared active
    and nothing bars it. allowed: jurisdictions its dataset may be told under; None: any."""

    device: str
    dataset: str
    purposes: frozenset[str]
    longest_us: int
    cameras_most: int
    clear: bool
    keep_us: int
    sensitivity: str
    area: str | None
    allowed: frozenset[str] | None
    in_use: bool = True


@dataclass(frozen=True, slots=True)
class RoleRule:
    """One role with the right `view`. ours: of the place's own party. just_in_time: not standing, and from declared addresses."""

    party: str
    datasets: frozenset[str]
    two_person: bool
    ours: bool
    just_in_time: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a posture does to who may look: `stopped` or `calmed` (covered only, and `delay_us` late)."""

    posture: str
    does: Literal["stopped", "calmed"]
    delay_us: int = 0


@dataclass(frozen=True, slots=True)
class ViewingRules:
    """See the module. lands: party -> what has power over it, with all it lies in; a party that is not there: nobody knows.
    undeclared: postures in force that the declaration does not have. digest: SHA-256, hexadecimal."""

    cameras: Mapping[str, CameraRule]
    roles: Mapping[str, RoleRule]
    lands: Mapping[str, tuple[frozenset[str], ...]]
    postures: Mapping[str, Posture]
    forms: Mapping[str, Form]
    digest: str
    declaration: str = ""
    undeclared: frozenset[str] = field(default_factory=frozenset[str])

    def held_by(self, camera: CameraRule, party: str, purpose: str) -> tuple[Held, ...]:
        """What the postures in force do to this camera, for whoever asks."""
        found = [Held(name, STOPPED) for name in sorted(self.undeclared)]
        for name, posture in self.postures.items():
            if posture.areas and camera.area is not None and camera.area not in posture.areas:
                continue
            if self._stops(posture, camera, party, purpose):
                found.append(Held(name, STOPPED))
            elif posture.form is not None:
                found.append(self._calmed(name, posture.form))
        return tuple(found)

    def _stops(self, posture: Posture, camera: CameraRule, party: str, purpose: str) -> bool:
        return (
            camera.dataset in posture.stop_datasets
            or camera.sensitivity in posture.stop_sensitivity
            or party in posture.stop_parties
            or purpose in posture.stop_purposes
            or self._under(party, frozenset(posture.stop_jurisdictions))
        )

    def _under(self, party: str, stopped: frozenset[str]) -> bool:
        """Whether one of these may have power over the party. Of whom nothing is known, any may."""
        return bool(stopped) and (party not in self.lands or any(around & stopped for around in self.lands[party]))

    def _calmed(self, name: str, form_id: str) -> Held:
        """A form is made for readings: of a picture it says that it is covered, how late, or (counts only) that there is none."""
        form = self.forms.get(form_id)
        if form is None or form.aggregate is not None:
            return Held(name, STOPPED)
        return Held(name, CALMED, form.delay_s * SECOND)


def rules_of(facts: Facts, registry: Registry, out: frozenset[str], declaration: str = "") -> ViewingRules:
    """The rules of a place, as it stands.

    Args:
        facts: the place, the postures in force, and the lands of each party.
        registry: of the same place.
        out: devices that are barred, contained or quarantined now: nobody looks through what may not be what it says.
        declaration: its digest.
    """
    place, postures = facts.place, facts.standing.postures
    cameras = {name: _camera(facts, registry, one, out) for name, one in place.cameras.items() if one.viewing}
    roles = {name: _role(place.responsible, one) for name, one in place.roles.items() if Right.VIEW in one.rights}
    held = {name: place.postures[name] for name in sorted(postures) if name in place.postures}
    return ViewingRules(
        cameras=cameras,
        roles=roles,
        lands={party: _around(facts, *lands) for party, lands in facts.standing.lands.items()},
        postures=held,
        forms=place.forms,
        digest=_digest(facts, out & {one.device for one in place.cameras.values()}),
        declaration=declaration,
        undeclared=frozenset(postures) - place.postures.keys(),
    )


def _camera(facts: Facts, registry: Registry, camera: Camera, out: frozenset[str]) -> CameraRule:
    viewing, dataset = camera.viewing, facts.place.datasets.get(camera.dataset)
    unit = registry.units[registry.unit_index[camera.device]] if camera.device in registry.unit_index else None
    active = unit is not None and unit.status is DeviceStatus.ACTIVE and unit.id not in out and unit.group not in out
    allowed = frozenset(dataset.allowed_jurisdictions) if dataset is not None and restricted(dataset) else None
    assert viewing is not None
    return CameraRule(
        device=camera.device,
        dataset=camera.dataset,
        purposes=frozenset(viewing.purposes),
        longest_us=round(viewing.longest_minutes * MINUTE),
        cameras_most=viewing.cameras_most,
        clear=viewing.clear,
        keep_us=round(camera.keep_hours * HOUR),
        sensitivity=dataset.sensitivity if dataset is not None else "secret",
        area=unit.area if unit is not None else None,
        allowed=allowed if dataset is not None else frozenset(),
        in_use=active,
    )


def _role(responsible: str, role: Role) -> RoleRule:
    return RoleRule(
        party=role.party,
        datasets=frozenset(role.datasets),
        two_person=Right.VIEW in role.two_person,
        ours=role.party == responsible,
        just_in_time=not role.standing and bool(role.from_addresses),
    )


def _around(facts: Facts, certain: frozenset[str], possible: frozenset[str]) -> tuple[frozenset[str], ...]:
    """Each jurisdiction with power over a party, with everything it lies in."""
    lands = sorted(certain | possible)
    return tuple(facts.around.get(land, frozenset((land,))) for land in lands if land != UNKNOWN)


def _digest(facts: Facts, out: frozenset[str]) -> str:
    place, lands = facts.place, facts.standing.lands
    said = (
        VIEWING_VERSION, place.cameras, place.roles, place.postures, place.forms, sorted(facts.standing.postures),
        sorted(out), [(party, *map(sorted, both)) for party, both in sorted(lands.items())],
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
