"""What left is not remembered for ever: old receipts, and cells of which no row can be held any more. On record, evidence first.

INVARIANTS
- What waits is never forgotten, nor what the evidence holds, nor the sums that statements and budgets are made of.
- A cell that was told is forgotten only when every dataset says how long it is kept, and that is over for all of them: until then
  a row of it could be told with another value.
"""

from __future__ import annotations

import asyncio

import structlog

from cityward.compose.keeping.datasets import days_kept
from cityward.compose.keeping.retention import SLACK_DAYS
from cityward.compose.setting import Setting
from cityward.errors import CitywardError
from cityward.evidence.records import Lifecycle
from cityward.place.model import Place
from cityward.runtime.ports import Ledger
from cityward.time import DAY, iso

log = structlog.get_logger(__name__)

BY = "release"
FORGETS = "receipts-forgotten"
LOOK_S = 60.0


def forget_old(setting: Setting, ledger: Ledger) -> tuple[int, int]:
    """(receipts, atoms) that went.

    Raises:
        LinkError: the ledger or the store does not answer.
    """
    book, now, place = setting.state.releases, setting.now_us(), setting.loaded.place
    receipts, atoms = bounds(place, now)
    oldest_receipt, oldest_atom = book.oldest()
    due_receipts = oldest_receipt is not None and oldest_receipt < receipts
    due_atoms = oldest_atom is not None and atoms is not None and oldest_atom < atoms
    if not due_receipts and not due_atoms:
        return 0, 0
    detail = {"receipts_before": iso(receipts)} | ({"cells_before": iso(atoms)} if atoms is not None else {})
    ledger.append([Lifecycle(at=now, by=BY, event=FORGETS, detail=detail)])
    return book.forget(receipts), book.forget_atoms(atoms) if atoms is not None else 0


def bounds(place: Place, now_us: int) -> tuple[int, int | None]:
    """City us, whole days: receipts written before go, atoms that begin before go. None: no atom ever does."""
    today = now_us // DAY * DAY
    days = [days_kept(place, name) for name, dataset in place.datasets.items() if dataset.properties]
    known = [one for one in days if one is not None]
    atoms = today - (max(known, default=0) + SLACK_DAYS + LONGEST_CELL) * DAY if len(known) == len(days) else None
    return max(0, today - place.receipts_days * DAY), None if atoms is None else max(0, atoms)


LONGEST_CELL = 56
"""Days: an atom may begin that long before the youngest of its rows (`guard.ladder.STEPS_S`)."""


async def forget_by_and_by(setting: Setting, ledger: Ledger) -> None:
    """Until cancelled."""
    while True:
        try:
            receipts, atoms = await asyncio.to_thread(forget_old, setting, ledger)
            if receipts or atoms:
                log.info("old receipts are forgotten", receipts=receipts, atoms=atoms)
        except CitywardError as error:  # `cityward retention` tells that it is late
            log.warning("old receipts wait for the ledger or the store", why=error.what)
        await asyncio.sleep(LOOK_S)
