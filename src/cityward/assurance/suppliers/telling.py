"""One supplier on one page: what it touches, its agreements, what it must show and did, how long its things are mended.

Does not live here: what it can reach by law and by others (`reach`), which the command adds.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from cityward.assurance.suppliers.showing import Held, Shown, shown_by
from cityward.assurance.suppliers.touching import Supplier, Tier
from cityward.place.model import Place
from cityward.place.things import Device


class Support(StrEnum):
    """How a thing's support and its planned life go together on a day."""

    COVERS = "covers its life"
    ENDS_BEFORE = "ends before it is to go"
    ENDED = "ended"
    UNKNOWN = "unknown"


class AgreementTold(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement with the supplier. ended: on the day that is asked about."""

    id: str
    kind: str
    ends: date | None
    ended: bool


class AskedTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that its tier asks for."""

    said: str
    held: Held
    record: str
    ends: date | None


class SupportTold(msgspec.Struct, frozen=True, kw_only=True):
    """A device or group of its making."""

    device: str
    model: str
    support_ends: date | None
    planned_until: date | None
    standing: Support


class SupplierTold(msgspec.Struct, frozen=True, kw_only=True):
    """The page. touches: in sentences, the heavy first; those make the tier."""

    party: str
    name: str
    tier: Tier
    touches: tuple[str, ...]
    agreements: tuple[AgreementTold, ...]
    asked: tuple[AskedTold, ...]
    support: tuple[SupportTold, ...]

    @property
    def wanting(self) -> bool:
        """Whether something is missing, ran out, or is not mended for as long as it stays."""
        late = {Support.ENDED, Support.ENDS_BEFORE}
        return any(one.held is not Held.IN_FORCE for one in self.asked) or any(s.standing in late for s in self.support)


def told_of_supplier(place: Place, supplier: Supplier, day: date) -> SupplierTold:
    """The page of a supplier on a day."""
    party = supplier.party
    mine = {name: one for name, one in place.agreements.items() if party in one.parties}
    made = [(n, d) for n, d in place.devices.items() if place.device_models[d.model].maker == party]
    return SupplierTold(
        party=party,
        name=place.parties[party].name or party,
        tier=supplier.tier,
        touches=tuple(touch.said for touch in supplier.touches),
        agreements=tuple(
            AgreementTold(id=n, kind=one.kind, ends=one.ends, ended=one.ends is not None and one.ends < day)
            for n, one in mine.items()
        ),
        asked=tuple(_asked(one) for one in shown_by(place, party, supplier.tier, day)),
        support=tuple(_support(place, name, device, day) for name, device in made),
    )


def _asked(one: Shown) -> AskedTold:
    return AskedTold(said=one.wanted.said, held=one.held, record=one.record, ends=one.ends)


def _support(place: Place, name: str, device: Device, day: date) -> SupportTold:
    ends, stays = place.device_models[device.model].support_ends, device.planned_until
    return SupportTold(
        device=name, model=device.model, support_ends=ends, planned_until=stays, standing=standing_of(ends, stays, day)
    )


def standing_of(ends: date | None, stays: date | None, day: date) -> Support:
    """How an end of support and a planned life go together. What is not declared is unknown."""
    if ends is not None and ends < day:
        return Support.ENDED
    if ends is None or stays is None:
        return Support.UNKNOWN
    return Support.COVERS if stays <= ends else Support.ENDS_BEFORE
