"""A live recipient's subject: released rows to whoever is subscribed at this moment, under its own name. A `WayOut`.

Decision. There is no stream of what left: what waits for a recipient waits in its queue, bounded, re-decided and counted as every
other. So revocation takes back what was not taken yet, and nothing that left stands in the broker. A body counts as sent
when the broker had somebody to hand it to; where nobody is subscribed, the broker says so, and the body stays queued. What a
connection loses on its last metre is lost to it: subjects end in the receipt, so a recipient sees what it has, and its receipts
(`GET /api/release/receipts`) what it should have.

Subjects: `out.<recipient>.<dataset>.<receipt>`; by MQTT `out/<recipient>/<dataset>/<receipt>`.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Mapping
from concurrent.futures import TimeoutError as TooLong

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout

from cityward.adapters.bus.config import out_subject
from cityward.errors import LinkError

WITHIN_S = 10.0
NOBODY = "503"  # SPEC: nats-io/nats-architecture-and-design ADR-4: no responders


class LiveWay:
    """One recipient's. `send` is called in a thread; the client lives in `loop`."""

    def __init__(self, client: Client, loop: AbstractEventLoop, recipient: str) -> None:
        self._client, self._loop, self._recipient = client, loop, recipient

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        """See `WayOut`.

        Raises:
            LinkError: nobody is subscribed, or the broker does not answer.
        """
        subject = out_subject(self._recipient, headers["cityward-dataset"], name)
        sending = asyncio.run_coroutine_threadsafe(self._publish(subject, body, dict(headers)), self._loop)
        try:
            taken = sending.result(WITHIN_S)
        except (NatsError, NatsTimeout, TooLong, TimeoutError, OSError, ValueError) as error:
            sending.cancel()
            raise LinkError(f"the broker did not take it: {type(error).__name__}", mend="it is tried again") from error
        if not taken:
            raise LinkError(f"`{self._recipient}` is not subscribed", mend="what waits is given to it when it comes")

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> bool:
        """Whether somebody was subscribed: the broker answers at once where nobody is, before it answers our ping."""
        inbox = self._client.new_inbox()
        answers = await self._client.subscribe(inbox, max_msgs=1)
        try:
            await self._client.publish(subject, body, reply=inbox, headers=headers)
            await self._client.flush(int(WITHIN_S))
            if not answers.pending_msgs:
                return True
            answer = await answers.next_msg(timeout=1)
            return (answer.headers or {}).get("Status") != NOBODY
        finally:
            await answers.unsubscribe()
