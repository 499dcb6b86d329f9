"""How long each dataset is kept here, and what of that is true: the declaration against the oldest record of every store.

Lives here: the answer of `cityward retention`, and the daily duty of a worker. Does not live here: what goes with a dataset
(`compose.keeping.datasets`), erasing itself (`runtime.undoing.erasure`, opened by `compose.keeping.erasure`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from cityward.adapters.stores.erasing import NOT_KNOWN, HistoryErasure
from cityward.adapters.stores.erasures import ErasureBook
from cityward.compose.home import Home
from cityward.compose.keeping.datasets import dataset_of_channels, days_kept, due_of, scope_of
from cityward.compose.keeping.erasure import book_of, erasing
from cityward.compose.proving.taint import ROLE as TAKING_BACK
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError
from cityward.place.model import Place
from cityward.runtime.undoing.erasure import HISTORY
from cityward.time import DAY

SLACK_DAYS = 2  # the day that is cut whole, and the day between two runs
UNDECLARED = "(not declared)"
RECEIPTS = "(receipts)"


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
    names = [name for name, dataset in place.datasets.items() if dataset.properties and not dataset.made_of]
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
    return [*out, _receipts(setting, now)] if place.recipients else out


def _receipts(setting: Setting, now: int) -> Kept:
    """Of what left: receipts by their own declared days, cells that were told as long as rows of them could be held."""
    receipt, atom = setting.state.releases.oldest()
    days = setting.loaded.place.receipts_days
    oldest = {name: at for name, at in (("receipts", receipt), ("cells told", atom)) if at is not None}
    late = receipt is not None and receipt < now - (days + SLACK_DAYS) * DAY
    why = "older than it may be in receipts; the role `release` forgets them while the city runs" if late else ""
    return Kept(
        dataset=RECEIPTS, personal=False, days=days, oldest=oldest, ran=0, state="late" if late else "ok", why=why
    )


def _kept(place: Place, name: str, oldest: Mapping[str, int], ran: int, now: int) -> Kept:
    days, state, why = days_kept(place, name), "ok", ""
    if days is None:
        state, why = "unknown", "nobody declared for how long: it is kept"
    elif late := [store for store, at in oldest.items() if 0 <= at < now - (days + SLACK_DAYS) * DAY]:
        state, why = "late", f"older than it may be in {', '.join(late)}"
    elif NOT_KNOWN in oldest.values():
        state, why = "unknown", "too much would have to be read to find its oldest record"
    return Kept(
        dataset=name, personal=place.datasets[name].personal, days=days, oldest=oldest, ran=ran, state=state, why=why
    )


# --- the duty --------------------------------------------------------------------------------------------------------


class Keeper:
    """Looks, and once in a day of the city erases what is due; goes on with what a crash cut short.

    Whoever takes back or erases right now goes first.
    """

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
