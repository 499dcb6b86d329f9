"""How long each dataset is kept here, and what of that is true: the declaration against the oldest record of every store.

Lives here: which channels, flows and hours go with a dataset, the answer of `cityward retention`, and the daily duty of a worker.
Does not live here: erasing itself (`runtime.erasure`, opened by `compose.erasure`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.adapters.stores.erasing import NOT_KNOWN, HistoryErasure
from cityward.adapters.stores.erasures import ErasureBook
from cityward.compose.erasure import book_of, erasing
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.compose.taint import ROLE as TAKING_BACK
from cityward.errors import LinkError
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry
from cityward.runtime.erasure import HISTORY, Due
from cityward.runtime.erasure_ports import Scope
from cityward.time import DAY

SLACK_DAYS = 2  # the day that is cut whole, and the day between two runs
FOR_GOOD = 1_000_000  # days: longer than any that can be declared
UNDECLARED = "(not declared)"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How long a dataset is kept. `days`: declared, None where that is unknown. Times city us; `ran` 0: never.

    oldest: store -> its oldest record here; -1 where too much would have to be read to say.
    state: `ok`, `late` (something is older than it may be), `unknown` (nobody declared for how long, or nobody can say).
    """

    dataset: str
    personal: bool
    days: int | None
    oldest: Mapping[str, int]
    ran: int
    state: str
    why: str


def retention(state: Path) -> tuple[int, Sequence[Kept]]:
    """The city's time, and every dataset that is made of observations; last what is held of channels that are not declared.

    Raises:
        CitywardError: no city ran there, or a store did not answer.
    """
    setting = open_setting(Home(state))
    book = book_of(setting)
    try:
        return setting.now_us(), kept_in(setting, book)
    finally:
        book.dispose()
        setting.state.dispose()


def kept_in(setting: Setting, book: ErasureBook) -> Sequence[Kept]:
    """The same, in an open setting."""
    place, registry, now = setting.loaded.place, setting.registry, setting.now_us()
    names = [name for name, dataset in place.datasets.items() if dataset.properties]
    of = dataset_of_channels(place, registry)
    number = {name: i for i, name in enumerate(names)}
    group = np.array([number.get(name, -1) for name in of], dtype=np.int32)
    held = HistoryErasure(str(setting.home.history), registry).oldest(group, len(names)).tolist()
    runs = book.runs()
    out: list[Kept] = []
    for i, name in enumerate(names):
        oldest = dict(book.oldest_of(scope_of(place, registry, name, of)))
        if held[i]:
            oldest = {HISTORY: held[i], **oldest}
        out.append(_kept(place, name, oldest, runs.get(name, 0), now))
    if held[-1] > 0:
        why = "its channels are no longer declared: erase it by device, or declare the dataset again"
        oldest = {HISTORY: held[-1]}
        out.append(Kept(dataset=UNDECLARED, personal=True, days=None, oldest=oldest, ran=0, state="unknown", why=why))
    return out


def _kept(place: Place, name: str, oldest: Mapping[str, int], ran: int, now: int) -> Kept:
    days, state, why = _days(place, name), "ok", ""
    if days is None:
        state, why = "unknown", "nobody declared for how long: it is kept"
    elif late := [store for store, at in oldest.items() if 0 <= at < now - (days + SLACK_DAYS) * DAY]:
        state, why = "late", f"older than it may be in {', '.join(late)}"
    elif NOT_KNOWN in oldest.values():
        state, why = "unknown", "too much would have to be read to find its oldest record"
    return Kept(
        dataset=name, personal=place.datasets[name].personal, days=days, oldest=oldest, ran=ran, state=state, why=why
    )


# --- what goes with a dataset ----------------------------------------------------------------------------------------


def due_of(place: Place, registry: Registry) -> Sequence[Due]:
    """The datasets of observations whose retention is declared."""
    of = dataset_of_channels(place, registry)
    out: list[Due] = []
    for name, dataset in place.datasets.items():
        days = _days(place, name)
        if days is not None and dataset.properties:
            mine: NDArray[np.bool_] = np.array([one == name for one in of], dtype=np.bool_)
            out.append(Due(scope_of(place, registry, name, of), mine, days))
    return out


def dataset_of_channels(place: Place, registry: Registry) -> Sequence[str]:
    """(C,) the dataset that says how long a channel's rows are kept; "" where none does.

    Of several on its flow: the one that is kept longest, so that none loses what it is declared to have.
    """
    out: list[str] = []
    for channel, property_ in enumerate(registry.channel_property):
        flow = int(registry.channel_flow[channel])
        among = place.flows[registry.flows[flow]].datasets if flow >= 0 else tuple(place.datasets)
        mine = [name for name in among if property_ in place.datasets[name].properties]
        out.append(max(mine, key=lambda name: _long(place, name), default=""))
    return out


def scope_of(place: Place, registry: Registry, name: str, of: Sequence[str]) -> Scope:
    """What goes with a dataset's rows, beside history."""
    channels = [c for c, one in enumerate(of) if one == name]
    units = {int(registry.channel_unit[c]) for c in channels}
    marked = [u for u in units if _last_of(place, registry, u, of) == name]
    return Scope(
        dataset=name,
        channels=[(registry.units[int(registry.channel_unit[c])].id, registry.channel_property[c]) for c in channels],
        flows=[flow for flow in registry.flows if _first_of(place, flow) == name],
        hourly=_hourly(place, name),
        marked=sorted(registry.units[u].id for u in marked),
    )


def _hourly(place: Place, name: str) -> Sequence[str]:
    """Hours are kept for good, but those of personal data, where no dataset that is not personal has the property too."""
    if not place.datasets[name].personal:
        return ()
    others = [one for other, one in place.datasets.items() if other != name]
    longer = [one for one in others if not one.personal or one.retention_days == UNKNOWN]
    return [p for p in place.datasets[name].properties if not any(p in one.properties for one in longer)]


def _first_of(place: Place, flow: str) -> str:
    """A refused row's excerpt may hold all that its flow carries: it goes with what goes first."""
    return min(place.flows[flow].datasets, key=lambda name: _long(place, name))


def _last_of(place: Place, registry: Registry, unit: int, of: Sequence[str]) -> str:
    mine = [of[c] for c in registry.channels_of(unit) if of[c]]
    return max(mine, key=lambda name: _long(place, name))


def _long(place: Place, name: str) -> int:
    days = _days(place, name)
    return FOR_GOOD if days is None else days


def _days(place: Place, name: str) -> int | None:
    days = place.datasets[name].retention_days
    return None if isinstance(days, str) else days


# --- the duty --------------------------------------------------------------------------------------------------------


class Keeper:
    """Looks, and once in a day of the city erases what is due; goes on with what a crash cut short. Whoever takes back or erases right now goes first."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._due = due_of(setting.loaded.place, setting.registry)

    def look(self) -> int | None:
        """How many rows left history; None where nothing was to be done yet.

        Raises:
            CitywardError: a store or the ledger does not answer. Look again later.
        """
        book = book_of(self._setting)
        try:
            if not self._is_due(book) or not self._is_free():
                return None
        finally:
            book.dispose()
        with erasing(self._setting, self._due) as erasures:
            return erasures.retain()

    def _is_due(self, book: ErasureBook) -> bool:
        runs, today = book.runs(), self._setting.now_us() // DAY
        return bool(book.unfinished()) or any(runs.get(one.scope.dataset, 0) // DAY < today for one in self._due)

    def _is_free(self) -> bool:
        try:
            with self._setting.home.held(TAKING_BACK):
                return True
        except LinkError:
            return False
