"""Sends what the watch wants told: takes alerts from the outbox, sends each by its channel, and says what became of it.

Theory of operation
-------------------
The outbox is part of the watch's book: an alert is in it in the same transaction as the incident it tells of. This loop takes
what is due, oldest first, and gives it to the channel's *hand*, one task for each channel: a channel that does not answer delays
itself and nobody else. After a failure an alert waits longer each time; after `MOST_TRIES` it has failed. Every end is on record
(`Alerted`) before it is one. While the evidence or the outbox takes nothing, what was sent is remembered and not sent again, and
its channel sends nothing more.

INVARIANTS
- Every alert ends as sent, failed, refused or shed, and that is on record. Sent twice is possible after a crash (the receiver
  knows it by its name), lost is not.
- Before an alert leaves, its flow is asked: one that is no longer declared, or whose agreement has ended, refuses it.
- Bounded: `AT_ONCE` alerts a look; of those that find `MOST_WAITING` waiting before them, none is sent: they are shed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Protocol

import structlog

from cityward.errors import LinkError, Refused
from cityward.evidence.records import Alerted, AnyRecord
from cityward.place.alerts import AlertChannel
from cityward.place.model import Place
from cityward.runtime.watching.ports import AlertRow
from cityward.time import HOUR, SECOND

AT_ONCE = 50
MOST_TRIES = 10
MOST_WAITING = 1000
FIRST_WAIT, LONGEST_WAIT = 10 * SECOND, 2 * HOUR
LOOK_S = 1.0
SEND_S = 60.0
LEAVE_S = 5.0  # so long what is being sent may still take when the city stops; it is sent again after the next start
BY = "watch"

log = structlog.get_logger(__name__)


class Outbox(Protocol):
    """Where alerts wait. Times in machine us."""

    def alerts_due(self, now_us: int, most: int) -> Sequence[AlertRow]: ...
    def alerts_beyond(self, waiting: int, most: int) -> Sequence[AlertRow]:
        """Of each channel with more than so many waiting, the newest of those beyond."""
        ...

    def alert_settled(self, ordinal: int, state: str, tries: int, next_at: int) -> None: ...


Send = Callable[[AlertRow], None]
"""Sends one alert by its channel; blocks; raises `LinkError` where it was not taken, `Refused` where it leads elsewhere. Both are
tried again: a call for help waits out a name that somebody changed."""


@dataclass(slots=True)
class Ended:
    """What became of an alert that the outbox does not know of yet; the same record in every try."""

    record: Alerted
    on_record: bool = False


@dataclass(slots=True)
class Alerting:
    """What was done since the start: outcome -> how many. busy: channels with a send under way. ended: by ordinal."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    last_error: str = ""
    busy: set[str] = field(default_factory=set[str])
    hands: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])
    ended: dict[int, Ended] = field(default_factory=dict[int, Ended])


@dataclass(frozen=True, slots=True)
class AlertPorts:
    """What alerting needs of the world. `send` by channel id; `record` appends to the watch's evidence; `today` is the city's."""

    outbox: Outbox
    send: Mapping[str, Send]
    record: Callable[[Sequence[AnyRecord]], object]
    now_us: Callable[[], int]
    city_us: Callable[[], int]
    today: Callable[[], date]


def refusal(place: Place, channel: AlertChannel | None, today: date) -> str:
    """Why nothing may leave by this channel today; "" where it may."""
    if channel is None:
        return "the channel is no longer declared"
    return flow_refusal(place, channel.flow, today)


def flow_refusal(place: Place, name: str, today: date) -> str:
    """Why nothing may leave by this flow today; "" where it may."""
    flow = place.flows.get(name)
    if flow is None:
        return f"flow `{name}` is no longer declared"
    if (flow.valid_from is not None and today < flow.valid_from) or (
        flow.valid_to is not None and today > flow.valid_to
    ):
        return f"flow `{name}` is not declared for today"
    agreement = place.agreements.get(flow.agreement or "")
    if agreement is not None and agreement.ends is not None and today > agreement.ends:
        return f"agreement `{flow.agreement}` ended on {agreement.ends.isoformat()}"
    return ""


async def run_alerting(place: Place, ports: AlertPorts, stop: asyncio.Event, progress: Alerting | None = None) -> None:
    """Until stopped."""
    told = progress if progress is not None else Alerting()
    try:
        while not stop.is_set():
            try:
                await look(place, ports, told)
            except LinkError as error:
                _say(told, error.what)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
    finally:
        await _let_go(told)


async def look(place: Place, ports: AlertPorts, told: Alerting) -> None:
    """Give what is due to every channel that has nothing in hand.

    Raises:
        LinkError: the outbox or the evidence does not answer.
    """
    for channel in [channel for channel, hand in told.hands.items() if hand.done()]:
        told.hands.pop(channel).result()
    await _shed(place, ports, told)
    due = await asyncio.to_thread(ports.outbox.alerts_due, ports.now_us(), AT_ONCE)
    by_channel: dict[str, list[AlertRow]] = {}
    for row in due:
        by_channel.setdefault(row.channel, []).append(row)
    for channel, rows in by_channel.items():
        if channel not in told.hands:
            told.hands[channel] = asyncio.create_task(_send_all(place, ports, rows, told))


