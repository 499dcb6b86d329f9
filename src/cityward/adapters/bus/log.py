"""The durable log: made ready, read by sequence, written by the HTTP front doors, cut behind what is held.

One stream holds what MQTT devices and HTTP doors sent, in one total order. Nothing is acknowledged by reading: the reader
starts where the store's own commit says, so a restart neither loses nor doubles. `discard: new` makes a full log refuse
publishers instead of forgetting what it acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from cityward.adapters.bus.config import LOG_STREAM, PARTITIONS, inbox_prefix
from cityward.errors import LinkError
from cityward.ids import partition_of
from cityward.runtime.ports import LogMessage

SUBJECTS = ["$MQTT.msgs.>", "intake.>"]


async def connect(url: str, role: str, password: str | None) -> Client:
    """A connection for one role. Reconnects for ever; what waits on it has its own deadline.

    Raises:
        LinkError: nothing answers at the address, or it does not know the role.
    """
    login = {"user": role, "password": password} if password is not None else {}
    try:
        return await nats.connect(
            url,
            name=role,
            inbox_prefix=inbox_prefix(role).encode(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            connect_timeout=5,
            allow_reconnect=True,
            error_cb=_ignore,  # what fails is raised where it was asked for
            **login,
        )
    except (OSError, NatsError) as error:
        raise LinkError(
            f"the bus at {url} did not let {role} in: {type(error).__name__}", mend="is it running?"
        ) from error


async def _ignore(_: Exception) -> None: ...


async def make_log(client: Client, max_bytes: int, replicas: int = 1) -> None:
    """Create the log before the MQTT gateway does, or turn the gateway's own into a log that forgets nothing.

    Raises:
        LinkError: JetStream did not answer or refused.
    """
    js = client.jetstream()
    wanted = StreamConfig(
        name=LOG_STREAM,
        subjects=SUBJECTS,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        max_bytes=max_bytes,
        num_replicas=replicas,
        allow_direct=True,
    )
    try:
        try:
            await js.stream_info(LOG_STREAM)
        except NotFoundError:
            await js.add_stream(wanted)
        else:
            await js.update_stream(wanted)
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log could not be made ready: {error}") from error


async def cut_log(client: Client, below: int) -> None:
    """Forget the log's messages below a sequence: they are held elsewhere."""
    try:
        await client.jetstream().purge_stream(LOG_STREAM, seq=below)
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log could not be cut at {below}: {error}") from error


def observation_filters(partitions: Sequence[int]) -> list[str]:
    """The subjects that hold the observations of these partitions."""
    return [f"$MQTT.msgs.in.{p}.>" for p in partitions] + [f"intake.{p}.>" for p in partitions]


ACKNOWLEDGEMENTS = ["$MQTT.msgs.ack.>"]
"""The subjects under which actuators answer."""


class NatsLogReader:
    """Implements `runtime.ports.LogReader`.

    INVARIANT: hands out every matching message from the start sequence on, once, in order. The client library may drop
    messages under pressure, and a consumer may vanish with its server; both show as a gap in the consumer's own numbering, and
    reading starts anew behind the last message handed out.
    """

    def __init__(self, client: Client, filters: Sequence[str], start_seq: int) -> None:
        self._js: JetStreamContext = client.jetstream()
        self._filters = list(filters)
        self._next = max(1, start_seq)
        self._sub: JetStreamContext.PullSubscription | None = None
        self._delivered = 0
        self.pending = 0  # matching messages behind the last one handed out, as the log last said

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        """See `LogReader.fetch`."""
        try:
            if self._sub is None:
                self._sub = await self._open()
            raw = await self._sub.fetch(most, timeout=wait_s)
        except (NatsTimeout, TimeoutError):
            return await self._idle()
        except (NatsError, APIError, OSError) as error:
            await self.close()
            raise LinkError(f"the log did not answer: {type(error).__name__} {error}") from error
        return await self._in_order(raw)

    async def close(self) -> None:
        """Forget the consumer; the next fetch opens one."""
        sub, self._sub = self._sub, None
        if sub is not None:
            with contextlib.suppress(NatsError):  # the connection may have gone with it
                await sub.unsubscribe()

    async def _open(self) -> JetStreamContext.PullSubscription:
        self._delivered = 0
        return await self._js.pull_subscribe(
            "",
            stream=LOG_STREAM,
            config=ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self._next,
                filter_subjects=self._filters,
                inactive_threshold=300,
                mem_storage=True,
            ),
            pending_bytes_limit=0,
            pending_msgs_limit=0,
        )

    async def _idle(self) -> Sequence[LogMessage]:
        """Nothing came: make sure the consumer still lives, for a restarted server has forgotten it."""
        assert self._sub is not None
        try:
            self.pending = (await self._sub.consumer_info()).num_pending or 0
        except (NatsError, APIError, TimeoutError):
            await self.close()
        return []

    async def _in_order(self, raw: Sequence[Any]) -> Sequence[LogMessage]:
        out: list[LogMessage] = []
        for message in raw:
            # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<timestamp ns>.<pending>
            tokens = message.reply.split(".")
            if int(tokens[-3]) != self._delivered + 1:
                await self.close()
                break
            self._delivered += 1
            seq = int(tokens[-4])
            out.append(LogMessage(message.subject, message.data, seq, int(tokens[-2]) // 1000))
            self._next = seq + 1
        if out:
            self.pending = int(raw[len(out) - 1].reply.rsplit(".", 1)[-1])
        return out


class LogWriter:
    """The HTTP doors' way into the log. Implements `web.ports.Intake`."""

    def __init__(self, client: Client, *, within_s: float = 5.0) -> None:
        self._js = client.jetstream(timeout=within_s)
        self._within_s = within_s
        self._slots = asyncio.Semaphore(256)  # publications under way: beyond, callers wait their turn

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        """The sequence under which the log now holds the message.

        Raises:
            LinkError: the log did not say that it holds it; it may or may not.
        """
        subject = f"intake.{partition_of(device, PARTITIONS)}.{device}.{codec}"
        try:
            async with asyncio.timeout(self._within_s), self._slots:
                return (await self._js.publish(subject, payload)).seq
        except (NatsError, APIError, TimeoutError, OSError) as error:
            raise LinkError(
                f"the log did not take the message: {type(error).__name__}", mend="send it again"
            ) from error
