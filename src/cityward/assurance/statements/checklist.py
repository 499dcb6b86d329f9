"""The list itself, and the subjects it asks about in a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cityward.assurance.suppliers.touching import Tier, suppliers_of
from cityward.place.model import Place
from cityward.place.roles import Right


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be stated. subject: `sites.hall.locked` is made of whom it is asked about and `id`. principle: N7, ..."""

    id: str
    principle: str
    asks: str
    about: Callable[[Place], Iterator[str]]


def _street(place: Place) -> Iterator[str]:
    """Sites where devices stand that no building guards."""
    there = {device.site for device in place.devices.values()}
    for name, site in place.sites.items():
        if name in there or "street" in site.tags:
            yield f"sites.{name}"


def _rooms(place: Place) -> Iterator[str]:
    """Sites where systems of the city itself run."""
    there = {one.site for one in place.systems.values() if one.operator == place.responsible}
    yield from (f"sites.{name}" for name in place.sites if name in there)


def _powerful(place: Place) -> Iterator[str]:
    """Roles that reach the street, or give others that power."""
    strong = {Right.OPERATE, Right.CONTAIN, Right.PEOPLE, Right.DEVICES, Right.VIEW}
    for name, role in place.roles.items():
        if strong.intersection(role.rights):
            yield f"roles.{name}"


def _all_roles(place: Place) -> Iterator[str]:
    yield from (f"roles.{name}" for name in place.roles)


def _heavy(place: Place) -> Iterator[str]:
    yield from (f"parties.{name}" for name, one in suppliers_of(place).items() if one.tier is Tier.HIGH)


def _responsible(place: Place) -> Iterator[str]:
    yield f"parties.{place.responsible}"


PLACES = (
    Item("cabinets-locked", "N7", "Cabinets and boxes are locked, with keys that are counted and not all alike.", _street),
    Item("tamper-told", "N7", "Opening a cabinet or moving a device is told to somebody, by switch or by patrol.", _street),
    Item("seals-checked", "N7", "Seals and housings are looked at on a round, and what was found is written down.", _street),
    Item("rooms-guarded", "N7", "Only named people come into the rooms where the city's systems run; visits are written down.",
         _rooms),
    Item("media-destroyed", "N7", "Disks and devices that leave are wiped or destroyed, and somebody signs for it.", _rooms),
)  # fmt: skip
PEOPLE = (
    Item("vetted", "N11", "Whoever holds the role was checked as its power asks, and the check is not too old.", _powerful),
    Item("leavers-told", "N11", "Whoever leaves or moves gives back keys, cards and accounts on that day.", _all_roles),
    Item("supplier-staff-vetted", "N11", "The supplier checks the people who come to our street or into our systems.", _heavy),
)  # fmt: skip
OFFICES = (
    Item("accountable-person", "N3", "One senior person answers for the connected place, by name, and knows it.", _responsible),
    Item("risk-owner", "N3", "It is written down who may accept which risk.", _responsible),
    Item("all-projects-seen", "N3", "One body sees every project that joins something to the city's networks.", _responsible),
    Item("staff-trained", "N3", "People who run, buy and watch were trained for it within two years.", _responsible),
    Item("watch-manned", "N3", "Somebody is on duty who answers an alert, at night too.", _responsible),
)  # fmt: skip
"""Places (H-01), people (H-02), offices (H-03)."""


def subjects(place: Place, items: tuple[Item, ...]) -> Iterator[tuple[str, str, Item]]:
    """Subject (`sites.hall.rooms-guarded`), the record it is about (`sites.hall`), and what is asked."""
    for item in items:
        for record in item.about(place):
            yield f"{record}.{item.id}", record, item
