"""What the broker itself refused: told to the watch, put on record, and counted under its device's flow; of a recipient that
wanted what is not its own, kept beside the other attempts of recipients, for whoever looks into what left.

Only the broker's log says so: it is read by `adapters.bus.server`. Who was turned away at the door is told by the door.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping

from cityward.adapters.bus.config import topic_of
from cityward.adapters.bus.entry import RECIPIENT
from cityward.adapters.bus.server import BrokerServer, Refused, What
from cityward.adapters.ledgers.files import FileLedger
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, LinkError
from cityward.evidence.records import Lifecycle
from cityward.guard.admit import UNDECLARED
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from cityward.runtime.ports import BatchEffects, EventSink, FlowCount
from cityward.runtime.releasing.refusals import Refusal as Attempt
from cityward.runtime.releasing.refusals import Refusals as Attempts
from cityward.watch.events import Event, EventKind, cut

BROKER_PARTITION = -1  # under this number state counts what the broker itself refused, and numbers those batches
NAMES_ON_RECORD = 100  # in one entry: 256 characters each, and an entry holds 64 KiB
EVERY_S = 1.0
MOST_TOLD = 256  # different ones a second; the others are told by their number
NOT_ITS_OWN = "not-its-own"
"""Why a recipient may not hear, or say, what stands under a subject."""

_KINDS = {
    What.PUBLISH: EventKind.REFUSED_PUBLISH,
    What.SUBSCRIBE: EventKind.REFUSED_SUBSCRIBE,
    What.OVERSIZED: EventKind.OVERSIZED,
}

Refusal = tuple[Reason, str]
"""Why the broker refused, and the device: whose topic it was, or who the sender of a message too large said it was."""


class BrokerRefusals:
    """Looks at what one broker refused, once a second."""

    def __init__(
        self, broker: BrokerServer, setting: Setting, ledger: FileLedger, events: EventSink, say: Callable[[str], None]
    ) -> None:
        self._broker, self._setting, self._ledger, self._events, self._say = broker, setting, ledger, events, say
        self._recorded: Counter[Refusal] = Counter()
        self._counted: Counter[Refusal] = Counter()
        self._logins = 0
        self._attempts = Attempts(setting.state.releases, ledger, setting.now_us, "steward")

    async def run(self) -> None:
        """Until cancelled. What a store or the ledger does not take is tried again."""
        while True:
            await asyncio.sleep(EVERY_S)
            self._tell(await self._devices())
            with contextlib.suppress(CitywardError):  # what was not taken stays gathered
                await asyncio.to_thread(self._attempts.flush)
            with contextlib.suppress(LinkError):
                await self._record_logins()
            with contextlib.suppress(LinkError):
                await self._record_and_count()

    async def _record_logins(self) -> None:
        failed = self._broker.failed_logins
        if failed > self._logins:
            count = failed - self._logins
            detail = {"count": str(count)}
            record = Lifecycle(at=self._setting.now_us(), by="steward", event="broker-turned-away", detail=detail)
            await asyncio.to_thread(self._ledger.append, [record])
            self._say(f"the broker turned away {count} that did not prove who they are")
            self._logins = failed

    async def _record_and_count(self) -> None:
        seen = _refusals(self._broker)
        if new := seen - self._recorded:
            await asyncio.to_thread(self._ledger.append, [on_record(new, self._setting.now_us(), "steward")])
            self._recorded = seen
        if new := seen - self._counted:
            await asyncio.to_thread(self._count, new)
            self._counted = seen

    def _count(self, new: Mapping[Refusal, int]) -> None:
        state = self._setting.state
        nth = state.committed().get(BROKER_PARTITION, 0) + 1
        state.apply(effects_of(new, self._setting.registry, nth, BROKER_PARTITION))

    async def _devices(self) -> Mapping[str, str]:
        """Client ids that the broker made up -> the device that has them."""
        if not any(self._unnamed(seen) for seen in self._broker.seen):
            return {}
        with contextlib.suppress(LinkError):
            held = await asyncio.to_thread(self._setting.state.connections)
            return {row.client_id: device for device, row in held.items()}
        return {}

    def _owner(self, seen: Refused, devices: Mapping[str, str]) -> str:
        """Who it was. # SECURITY: a client id is its sender's own word, so no recipient is known by it alone."""
        if seen.user:
            return seen.user if seen.user.startswith(RECIPIENT) else f"role:{seen.user}"
        return devices.get(seen.client_id, "") if self._unnamed(seen) else seen.client_id.partition(":")[0]

    def _unnamed(self, seen: Refused) -> bool:
        return not seen.user and seen.client_id.partition(":")[0] not in self._setting.registry.unit_index

    def _tell(self, devices: Mapping[str, str]) -> None:
        at = self._setting.now_us()
        for n, (seen, count) in enumerate(self._broker.take_seen().items()):
            if n == MOST_TOLD:
                break
            owner = self._owner(seen, devices)
            if owner.startswith(RECIPIENT):
                one = Attempt(owner.removeprefix(RECIPIENT), "", "", cut(seen.source), (NOT_ITS_OWN,), "")
                self._attempts.add(one, count)
            detail = {"count": str(count)} | ({"topic": cut(topic_of(seen.topic))} if seen.topic else {})
            event = Event(
                at=at, kind=_KINDS[seen.what], by="steward", subject=owner, source=cut(seen.source), detail=detail
            )
            self._events.tell(event)


def _refusals(broker: BrokerServer) -> Counter[Refusal]:
    """All since this start."""
    found = Counter({(Reason.BROKER_REFUSED, device): n for device, n in broker.refusals.items()})
    found.update({(Reason.TOO_LARGE, device): n for device, n in broker.oversized.items()})
    return found


def on_record(new: Counter[Refusal], now_us: int, by: str) -> Lifecycle:
    """What was refused before any gate, by device; the most of them where there are many."""
    most = dict(new.most_common(NAMES_ON_RECORD))
    detail = {f"{reason.word} {device}": str(count) for (reason, device), count in most.items()}
    if others := sum(new.values()) - sum(most.values()):
        detail["(others)"] = str(others)
    return Lifecycle(at=now_us, by=by, event="broker-refusals", detail=detail)


def effects_of(new: Mapping[Refusal, int], registry: Registry, nth: int, partition: int) -> BatchEffects:
    """What was refused before any gate, counted under the flow of its device. `nth` of this `partition`, which holds no log."""
    per_flow: Counter[str] = Counter()
    per_reason: Counter[tuple[str, str]] = Counter()
    for (reason, device), count in new.items():
        unit = registry.unit_index.get(device, -1)
        number = registry.units[unit].flow if unit >= 0 else -1
        flow = registry.flows[number] if number >= 0 else UNDECLARED
        per_flow[flow] += count
        per_reason[flow, reason.word] += count
    return BatchEffects(
        upto={partition: nth},
        counts=[FlowCount(flow, count, 0, count, 0) for flow, count in per_flow.items()],
        reasons=per_reason,
    )
