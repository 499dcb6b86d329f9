"""What every step with people has in common: one at a time, evidence first, then the book, then the watch is told."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.setting import Setting
from cityward.evidence.records import Lifecycle
from cityward.runtime.ports import EventSink

ROLE = "people"
"""The ledger of people; its own, so that it can be written while the city runs."""


@dataclass(slots=True)
class Book:
    """Whoever takes a step holds the ledger from the first look to the book, so of two at a time one is first."""

    setting: Setting
    events: EventSink | None = None

    @contextmanager
    def _alone(self) -> Generator[FileLedger]:
        with self.setting.ledger_when_free(ROLE) as ledger:
            yield ledger

    def _life(self, ledger: FileLedger, event: str, detail: dict[str, str]) -> None:
        ledger.append([Lifecycle(at=self.setting.now_us(), by=ROLE, event=event, detail=detail)])
