"""Erasing on request, for the command line and the API: the stores of a city, opened, and who must be told.

A city need not run. Where it runs, its workers go on meanwhile. One erasing or taking back at a time: a lock holds both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cityward.adapters.keys.pseudonyms import RecipientKeyring
from cityward.adapters.stores.database import Database
from cityward.adapters.stores.erasing import HistoryErasure
from cityward.adapters.stores.erasures import ErasureBook
from cityward.adapters.stores.queued_releases import QueuedReleases
from cityward.compose.home import Home
from cityward.compose.keeping.datasets import due_of
from cityward.compose.proving.taint import recipients_of, taking_alone
from cityward.compose.proving.told_releases import told_of
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.runtime.undoing.erasure import Due, ErasurePorts, Erasures
from cityward.runtime.undoing.erasure_ports import ErasureRow
from cityward.runtime.undoing.retraction import RetractionPorts, Retractions

ROLE = "erasure"
PAUSE_S = 2.0  # readers that listed parts before have opened them: their lists are a second old at most


def erase(
    state: Path, device: str, subject: str, since_us: int, until_us: int | None, *, reason: str, person: str
) -> Sequence[ErasureRow]:
    """Erase what is held of a device, of a group's members, or of all devices of a subject; what was erased, by device.

    Args:
        device: a unit, a declared device that is a group, or a unit that is no longer declared; "" with `subject`.
        subject: the party whose devices are meant; "" with `device`.
        until_us: None for now.

    Raises:
        CitywardError: no city ran there, nothing is known by this name, or a store did not answer.
    """
    setting = open_setting(Home(state))
    try:
        until = setting.now_us() + 1 if until_us is None else until_us
        if since_us >= until:
            raise PlaceError("the span is empty: it ends before it begins", mend="give --since before --until")
        units = units_meant(setting, device, subject)
        with erasing(setting, due_of(setting.loaded.place, setting.registry)) as erasures:
            found = [erasures.erase_device(unit, since_us, until, person=person, reason=reason) for unit in units]
        return [row for row in found if row is not None]
    finally:
        setting.state.dispose()


def units_meant(setting: Setting, device: str, subject: str) -> Sequence[str]:
    """The units that a name stands for."""
    place, registry = setting.loaded.place, setting.registry
    if subject:
        owned = {name for name, one in place.devices.items() if one.owner == subject}
        units = [unit.id for unit in registry.units if unit.group in owned]
        if not units:
            raise PlaceError(
                f"`{subject}` owns no declared device", mend="name the owner of devices, or each device by --device"
            )
        return units
    members = [unit.id for unit in registry.units if device in (unit.id, unit.group)]
    return members or [device]  # what is no longer declared may still be held


def forget_names(state: Path, devices: Sequence[str]) -> Sequence[str]:
    """Destroy the keys of the names under which recipients were given rows of these devices; whose keys.

    Nobody can say any more which device a name stood for, at those recipients; all their names change.
    """
    setting = open_setting(Home(state))
    try:
        until = setting.now_us() + 1
        given = {one.recipient for device in devices for one in told_of(setting, device, 0, until)}
        keys = RecipientKeyring(setting.home.keys)
        return [recipient for recipient in sorted(given) if keys.forget_names(recipient)]
    finally:
        setting.state.dispose()


@contextmanager
def erasing(setting: Setting, due: Sequence[Due]) -> Generator[Erasures]:
    """Erasures over the city's stores, alone.

    Raises:
        LinkError: somebody else is at it for long, or a store does not answer.
    """
    with taking_alone(setting.home), setting.ledger_when_free(ROLE) as ledger:
        database = Database(setting.home.state_url)
        try:
            again = RetractionPorts(
                book=setting.state,
                history=setting.history(),
                ledger=ledger,
                tell=lambda _: (),
                now_us=setting.now_us,
            )
            ports = ErasurePorts(
                book=ErasureBook(database),
                history=HistoryErasure(str(setting.home.history), setting.registry),
                ledger=ledger,
                again=Retractions(again, setting.registry, ROLE),
                tell=told(setting),
                now_us=setting.now_us,
                pause=lambda: time.sleep(PAUSE_S),
                copies=(QueuedReleases(database),),
            )
            yield Erasures(ports, setting.registry, due, ROLE)
        finally:
            database.dispose()


def book_of(setting: Setting) -> ErasureBook:
    """The book of erasures in the city's state database, on a connection of its own."""
    return ErasureBook(Database(setting.home.state_url))


def told(setting: Setting) -> Callable[[str, int, int], Sequence[str]]:
    """Who has rows of a device: those who receive it as declared, and those to whom receipts say some were given."""
    declared = recipients_of(setting.loaded.place, setting.registry)

    def of(device: str, since_us: int, until_us: int) -> Sequence[str]:
        known = declared(device) if device in setting.registry.unit_index else ()
        given = told_of(setting, device, since_us, until_us)
        return tuple(dict.fromkeys([one.party for one in known] + [f"{one.party} ({one.recipient})" for one in given]))

    return of
