"""Taint, retraction and clearing for the command line and the API: the stores of a city, opened, and who receives what as
declared.

A city need not run. Where it runs, its workers go on meanwhile. One taking back at a time: a lock holds it. What a crash cut
short, whoever was at it, a running city goes on with by itself (`Finisher`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cityward.compose.home import Home, read_city_file
from cityward.compose.proving.told_releases import told_of
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError, PlaceError
from cityward.place.data import Flow, Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry
from cityward.reach.chains import downstream, flow_graph
from cityward.runtime.serving.binding import bind_services
from cityward.runtime.undoing.mark_ports import MarkRow
from cityward.runtime.undoing.retraction import RetractionPorts, Retractions
from cityward.runtime.undoing.taint import Recipient, Taint, TaintPorts, taint_of
from cityward.services import find_services

ROLE = "taint"
LOCK_WAIT_S = 60.0
CHECKPOINT = "checkpoint"  # of a ledger: another one after every append


def taint(state: Path, device: str, since_us: int, until_us: int | None) -> Taint:
    """What a device's data touched. `until_us`: None for now.

    Raises:
        CitywardError: no city ran there, no such device is declared, or a store did not answer.
    """
    setting = open_setting(Home(state))
    try:
        return taint_in(setting, device, since_us, until_us)
    finally:
        setting.state.dispose()


def taint_in(setting: Setting, device: str, since_us: int, until_us: int | None) -> Taint:
    """The same, in an open setting."""
    now = setting.now_us()
    return taint_of(
        device, since_us, now if until_us is None else until_us, now, taint_ports(setting), setting.registry
    )


def retract(
    state: Path, device: str, properties: Sequence[str], since_us: int, until_us: int | None, *, why: str, person: str
) -> tuple[MarkRow, Taint]:
    """Take back a device's data; the mark, and what it had touched.

    Raises:
        CitywardError: as `taint`; or the device has no such property.
    """
    with _taking_back(state) as (setting, retractions):
        _known(setting.registry, device, properties)
        until = setting.now_us() if until_us is None else until_us
        if since_us >= until:
            raise PlaceError("the span is empty: it ends before it begins", mend="give --since before --until")
        touched = taint_in(setting, device, since_us, until)
        return retractions.retract(device, properties, since_us, until, why=why, person=person), touched


def clear(state: Path, mark: str, *, why: str, person: str) -> MarkRow | None:
    """Take a mark off again; None where there is no such mark."""
    with _taking_back(state) as (_, retractions):
        return retractions.clear(mark, why=why, person=person)


def resume(state: Path) -> int:
    """Go on with what a crash left; how many marks were under way."""
    with _taking_back(state) as (_, retractions):
        return retractions.resume()


class Finisher:
    """Goes on with what was cut short, whenever nobody takes back and something was put on record since the last time.

    A mark is on record before anything else of it is anywhere, so where the ledger stands as it stood there is nothing new.
    Whoever is at it right now holds the lock, and is left alone.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._finished = b""  # the ledger's checkpoint, as it was when all of it was done

    def look(self) -> int:
        """How many marks were under way, and now are not.

        Raises:
            CitywardError: a store does not answer, or the declaration or the ledger cannot be read. Look again later.
        """
        newest = self._newest()
        if newest == self._finished:
            return 0
        try:
            with self._home.held(ROLE):
                pass
        except LinkError:
            return 0
        with _taking_back(self._home.root) as (_, retractions):
            count = retractions.resume()
            self._finished = self._newest()
        return count

    def _newest(self) -> bytes:
        try:
            return (self._home.ledger(ROLE) / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return b""  # nothing was ever taken back


def city_now(state: Path) -> int:
    """The city's time, us."""
    return read_city_file(Home(state)).city_clock.to_city_us(time.time_ns() // 1000)


@contextmanager
def _taking_back(state: Path) -> Generator[tuple[Setting, Retractions]]:
    home = Home(state)
    setting = open_setting(home)
    try:
        with taking_alone(home), setting.ledger(ROLE) as ledger:
            people = recipients_of(setting.loaded.place, setting.registry)
            ports = RetractionPorts(
                book=setting.state,
                history=setting.history(),
                ledger=ledger,
                tell=lambda device: [recipient.party for recipient in people(device)],
                now_us=setting.now_us,
            )
            yield setting, Retractions(ports, setting.registry, ROLE)
    finally:
        setting.state.dispose()


@contextmanager
def taking_alone(home: Home) -> Generator[None]:
    """Wait for whoever takes back, or erases, at the moment."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        held = home.held(ROLE)
        try:
            held.__enter__()
        except LinkError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            break
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def _known(registry: Registry, device: str, properties: Sequence[str]) -> None:
    unit = registry.unit_index.get(device)
    if unit is None:
        raise PlaceError(
            f"`{device}` is not a declared device", mend="name a unit: a member of a group is `<group>-01`"
        )
    has = [registry.channel_property[c] for c in registry.channels_of(unit)]
    for name in properties:
        if name not in has:
            raise PlaceError(f"`{device}` does not observe `{name}`", mend=f"it observes {', '.join(has)}")


def taint_ports(setting: Setting) -> TaintPorts:
    """What the question needs, from a city's stores and declaration."""
    bounds = bind_services(setting.loaded.place, setting.registry, find_services())
    return TaintPorts(
        book=setting.state,
        history=setting.history(),
        recipients=recipients_of(setting.loaded.place, setting.registry),
        shown=lambda device: [bound.id for bound in bounds if device in bound.watched],
        releases=lambda device, since_us, until_us: told_of(setting, device, since_us, until_us),
    )


def recipients_of(place: Place, registry: Registry) -> Callable[[str], Sequence[Recipient]]:
    """Who receives a unit's data as declared: every party at the end of a flow that it travels on, but the one responsible."""
    graph = flow_graph(place)

    def of(device: str) -> Sequence[Recipient]:
        group = registry.units[registry.unit_index[device]].group
        out: dict[str, list[tuple[str, Flow]]] = {}
        for name in downstream(graph, group):
            flow = place.flows[name]
            party = _party(place, registry, flow.to)
            if party is not None and party != place.responsible:
                out.setdefault(party, []).append((name, flow))
        return [_recipient(party, flows) for party, flows in out.items()]

    return of


def _party(place: Place, registry: Registry, end: str) -> str | None:
    """Who stands at the end of a flow; None for a device."""
    if end in place.systems:
        operator = place.systems[end].operator
        return f"unknown operator of {end}" if operator == UNKNOWN else operator
    return None if end in place.devices or end in registry.unit_index else end


def _recipient(party: str, flows: Sequence[tuple[str, Flow]]) -> Recipient:
    return Recipient(
        party=party,
        at=tuple(dict.fromkeys(flow.to for _, flow in flows)),
        by=tuple(name for name, _ in flows),
        datasets=tuple(dict.fromkeys(dataset for _, flow in flows for dataset in flow.datasets)),
        enforced=all(flow.observability is Observability.ENFORCED for _, flow in flows),
    )
