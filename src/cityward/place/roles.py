"""What people may do here: roles. Who holds one, and until when, is a grant, and no part of a declaration."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from cityward.ids import Id
from cityward.place.addresses import AddressText
from cityward.place.record import Record


class Right(StrEnum):
    """One thing a person may do. Every route of the web door and every act on the city names the one it needs."""

    LOOK = "look"  # the city's overview: the map, counts, chains, who can reach what
    DATA = "data"  # observed values of the role's datasets
    VIEW = "view"  # ask for a camera's pictures, for a stated purpose (docs/cctv.md)
    OPERATE = "operate"  # command the actuators of the role's services
    WATCH = "watch"  # take incidents in hand, clear and retract marks
    CONTAIN = "contain"  # cut off, and let back in
    APPROVE = "approve"  # be the second person
    DEVICES = "devices"  # add, rotate, revoke devices
    RECIPIENTS = "recipients"  # add, revoke recipients; approve agreements anew
    PEOPLE = "people"  # add people, give and take roles
    POSTURE = "posture"  # switch the postures that name the role
    AUDIT = "audit"  # read evidence, receipts, who read what


class Role(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of rights over some services and datasets, for people of one party.

    from_addresses: from where its people may come; empty: anywhere the door answers. standing: held until taken away; else each
    grant ends by itself after `longest_hours` at most, and a person of the city opens it for a task (just in time).
    two_person: rights that a second person (with `approve`, another one) must agree to, each time.
    break_glass: the role may be taken without anybody's leave, for `break_glass_hours`, and everybody is told.

    No role may hold every right: whoever gives roles (`people`) does not also `operate`, `contain` or read `data`.
    """

    party: Id
    rights: Annotated[tuple[Right, ...], Meta(min_length=1)]
    services: tuple[Id, ...] = ()
    datasets: tuple[Id, ...] = ()
    from_addresses: tuple[AddressText, ...] = ()
    standing: bool = True
    longest_hours: Annotated[float, Meta(gt=0, le=24 * 366)] = 8.0
    two_person: tuple[Right, ...] = ()
    break_glass: bool = False
    break_glass_hours: Annotated[float, Meta(gt=0, le=24)] = 1.0
