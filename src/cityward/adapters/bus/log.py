"""The durable log: made ready, written by the HTTP front doors, cut behind what is held. `reader` reads it.

One stream holds what MQTT devices and HTTP doors sent, in one total order. Nothing is acknowledged by reading: the reader
starts where the store's own commit says, so a restart neither loses nor doubles. `discard: new` makes a full log refuse
publishers instead of forgetting what it acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    RawStreamMsg,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamState,
)
from nats.js.errors import APIError, NotFoundError

from cityward.adapters.bus.config import LOG_STREAM, PARTITIONS, inbox_prefix
from cityward.errors import LinkError
from cityward.ids import partition_of

CONNECT_S = 10.0
SUBJECTS = ["$MQTT.msgs.>", "intake.>"]

MOST_READERS = 250_000
"""Who may read the log at once: our workers, and with one subscription each more devices than the broker lets in. SECURITY: the
broker's own default is a thousand; a single device that came under ever new client ids would take them all."""

SESSIONS, SESSION_BYTES = "$MQTT_sess", 64 << 20
"""Where the MQTT gateway keeps a record of each session (some 500 bytes), the oldest forgotten first."""


async def connect(url: str, role: str, password: str | None) -> Client:
    """A connection for one role. Reconnects for ever; what waits on it has its own deadline.

    Raises:
        LinkError: nothing answers at the address, or it does not know the role.
    """
    address, user, secret = credentials_of(url, role, password)
    login = {"user": user, "password": secret} if secret is not None else {}
    try:
        async with asyncio.timeout(CONNECT_S):
            return await nats.connect(
                address,
                name=role,
                inbox_prefix=inbox_prefix(role).encode(),
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                connect_timeout=5,
                allow_reconnect=True,
                error_cb=_ignore,  # what fails is raised where it was asked for
                **login,
            )
    except (OSError, NatsError, TimeoutError) as error:
        raise LinkError(
            f"the bus at {address} did not let {user} in: {type(error).__name__}", mend="is it running?"
        ) from error


def credentials_of(url: str, role: str, password: str | None) -> tuple[str, str, str | None]:
    """(address without secrets, user, password): those in the address of an outside bus, else the role's own."""
    parts = urlsplit(url)
    address = f"{parts.scheme or 'nats'}://{parts.hostname or '127.0.0.1'}:{parts.port or 4222}"
    if parts.username is None:
        return address, role, password
    return address, unquote(parts.username), unquote(parts.password or "")


async def disconnect(client: Client) -> None:
    """End a connection, also one whose server is gone; never raises, never hangs."""
    # the last: uvloop, of what still waits to be sent
    with contextlib.suppress(NatsError, OSError, TimeoutError, RuntimeError):
        async with asyncio.timeout(2):
            await client.close()


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
        max_consumers=MOST_READERS,
        num_replicas=replicas,
        allow_direct=True,
    )
    try:
        await _make(js, wanted)
        await _make(js, _sessions(replicas))
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log could not be made ready: {error}") from error


def _sessions(replicas: int) -> StreamConfig:
    """The gateway's own stream of sessions as the gateway makes it, but bounded."""
    return StreamConfig(
        name=SESSIONS,
        subjects=["$MQTT.sess.>"],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_bytes=SESSION_BYTES,
        max_msgs_per_subject=1,
        num_replicas=replicas,
        allow_direct=True,
    )


async def _make(js: JetStreamContext, wanted: StreamConfig) -> None:
    try:
        await js.stream_info(wanted.name or "")
    except NotFoundError:
        await js.add_stream(wanted)
    else:
        await js.update_stream(wanted)


async def cut_log(client: Client, below: int) -> None:
    """Forget the log's messages below a sequence: they are held elsewhere."""
    try:
        await client.jetstream().purge_stream(LOG_STREAM, seq=below)
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log could not be cut at {below}: {error}") from error


def observation_filters(partitions: Sequence[int]) -> list[str]:
    """The subjects that hold the observations of these partitions."""
    return [f"$MQTT.msgs.in.{p}.>" for p in partitions] + [f"intake.{p}.>" for p in partitions]


def observation_prefixes(partitions: Sequence[int]) -> list[str]:
    """How these subjects begin."""
    return [subject.removesuffix(">") for subject in observation_filters(partitions)]


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
        return await self.publish_to(f"intake.{partition_of(device, PARTITIONS)}.{device}.{codec}", payload)

    async def publish_to(self, subject: str, payload: bytes) -> int:
        """The same under a subject of one's own, below `intake`.

        Raises:
            LinkError: as `publish`.
        """
        try:
            async with asyncio.timeout(self._within_s), self._slots:
                return (await self._js.publish(subject, payload)).seq
        except (NatsError, APIError, TimeoutError, OSError) as error:
            raise LinkError(
                f"the log did not take the message: {type(error).__name__}", mend="send it again"
            ) from error


async def log_state(client: Client) -> StreamState:
    """First and last sequence, messages, bytes.

    Raises:
        LinkError: JetStream did not answer.
    """
    try:
        return (await client.jetstream().stream_info(LOG_STREAM)).state
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log did not say where it stands: {error}") from error


async def skip_to(client: Client, seq: int) -> None:
    """Let the log go on numbering at `seq`; what stood below is forgotten."""
    await cut_log(client, seq)


async def number_beyond(client: Client, *held: Mapping[int, int]) -> int | None:
    """Let the log go on behind what any store holds, as partition -> sequence; where it now goes on, None if it did so anyway.

    A log that lost its end (a power cut) would give again sequences that are held, and what came under them would be left
    out as known. History is synced with every batch, state and the log are not: the one furthest ahead counts.

    Raises:
        LinkError: JetStream did not answer.
    """
    newest = max((seq for store in held for p, seq in store.items() if p in range(PARTITIONS)), default=0)
    if (await log_state(client)).last_seq >= newest:
        return None
    await skip_to(client, newest + 1)
    return newest + 1


First = Callable[[Client, int, str], Awaitable[int | None]]
"""Asks for the first message of a subject from a sequence on."""


async def first_from(client: Client, seq: int, subject: str) -> int | None:
    """The first message of a subject from a sequence on, as the stream's leader knows it.

    Raises:
        LinkError: JetStream did not answer.
    """
    return await _first(client.jetstream().get_msg(LOG_STREAM, seq=seq, subject=subject, next=True), seq)


async def first_nearby(client: Client, seq: int, subject: str) -> int | None:
    """The same as any replica knows it, which may be a moment behind: for those who may only look.

    Raises:
        LinkError: JetStream did not answer.
    """
    return await _first(client.jetstream().get_msg(LOG_STREAM, seq=seq, subject=subject, next=True, direct=True), seq)


async def done_with(client: Client, held: Mapping[int, int], first: First = first_from) -> int:
    """The sequence up to which the log has nothing left to be held, given what each partition is held up to.

    A partition in which nobody speaks stands nowhere, or where it stood long ago; what counts is whether it lacks anything.

    Raises:
        LinkError: JetStream did not answer.
    """
    done = (await log_state(client)).last_seq  # asked first: what comes meanwhile is not below it
    for partition in range(PARTITIONS):
        for subject in observation_filters([partition]):
            lacking = await first(client, held.get(partition, 0) + 1, subject)
            done = done if lacking is None else min(done, lacking - 1)
    return done


async def _first(asked: Awaitable[RawStreamMsg], seq: int) -> int | None:
    try:
        return (await asked).seq
    except NotFoundError:
        return None
    except (NatsError, APIError, TimeoutError) as error:
        raise LinkError(f"the log did not say what follows {seq}: {error}") from error
