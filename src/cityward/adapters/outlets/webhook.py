"""Released rows as a signed POST to a recipient's webhook (`runtime.releasing.ports.WayOut`).

The recipient knows by `Cityward-Signature` that it is ours and no replay (`adapters.outward.signing`), and by `Cityward-Release`
whether it has this one already: that name is the same in every try.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityward.adapters.outlets.names import checked_name, within_s
from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.posting import Posted, post_signed
from cityward.place.exits import Exit

RELEASE = "Cityward-Release"


@dataclass(frozen=True, slots=True)
class WebhookWay:
    """One recipient's. key: what signs; asked for each time, so that a new one holds at once. now_s: the machine's time."""

    outward: Outward
    exit: Exit
    path: str
    key: Callable[[], bytes]
    now_s: Callable[[], int]

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        """See `WayOut`.

        Raises:
            LinkError: it was not taken, or the recipient has no key.
            Refused: its name, or a redirect, leads elsewhere.
        """
        named = {**headers, RELEASE: checked_name(name)}
        posted = Posted(self.path, body, self.now_s(), named, within_s(body))
        post_signed(self.outward, self.exit, posted, self.key())
