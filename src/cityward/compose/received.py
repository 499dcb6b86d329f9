"""What left, for the console: recipients, statements, receipts and refusals, as `cityward recipient` and `received` tell them.

INVARIANT: the same words as on the command line: both are made of the same functions.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from cityward.compose.recipients import (
    RecipientView,
    Statement,
    month_of,
    receipt_told,
    recipient_views,
    refusal_told,
    statement,
)  # fmt: skip
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean
from cityward.time import DAY

KEPT_S = 2.0
"""The views are made of the compiled rules; every open console asks for them every few seconds."""


@dataclass(slots=True)
class ReceivedDesk:
    """`web.ports.Received`."""

    setting: Setting
    _lock: Lock = field(default_factory=Lock)
    _views: tuple[float, Sequence[RecipientView]] = (float("-inf"), ())

    def recipients(self) -> Sequence[RecipientView]:
        """Every declared recipient, at most `KEPT_S` old.

        Raises:
            LinkError: the store does not answer.
        """
        with self._lock:
            if time.monotonic() >= self._views[0] + KEPT_S:
                self._views = (time.monotonic(), recipient_views(self.setting))
            return self._views[1]

    def statement(self, recipient: str | None, dataset: str | None, month: str | None) -> Statement:
        """What somebody was given, or who was given a dataset; of a month (`2026-11`), or ever.

        Raises:
            PlaceError: there is no such recipient, dataset or month.
        """
        self._check(recipient, dataset)
        days = (0, self.setting.now_us() // DAY) if month is None else month_of(month)
        return statement(self.setting, days, recipient=recipient, dataset=dataset)

    def receipts(
        self,
        recipient: str | None,
        dataset: str | None,
        after: str,
        most: int,
        purpose: str | None = None,
        month: str | None = None,
    ) -> Sequence[dict[str, object]]:
        """Newest first; those behind the receipt `after`; of a month (`2026-11`), or ever.

        Raises:
            PlaceError: there is no such recipient, dataset or month.
        """
        self._check(recipient, dataset)
        days = None if month is None else month_of(month)
        found = self.setting.state.releases.receipts(
            recipient=recipient, dataset=dataset, after=after, most=most, purpose=purpose, days=days
        )
        return [receipt_told(one) for one in found]

    def refusals(self, recipient: str, most: int) -> Sequence[dict[str, str]]:
        """Requests of a recipient that got nothing, newest first.

        Raises:
            PlaceError: there is no such recipient.
        """
        self._check(recipient, None)
        return [refusal_told(one) for one in self.setting.state.releases.refusals(recipient, most)]

    def _check(self, recipient: str | None, dataset: str | None) -> None:
        place = self.setting.loaded.place
        for kind, name, known in (("recipient", recipient, place.recipients), ("dataset", dataset, place.datasets)):
            if name is not None and name not in known:
                raise PlaceError(f"there is no {kind} `{name[:64]}`{did_you_mean(name, known)}")
