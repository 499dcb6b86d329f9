"""The device door: observations by HTTP, one message or a batch of kept ones. Answers 202 when the log holds them.

What the bodies say is not read here: they are bounded, given the codec their content type names, and put into the log, where
the worker decodes and the gate judges them like those that came by MQTT.

One body is one message however many readings it holds. That is what makes packs fast (a pack of 100 readings costs one
acknowledgement of the log). NDJSON lines stay messages of their own: joining them would let one bad line cost its neighbours.
"""

from __future__ import annotations

import asyncio

from cityward.errors import LinkError
from cityward.place.registry import UNLIMITED, Unit
from cityward.place.things import DeviceStatus
from cityward.web.api.views import View
from cityward.web.desk import Desk
from cityward.web.identity import DEVICE
from cityward.web.problems import Problem, too_many, unavailable
from cityward.web.routes import JSON, Call, Nothing, route, too_large

SENML = "application/senml+json"
NDJSON = "application/x-ndjson"
MOST_BODY = 1 << 20  # PRECEDENT: what a NATS server takes in one message unless told otherwise
MOST_LINES = 1000


class Accepted(View, frozen=True, kw_only=True):
    """How many messages the log now holds, and between which of its sequence numbers (others' may lie between)."""

    accepted: int
    first_seq: int
    last_seq: int


@route(
    "POST",
    "/v1/observations",
    summary="Send one message of observations",
    scopes={DEVICE},
    media=(SENML, JSON),
    limit=MOST_BODY,
    answer=Accepted,
    status=202,
)
async def send(call: Call[Nothing]) -> object:
    unit = speaker(call)
    codec = "senml" if call.media == SENML else unit.format
    return await take_in(call.desk, unit, codec, [call.body])


@route(
    "POST",
    "/v1/observations/batch",
    summary="Send messages that were kept while there was no connection, one a line",
    scopes={DEVICE},
    media=(NDJSON,),
    limit=MOST_BODY,
    answer=Accepted,
    status=202,
)
async def send_batch(call: Call[Nothing]) -> object:
    unit = speaker(call)
    if call.body.count(b"\n") > 2 * MOST_LINES:
        raise Problem(413, "too-large", f"more than {MOST_LINES} lines; split the batch")
    lines = [line for line in call.body.split(b"\n") if line and not line.isspace()]
    if len(lines) > MOST_LINES:
        raise Problem(413, "too-large", f"{len(lines)} lines, at most {MOST_LINES}; split the batch")
    return await take_in(call.desk, unit, unit.format, lines)


def speaker(call: Call[Nothing]) -> Unit:
    """The device that calls.

    Raises:
        Problem: 403, it is not declared any more, or not active.
    """
    registry = call.desk.doors.registry
    number = registry.unit_index.get(call.caller.id) if call.caller else None
    if number is None:
        raise Problem(403, "unknown-device", "the key's device is not declared")
    unit = registry.units[number]
    if unit.status is not DeviceStatus.ACTIVE:
        raise Problem(403, "inactive-device", f"the device's status is `{unit.status}`; only an active one may speak")
    return unit


async def take_in(desk: Desk, unit: Unit, codec: str, messages: list[bytes]) -> Accepted:
    """Put messages of one device into the log and wait until it holds all of them.

    Raises:
        Problem: 400, 413, 429, or 503 when the log does not answer: some may be held then, and sending all again is safe.
    """
    check(desk, unit, messages)
    publish = desk.doors.intake.publish
    if len(messages) == 1:  # the common case needs no task of its own: 30 us of 220
        try:
            seq = await publish(unit.id, codec, messages[0])
        except LinkError as error:
            raise log_silent([error]) from error
        return Accepted(accepted=1, first_seq=seq, last_seq=seq)
    answers = await asyncio.gather(*(publish(unit.id, codec, one) for one in messages), return_exceptions=True)
    held = [answer for answer in answers if isinstance(answer, int)]
    if len(held) < len(messages):
        raise log_silent(answers)
    return Accepted(accepted=len(held), first_seq=min(held), last_seq=max(held))


def log_silent(answers: list[int | BaseException]) -> BaseException:
    """What to raise when the log did not take everything: 503 for its silence, else the fault itself."""
    faults = [answer for answer in answers if isinstance(answer, BaseException)]
    other = next((fault for fault in faults if not isinstance(fault, LinkError)), None)
    return other or unavailable("log-silent", "the log did not take all of it; send it again")


def check(desk: Desk, unit: Unit, messages: list[bytes]) -> None:
    """The limits of the device's flow, before anything is put into the log.

    Raises:
        Problem: 400, 413 or 429.
    """
    if not messages or not all(messages):
        raise Problem(400, "empty", "there is no message in the body")
    limits = desk.doors.registry.flow_limits[unit.flow] if unit.flow >= 0 else UNLIMITED
    if max(map(len, messages)) > limits.max_message_bytes:
        raise too_large(limits.max_message_bytes)
    if len(messages) > 2 * limits.messages_per_minute:
        most = 2 * limits.messages_per_minute
        raise Problem(413, "too-large", f"{len(messages)} messages, at most {most} at once on this flow")
    wait = desk.rates.take(unit.id, limits.messages_per_minute, len(messages))
    if wait:
        raise too_many(f"more than {limits.messages_per_minute} messages a minute on this flow", wait)


ROUTES = (send, send_batch)
