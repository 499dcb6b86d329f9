"""What the web door may show anybody: documents that a service publishes, where the declaration opens them (`policy.opened`).

The newest of each is looked at `LOOK_S` apart at most: however many ask, the store is asked that often. Implements
`web.ports.OpenDocuments`.
"""

from __future__ import annotations

import time
from threading import Lock

from cityward.compose.setting import Setting
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.policy.opened import closed_because
from cityward.runtime.releasing.opened import OpenDocument
from cityward.runtime.serving.binding import bind_services
from cityward.services import find_services

LOOK_S = 0.5
MOST_KEPT = 32
KIND = "transport"


def datasets_under(place: Place, registry: Registry, service: str | None) -> frozenset[str]:
    """The datasets that what a service publishes is made of: what it is declared to read, what the flows carry whose documents
    it looks at and whose timetables these are held against, and what its devices send.
    """
    if service is None:
        return frozenset()
    bound = next((one for one in bind_services(place, registry, find_services()) if one.id == service), None)
    documents = {*bound.documents} if bound is not None else set[str]()
    feeds = [flow.feed for name in documents if (flow := place.flows.get(name)) is not None]
    beside = {name for feed in feeds if feed is not None for name in (feed.timetable, feed.beside) if name is not None}
    units = [registry.unit_index[name] for name in (bound.watched if bound is not None else ())]
    sending = {registry.flows[registry.units[n].flow] for n in units if registry.units[n].flow >= 0}
    flows = [place.flows[name] for name in documents | beside | sending if name in place.flows]
    return frozenset(place.services[service].reads) | {dataset for flow in flows for dataset in flow.datasets}


class OpenDesk:
    """Of any number of threads."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._lock = Lock()
        self._kept: dict[str, tuple[float, OpenDocument]] = {}
        services = setting.loaded.place.services
        self._service = next((name for name in sorted(services) if services[name].kind == KIND), None)
        self._rests_on = datasets_under(setting.loaded.place, setting.registry, self._service)

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
        closed = closed_because(place, flow if isinstance(flow, str) else None, postures, self._rests_on)
        row = None if closed else state.services.published(self._service, name)
        if row is None:
            return OpenDocument(closed=closed)
        return OpenDocument(body=row.body, at=row.at)
