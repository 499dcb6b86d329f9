"""What really left of a device's rows, and whom it reached: for taint, trace and whoever must be told."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.compose.setting import Setting
from cityward.runtime.undoing.taint import Told


def told_of(setting: Setting, device: str, since_us: int, until_us: int) -> Sequence[Told]:
    """Who was given rows of a device observed in a span, with receipts: what really left, and who must be told."""
    book, found = setting.state.releases, list[Told]()
    for one in book.given_of(device, since_us, until_us):
        receipts = book.receipts(
            recipient=one.recipient, dataset=one.dataset, device=device, since_us=since_us, until_us=until_us
        )
        party = setting.loaded.place.recipients.get(one.recipient)
        found.append(
            Told(
                recipient=one.recipient,
                party=receipts[0].party if receipts else party.party if party is not None else "",
                dataset=one.dataset,
                since=one.since,
                until=one.until,
                count=one.receipts,
                receipts=tuple(r.record for r in receipts),
            )
        )
    return found