async def _let_go(told: Alerting) -> None:
    if told.hands:
        _, late = await asyncio.wait(told.hands.values(), timeout=LEAVE_S)
        for hand in late:
            hand.cancel()
        await asyncio.gather(*told.hands.values(), return_exceptions=True)


async def _shed(place: Place, ports: AlertPorts, told: Alerting) -> None:
    """What waits behind too many others is not sent: whoever reads them late is helped by the first ones."""
    for row in await asyncio.to_thread(ports.outbox.alerts_beyond, MOST_WAITING, AT_ONCE):
        if row.channel not in told.hands:  # one that is being sent at this moment is no longer to be shed
            told.ended.setdefault(row.ordinal, Ended(_record(place, ports, row, "shed", row.tries)))
            await _settle(ports, row, told)


async def _send_all(place: Place, ports: AlertPorts, rows: Sequence[AlertRow], told: Alerting) -> None:
    """One channel's alerts, in order; the first that is not taken, or not put on record, ends the hand."""
    try:
        for row in rows:
            if row.ordinal not in told.ended:
                outcome, tries = await _send(place, ports, row, told), row.tries + 1
                if outcome == "waiting":
                    next_at = ports.now_us() + min(FIRST_WAIT << min(row.tries, 20), LONGEST_WAIT)
                    await asyncio.to_thread(ports.outbox.alert_settled, row.ordinal, outcome, tries, next_at)
                    return
                told.ended[row.ordinal] = Ended(_record(place, ports, row, outcome, tries))
            await _settle(ports, row, told)
    except LinkError as error:
        _say(told, error.what)


async def _settle(ports: AlertPorts, row: AlertRow, told: Alerting) -> None:
    """Put an end on record, then into the outbox. Safe to repeat after a failure at any point."""
    ended = told.ended[row.ordinal]
    if not ended.on_record:
        await asyncio.to_thread(ports.record, [ended.record])
        ended.on_record = True
    outcome = ended.record.outcome
    await asyncio.to_thread(ports.outbox.alert_settled, row.ordinal, outcome, ended.record.tries, 0)
    del told.ended[row.ordinal]
    told.outcomes[outcome] += 1


def _say(told: Alerting, why: str) -> None:
    """Loud once, not with every try."""
    if why != told.last_error:
        log.warning("alerts wait or are not sent", why=why)
    told.last_error = why


async def _send(place: Place, ports: AlertPorts, row: AlertRow, told: Alerting) -> str:
    why = refusal(place, place.alerts.get(row.channel), ports.today())
    if why or row.channel not in ports.send:
        _say(told, why or f"channel `{row.channel}` has no way out")
        return "refused"
    try:
        async with asyncio.timeout(SEND_S):
            await _apart(ports.send[row.channel], row, told)
    except (
        Exception
    ) as error:  # SECURITY: whatever is wrong with one channel (its key, its adapter) never ends the watch
        _say(told, _why(row.channel, error))
        return "waiting" if row.tries + 1 < MOST_TRIES else "failed"
    return "sent"


def _why(channel: str, error: Exception) -> str:
    match error:
        case LinkError() | Refused():
            return error.what
        case TimeoutError():
            return f"{channel} took too long"
        case _:
            return f"{channel} failed by itself: {type(error).__name__}"


async def _apart(send: Send, row: AlertRow, told: Alerting) -> None:
    """Send in a thread that nobody else needs and that holds up no exit; one a channel at a time.

    SECURITY: a receiver that answers a byte now and then outlasts every deadline of a socket. Its thread is then its channel's
    loss alone: the pool that the watch itself works in is not used.
    """
    if row.channel in told.busy:
        raise LinkError(f"`{row.channel}` is still being answered to an earlier alert")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        told.busy.discard(row.channel)
        if not done.done():
            done.set_exception(error) if error is not None else done.set_result(None)

    def work() -> None:
        error: BaseException | None = None
        try:
            send(row)
        except BaseException as raised:  # told to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, error)

    told.busy.add(row.channel)
    threading.Thread(target=work, name=f"alert-{row.channel}", daemon=True).start()
    await done


def _record(place: Place, ports: AlertPorts, row: AlertRow, outcome: str, tries: int) -> Alerted:
    channel = place.alerts.get(row.channel)
    return Alerted(
        at=ports.city_us(),
        by=BY,
        channel=row.channel,
        flow=channel.flow if channel is not None else "",
        incident=row.incident,
        outcome=outcome,
        tries=tries,
        digest=sha256(row.body).hexdigest(),
    )
