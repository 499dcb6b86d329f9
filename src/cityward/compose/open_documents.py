"""What the web door may show anybody: documents that a service publishes, where the declaration opens them (`policy.opened`).

The newest of each is looked at `LOOK_S` apart at most: however many ask, the store is asked that often. Implements
`web.ports.OpenDocuments`.
"""

from __future__ import annotations

import time
from threading import Lock

from cityward.compose.setting import Setting
from cityward.policy.opened import closed_because
from cityward.runtime.opened import OpenDocument

LOOK_S = 0.5
MOST_KEPT = 32
KIND = "transport"


class OpenDesk:
    """Of any number of threads."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._lock = Lock()
        self._kept: dict[str, tuple[float, OpenDocument]] = {}
        services = setting.loaded.place.services
        self._service = next((name for name in sorted(services) if services[name].kind == KIND), None)

    def document(self, name: str) -> OpenDocument:
        """The newest of that name, or why there is none.

        Raises:
            LinkError: the store does not answer: then nothing is known to be open.
        """
        with self._lock:
            at, found = self._kept.get(name, (float("-inf"), OpenDocument()))
            if time.monotonic() >= at + LOOK_S:
                found = self._look(name)
                if len(self._kept) < MOST_KEPT or name in self._kept:
                    self._kept[name] = (time.monotonic(), found)
            return found

    def _look(self, name: str) -> OpenDocument:
        place, state = self._setting.loaded.place, self._setting.state
        if self._service is None:
            return OpenDocument(closed=("no transport is declared here",))
        flow = place.services[self._service].settings.get("public_flow")
        postures = state.postures_in_force(time.time_ns() // 1000)
        closed = closed_because(place, flow if isinstance(flow, str) else None, postures)
        row = None if closed else state.services.published(self._service, name)
        if row is None:
            return OpenDocument(closed=closed)
        return OpenDocument(body=row.body, at=row.at)
